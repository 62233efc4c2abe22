package approval

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// workflow is what stands behind one token: a target that takes one answer.
type workflow struct {
	answer  Status // the one that took effect; empty while it waits
	stopped bool   // by itself, unanswered
}

func (w *workflow) waits() bool { return w.answer == "" && !w.stopped }

// call is a call under way: its answer was read, it may be made much later.
type call struct {
	act    Action
	answer Answer
}

// end is how a call ended, not recorded yet (and perhaps never).
type end struct {
	act    Action
	result Result
}

// model runs an order with everything that can go wrong around it: actions that
// are lost, calls that are made late, replies that are lost, ends that are
// recorded late, twice or never.
type model struct {
	order     *Order
	now       time.Duration
	tokens    int
	workflows map[string]*workflow     // by token
	asked     map[string]Request       // by approval ID
	statuses  map[string]Status        // the terminal ones, by approval ID
	outcomes  map[string]CallbackState // the last, by approval ID
	actions   []Action
	calls     []call
	ends      []end
}

func newModel() *model {
	return &model{
		order: &Order{ID: "o-1"}, workflows: map[string]*workflow{}, asked: map[string]Request{}, statuses: map[string]Status{},
		outcomes: map[string]CallbackState{},
	}
}

func (m *model) turn(t *rapid.T) Environment {
	out := Environment{Now: at(m.now), Lease: time.Minute, Jitter: rapid.Float64Range(0, 0.999).Draw(t, "jitter")}
	switch rapid.IntRange(0, 9).Draw(t, "room") {
	case 0:
		out.Lease = 0
	case 1:
		out.HasCapacity = func(kind ActionKind, _ string) bool { return kind != ActionCallback }
	}
	return out
}

// run runs a transition on the stored order, twice: the second time it changes
// nothing that counts and begins nothing.
func (m *model) run(t *rapid.T, turn Environment, transition func(*Order, Environment) []Action) {
	o := stored(t, m.order)
	m.actions = append(m.actions, transition(o, turn)...)
	m.watch(t, o)
	m.order = stored(t, o)

	before := m.order.NextDue()
	twice := stored(t, o)
	twice.History = nil
	once := record(t, twice)
	require.Empty(t, transition(twice, turn), "begun twice")
	twice.History = nil
	require.Equal(t, once, record(t, twice), "run twice is not run once")
	require.True(t, before.Equal(m.order.NextDue()))
}

// watch requires what must hold after each transition.
func (m *model) watch(t *rapid.T, o *Order) {
	for _, e := range o.NewEvents() {
		switch e.Kind {
		case EventCallbackEnded:
			m.outcomes[e.Approval] = CallbackState(e.Code)
		case EventRedriven:
			delete(m.outcomes, e.Approval)
		}
	}
	owed := false
	for _, a := range o.Approvals {
		if before, closed := m.statuses[a.ID]; closed {
			require.Equal(t, before, a.Status, "a second terminal status")
		}
		if a.Status != Pending {
			m.statuses[a.ID] = a.Status
		}
		require.Equal(t, a.Status == Pending, a.Callback.State == CallbackNone)
		require.Equal(t, a.Callback.hasEnded(), !a.Callback.EndedAt.IsZero())
		owed = owed || a.Status == Pending || a.Callback.State == CallbackPending
		if w := m.workflows[m.asked[a.ID].Token.Reveal()]; w != nil && w.answer != "" {
			require.Equal(t, a.Status, w.answer, "the workflow was told otherwise")
		}
	}
	require.False(t, owed && o.NextDue().IsZero(), "owed without a due time")
	require.LessOrEqual(t, len(o.History), MaxHistory)
	for _, a := range o.Approvals {
		m.told(t, a)
		for _, b := range o.Approvals {
			require.False(t, a != b && a.Status == Pending && a.isSameQuestion(b) && (b.Status == Pending || overtaken(a, b)), "not the last")
		}
	}
}

func overtaken(a, b *Approval) bool {
	return !a.StateEnteredAt.IsZero() && a.StateEnteredAt.Before(b.StateEnteredAt)
}

// told requires what must hold of the messages of an approval.
func (m *model) told(t *rapid.T, a *Approval) {
	require.LessOrEqual(t, len(a.Notifications), MaxNotifications+reservedNotifications)
	said := map[string]bool{}
	owed := false
	for _, n := range a.Notifications {
		owed = owed || (n.Kind.isForPeople() && n.State == NotificationPending)
		require.False(t, a.Status != Pending && n.Kind.isForPeople() && n.Receipt != "", "a live button on what is closed")
		require.Equal(t, n.Kind == NotifyOutcome, n.Kind == NotifyOutcome && a.Status != Pending, "an outcome before it ended")
		if key := fmt.Sprint(n.Round, n.Channel, n.Approver); n.Kind.isForPeople() {
			require.False(t, said[key], "told twice")
			said[key] = true
		}
	}
	if a.Undeliverable {
		require.True(t, a.FirstNotifiedAt.IsZero() && !owed && a.Status == Pending)
	}
}

func (m *model) request(t *rapid.T) {
	s := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "step")
	a := ask("", step(s), mail)
	if m.tokens == 0 || rapid.IntRange(0, 2).Draw(t, "again") > 0 {
		m.tokens++
		a.Token = NewToken(fmt.Sprintf("token-%d", m.tokens))
		m.workflows[a.Token.Reveal()] = &workflow{}
		a.Deadline = at(m.now + time.Duration(rapid.IntRange(-1, 90).Draw(t, "deadline"))*time.Minute)
		a.HeartbeatInterval = time.Duration(rapid.IntRange(0, 1).Draw(t, "heartbeat")) * 7 * time.Minute
		a.StateEnteredAt = m.earlier(t, "asked")
		if rapid.Bool().Draw(t, "expires") {
			a.TaskExpires = a.Deadline.Add(10 * time.Minute)
		}
		if rapid.Bool().Draw(t, "reminder") {
			a.Reminders = []time.Time{at(m.now + 5*time.Minute)}
		}
		if rapid.Bool().Draw(t, "two") {
			approvers("ann", "bob")(&a)
			a.Policy = Policy{Kind: PolicyAll}
		}
		m.people(t, &a)
	} else {
		ids := make([]string, 0, len(m.asked))
		for id := range m.asked {
			ids = append(ids, id)
		}
		slices.Sort(ids)
		known := rapid.SampledFrom(ids).Draw(t, "which")
		if m.order.FindApproval(known) == nil {
			return // forgotten: it would be another life of the same ID
		}
		a = m.asked[known]
	}
	m.asked[ApprovalID("o-1", a.Step, a.Token)] = a
	m.run(t, m.turn(t), func(o *Order, turn Environment) []Action {
		_, actions, err := o.AddRequest(a, turn)
		require.NoError(t, err)
		return actions
	})
}

// people adds what there is about telling people and programs.
func (m *model) people(t *rapid.T, a *Request) {
	some := func(label string) bool { return rapid.IntRange(0, 2).Draw(t, label) == 0 }
	if some("escalation") {
		a.Escalations = []Escalation{{At: at(m.now + 3*time.Minute), Approvers: []Approver{{ID: "eve", Nonce: "e"}, {ID: "ann", Nonce: "again"}}}}
	}
	if some("fallback") {
		a.FallbackChannels = []string{"pager", "room"}
	}
	if some("room") {
		a.Channels, a.GroupChannels = []string{"mail", "room"}, []string{"room"}
	}
	if some("events") {
		a.ProgramChannels = []string{"bus"}
	}
	a.OnUndeliverable = rapid.SampledFrom([]UndeliverablePolicy{UndeliverableWait, UndeliverableEscalate, UndeliverableCancel}).Draw(t, "unheard")
}

func (m *model) decide(t *rapid.T) {
	d := Decision{
		ID: fmt.Sprintf("d%d", rapid.IntRange(0, 9).Draw(t, "id")), Outcome: rapid.SampledFrom([]Outcome{Approve, Reject}).Draw(t, "outcome"),
		By: rapid.SampledFrom([]string{"ann", "bob", "eve"}).Draw(t, "by"), Via: ViaSSO,
		Step: rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "step"), SentAt: m.earlier(t, "sent"),
	}
	if id := m.one(t); id != "" && rapid.Bool().Draw(t, "named") {
		d.ApprovalID, d.Step = id, ""
	}
	m.run(t, m.turn(t), func(o *Order, turn Environment) []Action {
		_, actions, err := o.Decide(d, keep, turn)
		require.NoError(t, err)
		return actions
	})
}

// earlier draws a time up to now, or none.
func (m *model) earlier(t *rapid.T, label string) time.Time {
	if rapid.Bool().Draw(t, label) {
		return time.Time{}
	}
	return at(m.now - time.Duration(rapid.IntRange(0, 20).Draw(t, label))*time.Minute)
}

// one draws one of the order's approvals, or none.
func (m *model) one(t *rapid.T) string {
	if len(m.order.Approvals) == 0 {
		return ""
	}
	return m.order.Approvals[rapid.IntRange(0, len(m.order.Approvals)-1).Draw(t, "approval")].ID
}

func (m *model) cancel(t *rapid.T) {
	id := m.one(t)
	m.run(t, m.turn(t), func(o *Order, turn Environment) []Action {
		_, actions := o.Cancel(id, "ops", "no more", turn)
		return actions
	})
}

func (m *model) redrive(t *rapid.T) {
	id := m.one(t)
	m.run(t, m.turn(t), func(o *Order, turn Environment) []Action {
		_, actions := o.RedriveCallback(id, "ops", 0, turn)
		return actions
	})
}

// advance also requires that a sweeper can neither spin nor come too early.
func (m *model) advance(t *rapid.T) {
	turn := m.turn(t)
	before, due := record(t, m.order), m.order.NextDue()
	m.run(t, turn, func(o *Order, turn Environment) []Action { return o.Advance(turn) })
	if due.IsZero() || due.After(turn.Now) {
		require.Equal(t, before, record(t, m.order), "nothing was due")
	} else if turn.Lease > 0 && turn.HasCapacity == nil {
		next := m.order.NextDue()
		require.True(t, next.IsZero() || next.After(turn.Now), "due again at once")
	}
}

// crash ends the process: what was handed out or is under way is nobody's, and
// is due at once for the next. The calls may still be made.
func (m *model) crash(t *rapid.T) {
	m.actions, m.ends = nil, nil
	turn := m.turn(t)
	m.run(t, turn, func(o *Order, turn Environment) []Action { o.ReleaseLeases(turn); return nil })
	for _, a := range m.order.Approvals {
		require.False(t, a.Callback.AttemptRunning && a.Callback.Due.After(turn.Now), "still the dead one's")
	}
}

func (m *model) clock(t *rapid.T) {
	m.now += time.Duration(rapid.SampledFrom([]int{1, 20, 61, 600, 4000}).Draw(t, "seconds")) * time.Second
}

func (m *model) toDue(_ *rapid.T) {
	if due := m.order.NextDue(); due.After(at(m.now)) {
		m.now = due.Sub(began)
	}
}

func take[T any](t *rapid.T, from *[]T) (T, bool) {
	var none T
	if len(*from) == 0 {
		return none, false
	}
	i := rapid.IntRange(0, len(*from)-1).Draw(t, "which")
	out := (*from)[i]
	*from = slices.Delete(*from, i, i+1)
	return out, true
}

// begin reads what a call needs; an action may also be lost.
func (m *model) begin(t *rapid.T) {
	act, found := take(t, &m.actions)
	if !found || rapid.IntRange(0, 4).Draw(t, "lost") == 0 {
		return
	}
	switch act.Kind {
	case ActionNotify:
		m.ends = append(m.ends, end{act, rapid.SampledFrom([]Result{ok, posted, lost, refused}).Draw(t, "result")})
	case ActionCallback, ActionHeartbeat:
		if answer, current := m.order.CurrentAnswer(act, at(m.now)); current {
			m.calls = append(m.calls, call{act, answer})
		}
	}
}

// make makes a call, however late, and loses its reply or not.
func (m *model) make(t *rapid.T) {
	c, found := take(t, &m.calls)
	if !found {
		return
	}
	m.ends = append(m.ends, end{c.act, m.deliver(t, c, rapid.IntRange(0, 5).Draw(t, "fault"))})
}

func (m *model) deliver(t *rapid.T, c call, fault int) Result {
	w := m.workflows[c.answer.Token.Reveal()]
	require.NotNil(t, w)
	switch {
	case fault == 1:
		return notApplied
	case fault == 2:
		return refused
	case !w.waits():
		if fault == 3 {
			return lost
		}
		return closed
	case c.act.Kind == ActionCallback:
		require.NotEqual(t, Pending, c.answer.Status)
		w.answer = c.answer.Status
		require.Equal(t, m.statuses[c.answer.ApprovalID], w.answer, "answered otherwise than was decided")
	}
	if fault == 3 {
		return lost
	}
	return ok
}

// note records the end of a call; it may be recorded again later, or never.
func (m *model) note(t *rapid.T) {
	e, found := take(t, &m.ends)
	if !found {
		return
	}
	switch rapid.IntRange(0, 4).Draw(t, "crash") {
	case 0:
		return
	case 1:
		m.ends = append(m.ends, e)
	}
	m.end(t, e, m.turn(t))
}

func (m *model) end(t *rapid.T, e end, turn Environment) {
	m.run(t, turn, func(o *Order, turn Environment) []Action {
		switch e.act.Kind {
		case ActionNotify:
			return o.RecordNotificationResult(e.act, e.result, turn)
		case ActionHeartbeat:
			o.RecordHeartbeatResult(e.act, e.result, turn)
			return nil
		default:
			return o.RecordCallbackResult(e.act, e.result, turn)
		}
	})
}

// stop is a workflow that ends by itself.
func (m *model) stop(t *rapid.T) {
	if m.tokens == 0 {
		return
	}
	w := m.workflows[fmt.Sprintf("token-%d", rapid.IntRange(1, m.tokens).Draw(t, "token"))]
	w.stopped = w.stopped || w.waits()
}

// drain lets time pass with everything working, until nothing is owed; the
// order is then forgotten, and every workflow answered or accounted for.
func (m *model) drain(t *rapid.T) {
	m.actions = nil // a crash: what was handed out is lost
	for rounds := 0; !m.order.NextDue().IsZero(); rounds++ {
		require.Less(t, rounds, 1000, "it never ends")
		m.toDue(t)
		m.actions = nil
		turn := Environment{Now: at(m.now), Lease: time.Minute, Jitter: 0.5}
		m.run(t, turn, func(o *Order, turn Environment) []Action { return o.Advance(turn) })
		for _, act := range m.actions {
			result := ok
			if act.Kind == ActionCallback || act.Kind == ActionHeartbeat {
				answer, current := m.order.CurrentAnswer(act, at(m.now))
				if !current {
					continue
				}
				result = m.deliver(t, call{act, answer}, 0)
			}
			if act.Kind != ActionDeadLetter {
				m.end(t, end{act, result}, turn)
			}
		}
	}
	require.True(t, m.order.IsEmpty())
	for id, a := range m.asked {
		m.account(t, id, m.workflows[a.Token.Reveal()])
	}
}

// account requires that the outcome on record is the truth.
func (m *model) account(t *rapid.T, id string, w *workflow) {
	switch outcome := m.outcomes[id]; outcome {
	case CallbackDelivered:
		require.Equal(t, m.statuses[id], w.answer)
	case CallbackPresumed:
		require.False(t, w.waits())
	case CallbackTooLate, CallbackSuperseded:
		require.True(t, w.stopped, "we did answer it")
	case CallbackExhausted: // announced as a dead letter
	default:
		require.Fail(t, "no outcome", "%s: %q", id, outcome)
	}
}

func TestWhateverHappensEveryWorkflowIsAnsweredOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := newModel()
		t.Repeat(map[string]func(*rapid.T){
			"request": m.request, "decide": m.decide, "decide more": m.decide, "cancel": m.cancel, "advance": m.advance, "redrive": m.redrive,
			"clock": m.clock, "to due": m.toDue, "begin": m.begin, "begin more": m.begin, "make": m.make, "make more": m.make,
			"note": m.note, "note more": m.note, "stop": m.stop, "crash": m.crash,
		})
		m.drain(t)
	})
}

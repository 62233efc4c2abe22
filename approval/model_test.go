package approval

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// workflow is the task behind a token. It accepts a single answer.
type workflow struct {
	answer  Status // the answer that took effect; empty while it waits
	stopped bool   // it ended by itself, without an answer
}

func (w *workflow) isWaiting() bool { return w.answer == "" && !w.stopped }

// call is a call under way. Its answer was read; the call itself may be made much later.
type call struct {
	action Action
	answer Answer
}

// end is the result of a call. It is not recorded yet, and may never be.
type end struct {
	action Action
	result Result
}

// model runs an order with every failure around it: lost actions, late calls, lost replies, and results that are
// recorded late, twice or never.
type model struct {
	order     *Order
	now       time.Duration
	tokens    int
	workflows map[string]*workflow     // by token
	requests  map[string]Request       // by approval ID
	statuses  map[string]Status        // the terminal ones, by approval ID
	outcomes  map[string]CallbackState // the last, by approval ID
	// refusedBeats are the IDs of approvals with a refused heartbeat.
	refusedBeats map[string]bool
	waiting      map[string]Decision // the decisions that wait or waited for a request, by ID and source
	decisions    []Decision          // all of them
	digests      []string            // the contents that senders have seen
	deciding     bool                // a decision is just being sent
	recordLimit  int                 // in bytes; 0 means that the store takes every record
	actions      []Action
	calls        []call
	ends         []end
}

func newModel() *model {
	return &model{
		order:     &Order{ID: "o-1"},
		workflows: map[string]*workflow{},
		requests:  map[string]Request{},
		statuses:  map[string]Status{},
		outcomes:  map[string]CallbackState{},

		refusedBeats: map[string]bool{},
		waiting:      map[string]Decision{},
	}
}

func (m *model) drawEnvironment(t *rapid.T) Environment {
	out := Environment{Now: at(m.now), Lease: time.Minute, Jitter: rapid.Float64Range(0, 0.999).Draw(t, "jitter")}
	if rapid.Bool().Draw(t, "short lease") {
		out.ShortLease = 10 * time.Second
	}
	switch rapid.IntRange(0, 9).Draw(t, "capacity") {
	case 0:
		out.Lease = 0
	case 1:
		out.Reserve = func(a Action, _ Token) bool { return a.Kind != ActionCallback }
	}
	return out
}

// runTwice runs a transition on the stored order, twice. The second run must neither change the order nor start an
// action. The order is a clone, and neither the original nor another clone shows the transition.
func (m *model) runTwice(t *rapid.T, env Environment, transition func(*Order, Environment) []Action) {
	original := storeAndLoad(t, m.order)
	stored := marshalOrder(t, original)
	o, other := original.Clone(), original.Clone()
	actions := transition(o, env)
	isStored := m.fitRecord(t, o)
	require.Equal(t, stored, marshalOrder(t, original))
	require.Equal(t, stored, marshalOrder(t, other))
	if !isStored {
		return
	}
	m.checkOrder(t, o, env)
	m.actions = append(m.actions, actions...)
	m.order = storeAndLoad(t, o)

	before := m.order.NextDue()
	twice := storeAndLoad(t, o)
	twice.History = nil
	once := marshalOrder(t, twice)
	require.Empty(t, transition(twice, env), "started twice")
	twice.History = nil
	require.Equal(t, once, marshalOrder(t, twice), "the second run changed the order")
	require.True(t, before.Equal(m.order.NextDue()))
}

// checkOrder requires the invariants of an order. It runs after each transition.
func (m *model) checkOrder(t *rapid.T, o *Order, env Environment) {
	for _, e := range o.NewEvents() {
		switch e.Kind {
		case EventCallbackEnded:
			m.outcomes[e.Approval] = CallbackState(e.Code)
		case EventRedriven:
			delete(m.outcomes, e.Approval)
		}
	}
	if !m.deciding {
		m.checkWaiting(t, o, env.Now)
	}
	pending := false
	for _, a := range o.Approvals {
		m.checkVotes(t, a)
		m.checkDecided(t, a)
		m.checkEdits(t, a)
		m.checkRounds(t, a)
		checkSuperseded(t, o, a)
		if before, closed := m.statuses[a.ID]; closed {
			require.Equal(t, before, a.Status, "a second terminal status")
		}
		if a.Status != Pending {
			m.statuses[a.ID] = a.Status
		}
		require.Equal(t, a.Status == Pending, a.Callback.State == CallbackNone)
		require.Equal(t, a.Callback.hasEnded(), !a.Callback.EndedAt.IsZero())
		m.checkTargetQuestions(t, a)
		pending = pending || a.Status == Pending || a.Callback.State == CallbackPending
		if w := m.workflows[m.requests[a.ID].Token.Reveal()]; w != nil && w.answer != "" {
			require.Equal(t, a.Status, w.answer, "the workflow got a different answer")
		}
	}
	require.False(t, pending && o.NextDue().IsZero(), "pending without a due time")
	require.LessOrEqual(t, o.countEvents(classRefused), maxRefusedEvents)
	require.LessOrEqual(t, o.countEvents(classOther), maxOtherEvents)
	for _, a := range o.Approvals {
		m.checkNotifications(t, a)
		for _, b := range o.Approvals {
			if a != b && a.Status == Pending && b.Status == Pending && a.isSameQuestion(b) {
				require.True(t, a.CanProbe || b.CanProbe, "not the latest attempt")
			}
		}
	}
}

// checkTargetQuestions requires the invariants of the heartbeats and probes of an approval.
func (m *model) checkTargetQuestions(t *rapid.T, a *Approval) {
	w := m.workflows[m.requests[a.ID].Token.Reveal()]
	if a.CanProbe && a.Status == Superseded {
		require.False(t, w.isWaiting(), "superseded although its workflow waits")
	}
	if a.isProbing() {
		require.False(t, a.Probe.Due.IsZero(), "a probe without an end")
	}
	require.False(t, a.Probe.Holding && !a.isProbing() && a.Status == Pending, "approvers that are never notified")
	mayExpire := !a.TaskExpires.IsZero() && !at(m.now).Add(a.HeartbeatInterval).Before(a.TaskExpires)
	if a.HeartbeatInterval > 0 && a.isAnswerAwaited() && !a.Token.IsZero() && !m.refusedBeats[a.ID] && !mayExpire {
		require.False(t, a.nextHeartbeat().IsZero(), "the workflow waits, and no heartbeat is due")
	}
}

// checkNotifications requires the invariants of the notifications of an approval.
func (m *model) checkNotifications(t *rapid.T, a *Approval) {
	require.LessOrEqual(t, len(a.Notifications), MaxNotifications+reservedNotifications)
	sent := map[string]bool{}
	pending := false
	for _, n := range a.Notifications {
		isAsking := n.Kind.isForPeople() && n.Kind != NotifyReminder // an undeliverable approval gets its reminders
		pending = pending || (isAsking && n.State == NotificationPending)
		require.False(t, a.Status != Pending && n.Kind.isForPeople() && n.Receipt != "", "a button on a closed approval")
		require.False(t, n.Kind == NotifyOutcome && a.Status == Pending, "an outcome before the end")
		if key := fmt.Sprint(n.Round, n.Channel, n.Approver); n.Kind.isForPeople() {
			require.False(t, sent[key], "sent twice")
			sent[key] = true
		}
	}
	if a.Undeliverable {
		require.True(t, a.FirstNotifiedAt.IsZero() && !pending && a.Status == Pending)
	}
}

// drainOrder lets time pass without failures until nothing is due. The order must then be empty, and every workflow
// answered or accounted for.
func (m *model) drainOrder(t *rapid.T) {
	m.actions = nil // a crash loses them
	for rounds := 0; !m.order.NextDue().IsZero(); rounds++ {
		require.Less(t, rounds, 3000, "it never ends")
		m.advanceClockToDue(t)
		m.actions = nil
		env := Environment{Now: at(m.now), Lease: time.Minute, Jitter: 0.5}
		m.runTwice(t, env, func(o *Order, env Environment) []Action { return o.Advance(env) })
		for _, action := range m.actions {
			result := ok
			if action.Kind == ActionCallback || action.Kind == ActionHeartbeat {
				answer, current := m.order.CurrentAnswer(action, at(m.now))
				if !current {
					continue
				}
				result = m.deliver(t, call{action, answer}, 0)
			}
			if action.Kind != ActionDeadLetter {
				m.recordEnd(t, end{action, result}, env)
			}
		}
	}
	require.True(t, m.order.IsEmpty())
	for id, a := range m.requests {
		m.checkOutcome(t, id, m.workflows[a.Token.Reveal()])
	}
}

// checkOutcome requires that the recorded outcome is true.
func (m *model) checkOutcome(t *rapid.T, id string, w *workflow) {
	switch outcome := m.outcomes[id]; outcome {
	case CallbackDelivered:
		require.Equal(t, m.statuses[id], w.answer)
	case CallbackPresumed, CallbackUnknown:
		require.False(t, w.isWaiting())
	case CallbackTooLate, CallbackSuperseded:
		require.True(t, w.stopped, "we answered it")
	case CallbackExhausted: // announced as a dead letter
	default:
		require.Fail(t, "no outcome", "%s: %q", id, outcome)
	}
}

func TestEveryWorkflowIsAnsweredOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := newModel()
		m.recordLimit = drawRecordLimit(t)
		t.Repeat(map[string]func(*rapid.T){
			"request":     m.requestApproval,
			"retry":       m.retryState,
			"decide":      m.decideOrder,
			"decide more": m.decideOrder,
			"cancel":      m.cancelApproval,
			"advance":     m.advanceOrder,
			"redrive":     m.redriveCallback,
			"dismiss":     m.dismissApproval,
			"propose":     m.proposeAct,
			"confirm":     m.confirmProposal,
			"clock":       m.advanceClock,
			"to due":      m.advanceClockToDue,
			"begin":       m.beginAction,
			"begin more":  m.beginAction,
			"make":        m.makeCall,
			"make more":   m.makeCall,
			"note":        m.recordResult,
			"note more":   m.recordResult,
			"stop":        m.stopWorkflow,
			"crash":       m.crashProcess,
		})
		m.drainOrder(t)
	})
}

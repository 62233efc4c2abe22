package approval

import (
	"fmt"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func (m *model) requestApproval(t *rapid.T) {
	s := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "step")
	a := newRequest("", withStep(s), byMail)
	if len(m.requests) == 0 || rapid.IntRange(0, 2).Draw(t, "again") > 0 {
		m.tokens++
		a.Token = NewToken(fmt.Sprintf("token-%d", m.tokens))
		m.workflows[a.Token.Reveal()] = &workflow{}
		a.Deadline = at(m.now + time.Duration(rapid.IntRange(-1, 90).Draw(t, "deadline"))*time.Minute)
		a.HeartbeatInterval = time.Duration(rapid.IntRange(0, 1).Draw(t, "heartbeat")) * 37 * time.Minute
		m.drawAttempt(t, &a)
		if rapid.Bool().Draw(t, "expires") {
			a.TaskExpires = a.Deadline.Add(10 * time.Minute)
		}
		if rapid.Bool().Draw(t, "reminder") {
			a.Reminders = []time.Time{at(m.now + 5*time.Minute)}
		}
		m.drawAuthority(t, &a)
		m.drawNotifications(t, &a)
	} else {
		known := rapid.SampledFrom(m.requestIDs()).Draw(t, "which")
		if m.order.FindApproval(known) == nil {
			return // removed: the same ID would start again
		}
		a = m.requests[known]
	}
	m.sendRequest(t, a)
}

// sendRequest sends a request. A store whose record is full refuses it for now.
func (m *model) sendRequest(t *rapid.T, r Request) {
	id := idForToken("o-1", r.Step, r.Token)
	_, isKnown := m.requests[id]
	m.requests[id] = r
	m.runTwice(t, m.drawEnvironment(t), func(o *Order, env Environment) []Action {
		_, actions, err := o.AddRequest(r, env)
		require.NoError(t, err)
		return actions
	})
	if !isKnown && m.order.FindApproval(id) == nil {
		delete(m.requests, id)
		delete(m.statuses, id)
		delete(m.outcomes, id)
	}
}

// drawAttempt adds what tells the attempts of a question apart, and whether the target can be asked about them.
func (m *model) drawAttempt(t *rapid.T, a *Request) {
	a.CanProbe = rapid.Bool().Draw(t, "can probe")
	a.Execution = rapid.SampledFrom([]string{"", "e1", "e2"}).Draw(t, "execution")
	a.State = rapid.SampledFrom([]string{"", "Ask"}).Draw(t, "state")
	a.AttemptStartedAt = m.drawEarlierTime(t, "requests")
	a.RetryCount = rapid.IntRange(0, 2).Draw(t, "retries")
	if rapid.Bool().Draw(t, "entered") { // a retried state keeps this time
		a.StateEnteredAt = began
	}
}

// drawNotifications adds channels, escalations and the policy for undeliverable approvals.
func (m *model) drawNotifications(t *rapid.T, a *Request) {
	some := func(label string) bool { return rapid.IntRange(0, 2).Draw(t, label) == 0 }
	if some("escalation") {
		a.Escalations = []Escalation{{
			At:        at(m.now + 3*time.Minute),
			Approvers: []Approver{{ID: "eve", Nonce: "e"}, {ID: "ann", Nonce: "again"}},
		}}
	}
	if some("fallback") {
		a.FallbackChannels = []string{"pager", "group"}
	}
	if some("group") {
		a.Channels = []string{"mail", "group"}
		a.GroupChannels = []string{"group"}
	}
	if some("events") {
		a.ProgramChannels = []string{"bus"}
	}
	a.OnUndeliverable = rapid.SampledFrom([]UndeliverablePolicy{
		UndeliverableWait, UndeliverableEscalate, UndeliverableCancel,
	}).Draw(t, "undeliverable")
}

func (m *model) decideOrder(t *rapid.T) {
	d := Decision{
		ID:     fmt.Sprintf("d%d", rapid.IntRange(0, 9).Draw(t, "id")),
		Step:   rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "step"),
		SentAt: m.drawEarlierTime(t, "sent"),

		Execution:  rapid.SampledFrom([]string{"", "", "e1"}).Draw(t, "execution"),
		IDFromBody: rapid.Bool().Draw(t, "ID from body"),
	}
	drawSender(t, &d)
	m.drawChoice(t, &d)
	if len(m.decisions) > 0 && rapid.IntRange(0, 3).Draw(t, "sent again") == 0 {
		d = rapid.SampledFrom(m.decisions).Draw(t, "earlier decision")
	}
	m.decisions = append(m.decisions, d)
	if id := m.drawApproval(t); id != "" && rapid.Bool().Draw(t, "named") {
		d.ApprovalID, d.Step = id, ""
	}
	before := storeAndLoad(t, m.order)
	m.deciding = true
	var verdict Verdict
	m.runTwice(t, m.drawEnvironment(t), func(o *Order, env Environment) []Action {
		v, actions, err := o.Decide(d, testRetention, env)
		require.NoError(t, err)
		if verdict.Code == "" {
			verdict = v
		}
		return actions
	})
	m.deciding = false
	d.nameProgram()
	m.checkVerdict(t, before, d, verdict, at(m.now))
	checkContent(t, before, d, verdict)
}

// drawEarlierTime draws a time up to now, or the zero time.
func (m *model) drawEarlierTime(t *rapid.T, label string) time.Time {
	if rapid.Bool().Draw(t, label) {
		return time.Time{}
	}
	return at(m.now - time.Duration(rapid.IntRange(0, 20).Draw(t, label))*time.Minute)
}

// drawApproval draws the ID of an approval of the order, or "" if there is none.
func (m *model) drawApproval(t *rapid.T) string {
	if len(m.order.Approvals) == 0 {
		return ""
	}
	return m.order.Approvals[rapid.IntRange(0, len(m.order.Approvals)-1).Draw(t, "approval")].ID
}

func (m *model) cancelApproval(t *rapid.T) {
	id := m.drawApproval(t)
	m.runTwice(t, m.drawEnvironment(t), func(o *Order, env Environment) []Action {
		_, actions := o.Cancel(id, "ops", "no more", env)
		return actions
	})
}

func (m *model) redriveCallback(t *rapid.T) {
	id := m.drawApproval(t)
	m.runTwice(t, m.drawEnvironment(t), func(o *Order, env Environment) []Action {
		_, actions := o.RedriveCallback(id, OperatorActor("ops", ""), 0, env)
		return actions
	})
}

// advanceOrder also requires that a sweeper neither spins nor comes too early.
func (m *model) advanceOrder(t *rapid.T) {
	env := m.drawEnvironment(t)
	before, due := marshalOrder(t, m.order), m.order.NextDue()
	m.runTwice(t, env, func(o *Order, env Environment) []Action { return o.Advance(env) })
	if due.IsZero() || due.After(env.Now) {
		require.Equal(t, before, marshalOrder(t, m.order), "changed although nothing was due")
	} else if env.Lease > 0 && env.Reserve == nil {
		next := m.order.NextDue()
		require.True(t, next.IsZero() || next.After(env.Now), "due again at once")
	}
}

// crashProcess ends the process. Its actions under way become due at once for the next process. Its calls may still be
// made.
func (m *model) crashProcess(t *rapid.T) {
	m.actions, m.ends = nil, nil
	env := m.drawEnvironment(t)
	m.runTwice(t, env, func(o *Order, env Environment) []Action { o.ReleaseLeases(env); return nil })
	for _, a := range m.order.Approvals {
		require.False(t, a.Callback.AttemptRunning && a.Callback.Due.After(env.Now), "still leased to the dead process")
	}
}

func (m *model) advanceClock(t *rapid.T) {
	m.now += time.Duration(rapid.SampledFrom([]int{1, 20, 61, 600, 4000}).Draw(t, "seconds")) * time.Second
}

func (m *model) advanceClockToDue(_ *rapid.T) {
	if due := m.order.NextDue(); due.After(at(m.now)) {
		m.now = due.Sub(began)
	}
}

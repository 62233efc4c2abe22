package approval

import (
	"fmt"
	"slices"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func takeAny[T any](t *rapid.T, from *[]T) (T, bool) {
	var none T
	if len(*from) == 0 {
		return none, false
	}
	i := rapid.IntRange(0, len(*from)-1).Draw(t, "which")
	out := (*from)[i]
	*from = slices.Delete(*from, i, i+1)
	return out, true
}

// beginAction reads the answer of an action, or loses the action.
func (m *model) beginAction(t *rapid.T) {
	action, found := takeAny(t, &m.actions)
	if !found || rapid.IntRange(0, 4).Draw(t, "lost") == 0 {
		return
	}
	switch action.Kind {
	case ActionNotify:
		result := rapid.SampledFrom([]Result{ok, posted, lost, refused, notMade}).Draw(t, "result")
		m.ends = append(m.ends, end{action, result})
	case ActionCallback, ActionHeartbeat:
		if answer, current := m.order.CurrentAnswer(action, at(m.now)); current {
			m.calls = append(m.calls, call{action, answer})
		}
	}
}

// makeCall makes a call, possibly late, and may lose its reply.
func (m *model) makeCall(t *rapid.T) {
	c, found := takeAny(t, &m.calls)
	if !found {
		return
	}
	m.ends = append(m.ends, end{c.action, m.deliver(t, c, rapid.IntRange(0, 5).Draw(t, "fault"))})
}

func (m *model) deliver(t *rapid.T, c call, fault int) Result {
	w := m.workflows[c.answer.Token.Reveal()]
	require.NotNil(t, w)
	switch {
	case fault == 1:
		return notApplied
	case fault == 2:
		if c.action.Kind == ActionHeartbeat {
			m.refusedBeats[c.answer.ApprovalID] = true
		}
		return refused
	case fault == 4:
		return notMade
	case !w.isWaiting():
		if fault == 3 {
			return lost
		}
		return closed
	case c.action.Kind == ActionCallback:
		require.NotEqual(t, Pending, c.answer.Status)
		w.answer = c.answer.Status
		require.Equal(t, m.statuses[c.answer.ApprovalID], w.answer, "the answer differs from the decision")
	}
	if fault == 3 {
		return lost
	}
	return ok
}

// recordResult records the result of a call. It may be recorded again later, or never.
func (m *model) recordResult(t *rapid.T) {
	e, found := takeAny(t, &m.ends)
	if !found {
		return
	}
	switch rapid.IntRange(0, 4).Draw(t, "crash") {
	case 0:
		return
	case 1:
		m.ends = append(m.ends, e)
	}
	m.recordEnd(t, e, m.drawEnvironment(t))
}

func (m *model) recordEnd(t *rapid.T, e end, env Environment) {
	m.runTwice(t, env, func(o *Order, env Environment) []Action {
		switch e.action.Kind {
		case ActionNotify:
			return o.RecordNotificationResult(e.action, e.result, env)
		case ActionHeartbeat:
			return o.RecordHeartbeatResult(e.action, e.result, env)
		case ActionReconcile:
			return o.RecordReconciliation(e.action, "", e.result, env)
		default:
			return o.RecordCallbackResult(e.action, e.result, env)
		}
	})
}

// stopWorkflow ends a workflow by itself, without an answer.
func (m *model) stopWorkflow(t *rapid.T) {
	if m.tokens == 0 {
		return
	}
	w := m.workflows[fmt.Sprintf("token-%d", rapid.IntRange(1, m.tokens).Draw(t, "token"))]
	w.stopped = w.stopped || w.isWaiting()
}

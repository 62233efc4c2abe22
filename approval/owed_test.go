package approval

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// An answer is owed from its first failure on, since the decision, until the workflow has it or the callback is exhausted.
func TestOwedAnswers(t *testing.T) {
	t.Parallel()
	owed := []OwedAnswer{{Workflow: "payments", Since: at(0)}}
	o, a, call := approvedOrder(t)
	require.Nil(t, o.OwedAnswers(), "the first attempt is under way")
	o.RecordCallbackResult(call, notApplied, envAt(time.Second))
	require.Equal(t, owed, o.OwedAnswers())
	call = onlyCallback(t, o.Advance(envAt(time.Minute)))
	require.Equal(t, owed, o.OwedAnswers(), "while it is tried again")
	o.RecordCallbackResult(call, refused, envAt(2*time.Minute))
	require.Equal(t, CallbackExhausted, a.Callback.State)
	require.Nil(t, o.OwedAnswers(), "an operator has to go on")
	done, actions := o.RedriveCallback(a.ID, OperatorActor("ann", ""), 0, envAt(time.Hour))
	require.True(t, done)
	require.Equal(t, []OwedAnswer{{Workflow: "payments", Since: at(time.Hour)}}, o.OwedAnswers(), "it begins anew")
	o.RecordCallbackResult(onlyCallback(t, actions), ok, envAt(2*time.Hour))
	require.Nil(t, o.OwedAnswers())
}

// Answers without any attempt are owed too: an operator holds them, no capacity is free, or a circuit breaker is open.
func TestAnswersWithoutAttemptAreOwed(t *testing.T) {
	t.Parallel()
	busy := envAt(0)
	busy.Reserve = func(Action, Token) bool { return false }
	for name, env := range map[string]Environment{"held": heldEnv(0, ActionCallback), "no capacity": busy} {
		o, _ := pendingOrder(t)
		require.Nil(t, o.OwedAnswers(), name)
		requireVerdict(t, o, approveDecision("d"), env, VerdictDecided)
		require.Equal(t, []OwedAnswer{{Workflow: "payments", Since: at(0)}}, o.OwedAnswers(), name)
		onlyCallback(t, o.Advance(envAt(time.Hour)))
		require.Nil(t, o.OwedAnswers(), name)
	}
	o, _, call := approvedOrder(t)
	o.RecordCallbackResult(call, notMade, envAt(0))
	require.Len(t, o.OwedAnswers(), 1)
	onlyCallback(t, o.Advance(envAt(time.Minute)))
	require.Len(t, o.OwedAnswers(), 1, "it may be held back again")
}

// The time of a pause does not count once it has ended: the alert is about targets, and the operator knew of the pause.
func TestOwedAnswerAfterAPause(t *testing.T) {
	t.Parallel()
	o, _ := pendingOrder(t)
	requireVerdict(t, o, approveDecision("d"), heldEnv(0, ActionCallback), VerdictDecided)
	require.Empty(t, o.Advance(heldEnv(3*time.Hour, ActionCallback)))
	require.Equal(t, at(0), o.OwedAnswers()[0].Since)
	call := onlyCallback(t, o.Advance(envAt(5*time.Hour)))
	o.RecordCallbackResult(call, notApplied, envAt(5*time.Hour))
	require.Equal(t, at(5*time.Hour), o.OwedAnswers()[0].Since)
}

// An answer is owed in these states of its approval and of its callback only.
func TestStatesOfOwedAnswers(t *testing.T) {
	t.Parallel()
	for _, status := range AllStatuses() {
		for _, state := range append(AllCallbackOutcomes(), CallbackNone, CallbackPending) {
			a := &Approval{Status: status, Callback: Callback{State: state, LastError: "timeout"}}
			want := status != Superseded && state == CallbackPending
			require.Equal(t, want, a.IsOwed(), "%s, %s", status, state)
		}
	}
}

// Each workflow of an order has its oldest owed answer.
func TestOldestOwedAnswerOfEachWorkflow(t *testing.T) {
	t.Parallel()
	waiting := func(workflow string, since time.Duration) *Approval {
		a := &Approval{Status: Approved, Callback: Callback{State: CallbackPending, PendingSince: at(since)}}
		a.Workflow = workflow
		return a
	}
	o := &Order{Approvals: []*Approval{
		waiting("a", 3*time.Hour), waiting("b", 2*time.Hour), waiting("a", time.Hour), waiting("a", 4*time.Hour),
	}}
	require.Equal(t, []OwedAnswer{{"a", at(time.Hour)}, {"b", at(2 * time.Hour)}}, o.OwedAnswers())
}

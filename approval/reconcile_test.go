package approval

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func ofExecution(r *Request) {
	r.Execution = "arn:aws:states:eu-west-1:111122223333:execution:orders:e-1"
}

// missedOrder returns an order whose approved answer has this outcome.
func missedOrder(t *testing.T, state CallbackState, change ...func(*Request)) (*Order, *Approval) {
	t.Helper()
	o, a, call := approvedOrder(t, change...)
	if state != CallbackTooLate {
		o.RecordCallbackResult(call, lost, envAt(0))
		call.Attempt++
	}
	if state == CallbackUnknown {
		a.TaskExpires = at(0)
	}
	o.RecordCallbackResult(call, closed, envAt(time.Second))
	require.Equal(t, state, a.Callback.State)
	return o, a
}

// reconciliation advances the order to a time, and returns the attempt that starts.
func reconciliation(t *testing.T, o *Order, now time.Duration) Action {
	t.Helper()
	actions := ofKind(ActionReconcile, o.Advance(envAt(now)))
	require.Len(t, actions, 1)
	answer, current := o.CurrentAnswer(actions[0], at(now))
	require.True(t, current)
	require.NotEmpty(t, answer.Execution)
	return actions[0]
}

// The truth corrects every outcome that was a guess, and the programs are told.
func TestReconciliation(t *testing.T) {
	t.Parallel()
	for _, before := range []CallbackState{CallbackPresumed, CallbackUnknown, CallbackTooLate} {
		for truth, want := range map[Truth]CallbackState{
			TruthAnswered: CallbackDelivered, TruthAnother: CallbackTooLate, TruthTimedOut: CallbackTooLate,
			TruthEnded: CallbackTooLate, TruthNotFound: before, TruthForbidden: before,
		} {
			name := string(before) + ", " + string(truth)
			o, a := missedOrder(t, before, ofExecution, func(r *Request) { r.ProgramChannels = []string{"bus"} })
			made := a.NotificationsMade
			require.Empty(t, ofKind(ActionReconcile, o.Advance(envAt(5*time.Second))), "not at once")
			o = storeAndLoad(t, o)
			a = o.FindApproval(a.ID)
			action := reconciliation(t, o, 6*time.Second)
			o.RecordReconciliation(action, truth, ok, envAt(7*time.Second))
			require.Equal(t, want, a.Callback.State, name)
			require.Equal(t, truth, a.Callback.Reconciliation.Truth)
			require.Equal(t, want == CallbackTooLate || want == CallbackUnknown, o.IsUnanswered(), name)
			require.Equal(t, want != before, a.NotificationsMade > made, name)
			last := o.History[len(o.History)-1]
			require.Equal(t, []any{EventReconciled, string(truth)}, []any{last.Kind, last.Code})
			require.Equal(t, before == CallbackPresumed && want == CallbackTooLate, last.AnswerMissed || newestMissed(o), name)
			require.Empty(t, ofKind(ActionReconcile, o.Advance(envAt(2*time.Hour))), "it is asked once")
		}
	}
}

// newestMissed reports whether the latest event is an answer that turned out to be missed.
func newestMissed(o *Order) bool {
	events := o.NewEvents()
	return events[len(events)-1].AnswerMissed
}

// An outcome that is certain, an execution that is not known, and an approval that needs no answer are not asked about.
func TestNothingToReconcile(t *testing.T) {
	t.Parallel()
	o, _ := missedOrder(t, CallbackUnknown)
	require.Empty(t, ofKind(ActionReconcile, o.Advance(envAt(time.Minute))), "no execution")
	o, _, call := approvedOrder(t, ofExecution)
	o.RecordCallbackResult(call, ok, envAt(0))
	require.Empty(t, o.Advance(envAt(time.Minute)), "delivered")
	o, a := pendingOrder(t, ofExecution, everyFourMinutes)
	o.RecordHeartbeatResult(heartbeatOf(a), closed, envAt(time.Second))
	require.Equal(t, CallbackTooLate, a.Callback.State)
	require.Empty(t, o.Advance(envAt(time.Minute)), "cancelled, because the workflow has ended")
}

// A history that cannot be read, or lags behind, is read again for an hour. A missing permission ends it at once.
func TestReconciliationIsBounded(t *testing.T) {
	t.Parallel()
	denied := Result{Kind: ResultFailed, ReasonCode: ReasonDenied, Reason: "denied"}
	o, a := missedOrder(t, CallbackUnknown, ofExecution)
	o.RecordReconciliation(reconciliation(t, o, 6*time.Second), "", denied, envAt(6*time.Second))
	require.Equal(t, TruthForbidden, a.Callback.Reconciliation.Truth)
	require.Equal(t, CallbackUnknown, a.Callback.State)
	require.Empty(t, ofKind(ActionReconcile, o.Advance(envAt(2*time.Hour))))

	never := Result{Kind: ResultRefused, ReasonCode: ReasonNotConfigured}
	o, a = missedOrder(t, CallbackUnknown, ofExecution)
	events := len(o.NewEvents())
	o.RecordReconciliation(reconciliation(t, o, 6*time.Second), "", never, envAt(6*time.Second))
	require.Len(t, o.NewEvents(), events, "the target tells nothing, ever")
	require.Zero(t, a.Callback.Reconciliation.Due)

	for name, result := range map[string]Result{"fails": notApplied, "lags behind": ok, "the process dies": {}} {
		o, a = missedOrder(t, CallbackUnknown, ofExecution)
		attempts := 0
		for a.Callback.Reconciliation.Truth == "" {
			now := a.Callback.Reconciliation.Due.Sub(began)
			for _, action := range ofKind(ActionReconcile, o.Advance(envAt(now))) {
				attempts++
				require.LessOrEqual(t, attempts, reconcileAttempts, name)
				if result.Kind != "" {
					o.RecordReconciliation(action, "", result, envAt(now))
				}
			}
		}
		require.Equal(t, reconcileAttempts, attempts, name)
		require.Equal(t, TruthNotFound, a.Callback.Reconciliation.Truth, name)
		require.True(t, a.Callback.Reconciliation.At.Before(at(2*time.Hour)), name)
	}
}

// An attempt that was not made counts as none. A late result of an attempt whose lease has ended counts for nothing.
func TestReconciliationThatIsHeldBack(t *testing.T) {
	t.Parallel()
	o, a := missedOrder(t, CallbackUnknown, ofExecution)
	action := reconciliation(t, o, 6*time.Second)
	o.RecordReconciliation(action, "", notMade, envAt(6*time.Second))
	require.Zero(t, a.Callback.Reconciliation.Attempts)
	o.RecordReconciliation(action, TruthAnswered, ok, envAt(6*time.Second))
	require.Equal(t, CallbackUnknown, a.Callback.State, "it has ended")

	action = reconciliation(t, o, time.Minute)
	require.True(t, o.ReleaseLeases(envAt(time.Minute)), "after a crash")
	again := reconciliation(t, o, time.Minute)
	require.Equal(t, 2, again.Attempt)
	o.RecordReconciliation(action, TruthAnswered, ok, envAt(time.Minute))
	require.Equal(t, CallbackUnknown, a.Callback.State)
}

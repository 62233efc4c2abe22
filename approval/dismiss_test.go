package approval

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func dismissal(id string, change ...func(*Act)) Act {
	act := Act{ID: id, Actor: OperatorActor("ops", ""), Reason: "booked by hand"}
	for _, f := range change {
		f(&act)
	}
	return act
}

// dismiss dismisses an approval of the order, and requires the verdict.
func dismiss(t *testing.T, o *Order, act Act, env Environment, want VerdictCode) {
	t.Helper()
	v, actions, err := o.Dismiss(act, env)
	require.NoError(t, err)
	require.Equal(t, want, v.Code)
	require.Empty(t, actions)
}

// Each state that needs attention is put away, under the name of the operator, and leaves everything else as it is.
func TestDismiss(t *testing.T) {
	t.Parallel()
	for name, make := range map[string]func(t *testing.T) (*Order, *Approval){
		"exhausted": func(t *testing.T) (*Order, *Approval) {
			o, a, call := approvedOrder(t)
			o.RecordCallbackResult(call, refused, envAt(0))
			return o, a
		},
		"too late": func(t *testing.T) (*Order, *Approval) {
			o, a, call := approvedOrder(t)
			o.RecordCallbackResult(call, closed, envAt(0))
			return o, a
		},
		"undeliverable": func(t *testing.T) (*Order, *Approval) {
			o, a := pendingOrder(t)
			a.Undeliverable = true
			return o, a
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, a := make(t)
			needs := a.needsAttention()
			require.NotEmpty(t, needs)
			due, status, state := o.NextDue(), a.Status, a.Callback.State

			dismiss(t, o, dismissal("1"), envAt(time.Minute), VerdictRecorded)
			require.Empty(t, a.needsAttention())
			require.False(t, o.HasExhaustedCallback() || o.IsUnanswered() || o.IsUndeliverable())
			require.Equal(t, needs, a.Dismissed)
			require.Equal(t, []any{due, status, state}, []any{o.NextDue(), a.Status, a.Callback.State})
			act, dismissed := a.Dismissal()
			require.True(t, dismissed)
			require.Equal(t, RecordedAct{ID: "1", Kind: ActDismiss, At: at(time.Minute), By: "ops", Reason: "booked by hand"}, act)
			last := o.History[len(o.History)-1]
			require.Equal(t, []any{EventAct, "dismiss", "ops", "booked by hand"}, []any{last.Kind, last.Code, last.By, last.Note})

			before := marshalOrder(t, o)
			dismiss(t, o, dismissal("1"), envAt(time.Hour), VerdictRepeated)
			dismiss(t, o, dismissal("1", func(a *Act) { a.Reason = "another" }), envAt(time.Hour), VerdictConflict)
			_, _, err := o.Dismiss(dismissal("2"), envAt(time.Hour))
			require.ErrorContains(t, err, "needs no attention")
			require.Equal(t, before, marshalOrder(t, o))
		})
	}
}

// A dismissal is about the failures until then. An approval that fails again needs attention again.
func TestDismissedApprovalThatFailsAgain(t *testing.T) {
	t.Parallel()
	o, a, call := approvedOrder(t)
	o.RecordCallbackResult(call, refused, envAt(0))
	dismiss(t, o, dismissal("1"), envAt(0), VerdictRecorded)
	done, actions := o.RedriveCallback(a.ID, OperatorActor("ops", ""), 0, envAt(time.Minute))
	require.True(t, done)
	o.RecordCallbackResult(onlyCallback(t, actions), refused, envAt(time.Minute))
	require.True(t, o.HasExhaustedCallback())

	o, a = pendingOrder(t, byMail, withApprovers("ann"))
	a.Undeliverable = true
	dismiss(t, o, dismissal("1"), envAt(0), VerdictRecorded)
	a.Undeliverable = false // somebody was told meanwhile
	a.Notifications = nil
	o.handleUndeliverable(a, envAt(0))
	require.True(t, o.IsUndeliverable())

	// An exhausted answer that was put away stays so when its task turns out to be closed.
	o, a, call = approvedOrder(t, everyFourMinutes)
	o.RecordCallbackResult(call, refused, envAt(0))
	dismiss(t, o, dismissal("1"), envAt(0), VerdictRecorded)
	o.RecordHeartbeatResult(heartbeatOf(a), closed, envAt(time.Minute))
	require.Equal(t, CallbackTooLate, a.Callback.State)
	require.False(t, o.IsUnanswered())
}

// Nothing but an approval that needs attention can be dismissed, and only with a reason.
func TestDismissalsThatAreRefused(t *testing.T) {
	t.Parallel()
	o, _ := pendingOrder(t, byMail, withApprovers("ann"))
	for name, c := range map[string]struct {
		act  Act
		want string
	}{
		"waits as it should": {dismissal("1"), "needs no attention"},
		"without a reason":   {dismissal("1", func(a *Act) { a.Reason = "" }), "reason"},
		"without an ID":      {dismissal(""), "id"},
	} {
		_, _, err := o.Dismiss(c.act, envAt(0))
		require.ErrorContains(t, err, c.want, name)
		require.True(t, IsPermanent(err), name)
	}
	dismiss(t, o, dismissal("1", func(a *Act) { a.ApprovalID = "another" }), envAt(0), VerdictUnknown)
	dismiss(t, o, dismissal("1", func(a *Act) { a.Workflows = []string{"others"} }), envAt(0), VerdictUnknown)

	// Two of them: the act has to name one.
	o, a, call := approvedOrder(t)
	o.RecordCallbackResult(call, refused, envAt(0))
	b, _ := addRequest(t, o, newRequest("t2", withStep("b")), envAt(0))
	b.Undeliverable = true
	v, _, err := o.Dismiss(dismissal("1"), envAt(0))
	require.NoError(t, err)
	require.Equal(t, VerdictAmbiguous, v.Code)
	require.Len(t, v.Candidates, 2)
	dismiss(t, o, dismissal("1", func(act *Act) { act.ApprovalID = b.ID }), envAt(0), VerdictRecorded)
	require.Empty(t, a.Dismissed)
	dismiss(t, o, dismissal("2"), envAt(0), VerdictRecorded)
}

// An operator who redrives and dismisses in turn does not make the record grow without end.
func TestDismissalsAreBounded(t *testing.T) {
	t.Parallel()
	o, a, call := approvedOrder(t)
	for i := range MaxDismissals {
		o.RecordCallbackResult(call, refused, envAt(0))
		dismiss(t, o, dismissal(fmt.Sprint(i)), envAt(0), VerdictRecorded)
		require.False(t, o.Adds())
		_, actions := o.RedriveCallback(a.ID, OperatorActor("ops", ""), 0, envAt(0))
		call = onlyCallback(t, actions)
	}
	o.RecordCallbackResult(call, refused, envAt(0))
	_, _, err := o.Dismiss(dismissal("more"), envAt(0))
	require.ErrorContains(t, err, "maximum")
}

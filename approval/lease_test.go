package approval

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestReleaseLeases(t *testing.T) {
	t.Parallel()
	o, a, act := approvedOrder(t)
	require.Empty(t, o.Advance(envAt(time.Second)), "its lease holds")

	o.ReleaseLeases(envAt(time.Second))
	next := onlyCallback(t, o.Advance(envAt(time.Second)))
	require.Equal(t, act.Attempt+1, next.Attempt)
	require.True(t, a.Callback.MaybeApplied, "the dead process may have made its call")
	require.Equal(t, at(time.Second+time.Minute), a.Callback.Due)
	attempt := o.NewEvents()[len(o.NewEvents())-1]
	require.Equal(t, EventCallbackAttempt, attempt.Kind)
	require.Equal(t, string(ResultInterrupted), attempt.Code, "the target has not failed")
	require.Equal(t, ReasonResultNotRecorded, attempt.ReasonCode)
	require.Equal(t, act.Attempt, attempt.Attempt)
	require.Empty(t, o.RecordCallbackResult(next, closed, envAt(2*time.Second)))
	require.Equal(t, CallbackPresumed, a.Callback.State)

	o, a = pendingOrder(t, withApprovers("ann"), func(a *Request) { a.Channels = []string{"mail"} })
	require.NotEmpty(t, a.Notifications)
	require.True(t, a.Notifications[0].AttemptRunning)
	o.ReleaseLeases(envAt(time.Second))
	require.Len(t, ofKind(ActionNotify, o.Advance(envAt(time.Second))), 1)

	o, a, act = approvedOrder(t) // between two attempts there is no lease
	o.RecordCallbackResult(act, notApplied, envAt(0))
	due := a.Callback.Due
	o.ReleaseLeases(envAt(0))
	require.Equal(t, due, a.Callback.Due)
}

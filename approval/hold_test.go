package approval

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// heldEnv returns an environment in which an operator holds these kinds of actions.
func heldEnv(at time.Duration, kinds ...ActionKind) Environment {
	env := envAt(at)
	env.Hold = func(action Action) bool {
		return slices.Contains(kinds, action.Kind)
	}
	return env
}

// A held answer is neither begun nor given up, however long it is held. The first attempt after it is the first one.
func TestHeldCallback(t *testing.T) {
	t.Parallel()
	o, a := pendingOrder(t)
	require.Empty(t, requireVerdict(t, o, approveDecision("d"), heldEnv(0, ActionCallback), VerdictDecided))
	require.Empty(t, o.Advance(heldEnv(100*time.Hour, ActionCallback)))
	require.Equal(t, CallbackPending, a.Callback.State)
	require.Zero(t, a.Callback.Attempts)
	require.Equal(t, 1, onlyCallback(t, o.Advance(envAt(100*time.Hour))).Attempt)
}

// An answer that was tried before is not exhausted while it is held. An attempt without a result is recorded.
func TestHeldRetry(t *testing.T) {
	t.Parallel()
	o, a, call := approvedOrder(t)
	o.RecordCallbackResult(call, lost, envAt(0))
	again := onlyCallback(t, o.Advance(envAt(10*time.Minute)))
	require.Empty(t, o.Advance(heldEnv(90*time.Hour, ActionCallback)))
	require.Equal(t, CallbackPending, a.Callback.State, "it would be too old, if it were not held")
	require.False(t, a.Callback.AttemptRunning, "the lease of %d has ended", again.Attempt)
	require.True(t, a.Callback.MaybeApplied)
	require.Equal(t, 2, a.Callback.Attempts)
}

// The other actions of the order go on.
func TestHeldNotification(t *testing.T) {
	t.Parallel()
	o := &Order{ID: "o-1"}
	request := newRequest("t1", func(r *Request) {
		r.Channels = []string{"mail"}
		r.HeartbeatInterval = time.Minute
		r.CanProbe = true
	})
	_, actions, err := o.AddRequest(request, heldEnv(0, ActionNotify, ActionCallback))
	require.NoError(t, err)
	require.Empty(t, ofKind(ActionNotify, actions))
	actions = o.Advance(heldEnv(time.Minute, ActionNotify, ActionCallback))
	require.NotEmpty(t, ofKind(ActionHeartbeat, actions))
	require.Empty(t, ofKind(ActionNotify, actions))
	actions = o.Advance(heldEnv(deadline, ActionNotify, ActionCallback))
	require.Equal(t, TimedOut, o.Approvals[0].Status, "deadlines pass")
	require.Empty(t, ofKind(ActionCallback, actions))
	require.NotEmpty(t, ofKind(ActionCallback, o.Advance(envAt(deadline))))
}

package approval

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestHeartbeats(t *testing.T) {
	t.Parallel()
	o, a := pendingOrder(t, func(a *Request) { a.HeartbeatInterval = time.Minute })
	require.Empty(t, o.Advance(envAt(time.Minute-1)))
	actions := o.Advance(envAt(time.Minute))
	require.Equal(t, "heartbeat", joinKinds(actions))
	require.Empty(t, o.Advance(envAt(time.Minute)))
	answer, current := o.CurrentAnswer(actions[0], at(time.Minute))
	require.True(t, current)
	require.Equal(t, "t1", answer.Token.Reveal())
	require.Equal(t, "heartbeat", joinKinds(o.Advance(envAt(2*time.Minute))), "the next heartbeat follows a lost one")
	require.Equal(t, "heartbeat", joinKinds(o.Advance(envAt(time.Hour))), "a single heartbeat stands for the missed ones")

	// A failed heartbeat is retried well before the next one. Otherwise two throttled heartbeats would let the state
	// time out.
	beat := at(time.Hour + time.Minute)
	require.Equal(t, beat, a.HeartbeatDue)
	o.RecordHeartbeatResult(actions[0], ok, envAt(time.Hour))
	require.Equal(t, beat, a.HeartbeatDue)
	o.RecordHeartbeatResult(actions[0], refused, envAt(time.Hour))
	require.Equal(t, beat, a.HeartbeatDue)
	o.RecordHeartbeatResult(actions[0], notApplied, envAt(time.Hour))
	require.Equal(t, at(time.Hour+time.Minute/8), a.HeartbeatDue)
	o.RecordHeartbeatResult(actions[0], Result{Kind: ResultFailed, After: MaxRetryAfter}, envAt(time.Hour))
	require.Equal(t, at(time.Hour+time.Minute/8), a.HeartbeatDue, "never later than before")
	require.Equal(t, "heartbeat", joinKinds(o.Advance(envAt(time.Hour+time.Minute/8))))
}

// If the workflow no longer waits, programs are notified at once: the caller gets the notifications that have started.
func TestHeartbeatOfAClosedTaskNotifiesPrograms(t *testing.T) {
	t.Parallel()
	o := &Order{ID: "o-1"}
	a, actions := addRequest(t, o, newRequest("t1", func(a *Request) {
		a.HeartbeatInterval = time.Minute
		a.ProgramChannels = []string{"events"}
	}), envAt(0))
	o.RecordNotificationResult(actions[0], ok, envAt(0))
	beat := o.Advance(envAt(time.Minute))[0]

	actions = o.RecordHeartbeatResult(beat, closed, envAt(time.Minute))
	require.Equal(t, Cancelled, a.Status)
	require.Equal(t, CallbackTooLate, a.Callback.State)
	require.Equal(t, "notify notify", joinKinds(actions), "approval.cancelled and callback.too_late, and no callback")
	for _, action := range actions {
		_, n := o.CurrentNotification(action, at(time.Minute))
		require.NotNil(t, n)
	}
}

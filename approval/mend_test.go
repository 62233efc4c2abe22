package approval

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What a clock that was ahead has made due in the far future is due now. What another worker has begun stays leased, also
// if its clock is a few minutes ahead.
func TestMendDueTimes(t *testing.T) {
	t.Parallel()
	for _, ahead := range []time.Duration{time.Hour, 24 * time.Hour, 365 * 24 * time.Hour} {
		o, a := pendingOrder(t, func(r *Request) {
			r.HeartbeatInterval = time.Minute
			r.CanProbe = true
			r.Channels = []string{"mail"}
		})
		a.HeartbeatDue = at(ahead)
		require.Len(t, ofKind(ActionHeartbeat, o.Advance(envAt(0))), 1)
		require.Equal(t, at(52*time.Second+500*time.Millisecond), a.HeartbeatDue)
		require.Empty(t, ofKind(ActionHeartbeat, o.Advance(envAt(0))))

		_, a, call := approvedOrder(t)
		o = &Order{ID: "o-1", Approvals: []*Approval{a}}
		o.RecordCallbackResult(call, lost, envAt(0))
		a.Callback.Due = at(ahead)
		require.Len(t, ofKind(ActionCallback, o.Advance(envAt(0))), 1)
		a.Callback.Due = at(ahead) // its worker had a wrong clock, and is gone
		require.Equal(t, 3, onlyCallback(t, o.Advance(envAt(0))).Attempt)
	}
	missed, b := missedOrder(t, CallbackUnknown, ofExecution)
	b.Callback.Reconciliation.Due = at(24 * time.Hour)
	require.Len(t, ofKind(ActionReconcile, missed.Advance(envAt(time.Second))), 1)
	b.Callback.Reconciliation.Due = at(24 * time.Hour)
	require.Len(t, ofKind(ActionReconcile, missed.Advance(envAt(time.Second))), 1)
	require.Empty(t, ofKind(ActionReconcile, missed.Advance(envAt(time.Second))), "it runs")

	o, a, call := approvedOrder(t)
	a.Callback.Due = call.LeaseExpires.Add(4 * time.Minute)
	require.Empty(t, ofKind(ActionCallback, o.Advance(envAt(0))), "a lease of another worker")
}

func TestHeldDeadlineOfAnOrder(t *testing.T) {
	t.Parallel()
	o, a := pendingOrder(t)
	env := envAt(deadline + time.Hour)
	env.HoldDeadlines = true
	require.Empty(t, ofKind(ActionCallback, o.Advance(env)))
	require.Equal(t, Pending, a.Status)
	env.HoldDeadlines = false
	require.NotEmpty(t, ofKind(ActionCallback, o.Advance(env)))
	require.Equal(t, TimedOut, a.Status)
}

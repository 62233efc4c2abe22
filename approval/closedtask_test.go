package approval

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// After a reply was lost, an answer counts as delivered only while the task cannot have ended by its own time limits.
func TestLostReplyOfAClosedTask(t *testing.T) {
	t.Parallel()
	beats := func(r *Request) { r.HeartbeatInterval = 4 * time.Minute }
	lifetime := func(r *Request) { r.HeartbeatTimeout = 10 * time.Minute }
	expires := func(after time.Duration) func(*Request) {
		return func(r *Request) { r.TaskExpires = at(after) }
	}
	for name, c := range map[string]struct {
		change []func(*Request)
		closed time.Duration
		want   CallbackState
	}{
		"at once":                               {nil, time.Second, CallbackPresumed},
		"before the deadline":                   {nil, deadline - time.Second, CallbackPresumed},
		"the end is unknown, after deadline":    {nil, deadline + time.Second, CallbackUnknown},
		"well before the end":                   {[]func(*Request){expires(time.Hour)}, 30 * time.Minute, CallbackPresumed},
		"after the deadline, before the end":    {[]func(*Request){expires(3 * deadline)}, 2 * deadline, CallbackPresumed},
		"just before the end":                   {[]func(*Request){expires(time.Hour)}, time.Hour - time.Second, CallbackUnknown},
		"after the end":                         {[]func(*Request){expires(time.Hour)}, 2 * time.Hour, CallbackUnknown},
		"before a heartbeat is missing":         {[]func(*Request){beats}, 4*time.Minute - 1, CallbackPresumed},
		"a heartbeat is missing":                {[]func(*Request){beats}, 4*time.Minute + time.Second, CallbackUnknown},
		"a heartbeat is missing, the task goes": {[]func(*Request){beats, lifetime}, 9 * time.Minute, CallbackPresumed},
		"HeartbeatSeconds have passed":          {[]func(*Request){beats, lifetime}, 10 * time.Minute, CallbackUnknown},
	} {
		o, a, call := approvedOrder(t, c.change...)
		o.RecordCallbackResult(call, lost, envAt(0))
		o = storeAndLoad(t, o)
		a = o.FindApproval(a.ID)
		call.Attempt++
		o.RecordCallbackResult(call, closed, envAt(c.closed))
		require.Equal(t, c.want, a.Callback.State, name)
		require.Equal(t, c.want == CallbackUnknown, o.IsUnanswered(), name)
	}
}

// A heartbeat that the task took after the attempt shows that the attempt was most likely not applied.
func TestHeartbeatAfterALostReply(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		result Result
		want   CallbackState
	}{
		"taken":  {ok, CallbackUnknown},
		"failed": {notApplied, CallbackPresumed},
	} {
		o, a, call := approvedOrder(t, everyFourMinutes, func(r *Request) { r.HeartbeatTimeout = 30 * time.Minute })
		o.RecordCallbackResult(call, lost, envAt(3*time.Minute))
		a.Callback.Due = at(10 * time.Minute)
		beat := ofKind(ActionHeartbeat, o.Advance(envAt(4*time.Minute)))
		require.Len(t, beat, 1, name)
		require.False(t, o.HeartbeatChangesNothing(beat[0], c.result), "the outcome depends on it")
		o.RecordHeartbeatResult(beat[0], c.result, envAt(4*time.Minute))
		call = onlyCallback(t, o.Advance(envAt(10*time.Minute)))
		o.RecordCallbackResult(call, closed, envAt(10*time.Minute))
		require.Equal(t, c.want, a.Callback.State, name)
	}
}

// While heartbeats are taken and start in time, the record has nothing beyond the time of the next. After trouble it has
// the last one that was taken, until all is well again.
func TestLastHeartbeatTaken(t *testing.T) {
	t.Parallel()
	start := func(t *testing.T, o *Order, at time.Duration) Action {
		t.Helper()
		beats := ofKind(ActionHeartbeat, o.Advance(envAt(at)))
		require.Len(t, beats, 1)
		return beats[0]
	}
	o, a := pendingOrder(t, everyFourMinutes)
	require.Equal(t, at(0), a.lastHeartbeatTaken())
	beat := start(t, o, 4*time.Minute+time.Second)
	require.True(t, o.HeartbeatChangesNothing(beat, ok))
	require.Zero(t, a.HeartbeatTaken)
	require.Equal(t, at(4*time.Minute+time.Second), a.lastHeartbeatTaken())

	beat = start(t, o, time.Hour) // the worker was away
	require.Equal(t, at(4*time.Minute+time.Second), a.lastHeartbeatTaken())
	o.RecordHeartbeatResult(beat, notApplied, envAt(time.Hour))
	require.Equal(t, at(4*time.Minute+time.Second), a.lastHeartbeatTaken())
	beat = start(t, o, time.Hour+time.Minute)
	require.False(t, o.HeartbeatChangesNothing(beat, ok))
	o.RecordHeartbeatResult(beat, ok, envAt(time.Hour+time.Minute))
	require.Zero(t, a.HeartbeatTaken)
	require.Equal(t, at(time.Hour+time.Minute), a.lastHeartbeatTaken())

	beat = start(t, o, time.Hour+5*time.Minute)
	o.RecordHeartbeatResult(beat, refused, envAt(time.Hour+5*time.Minute))
	require.Equal(t, at(time.Hour+time.Minute-heartbeatSlack), a.lastHeartbeatTaken())
	beat = start(t, o, time.Hour+9*time.Minute)
	o.RecordHeartbeatResult(beat, notMade, envAt(time.Hour+9*time.Minute))
	require.Equal(t, at(time.Hour+time.Minute-heartbeatSlack), a.lastHeartbeatTaken())
}

// A request that waited in its queue tells when its task began.
func TestTaskBeganBeforeItsRequestArrived(t *testing.T) {
	t.Parallel()
	_, a := pendingOrder(t, everyFourMinutes, func(r *Request) { r.AttemptStartedAt = at(-20 * time.Minute) })
	require.Equal(t, at(-20*time.Minute), a.lastHeartbeatTaken())
	_, a = pendingOrder(t, everyFourMinutes, func(r *Request) { r.AttemptStartedAt = at(-time.Minute) })
	require.Equal(t, at(-time.Minute), a.lastHeartbeatTaken())
	require.Zero(t, a.HeartbeatTaken)
}

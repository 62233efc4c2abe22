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

// A heartbeat that the target has taken is stored with the start of the next one, if the same process starts that. In
// between and after trouble, the record has an earlier one.
func TestLastHeartbeatTaken(t *testing.T) {
	t.Parallel()
	var known time.Time // by this process
	env := func(now time.Duration) Environment {
		env := envAt(now)
		env.HeartbeatTaken = func(string) time.Time { return known }
		return env
	}
	start := func(t *testing.T, o *Order, now time.Duration) Action {
		t.Helper()
		beats := ofKind(ActionHeartbeat, o.Advance(env(now)))
		require.Len(t, beats, 1)
		return beats[0]
	}
	o, a := pendingOrder(t, everyFourMinutes)
	require.Equal(t, at(0), a.lastHeartbeatTaken(env(0)))
	beat := start(t, o, 4*time.Minute+time.Second)
	require.Equal(t, at(0), a.lastHeartbeatTaken(env(0)), "it was begun")
	require.True(t, o.HeartbeatChangesNothing(beat, ok))
	known = a.HeartbeatStarted(beat)
	require.Equal(t, at(4*time.Minute+time.Second), a.lastHeartbeatTaken(env(5*time.Minute)))
	require.Equal(t, at(0), a.lastHeartbeatTaken(envAt(5*time.Minute)), "another process does not know it")

	beat = start(t, o, time.Hour) // the worker was away
	require.Equal(t, at(4*time.Minute+time.Second), a.HeartbeatTaken)
	known = noTime // the worker was killed
	for _, failure := range []Result{notApplied, notMade, refused} {
		require.False(t, o.HeartbeatChangesNothing(beat, failure))
		o.RecordHeartbeatResult(beat, failure, env(time.Hour))
		require.Equal(t, at(4*time.Minute+time.Second), a.lastHeartbeatTaken(env(time.Hour)))
	}
	beat = start(t, o, time.Hour+time.Minute)
	require.True(t, o.HeartbeatChangesNothing(beat, ok))
	known = a.HeartbeatStarted(beat)
	start(t, o, time.Hour+5*time.Minute)
	require.Equal(t, at(time.Hour+time.Minute), a.lastHeartbeatTaken(envAt(time.Hour+6*time.Minute)), "it is stored now")
}

// A record of an older version does not tell whether its latest heartbeat was taken.
func TestHeartbeatOfAnOlderRecord(t *testing.T) {
	t.Parallel()
	o, a := pendingOrder(t, everyFourMinutes)
	a.HeartbeatDue = at(44 * time.Minute)
	a.HeartbeatTaken = noTime
	require.Equal(t, at(0), a.lastHeartbeatTaken(envAt(41*time.Minute)))
	o.Advance(envAt(44 * time.Minute))
	require.Equal(t, at(0), a.HeartbeatTaken)
}

// A request that waited in its queue tells when its task began.
func TestTaskBeganBeforeItsRequestArrived(t *testing.T) {
	t.Parallel()
	_, a := pendingOrder(t, everyFourMinutes, func(r *Request) { r.AttemptStartedAt = at(-20 * time.Minute) })
	require.Equal(t, at(-20*time.Minute), a.lastHeartbeatTaken(envAt(0)))
	_, a = pendingOrder(t, everyFourMinutes, func(r *Request) { r.AttemptStartedAt = at(-time.Minute) })
	require.Equal(t, at(-time.Minute), a.lastHeartbeatTaken(envAt(0)))
	require.Zero(t, a.HeartbeatTaken)
}

// A heartbeat that was begun counts only if the target is known to have taken it. The worker may have been killed before
// the call, or its circuit breaker may have held the call back.
func TestBegunHeartbeatIsNotATakenOne(t *testing.T) {
	t.Parallel()
	const lifetime = 10 * time.Minute
	for name, c := range map[string]struct {
		taken time.Duration // the start of the latest heartbeat that this process knows to be taken; 0 for none
		want  CallbackState
	}{
		"the worker was killed twice":        {0, CallbackUnknown},
		"only an earlier one is known":       {4 * time.Minute, CallbackUnknown},
		"the target has taken the last one":  {8 * time.Minute, CallbackPresumed},
		"a clock that was ahead recorded it": {time.Hour, CallbackUnknown},
	} {
		o, a := pendingOrder(t, everyFourMinutes, func(r *Request) { r.HeartbeatTimeout = lifetime })
		env := func(now time.Duration) Environment {
			env := envAt(now)
			env.HeartbeatTaken = func(approvalID string) time.Time {
				require.Equal(t, a.ID, approvalID)
				if c.taken == 0 || c.taken > now && c.taken < time.Hour {
					return noTime
				}
				return at(c.taken)
			}
			return env
		}
		for _, now := range []time.Duration{4 * time.Minute, 8 * time.Minute} {
			require.Len(t, ofKind(ActionHeartbeat, o.Advance(env(now))), 1, name)
		}
		call := onlyCallback(t, requireVerdict(t, o, approveDecision("d"), env(11*time.Minute), VerdictDecided))
		o.RecordCallbackResult(call, lost, env(11*time.Minute))
		o = storeAndLoad(t, o)
		a = o.FindApproval(a.ID)
		call = onlyCallback(t, ofKind(ActionCallback, o.Advance(env(11*time.Minute+50*time.Second))))
		o.RecordCallbackResult(call, closed, env(14*time.Minute+time.Second))
		require.Equal(t, c.want, a.Callback.State, name)
	}
}

package approval

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// keeping returns an environment of a process that keeps heartbeats in memory. Taken is when the latest was taken as far
// as it knows; nil if it knows of none.
func keeping(now time.Duration, taken ...time.Duration) Environment {
	env := envAt(now)
	env.KeepsHeartbeats = func(time.Duration) bool { return true }
	env.HeartbeatTaken = func(string) time.Time {
		if len(taken) == 0 {
			return time.Time{}
		}
		return at(taken[0])
	}
	return env
}

// keptOrder returns an order whose heartbeats are kept in memory, as it is stored.
func keptOrder(t *testing.T, change ...func(*Request)) (*Order, *Approval) {
	t.Helper()
	o := &Order{ID: "o-1"}
	a, _ := addRequest(t, o, newRequest("t1", append([]func(*Request){everyFourMinutes}, change...)...), keeping(0))
	require.Len(t, o.HeartbeatChanges(), 1)
	require.Equal(t, a.ID, o.HeartbeatChanges()[0].Heartbeat.ApprovalID)
	o = storeAndLoad(t, o)
	return o, o.Approvals[0]
}

// Heartbeats that are kept in memory are not due in the record, and nothing about them is written.
func TestKeptHeartbeatsAreNotDueInTheRecord(t *testing.T) {
	t.Parallel()
	o, a := keptOrder(t)
	require.True(t, a.HeartbeatsKept)
	require.Equal(t, a.Deadline, o.NextDue())
	require.Equal(t, []KeptHeartbeat{{a.ID, "sfn", 4 * time.Minute, at(4 * time.Minute)}}, o.KeptHeartbeats())
	require.True(t, a.StoredHeartbeat().IsZero())
	before := marshalOrder(t, o)
	require.Empty(t, o.Advance(keeping(time.Hour)))
	require.Empty(t, o.HeartbeatChanges())
	require.Equal(t, before, marshalOrder(t, o))

	action, isDue, isKept := o.KeptHeartbeatAction(a.ID, at(time.Hour))
	require.True(t, isDue)
	require.True(t, isKept)
	require.Equal(t, at(time.Hour), a.HeartbeatStarted(action))
	_, isCurrent := o.CurrentAnswer(action, at(time.Hour))
	require.True(t, isCurrent)
	require.True(t, o.HeartbeatChangesNothing(action, ok))
	o.RecordHeartbeatResult(action, ok, keeping(time.Hour))
	require.Equal(t, before, marshalOrder(t, o))
	_, isDue, _ = o.KeptHeartbeatAction("unknown", at(time.Hour))
	require.False(t, isDue)
}

// What is never sent is not kept.
func TestHeartbeatsThatAreNotKept(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		env    Environment
		change func(*Request)
	}{
		"the process keeps none":     {envAt(0), everyFourMinutes},
		"the process starts nothing": {Environment{Now: at(0), KeepsHeartbeats: keeping(0).KeepsHeartbeats}, everyFourMinutes},
		"without heartbeats":         {keeping(0), func(*Request) {}},
		"the task ends before": {keeping(0), func(r *Request) {
			everyFourMinutes(r)
			r.TaskExpires = at(3 * time.Minute)
		}},
	} {
		o := &Order{ID: "o-1"}
		a, _ := addRequest(t, o, newRequest("t1", c.change), c.env)
		require.False(t, a.HeartbeatsKept, name)
		require.Empty(t, o.HeartbeatChanges(), name)
	}
}

// A request that is closed at once has no heartbeats to keep; one whose first heartbeat is late gets it from the record.
func TestHeartbeatsOfALateRequest(t *testing.T) {
	t.Parallel()
	o := &Order{ID: "o-1"}
	a, actions := addRequest(t, o, newRequest("t1", enteredAt(-7*time.Minute), everyFourMinutes), keeping(0))
	require.Equal(t, "heartbeat", joinKinds(actions))
	require.True(t, a.HeartbeatsKept)
	require.Equal(t, at(3*time.Minute+30*time.Second), o.HeartbeatChanges()[0].Heartbeat.FirstDue)
	require.Equal(t, at(-7*time.Minute), a.HeartbeatTaken)

	full := keeping(0)
	full.Reserve = func(Action, Token) bool { return false }
	o = &Order{ID: "o-1"}
	a, _ = addRequest(t, o, newRequest("t1", enteredAt(-7*time.Minute), everyFourMinutes), full)
	require.False(t, a.HeartbeatsKept, "the first is due in the record until there is capacity")
}

// When the approval closes, its heartbeats are due in the record again: after what this process knows, or early.
func TestClosedApprovalHasItsHeartbeatsInTheRecord(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		env   Environment
		due   time.Duration
		taken time.Duration
	}{
		"there was none yet":             {keeping(time.Minute), 4 * time.Minute, 0},
		"this process has sent the last": {keeping(time.Hour, 58*time.Minute), 62 * time.Minute, 58 * time.Minute},
		"the last ones have failed":      {keeping(time.Hour, 50*time.Minute), time.Hour, 50 * time.Minute},
		"another process has sent it":    {keeping(time.Hour), 61 * time.Minute, 0},
		"a clock was ahead":              {keeping(time.Hour, 2*time.Hour), time.Hour, 0},
	} {
		o, a := keptOrder(t, func(r *Request) { r.Deadline = at(48 * time.Hour) })
		requireVerdict(t, o, approveDecision("d1"), c.env, VerdictDecided)
		require.False(t, a.HeartbeatsKept, name)
		require.Equal(t, at(c.due), a.HeartbeatDue, name)
		require.Equal(t, at(c.due), a.StoredHeartbeat(), name)
		require.Equal(t, at(c.taken), a.HeartbeatTaken, "%s: never later than known", name)
		require.Equal(t, []HeartbeatChange{{ApprovalID: a.ID}}, o.HeartbeatChanges(), name)
		_, isDue, isKept := o.KeptHeartbeatAction(a.ID, c.env.Now)
		require.True(t, isDue, "%s: the process that keeps them sends a last one", name)
		require.False(t, isKept, name)
	}
	for name, end := range map[string]func(*Order, *Approval){
		"timed out": func(o *Order, _ *Approval) { o.Advance(keeping(48 * time.Hour)) },
		"cancelled": func(o *Order, a *Approval) {
			o.cancelApproval(a, Actor{By: "ops"}, "", keeping(time.Hour))
		},
		"the task is closed": func(o *Order, a *Approval) {
			o.RecordHeartbeatResult(heartbeatOf(a), closed, keeping(time.Hour))
		},
	} {
		o, a := keptOrder(t, func(r *Request) { r.Deadline = at(48 * time.Hour) })
		end(o, a)
		require.NotEqual(t, Pending, a.Status, name)
		require.False(t, a.HeartbeatsKept, name)
		require.Empty(t, o.KeptHeartbeats(), name)
		require.Equal(t, []HeartbeatChange{{ApprovalID: a.ID}}, o.HeartbeatChanges(), name)
	}
}

// What an earlier process has taken is not known after a restart: an answer whose reply was lost does not count as
// delivered then, and what this process knows is stored when the approval closes.
func TestKeptHeartbeatsJudgeAClosedTask(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		env  Environment
		want CallbackState
	}{
		"known":   {keeping(time.Hour, 58*time.Minute), CallbackPresumed},
		"old":     {keeping(time.Hour, 40*time.Minute), CallbackUnknown},
		"unknown": {keeping(time.Hour), CallbackUnknown},
	} {
		o, a := keptOrder(t, func(r *Request) {
			r.Deadline = at(48 * time.Hour)
			r.HeartbeatTimeout = 10 * time.Minute
		})
		call := onlyCallback(t, requireVerdict(t, o, approveDecision("d1"), c.env, VerdictDecided))
		o.RecordCallbackResult(call, lost, envAt(time.Hour+time.Second)) // by a process that knows nothing
		call = onlyCallback(t, o.Advance(envAt(time.Hour+2*time.Second)))
		o.RecordCallbackResult(call, closed, envAt(time.Hour+3*time.Second))
		require.Equal(t, c.want, a.Callback.State, name)
	}
}

// The heartbeats of a record that an older program has written go to the memory of the process that advances it.
func TestHeartbeatsOfTheRecordAreHandedOver(t *testing.T) {
	t.Parallel()
	o, a := pendingOrder(t, everyFourMinutes)
	o = storeAndLoad(t, o)
	a = o.FindApproval(a.ID)
	require.Equal(t, "heartbeat", joinKinds(o.Advance(keeping(5*time.Minute))))
	require.True(t, a.HeartbeatsKept)
	require.Equal(t, at(8*time.Minute+30*time.Second), o.HeartbeatChanges()[0].Heartbeat.FirstDue)
	require.Equal(t, a.Deadline, o.NextDue())
	require.Empty(t, o.AsStored().HeartbeatChanges())
}

// A failed heartbeat is recorded, and the memory has the time of the next one.
func TestFailureOfAKeptHeartbeat(t *testing.T) {
	t.Parallel()
	o, a := keptOrder(t)
	action, _, _ := o.KeptHeartbeatAction(a.ID, at(time.Hour))
	events := len(o.NewEvents())
	o.RecordHeartbeatResult(action, notApplied, keeping(time.Hour, 50*time.Minute))
	require.Len(t, o.NewEvents(), events+1)
	require.Equal(t, a.Deadline, o.NextDue())
	require.Equal(t, at(50*time.Minute), a.HeartbeatTaken)
	require.Equal(t, at(4*time.Minute), a.HeartbeatDue)
}

func TestHeartbeatPauses(t *testing.T) {
	t.Parallel()
	require.Equal(t, 4*time.Minute, HeartbeatPause(4*time.Minute, 0))
	require.Equal(t, 3*time.Minute+30*time.Second, HeartbeatPause(4*time.Minute, 0.5))
	require.Greater(t, HeartbeatPause(4*time.Minute, 0.999), 3*time.Minute)
	failed := Result{Kind: ResultFailed}
	require.Equal(t, 30*time.Second, HeartbeatRetryPause(4*time.Minute, failed, 0))
	require.Equal(t, time.Second, HeartbeatRetryPause(2*time.Second, failed, 0.5))
	failed.After = time.Minute
	require.Equal(t, time.Minute, HeartbeatRetryPause(4*time.Minute, failed, 0.5), "as the target asks")
}

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

// A process that dies during an attempt costs the time of its lease. Near the end of the task there is time for further
// attempts, each with a lease in which a call can be made.
func TestTheLeaseIsShorterNearTheEndOfTheTask(t *testing.T) {
	t.Parallel()
	const long, short = time.Minute, 14 * time.Second
	for name, c := range map[string]struct {
		left, want time.Duration // until the end of the task, zero if that is unknown
	}{
		"the end of the task is unknown": {0, long},
		"the task ends much later":       {time.Hour, long},
		"a quarter of the task is left":  {2 * time.Minute, 30 * time.Second},
		"the task ends soon":             {30 * time.Second, short},
		"the task ends during a call":    {time.Second, short},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := envAt(deadline - time.Minute)
			env.Lease, env.ShortLease = long, short
			o, a := pendingOrder(t)
			if c.left > 0 {
				a.TaskExpires = env.Now.Add(c.left)
			}
			act := onlyCallback(t, requireVerdict(t, o, approveDecision("d"), env, VerdictDecided))
			require.Equal(t, c.want, act.LeaseExpires.Sub(env.Now))
			require.Equal(t, act.LeaseExpires, a.Callback.Due)
		})
	}
}

// Two processes die one after the other while they answer a task whose approval has timed out.
func TestAnAnswerIsInTimeAfterTwoCrashes(t *testing.T) {
	t.Parallel()
	const margin = 30 * time.Second
	o, a := pendingOrder(t, func(r *Request) { r.TaskExpires = r.Deadline.Add(margin) })
	env := Environment{Now: a.Deadline, Lease: 30 * time.Second, ShortLease: 14 * time.Second}
	onlyCallback(t, o.Advance(env))
	env.Now = o.NextDue()
	onlyCallback(t, o.Advance(env))
	env.Now = o.NextDue()
	require.True(t, env.Now.Before(a.TaskExpires))
	third := onlyCallback(t, o.Advance(env))
	o.RecordCallbackResult(third, Result{Kind: ResultOK}, env)
	require.Equal(t, CallbackDelivered, a.Callback.State)
}

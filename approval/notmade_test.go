package approval

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// An attempt that was held back in this process counts as none: its number is used again, and the history lacks it. While
// the circuit is open, the approval is among those that retry.
func TestCallbackNotMade(t *testing.T) {
	t.Parallel()
	for wait, want := range map[time.Duration]time.Duration{0: time.Second, 7 * time.Second: 7 * time.Second} {
		o, a, call := approvedOrder(t)
		held := notMade
		held.After = wait
		require.Empty(t, o.RecordCallbackResult(call, held, envAt(0)))
		require.Equal(t, CallbackPending, a.Callback.State)
		require.Zero(t, a.Callback.Attempts)
		require.Equal(t, notMade.Reason, a.Callback.LastError)
		require.Equal(t, ReasonCircuitOpen, a.Callback.ReasonCode())
		require.True(t, o.IsRetrying())
		require.Equal(t, at(want), a.Callback.Due)
		require.NotContains(t, kindsOf(o.NewEvents()), EventCallbackAttempt)

		o = storeAndLoad(t, o)
		a = o.FindApproval(a.ID)
		again := onlyCallback(t, o.Advance(envAt(want)))
		require.Equal(t, 1, again.Attempt)
		o.RecordCallbackResult(call, held, envAt(want))
		require.True(t, a.Callback.AttemptRunning, "the result of the first was recorded a second time")
		_, current := o.CurrentAnswer(call, at(want))
		require.False(t, current, "the first of the two is over")
		_, current = o.CurrentAnswer(again, at(want))
		require.True(t, current)
		o.RecordCallbackResult(again, closed, envAt(want))
		require.Equal(t, CallbackTooLate, a.Callback.State, "no call reached the target")
	}
}

// An answer that waits for the worker's own rate limit is not among those that retry: nothing fails. The error of an
// attempt that was made stays, because it tells more than the circuit that it has opened.
func TestErrorOfAHeldCallback(t *testing.T) {
	t.Parallel()
	o, a, call := approvedOrder(t)
	limited := Result{Kind: ResultNotMade, Reason: "the rate limit", ReasonCode: ReasonRateLimited}
	o.RecordCallbackResult(call, limited, envAt(0))
	require.Empty(t, a.Callback.LastError)
	require.False(t, o.IsRetrying())

	call = onlyCallback(t, o.Advance(envAt(time.Second)))
	o.RecordCallbackResult(call, notApplied, envAt(time.Second))
	call = onlyCallback(t, o.Advance(envAt(time.Minute)))
	o.RecordCallbackResult(call, notMade, envAt(time.Minute))
	require.Equal(t, notApplied.Reason, a.Callback.LastError)
	require.Equal(t, notApplied.ReasonCode, a.Callback.ReasonCode())
	require.True(t, o.IsRetrying())

	require.Empty(t, ofKind(ActionCallback, o.Advance(envAt(48*time.Hour))), "it is given up")
	require.Equal(t, CallbackExhausted, a.Callback.State)
	require.Contains(t, a.Callback.LastError, "the maximum age of a callback has passed: "+notApplied.Reason)
}

// An answer that is held back for the whole maximum age is exhausted. A worker that was away for longer makes the first
// attempt all the same.
func TestCallbackHeldForTooLong(t *testing.T) {
	t.Parallel()
	held := notMade
	held.After = MaxRetryAfter
	for name, c := range map[string]struct {
		before Result // of an attempt before
		began  time.Duration
		want   time.Duration // from the first time that it was held
	}{
		"never attempted":   {began: 0, want: time.Hour},
		"after a long time": {began: 24 * time.Hour, want: time.Hour},
		"attempted before":  {before: notApplied, began: 30 * time.Minute, want: 30 * time.Minute},
	} {
		o, a := pendingOrder(t)
		actions := requireVerdict(t, o, approveDecision("d"), Environment{Now: at(0)}, VerdictDecided)
		require.Empty(t, actions)
		if c.before.Kind != "" {
			o.RecordCallbackResult(onlyCallback(t, o.Advance(envAt(0))), c.before, envAt(0))
		}
		now := c.began
		for rounds := 0; a.Callback.State == CallbackPending; rounds++ {
			require.Less(t, rounds, 10, name)
			actions = o.RecordCallbackResult(onlyCallback(t, o.Advance(envAt(now))), held, envAt(now))
			now += MaxRetryAfter
		}
		require.Equal(t, CallbackExhausted, a.Callback.State, name)
		require.Equal(t, c.began+c.want, now-MaxRetryAfter, name)
		require.Equal(t, "dead_letter", joinKinds(actions), name)
		require.Contains(t, a.Callback.LastError, "the circuit breaker is open", name)
		require.Equal(t, ReasonCircuitOpen, a.Callback.ReasonCode(), name)
	}
}

// A held answer waits for its task to end at most half of the remaining time.
func TestHeldCallbackIsDueBeforeTheEndOfItsTask(t *testing.T) {
	t.Parallel()
	o, a, call := approvedOrder(t, func(r *Request) { r.TaskExpires = at(10 * time.Minute) })
	held := notMade
	held.After = MaxRetryAfter
	o.RecordCallbackResult(call, held, envAt(0))
	require.Equal(t, at(5*time.Minute), a.Callback.Due)
}

func TestNotificationNotMade(t *testing.T) {
	t.Parallel()
	o, a, first := notifyingOrder(t)
	n := a.Notifications[0]
	require.Empty(t, o.RecordNotificationResult(first, notMade, envAt(0)))
	require.Zero(t, n.Attempts)
	require.Empty(t, n.LastError)
	require.Equal(t, NotificationPending, n.State)
	require.Equal(t, at(time.Second), n.Due)
	require.NotContains(t, kindsOf(o.NewEvents()), EventNotificationFailed)

	again := ofKind(ActionNotify, o.Advance(envAt(time.Second)))[0]
	require.Equal(t, first.Attempt, again.Attempt)
	o.RecordNotificationResult(first, notMade, envAt(time.Second))
	require.True(t, n.AttemptRunning, "the result of the first was recorded a second time")
	_, current := o.CurrentNotification(first, at(time.Second))
	require.Nil(t, current)

	now := time.Second
	for rounds := 0; n.State == NotificationPending; rounds++ {
		require.Less(t, rounds, 10)
		held := notMade
		held.After = MaxRetryAfter
		o.RecordNotificationResult(again, held, envAt(now))
		now += MaxRetryAfter
		if actions := ofKind(ActionNotify, o.Advance(envAt(now))); len(actions) > 0 {
			again = actions[0]
		}
	}
	require.Equal(t, NotificationExhausted, n.State)
	require.Contains(t, n.LastError, "the circuit breaker is open")
	require.Equal(t, time.Hour+time.Second, now)
}

// A message to an approver is not sent after the approval has closed.
func TestHeldNotificationIsDroppedAtTheEnd(t *testing.T) {
	t.Parallel()
	o, a, first := notifyingOrder(t)
	requireVerdict(t, o, approveDecision("d"), envAt(0), VerdictDecided)
	require.Equal(t, NotificationPending, a.Notifications[0].State, "its attempt runs")
	_, current := o.CurrentNotification(first, at(0))
	require.Nil(t, current, "an attempt that has begun is not sent any more")
	o.RecordNotificationResult(first, notMade, envAt(0))
	require.Equal(t, NotificationDropped, a.Notifications[0].State)
}

// The maximum age of a notification holds from the second attempt on.
func TestAgeOfANotificationHoldsFromTheSecondAttempt(t *testing.T) {
	t.Parallel()
	late := time.Hour + time.Second
	o := &Order{ID: "o-1"}
	request := newRequest("t1", byMail, func(r *Request) { r.Deadline = at(24 * time.Hour) })
	a, actions := addRequest(t, o, request, Environment{Now: at(0)})
	require.Empty(t, actions)
	first := ofKind(ActionNotify, o.Advance(envAt(late)))
	require.Len(t, first, 1, "the first is always made")
	require.Empty(t, ofKind(ActionNotify, o.Advance(envAt(late+time.Minute))))
	require.Equal(t, NotificationExhausted, a.Notifications[0].State)
}

// Capacity is asked for each action that a transition starts, so that a transition starts as many as there is capacity
// for.
func TestTransitionStartsWithinItsCapacity(t *testing.T) {
	t.Parallel()
	var ids []string
	for i := range 50 {
		ids = append(ids, string(rune('a'+i%26))+string(rune('a'+i/26)))
	}
	env := envAt(0)
	left := 4
	env.Reserve = func(Action, Token) bool { left--; return left >= 0 }
	o := &Order{ID: "o-1"}
	_, actions := addRequest(t, o, newRequest("t1", withApprovers(ids...), byMail), env)
	require.Len(t, ofKind(ActionNotify, actions), 4)
	left = 3
	require.Len(t, ofKind(ActionNotify, o.Advance(env)), 3)
}

// Only an attempt that may have made its call makes delivered_presumed. A process may have made the call before it
// died, so an attempt without a recorded result counts too.
func TestPresumedOnlyAfterACallThatMayHaveBeenMade(t *testing.T) {
	t.Parallel()
	o, a, call := approvedOrder(t)
	o.RecordCallbackResult(call, notMade, envAt(0))
	o.RecordCallbackResult(onlyCallback(t, o.Advance(envAt(time.Second))), closed, envAt(time.Second))
	require.Equal(t, CallbackTooLate, a.Callback.State)

	o, a, _ = approvedOrder(t) // lost with its process
	o.ReleaseLeases(envAt(time.Second))
	o.RecordCallbackResult(onlyCallback(t, o.Advance(envAt(time.Second))), closed, envAt(time.Second))
	require.Equal(t, CallbackPresumed, a.Callback.State)
}

// The error of a callback does not grow with each redrive that ends in the same way.
func TestErrorOfARedrivenCallback(t *testing.T) {
	t.Parallel()
	o, a, call := approvedOrder(t)
	now := time.Duration(0)
	var errors []string
	for range 3 {
		o.RecordCallbackResult(call, notMade, envAt(now))
		now += 48 * time.Hour
		require.Empty(t, ofKind(ActionCallback, o.Advance(envAt(now))), "it was held back for too long")
		require.Equal(t, CallbackExhausted, a.Callback.State)
		errors = append(errors, a.Callback.LastError)
		done, actions := o.RedriveCallback(a.ID, OperatorActor("ann", ""), 0, envAt(now))
		require.True(t, done)
		call = onlyCallback(t, actions)
	}
	require.Equal(t, []string{errors[0], errors[0], errors[0]}, errors)
}

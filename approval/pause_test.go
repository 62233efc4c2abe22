package approval

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// advanceHeld advances an order again and again while an operator holds it, as the sweeper does, and returns how often
// that was necessary. The order is stored each time.
func advanceHeld(t *testing.T, o *Order, from, until time.Duration) (*Order, int) {
	t.Helper()
	visits := 0
	for now := from; now <= until; now = o.NextDue().Sub(began) {
		require.Empty(t, o.Advance(heldEnv(now, ActionCallback, ActionNotify)))
		require.True(t, o.NextDue().After(at(now)), "the order is not due all the time")
		o = storeAndLoad(t, o)
		visits++
	}
	return o, visits
}

// An answer that was tried before a pause is tried again after it, however long it was, and then for the rest of the
// time that its retries had when the pause began.
func TestPauseDoesNotUseUpRetries(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Request){
		"the task goes on":            func(r *Request) { r.TaskExpires = at(1000 * time.Hour); r.Deadline = at(900 * time.Hour) },
		"the task may have ended":     func(r *Request) { r.TaskExpires = at(deadline) },
		"the end of it is not known":  func(*Request) {},
		"retries end with the pause":  func(r *Request) { r.CallbackRetry.MaxAge = 31 * time.Minute },
		"the target waits for itself": func(r *Request) { r.HeartbeatInterval = 0 },
	} {
		o, a, call := approvedOrder(t, change)
		wait := lost
		wait.After = MaxRetryAfter
		o.RecordCallbackResult(call, wait, envAt(0))
		call = onlyCallback(t, o.Advance(envAt(15*time.Minute)))
		o.RecordCallbackResult(call, wait, envAt(15*time.Minute))
		const resumed = 100*time.Hour + 30*time.Minute
		o, visits := advanceHeld(t, o, 30*time.Minute, resumed)
		require.Less(t, visits, 6*101+10, name)
		a = o.FindApproval(a.ID)
		require.Equal(t, CallbackPending, a.Callback.State, name)
		call = onlyCallback(t, o.Advance(envAt(resumed+time.Second)))
		require.Equal(t, 3, call.Attempt, name)
		if name != "the task goes on" {
			continue
		}
		o.RecordCallbackResult(call, notApplied, envAt(resumed+time.Second))
		last := resumed
		for a.Callback.State == CallbackPending {
			last = a.Callback.Due.Sub(began)
			call = onlyCallback(t, o.Advance(envAt(last)))
			o.RecordCallbackResult(call, wait, envAt(last))
		}
		require.InDelta(t, resumed+30*time.Minute, last, float64(MaxRetryAfter), "of the hour, half was left")
		require.Equal(t, CallbackExhausted, a.Callback.State)
	}
}

// What was held back by a circuit breaker before the pause is not given up at its end.
func TestPauseAfterTheBreakerHeldAnAnswerBack(t *testing.T) {
	t.Parallel()
	o, a, call := approvedOrder(t)
	o.RecordCallbackResult(call, notMade, envAt(0))
	o, _ = advanceHeld(t, o, time.Second, 50*time.Hour)
	a = o.FindApproval(a.ID)
	call = onlyCallback(t, o.Advance(envAt(50*time.Hour)))
	o.RecordCallbackResult(call, notMade, envAt(50*time.Hour))
	require.Equal(t, CallbackPending, a.Callback.State)
}

// A call whose process died before the pause is repeated after it.
func TestPauseAfterACrash(t *testing.T) {
	t.Parallel()
	o, a, _ := approvedOrder(t)
	o, _ = advanceHeld(t, o, time.Minute, 50*time.Hour)
	a = o.FindApproval(a.ID)
	require.True(t, a.Callback.MaybeApplied)
	require.Equal(t, 2, onlyCallback(t, o.Advance(envAt(50*time.Hour))).Attempt)
}

// Messages are like answers.
func TestPausedNotification(t *testing.T) {
	t.Parallel()
	o := &Order{ID: "o-1"}
	_, actions, err := o.AddRequest(newRequest("t1", func(r *Request) {
		r.Channels = []string{"mail"}
		r.Deadline = at(1000 * time.Hour)
	}), envAt(0))
	require.NoError(t, err)
	o.RecordNotificationResult(ofKind(ActionNotify, actions)[0], notApplied, envAt(0))
	o, visits := advanceHeld(t, o, time.Second, 50*time.Hour)
	require.Less(t, visits, 6*51+10)
	a := o.Approvals[0]
	again := ofKind(ActionNotify, o.Advance(envAt(50*time.Hour)))
	require.Len(t, again, 1)
	o.RecordNotificationResult(again[0], notApplied, envAt(50*time.Hour))
	require.Equal(t, NotificationPending, a.Notifications[0].State, "there is time for more")
	again = ofKind(ActionNotify, o.Advance(envAt(51*time.Hour-time.Minute)))
	require.Len(t, again, 1)
	o.RecordNotificationResult(again[0], notApplied, envAt(51*time.Hour+time.Second))
	require.Equal(t, NotificationExhausted, a.Notifications[0].State)
}

// After the pause an action that finds no capacity is due at once, and begins when there is some.
func TestResumedWithoutCapacity(t *testing.T) {
	t.Parallel()
	o, a, call := approvedOrder(t)
	o.RecordCallbackResult(call, notApplied, envAt(0))
	o, _ = advanceHeld(t, o, time.Minute, 50*time.Hour)
	a = o.FindApproval(a.ID)
	now := 50*time.Hour + time.Second
	require.True(t, a.Callback.Due.After(at(now)))
	full := envAt(now)
	full.Reserve = func(Action, Token) bool { return false }
	require.Empty(t, o.Advance(full))
	require.Equal(t, at(now), o.NextDue())
	require.Empty(t, o.Advance(Environment{Now: at(now)}), "no lease")
	full.Now = at(52 * time.Hour)
	require.Empty(t, o.Advance(full))
	require.Equal(t, CallbackPending, a.Callback.State)
	onlyCallback(t, o.Advance(envAt(52*time.Hour)))
}

// After a pause an attempt is made, also if a circuit breaker or a rate limit holds the first one back: it counts as none.
func TestFirstAttemptAfterAPauseIsHeldBack(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Request){
		"the task may have ended":    func(r *Request) { r.TaskExpires = at(deadline) },
		"retries end with the pause": func(r *Request) { r.CallbackRetry.MaxAge = time.Minute },
	} {
		o, a, call := approvedOrder(t, change)
		o.RecordCallbackResult(call, notApplied, envAt(0))
		now := 50 * time.Hour
		o, _ = advanceHeld(t, o, a.Callback.Due.Sub(began), now)
		a = o.FindApproval(a.ID)
		for range 30 {
			call = onlyCallback(t, o.Advance(envAt(now)))
			require.Equal(t, 2, call.Attempt, name)
			o.RecordCallbackResult(call, notMade, envAt(now))
			require.Equal(t, CallbackPending, a.Callback.State, name)
			o = storeAndLoad(t, o)
			a = o.FindApproval(a.ID)
			now = a.Callback.Due.Sub(began)
		}
		call = onlyCallback(t, o.Advance(envAt(now)))
		o.RecordCallbackResult(call, notApplied, envAt(now+2*time.Minute))
		require.Equal(t, CallbackExhausted, a.Callback.State, name)
	}
}

// An attempt after a pause that is held back for the whole age of the retries is given up all the same.
func TestAttemptAfterAPauseIsHeldTooLong(t *testing.T) {
	t.Parallel()
	o, a, call := approvedOrder(t)
	o.RecordCallbackResult(call, notApplied, envAt(0))
	o, _ = advanceHeld(t, o, time.Minute, 50*time.Hour)
	a = o.FindApproval(a.ID)
	now := 50 * time.Hour
	for a.Callback.State == CallbackPending {
		require.Less(t, now, 52*time.Hour)
		o.RecordCallbackResult(onlyCallback(t, o.Advance(envAt(now))), notMade, envAt(now))
		now = max(now+time.Minute, a.Callback.Due.Sub(began))
	}
	require.Equal(t, CallbackExhausted, a.Callback.State)
}

// A message is like an answer. It is given up if it would be held back for longer than its retries last.
func TestFirstMessageAfterAPauseIsHeldBack(t *testing.T) {
	t.Parallel()
	for wait, want := range map[time.Duration]NotificationState{
		time.Second:   NotificationPending,
		MaxRetryAfter: NotificationExhausted,
	} {
		o := &Order{ID: "o-1"}
		_, actions, err := o.AddRequest(newRequest("t1", func(r *Request) {
			r.Channels = []string{"mail"}
			r.Deadline = at(1000 * time.Hour)
			r.NotificationRetry.MaxAge = time.Minute
		}), envAt(0))
		require.NoError(t, err)
		failed := notApplied
		failed.After = time.Minute - time.Millisecond // the retries end with the pause
		o.RecordNotificationResult(ofKind(ActionNotify, actions)[0], failed, envAt(0))
		o, _ = advanceHeld(t, o, o.Approvals[0].Notifications[0].Due.Sub(began), 50*time.Hour)
		n := o.Approvals[0].Notifications[0]
		again := ofKind(ActionNotify, o.Advance(envAt(50*time.Hour)))
		require.Len(t, again, 1)
		held := notMade
		held.After = wait
		o.RecordNotificationResult(again[0], held, envAt(50*time.Hour))
		require.Equal(t, want, n.State)
		if want != NotificationPending {
			continue
		}
		again = ofKind(ActionNotify, o.Advance(envAt(50*time.Hour+time.Second)))
		require.Len(t, again, 1)
		require.Equal(t, 2, again[0].Attempt)
		o.RecordNotificationResult(again[0], notApplied, envAt(51*time.Hour))
		require.Equal(t, NotificationExhausted, n.State)
	}
}

// A clock that was ahead when a pause ended does not make the retries longer for ever.
func TestPauseThatEndedByAWrongClock(t *testing.T) {
	t.Parallel()
	o, a, call := approvedOrder(t)
	o.RecordCallbackResult(call, notApplied, envAt(0))
	o, _ = advanceHeld(t, o, time.Minute, time.Hour)
	a = o.FindApproval(a.ID)
	const year = 365 * 24 * time.Hour
	call = onlyCallback(t, o.Advance(envAt(year)))
	o.RecordCallbackResult(call, notApplied, envAt(year))
	o.Advance(envAt(2 * time.Hour)) // the clock is right again
	require.False(t, o.OwedAnswers()[0].Since.After(at(2*time.Hour+maxDueSkew)))
	for now := 2 * time.Hour; a.Callback.State == CallbackPending; now += time.Minute {
		require.Less(t, now, 4*time.Hour)
		for _, c := range ofKind(ActionCallback, o.Advance(envAt(now))) {
			o.RecordCallbackResult(c, notApplied, envAt(now))
		}
	}
	require.Equal(t, CallbackExhausted, a.Callback.State)
}

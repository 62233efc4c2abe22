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
	beat := at(time.Hour + 52*time.Second + 500*time.Millisecond) // the jitter of the tests is a half
	const retried = time.Minute / 8 * 7 / 8
	require.Equal(t, beat, a.HeartbeatDue)
	o.RecordHeartbeatResult(actions[0], ok, envAt(time.Hour))
	require.Equal(t, beat, a.HeartbeatDue)
	o.RecordHeartbeatResult(actions[0], refused, envAt(time.Hour))
	require.Equal(t, beat, a.HeartbeatDue)
	o.RecordHeartbeatResult(actions[0], notApplied, envAt(time.Hour))
	require.Equal(t, at(time.Hour+retried), a.HeartbeatDue)
	o.RecordHeartbeatResult(actions[0], Result{Kind: ResultFailed, After: MaxRetryAfter}, envAt(time.Hour))
	require.Equal(t, at(time.Hour+retried), a.HeartbeatDue, "never later than before")
	require.Equal(t, "heartbeat", joinKinds(o.Advance(envAt(time.Hour+retried))))
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

// heartbeatOf returns the heartbeat of an approval that was started at any time.
func heartbeatOf(a *Approval) Action {
	return Action{Kind: ActionHeartbeat, ApprovalID: a.ID, Target: a.Target}
}

func everyFourMinutes(r *Request) { r.HeartbeatInterval = 4 * time.Minute }

// The workflow counts from the start of its attempt, also while the request waits in a queue.
func TestFirstHeartbeatCountsFromTheStartOfTheAttempt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		started  time.Time
		interval time.Duration
		want     time.Time
	}{
		"started now":           {at(0), 4 * time.Minute, at(4 * time.Minute)},
		"waited for a minute":   {at(-time.Minute), 4 * time.Minute, at(3 * time.Minute)},
		"waited for 7 minutes":  {at(-7 * time.Minute), 4 * time.Minute, at(0)},
		"the start is unknown":  {time.Time{}, 4 * time.Minute, at(4 * time.Minute)},
		"without heartbeats":    {at(0), 0, time.Time{}},
		"our clock is too slow": {at(5 * time.Minute), 4 * time.Minute, at(4 * time.Minute)},
	} {
		r := newRequest("t1", func(r *Request) { r.AttemptStartedAt, r.HeartbeatInterval = c.started, c.interval })
		require.Equal(t, c.want, r.firstHeartbeat(at(0)), name)
	}
	o := &Order{ID: "o-1"}
	a, actions := addRequest(t, o, newRequest("t1", enteredAt(-7*time.Minute), everyFourMinutes), envAt(0))
	require.Equal(t, "heartbeat", joinKinds(actions), "at once")
	require.Equal(t, at(3*time.Minute+30*time.Second), a.HeartbeatDue)
}

func TestHeartbeatStaysDueWithoutLeaseOrCapacity(t *testing.T) {
	t.Parallel()
	for name, env := range map[string]Environment{
		"no lease":    {Now: at(4 * time.Minute)},
		"no capacity": {Now: at(4 * time.Minute), Lease: time.Minute, Reserve: func(Action, Token) bool { return false }},
	} {
		o, a := pendingOrder(t, everyFourMinutes)
		require.Empty(t, o.Advance(env), name)
		require.Equal(t, at(4*time.Minute), a.HeartbeatDue, name)
		require.Len(t, o.Advance(envAt(4*time.Minute)), 1, name)
	}
}

// A workflow waits for its answer while the callback is retried, and while an operator can redrive it. Without
// heartbeats its state would end, and the decision would be lost.
func TestHeartbeatsGoOnUntilTheAnswer(t *testing.T) {
	t.Parallel()
	o, a := pendingOrder(t, everyFourMinutes, func(r *Request) {
		r.Deadline = at(24 * time.Hour)
		r.TaskExpires = at(3 * time.Hour)
		r.CallbackRetry = RetrySchedule{Base: time.Second, Cap: time.Minute, MaxAge: time.Hour}
	})
	actions := requireVerdict(t, o, approveDecision("d1"), envAt(0), VerdictDecided)
	beats := map[CallbackState]int{}
	for now := time.Duration(0); now < 4*time.Hour; now += 30 * time.Second {
		for _, action := range actions {
			switch action.Kind {
			case ActionHeartbeat:
				beats[a.Callback.State]++
				_, current := o.CurrentAnswer(action, at(now))
				require.True(t, current)
				require.Less(t, now, 3*time.Hour, "the task has ended")
			case ActionCallback:
				o.RecordCallbackResult(action, notApplied, envAt(now))
			}
		}
		actions = o.Advance(envAt(now + 30*time.Second))
	}
	require.Equal(t, CallbackExhausted, a.Callback.State)
	require.Equal(t, 17, beats[CallbackPending], "an hour")
	require.Equal(t, 34, beats[CallbackExhausted], "until the end of the task")

	o, a = pendingOrder(t, everyFourMinutes)
	call := onlyCallback(t, requireVerdict(t, o, approveDecision("d1"), envAt(0), VerdictDecided))
	o.RecordCallbackResult(call, ok, envAt(0))
	require.Empty(t, o.Advance(envAt(30*time.Minute)), "it has its answer")
	_, current := o.CurrentAnswer(heartbeatOf(a), at(0))
	require.False(t, current)
}

// A heartbeat that learns that the task is closed ends the callback, unless an attempt may be the reason.
func TestHeartbeatOfAClosedTaskEndsTheCallback(t *testing.T) {
	t.Parallel()
	recording := func(r Result) func(*Order, *Approval, Action) {
		return func(o *Order, _ *Approval, call Action) { o.RecordCallbackResult(call, r, envAt(0)) }
	}
	for name, c := range map[string]struct {
		prepare func(o *Order, a *Approval, call Action)
		want    CallbackState
	}{
		"retried":          {recording(notApplied), CallbackTooLate},
		"exhausted":        {recording(refused), CallbackTooLate},
		"a reply was lost": {recording(lost), CallbackPresumed},
		"under way":        {func(*Order, *Approval, Action) {}, CallbackPending},
		"the lease of an attempt has ended": {
			func(_ *Order, a *Approval, _ Action) { a.Callback.Due = at(0) },
			CallbackPresumed,
		},
	} {
		o, a, call := approvedOrder(t, everyFourMinutes)
		c.prepare(o, a, call)
		o = storeAndLoad(t, o)
		a = o.FindApproval(a.ID)
		o.RecordHeartbeatResult(heartbeatOf(a), closed, envAt(time.Second))
		require.Equal(t, c.want, a.Callback.State, name)
		require.Equal(t, Approved, a.Status, name)
		require.Equal(t, c.want == CallbackPending, !a.nextHeartbeat().IsZero(), name)

		o.RecordCallbackResult(call, ok, envAt(2*time.Second))
		require.Equal(t, CallbackDelivered, a.Callback.State, "%s: a late result shows that the answer was delivered", name)
		o.RecordHeartbeatResult(heartbeatOf(a), closed, envAt(3*time.Second))
		require.Equal(t, CallbackDelivered, a.Callback.State, name)
	}
}

// A target that refuses the heartbeats of a closed approval gets no more, until an operator redrives the callback.
func TestRefusedHeartbeatOfAClosedApprovalStopsThem(t *testing.T) {
	t.Parallel()
	o, a, call := approvedOrder(t, everyFourMinutes)
	o.RecordCallbackResult(call, refused, envAt(0))
	require.Equal(t, at(4*time.Minute), a.nextHeartbeat())
	o.RecordHeartbeatResult(heartbeatOf(a), refused, envAt(time.Second))
	require.True(t, a.nextHeartbeat().IsZero())
	done, _ := o.RedriveCallback(a.ID, Actor{By: "ops"}, 0, Environment{Now: at(time.Minute)})
	require.True(t, done)
	require.Equal(t, at(time.Minute), a.nextHeartbeat())

	o, a = pendingOrder(t, everyFourMinutes)
	o.RecordHeartbeatResult(heartbeatOf(a), refused, envAt(time.Second))
	require.Equal(t, at(4*time.Minute), a.nextHeartbeat(), "a pending approval goes on")
}

// The wait that the target asks for is respected, up to the next heartbeat of the schedule: later, the state would end.
func TestRetryAfterOfAHeartbeat(t *testing.T) {
	t.Parallel()
	for wait, want := range map[time.Duration]time.Duration{
		0:                30 * time.Second * 7 / 8, // an eighth of the interval, with jitter
		2 * time.Minute:  2 * time.Minute,
		15 * time.Minute: 4 * time.Minute,
	} {
		o, a := pendingOrder(t, everyFourMinutes)
		o.RecordHeartbeatResult(heartbeatOf(a), Result{Kind: ResultFailed, After: wait}, envAt(0))
		require.Equal(t, at(want), a.HeartbeatDue, wait)
	}
}

// A heartbeat that was held back in this process is due again soon, and no event counts it.
func TestHeartbeatNotMade(t *testing.T) {
	t.Parallel()
	for wait, want := range map[time.Duration]time.Duration{0: time.Second, 5 * time.Second: 5 * time.Second} {
		o, a := pendingOrder(t, everyFourMinutes)
		held := notMade
		held.After = wait
		events := len(o.NewEvents())
		o.RecordHeartbeatResult(heartbeatOf(a), held, envAt(0))
		require.Equal(t, at(want), a.HeartbeatDue)
		require.Len(t, o.NewEvents(), events)
	}
}

func TestOnlyAnAcceptedHeartbeatChangesNothing(t *testing.T) {
	t.Parallel()
	o, a := pendingOrder(t, everyFourMinutes)
	for _, action := range []Action{heartbeatOf(a), {Kind: ActionHeartbeat, Probe: true}, {Kind: ActionCallback}} {
		for _, r := range []Result{ok, closed, refused, lost, notMade} {
			want := r.Kind == ResultOK && action.Kind == ActionHeartbeat && !action.Probe
			require.Equal(t, want, o.HeartbeatChangesNothing(action, r), "%s %v %s", action.Kind, action.Probe, r.Kind)
		}
	}
	before := marshalOrder(t, o)
	o.RecordHeartbeatResult(heartbeatOf(a), ok, envAt(time.Minute))
	require.Equal(t, before, marshalOrder(t, o))
}

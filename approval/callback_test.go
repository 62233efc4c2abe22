package approval

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// approvedOrder returns an order that was approved at 0, and the first attempt of its callback.
func approvedOrder(t tb, change ...func(*Request)) (*Order, *Approval, Action) {
	t.Helper()
	o, a := pendingOrder(t, change...)
	return o, a, onlyCallback(t, requireVerdict(t, o, approveDecision("d"), envAt(0), VerdictDecided))
}

var (
	ok      = Result{Kind: ResultOK}
	closed  = Result{Kind: ResultClosed}
	refused = Result{Kind: ResultRefused, Reason: "no such task"}
	lost    = Result{
		Kind:         ResultFailed,
		MaybeApplied: true,
		Reason:       "reset",
		ReasonCode:   ReasonNoAnswer,
	}
	// notMade is the result of a call that was held back in this process.
	notMade    = Result{Kind: ResultNotMade, Reason: "the circuit breaker is open", ReasonCode: ReasonCircuitOpen}
	notApplied = Result{Kind: ResultFailed, Reason: "throttled", ReasonCode: ReasonThrottled}
)

// A callback has the results of its attempts in turn, each as soon as the attempt is due.
func TestCallbackOutcomes(t *testing.T) {
	t.Parallel()
	lapse := Result{Kind: "lapse"} // the lease ends without a result
	cases := map[string]struct {
		ends []Result
		want CallbackState
	}{
		"delivered":                        {[]Result{ok}, CallbackDelivered},
		"delivered, at the third attempt":  {[]Result{notApplied, lost, ok}, CallbackDelivered},
		"closed by another":                {[]Result{closed}, CallbackTooLate},
		"closed, surely not by us":         {[]Result{notApplied, notApplied, closed}, CallbackTooLate},
		"closed, the reply was lost":       {[]Result{lost, closed}, CallbackPresumed},
		"closed, a reply was lost earlier": {[]Result{lost, notApplied, closed}, CallbackPresumed},
		"closed, after a crash":            {[]Result{lapse, closed}, CallbackPresumed},
		"refused":                          {[]Result{refused}, CallbackExhausted},
		"refused, after a crash":           {[]Result{lapse, refused}, CallbackExhausted},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, a, act := approvedOrder(t)
			now := time.Duration(0)
			for i, r := range tc.ends {
				require.Equal(t, i+1, a.Callback.Attempts)
				require.Equal(t, i+1, act.Attempt)
				var actions []Action
				if r == lapse {
					now += time.Minute
				} else {
					actions = o.RecordCallbackResult(act, r, envAt(now))
				}
				if i == len(tc.ends)-1 {
					require.Equal(t, tc.want == CallbackExhausted, len(ofKind(ActionDeadLetter, actions)) == 1)
					break
				}
				now = max(now, o.NextDue().Sub(began))
				o = storeAndLoad(t, o)
				a = o.FindApproval(a.ID)
				act = onlyCallback(t, o.Advance(envAt(now)))
			}
			require.Equal(t, tc.want, a.Callback.State)
			attempts := 0
			for _, e := range o.History {
				if e.Kind == EventCallbackAttempt {
					attempts++
				}
			}
			require.Equal(t, len(tc.ends), attempts, "every attempt has one event, however it ends")
		})
	}
}

func TestAttemptIsRecordedBeforeItIsMade(t *testing.T) {
	t.Parallel()
	o, a, act := approvedOrder(t)
	require.True(t, a.Callback.AttemptRunning)
	require.Equal(t, at(time.Minute), act.LeaseExpires)
	require.Equal(t, act.LeaseExpires, o.NextDue())
	require.Empty(t, o.Advance(envAt(0)), "a second sweeper gets nothing")
	require.Empty(t, o.Advance(envAt(time.Minute-1)))

	answer, current := o.CurrentAnswer(act, at(time.Minute-1))
	require.True(t, current)
	require.Equal(t, "t1", answer.Token.Reveal())
	require.Equal(t, Approved, answer.Status)
	_, current = o.CurrentAnswer(act, at(time.Minute))
	require.False(t, current, "the lease has ended")

	second := onlyCallback(t, o.Advance(envAt(time.Minute)))
	_, current = o.CurrentAnswer(act, at(time.Minute))
	require.False(t, current, "another process has it")
	_, current = o.CurrentAnswer(second, at(time.Minute))
	require.True(t, current)
	o.RecordCallbackResult(second, ok, envAt(time.Minute))
	_, current = o.CurrentAnswer(second, at(time.Minute))
	require.False(t, current, "it has ended")
	_, current = o.CurrentAnswer(Action{ApprovalID: "?"}, at(0))
	require.False(t, current)
}

func TestCallbackStaysDueWithoutLeaseOrCapacity(t *testing.T) {
	t.Parallel()
	full := envAt(1)
	full.Reserve = func(a Action, _ Token) bool { return a.Kind != ActionCallback || a.Target != "sfn" }
	for name, none := range map[string]Environment{"no lease": {Now: at(1)}, "no capacity": full} {
		o, a := pendingOrder(t)
		require.Empty(t, requireVerdict(t, o, approveDecision("d"), none, VerdictDecided), name)
		require.Equal(t, at(1), o.NextDue())
		require.Empty(t, o.Advance(none))
		require.Zero(t, a.Callback.Attempts)
		onlyCallback(t, o.Advance(envAt(1)))
	}
}

// The late result of an abandoned attempt counts if it shows that the workflow was answered.
func TestLateResultOfAnAbandonedAttempt(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		late Result
		want CallbackState
	}{
		"ok":          {ok, CallbackDelivered},
		"closed":      {closed, CallbackPresumed}, // the later attempt may have closed it
		"refused":     {refused, CallbackPending},
		"lost":        {lost, CallbackPending},
		"not applied": {notApplied, CallbackPending},
	}
	for name, tc := range cases {
		o, a, first := approvedOrder(t)
		second := onlyCallback(t, o.Advance(envAt(time.Minute)))
		o.RecordCallbackResult(first, tc.late, envAt(time.Minute+1))
		require.Equal(t, tc.want, a.Callback.State, name)
		require.Equal(t, tc.want == CallbackPending, a.Callback.AttemptRunning, name)
		before := marshalOrder(t, o)
		o.RecordCallbackResult(first, tc.late, envAt(time.Minute+1))
		require.Equal(t, before, marshalOrder(t, o), name)
		o.RecordCallbackResult(second, closed, envAt(time.Minute+2))
		require.NotEqual(t, CallbackTooLate, a.Callback.State, name)
	}
}

func TestExhaustedCallbackWithLateSuccessIsDelivered(t *testing.T) {
	t.Parallel()
	o, a, act := approvedOrder(t)
	require.Equal(t, "dead_letter", joinKinds(o.Advance(envAt(2*time.Hour))))
	require.Equal(t, CallbackExhausted, a.Callback.State)
	o.RecordCallbackResult(act, closed, envAt(2*time.Hour))
	require.Equal(t, CallbackExhausted, a.Callback.State)
	require.True(t, o.HasExhaustedCallback())
	o.RecordCallbackResult(act, ok, envAt(2*time.Hour))
	require.Equal(t, CallbackDelivered, a.Callback.State)
	require.False(t, o.HasExhaustedCallback())
	started, _ := o.RedriveCallback(a.ID, OperatorActor("ops", ""), 0, envAt(3*time.Hour))
	require.False(t, started)
}

func TestExhaustion(t *testing.T) {
	t.Parallel()
	expires := func(d time.Duration) func(*Request) { return func(a *Request) { a.TaskExpires = at(d) } }
	fail := func(t *testing.T, o *Order, act Action, r Result, now time.Duration) string {
		t.Helper()
		return joinKinds(o.RecordCallbackResult(act, r, envAt(now)))
	}
	t.Run("the maximum age", func(t *testing.T) {
		t.Parallel()
		o, a, act := approvedOrder(t)
		require.Empty(t, fail(t, o, act, lost, 59*time.Minute))
		act = onlyCallback(t, o.Advance(envAt(time.Hour)))
		require.Equal(t, "dead_letter", fail(t, o, act, lost, time.Hour+1))
		require.Contains(t, a.Callback.LastError, "maximum age")
		require.Equal(t, ReasonNoAnswer, a.Callback.ReasonCode(), "the cause, not the clock")
		ended := o.History[len(o.History)-1]
		require.Equal(t, EventCallbackEnded, ended.Kind)
		require.Equal(t, ReasonNoAnswer, ended.ReasonCode)
	})
	t.Run("the task's end", func(t *testing.T) {
		t.Parallel()
		o, a, act := approvedOrder(t, expires(30*time.Minute))
		require.Equal(t, "dead_letter", fail(t, o, act, lost, 30*time.Minute))
		require.Contains(t, a.Callback.LastError, "the task has expired")
	})
	t.Run("a first attempt is always made", func(t *testing.T) {
		t.Parallel()
		o, _ := pendingOrder(t, expires(time.Minute))
		onlyCallback(t, requireVerdict(t, o, approveDecision("d"), envAt(time.Hour), VerdictDecided))
	})
	t.Run("not while the task still waits", func(t *testing.T) {
		t.Parallel()
		o, a, act := approvedOrder(t, expires(10*time.Minute))
		slow := notApplied
		slow.After = MaxRetryAfter // would be after the task's end
		now := time.Duration(0)
		attempts := 0
		for a.Callback.State == CallbackPending {
			attempts++
			require.Less(t, attempts, 20)
			if fail(t, o, act, slow, now) == "" {
				require.False(t, a.Callback.Due.After(a.TaskExpires))
				now = o.NextDue().Sub(began)
				act = onlyCallback(t, o.Advance(envAt(now)))
			}
		}
		require.Greater(t, now, 9*time.Minute)
	})
	t.Run("several attempts near the end of the task", func(t *testing.T) {
		t.Parallel()
		o, a, act := approvedOrder(t, expires(34*time.Second), func(a *Request) {
			a.CallbackRetry = RetrySchedule{Base: time.Second, Cap: time.Minute, MaxAge: time.Hour}
		})
		now := time.Duration(0)
		attempts := 0
		for a.Callback.State == CallbackPending {
			attempts++
			require.Less(t, attempts, 30)
			unlucky := envAt(now)
			unlucky.Jitter = 0.999
			if joinKinds(o.RecordCallbackResult(act, notApplied, unlucky)) == "" {
				require.LessOrEqual(t, o.NextDue().Sub(at(now)), max(time.Second, (34*time.Second-now)/4)+2*time.Second)
				now = o.NextDue().Sub(began)
				act = onlyCallback(t, o.Advance(envAt(now)))
			}
		}
		require.Greater(t, attempts, 9)
		require.Greater(t, now, 31*time.Second)
	})
	t.Run("a crash, then too old", func(t *testing.T) {
		t.Parallel()
		o, a, _ := approvedOrder(t)
		require.Equal(t, "dead_letter", joinKinds(o.Advance(envAt(time.Hour+1))))
		require.Equal(t, CallbackExhausted, a.Callback.State)
		require.True(t, a.Callback.MaybeApplied)
		require.Equal(t, ReasonResultNotRecorded, a.Callback.ReasonCode())
		require.Equal(t, ReasonUnknown, Callback{LastError: "of an older version"}.ReasonCode())
	})
}

func TestRetryAfterIsRespectedUpToItsMaximum(t *testing.T) {
	t.Parallel()
	cases := []struct{ enteredAt, want time.Duration }{
		{time.Hour, MaxRetryAfter}, {time.Minute, time.Minute}, {-time.Hour, time.Second / 2},
		{0, time.Second / 2},
	}
	for _, tc := range cases {
		o, a, act := approvedOrder(t)
		o.RecordCallbackResult(act, ResultOf(NotApplied(RetryAfter(errBusy, tc.enteredAt))), envAt(0))
		require.Equal(t, at(tc.want), a.Callback.Due)
	}
}

func TestRedrive(t *testing.T) {
	t.Parallel()
	o, a, first := approvedOrder(t)
	o.RecordCallbackResult(first, refused, envAt(0))
	started, _ := o.RedriveCallback("?", OperatorActor("ops", ""), 0, envAt(1))
	require.False(t, started)
	started, actions := o.RedriveCallback(a.ID, OperatorActor("ops", ""), 2, envAt(24*time.Hour))
	require.True(t, started, "regardless of its age")
	second := onlyCallback(t, actions)
	require.Greater(t, second.Attempt, first.Attempt, "the result of an old attempt must not count for it")

	o = storeAndLoad(t, o)
	a = o.FindApproval(a.ID)
	o.RecordCallbackResult(first, notApplied, envAt(24*time.Hour+1)) // late
	require.True(t, a.Callback.AttemptRunning)
	o.RecordCallbackResult(second, notApplied, envAt(24*time.Hour+1))
	require.Equal(t, at(24*time.Hour+1+time.Second/2), a.Callback.Due, "the schedule starts again")
	o.RecordCallbackResult(onlyCallback(t, o.Advance(envAt(25*time.Hour))), refused, envAt(25*time.Hour))

	started, actions = o.RedriveCallback(a.ID, OperatorActor("ops", ""), 2, envAt(26*time.Hour))
	require.True(t, started)
	o.RecordCallbackResult(onlyCallback(t, actions), refused, envAt(26*time.Hour))
	started, _ = o.RedriveCallback(a.ID, OperatorActor("ops", ""), 2, envAt(27*time.Hour))
	require.False(t, started, "the limit guards against loops")
}

// An attempt before the redrive may have closed the task.
func TestRedriveRemembersMaybeApplied(t *testing.T) {
	t.Parallel()
	o, a, _ := approvedOrder(t)
	o.Advance(envAt(time.Hour + 1)) // a crash, then too old
	_, actions := o.RedriveCallback(a.ID, OperatorActor("ops", ""), 0, envAt(2*time.Hour))
	o.RecordCallbackResult(onlyCallback(t, actions), closed, envAt(2*time.Hour))
	require.Equal(t, CallbackPresumed, a.Callback.State)
}

// If a target is down for a day, the record still has the decision: of a series of failures it keeps the first and the
// last.
func TestSeriesOfFailuresInTheHistory(t *testing.T) {
	t.Parallel()
	o, a, act := approvedOrder(t, func(a *Request) { a.CallbackRetry.MaxAge = 24 * time.Hour })
	before := len(o.History)
	now := time.Duration(0)
	for n := range 3 * maxOtherEvents {
		lost := lost
		lost.Reason = fmt.Sprint("request ", n)
		o.RecordCallbackResult(act, lost, envAt(now))
		now = a.Callback.Due.Sub(began)
		act = onlyCallback(t, o.Advance(envAt(now)))
	}
	require.Len(t, o.History, before+2)
	require.Equal(t, EventRequested, o.History[0].Kind)
	first, last := o.History[before], o.History[before+1]
	require.Equal(t, []any{1, "request 0"}, []any{first.Attempt, first.Note})
	require.Equal(t, []any{3 * maxOtherEvents, fmt.Sprint("request ", 3*maxOtherEvents-1)}, []any{last.Attempt, last.Note})
	require.GreaterOrEqual(t, len(o.NewEvents()), 3*maxOtherEvents, "every failure is counted")
	o.RecordCallbackResult(act, ok, envAt(now))
	require.Len(t, o.History, before+4, "a success is not part of the series")
}

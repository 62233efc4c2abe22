package approval

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// approved returns an order whose answer is owed since 0, and its first attempt.
func approved(t tb, change ...func(*Request)) (*Order, *Approval, Action) {
	t.Helper()
	o, a := requested(t, change...)
	return o, a, callBack(t, decide(t, o, approve("d"), turn(0), VerdictDecided))
}

var (
	ok         = Result{Kind: ResultOK}
	closed     = Result{Kind: ResultClosed}
	refused    = Result{Kind: ResultRefused, Reason: "no such task"}
	lost       = Result{Kind: ResultFailed, MaybeApplied: true, Reason: "reset", ReasonCode: ReasonNoAnswer}
	notApplied = Result{Kind: ResultFailed, Reason: "throttled", ReasonCode: ReasonThrottled}
)

// How a callback ends: the ends of its attempts in turn, each as soon as it is due.
func TestCallbackOutcomes(t *testing.T) {
	t.Parallel()
	lapse := Result{Kind: "lapse"} // whoever tried says nothing until the lease ends
	cases := map[string]struct {
		ends []Result
		want CallbackState
	}{
		"delivered":                        {[]Result{ok}, CallbackDelivered},
		"delivered, at the third attempt":  {[]Result{notApplied, lost, ok}, CallbackDelivered},
		"closed, and it was not us":        {[]Result{closed}, CallbackTooLate},
		"closed, we surely did not":        {[]Result{notApplied, notApplied, closed}, CallbackTooLate},
		"closed, the reply was lost":       {[]Result{lost, closed}, CallbackPresumed},
		"closed, a reply was lost earlier": {[]Result{lost, notApplied, closed}, CallbackPresumed},
		"closed, after a crash":            {[]Result{lapse, closed}, CallbackPresumed},
		"refused":                          {[]Result{refused}, CallbackExhausted},
		"refused, after a crash":           {[]Result{lapse, refused}, CallbackExhausted},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, a, act := approved(t)
			now := time.Duration(0)
			for i, r := range tc.ends {
				require.Equal(t, i+1, a.Callback.Attempts)
				require.Equal(t, i+1, act.Attempt)
				var actions []Action
				if r == lapse {
					now += time.Minute
				} else {
					actions = o.RecordCallbackResult(act, r, turn(now))
				}
				if i == len(tc.ends)-1 {
					require.Equal(t, tc.want == CallbackExhausted, len(only(ActionDeadLetter, actions)) == 1)
					break
				}
				now = max(now, o.NextDue().Sub(began))
				o = stored(t, o)
				a = o.FindApproval(a.ID)
				act = callBack(t, o.Advance(turn(now)))
			}
			require.Equal(t, tc.want, a.Callback.State)
			attempts := 0
			for _, e := range o.History {
				if e.Kind == EventCallbackAttempt {
					attempts++
				}
			}
			require.Equal(t, len(tc.ends), attempts, "one event an attempt, whoever ends it")
		})
	}
}

func TestAnAttemptIsRecordedBeforeItIsMadeAndGivenToOne(t *testing.T) {
	t.Parallel()
	o, a, act := approved(t)
	require.True(t, a.Callback.AttemptRunning)
	require.Equal(t, at(time.Minute), act.LeaseExpires)
	require.Equal(t, act.LeaseExpires, o.NextDue())
	require.Empty(t, o.Advance(turn(0)), "a second sweeper gets nothing")
	require.Empty(t, o.Advance(turn(time.Minute-1)))

	answer, current := o.CurrentAnswer(act, at(time.Minute-1))
	require.True(t, current)
	require.Equal(t, "t1", answer.Token.Reveal())
	require.Equal(t, Approved, answer.Status)
	_, current = o.CurrentAnswer(act, at(time.Minute))
	require.False(t, current, "the lease has ended")

	second := callBack(t, o.Advance(turn(time.Minute)))
	_, current = o.CurrentAnswer(act, at(time.Minute))
	require.False(t, current, "another has it")
	_, current = o.CurrentAnswer(second, at(time.Minute))
	require.True(t, current)
	o.RecordCallbackResult(second, ok, turn(time.Minute))
	_, current = o.CurrentAnswer(second, at(time.Minute))
	require.False(t, current, "it has ended")
	_, current = o.CurrentAnswer(Action{ApprovalID: "?"}, at(0))
	require.False(t, current)
}

func TestWhatADeadProcessBeganIsDueAtOnce(t *testing.T) {
	t.Parallel()
	o, a, act := approved(t)
	require.Empty(t, o.Advance(turn(time.Second)), "its lease holds")

	o.ReleaseLeases(turn(time.Second))
	next := callBack(t, o.Advance(turn(time.Second)))
	require.Equal(t, act.Attempt+1, next.Attempt)
	require.True(t, a.Callback.MaybeApplied, "the dead one may have made its call")
	require.Equal(t, at(time.Second+time.Minute), a.Callback.Due)
	require.Empty(t, o.RecordCallbackResult(next, closed, turn(2*time.Second)))
	require.Equal(t, CallbackPresumed, a.Callback.State)

	o, a = requested(t, approvers("ann"), func(a *Request) { a.Channels = []string{"mail"} })
	require.NotEmpty(t, a.Notifications)
	require.True(t, a.Notifications[0].AttemptRunning)
	o.ReleaseLeases(turn(time.Second))
	require.Len(t, only(ActionNotify, o.Advance(turn(time.Second))), 1)

	o, a, act = approved(t) // what waits for its next attempt was not under way
	o.RecordCallbackResult(act, notApplied, turn(0))
	due := a.Callback.Due
	o.ReleaseLeases(turn(0))
	require.Equal(t, due, a.Callback.Due)
}

func TestWithoutALeaseOrRoomItStaysDue(t *testing.T) {
	t.Parallel()
	full := turn(1)
	full.HasCapacity = func(kind ActionKind, name string) bool { return kind != ActionCallback || name != "sfn" }
	for name, none := range map[string]Environment{"no lease": {Now: at(1)}, "no room": full} {
		o, a := requested(t)
		require.Empty(t, decide(t, o, approve("d"), none, VerdictDecided), name)
		require.Equal(t, at(1), o.NextDue())
		require.Empty(t, o.Advance(none))
		require.Zero(t, a.Callback.Attempts)
		callBack(t, o.Advance(turn(1)))
	}
}

// The end of an attempt that was written off: what it says still counts, if it
// says that the workflow was answered.
func TestTheEndOfAnOlderAttempt(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		late Result
		want CallbackState
	}{
		"ok":          {ok, CallbackDelivered},
		"closed":      {closed, CallbackPresumed}, // the later attempt may be why
		"refused":     {refused, CallbackPending},
		"lost":        {lost, CallbackPending},
		"not applied": {notApplied, CallbackPending},
	}
	for name, tc := range cases {
		o, a, first := approved(t)
		second := callBack(t, o.Advance(turn(time.Minute)))
		o.RecordCallbackResult(first, tc.late, turn(time.Minute+1))
		require.Equal(t, tc.want, a.Callback.State, name)
		require.Equal(t, tc.want == CallbackPending, a.Callback.AttemptRunning, name)
		before := record(t, o)
		o.RecordCallbackResult(first, tc.late, turn(time.Minute+1))
		require.Equal(t, before, record(t, o), name)
		o.RecordCallbackResult(second, closed, turn(time.Minute+2))
		require.NotEqual(t, CallbackTooLate, a.Callback.State, name)
	}
}

func TestAGivenUpCallbackThatGotThroughIsDelivered(t *testing.T) {
	t.Parallel()
	o, a, act := approved(t)
	require.Equal(t, "dead_letter", kinds(o.Advance(turn(2*time.Hour))))
	require.Equal(t, CallbackExhausted, a.Callback.State)
	o.RecordCallbackResult(act, closed, turn(2*time.Hour))
	require.Equal(t, CallbackExhausted, a.Callback.State)
	require.True(t, o.HasExhaustedCallback())
	o.RecordCallbackResult(act, ok, turn(2*time.Hour))
	require.Equal(t, CallbackDelivered, a.Callback.State)
	require.False(t, o.HasExhaustedCallback())
	started, _ := o.RedriveCallback(a.ID, "ops", 0, turn(3*time.Hour))
	require.False(t, started)
}

func TestGivingUp(t *testing.T) {
	t.Parallel()
	expires := func(d time.Duration) func(*Request) { return func(a *Request) { a.TaskExpires = at(d) } }
	fail := func(t *testing.T, o *Order, act Action, r Result, now time.Duration) string {
		t.Helper()
		return kinds(o.RecordCallbackResult(act, r, turn(now)))
	}
	t.Run("the maximum age", func(t *testing.T) {
		t.Parallel()
		o, a, act := approved(t)
		require.Empty(t, fail(t, o, act, lost, 59*time.Minute))
		act = callBack(t, o.Advance(turn(time.Hour)))
		require.Equal(t, "dead_letter", fail(t, o, act, lost, time.Hour+1))
		require.Contains(t, a.Callback.LastError, "maximum age")
		require.Equal(t, ReasonNoAnswer, a.Callback.ReasonCode(), "the cause, not the clock")
		ended := o.History[len(o.History)-1]
		require.Equal(t, EventCallbackEnded, ended.Kind)
		require.Equal(t, ReasonNoAnswer, ended.ReasonCode)
	})
	t.Run("the task's end", func(t *testing.T) {
		t.Parallel()
		o, a, act := approved(t, expires(30*time.Minute))
		require.Equal(t, "dead_letter", fail(t, o, act, lost, 30*time.Minute))
		require.Contains(t, a.Callback.LastError, "the task has expired")
	})
	t.Run("a first attempt is always made", func(t *testing.T) {
		t.Parallel()
		o, _ := requested(t, expires(time.Minute))
		callBack(t, decide(t, o, approve("d"), turn(time.Hour), VerdictDecided))
	})
	t.Run("not while the task still waits", func(t *testing.T) {
		t.Parallel()
		o, a, act := approved(t, expires(10*time.Minute))
		slow := notApplied
		slow.After = MaxRetryAfter // would be after the task's end
		now, tries := time.Duration(0), 0
		for a.Callback.State == CallbackPending {
			tries++
			require.Less(t, tries, 20)
			if fail(t, o, act, slow, now) == "" {
				require.False(t, a.Callback.Due.After(a.TaskExpires))
				now = o.NextDue().Sub(began)
				act = callBack(t, o.Advance(turn(now)))
			}
		}
		require.Greater(t, now, 9*time.Minute)
	})
	t.Run("a task near its end gets its attempts too", func(t *testing.T) {
		t.Parallel()
		o, a, act := approved(t, expires(34*time.Second), func(a *Request) {
			a.CallbackRetry = RetrySchedule{Base: time.Second, Cap: time.Minute, MaxAge: time.Hour}
		})
		now, tries := time.Duration(0), 0
		for a.Callback.State == CallbackPending {
			tries++
			require.Less(t, tries, 30)
			unlucky := turn(now)
			unlucky.Jitter = 0.999
			if kinds(o.RecordCallbackResult(act, notApplied, unlucky)) == "" {
				require.LessOrEqual(t, o.NextDue().Sub(at(now)), max(time.Second, (34*time.Second-now)/4)+2*time.Second)
				now = o.NextDue().Sub(began)
				act = callBack(t, o.Advance(turn(now)))
			}
		}
		require.Greater(t, tries, 9)
		require.Greater(t, now, 31*time.Second)
	})
	t.Run("a crash, then too old", func(t *testing.T) {
		t.Parallel()
		o, a, _ := approved(t)
		require.Equal(t, "dead_letter", kinds(o.Advance(turn(time.Hour+1))))
		require.Equal(t, CallbackExhausted, a.Callback.State)
		require.True(t, a.Callback.MaybeApplied)
		require.Equal(t, ReasonResultNotRecorded, a.Callback.ReasonCode())
		require.Equal(t, ReasonUnknown, Callback{LastError: "of an older version"}.ReasonCode())
	})
}

func TestRetryAfterIsHeededAndCapped(t *testing.T) {
	t.Parallel()
	cases := []struct{ asked, want time.Duration }{{time.Hour, MaxRetryAfter}, {time.Minute, time.Minute}, {-time.Hour, time.Second / 2}, {0, time.Second / 2}}
	for _, tc := range cases {
		o, a, act := approved(t)
		o.RecordCallbackResult(act, ResultOf(NotApplied(RetryAfter(errBusy, tc.asked))), turn(0))
		require.Equal(t, at(tc.want), a.Callback.Due)
	}
}

func TestRedrive(t *testing.T) {
	t.Parallel()
	o, a, first := approved(t)
	o.RecordCallbackResult(first, refused, turn(0))
	started, _ := o.RedriveCallback("?", "ops", 0, turn(1))
	require.False(t, started)
	started, actions := o.RedriveCallback(a.ID, "ops", 2, turn(24*time.Hour))
	require.True(t, started, "whatever its age")
	second := callBack(t, actions)
	require.Greater(t, second.Attempt, first.Attempt, "or the end of an old attempt would be taken for this one's")

	o = stored(t, o)
	a = o.FindApproval(a.ID)
	o.RecordCallbackResult(first, notApplied, turn(24*time.Hour+1)) // late
	require.True(t, a.Callback.AttemptRunning)
	o.RecordCallbackResult(second, notApplied, turn(24*time.Hour+1))
	require.Equal(t, at(24*time.Hour+1+time.Second/2), a.Callback.Due, "the schedule begins anew")
	o.RecordCallbackResult(callBack(t, o.Advance(turn(25*time.Hour))), refused, turn(25*time.Hour))

	started, actions = o.RedriveCallback(a.ID, "ops", 2, turn(26*time.Hour))
	require.True(t, started)
	o.RecordCallbackResult(callBack(t, actions), refused, turn(26*time.Hour))
	started, _ = o.RedriveCallback(a.ID, "ops", 2, turn(27*time.Hour))
	require.False(t, started, "a guard against loops")
}

// What may have been applied before a redrive may be why the task is closed.
func TestARedriveRemembersWhatMayHaveBeenApplied(t *testing.T) {
	t.Parallel()
	o, a, _ := approved(t)
	o.Advance(turn(time.Hour + 1)) // a crash, then too old
	_, actions := o.RedriveCallback(a.ID, "ops", 0, turn(2*time.Hour))
	o.RecordCallbackResult(callBack(t, actions), closed, turn(2*time.Hour))
	require.Equal(t, CallbackPresumed, a.Callback.State)
}

func TestTheTokenIsErasedAfterTheGraceAndTheApprovalAfterItsRetention(t *testing.T) {
	t.Parallel()
	for _, end := range []Result{ok, closed, refused} {
		o, a, act := approved(t)
		o.RecordCallbackResult(act, end, turn(time.Minute))
		gone := end.Kind != ResultRefused
		if gone {
			require.Equal(t, at(time.Minute+TokenGrace), o.NextDue())
		}
		o.Advance(turn(time.Minute + TokenGrace - 1))
		require.False(t, a.Token.IsZero())
		o.Advance(turn(time.Minute + TokenGrace))
		require.Equal(t, gone, a.Token.IsZero(), "an exhausted one may be redriven")
		require.Equal(t, at(time.Minute+retention), o.NextDue())
		o.Advance(turn(time.Minute + retention - 1))
		require.False(t, o.IsEmpty())
		o.Advance(turn(time.Minute + retention))
		require.True(t, o.IsEmpty())
		require.True(t, o.NextDue().IsZero())
	}
}

// A target that is down for a day does not make the record forget who decided: of a
// row of failures the first and the last are kept.
func TestARowOfFailuresPushesNothingOut(t *testing.T) {
	t.Parallel()
	o, a, act := approved(t, func(a *Request) { a.CallbackRetry.MaxAge = 24 * time.Hour })
	before := len(o.History)
	now := time.Duration(0)
	for n := range 3 * MaxHistory {
		lost := lost
		lost.Reason = fmt.Sprint("request ", n)
		o.RecordCallbackResult(act, lost, turn(now))
		now = a.Callback.Due.Sub(began)
		act = callBack(t, o.Advance(turn(now)))
	}
	require.Len(t, o.History, before+2)
	require.Equal(t, EventRequested, o.History[0].Kind)
	first, last := o.History[before], o.History[before+1]
	require.Equal(t, []any{1, "request 0"}, []any{first.Attempt, first.Note})
	require.Equal(t, []any{3 * MaxHistory, fmt.Sprint("request ", 3*MaxHistory-1)}, []any{last.Attempt, last.Note})
	require.GreaterOrEqual(t, len(o.NewEvents()), 3*MaxHistory, "each is counted")
	o.RecordCallbackResult(act, ok, turn(now))
	require.Len(t, o.History, before+4, "what ended it is no failure")
}

// A request may be handed over again long after all is over (a queue keeps it for
// two weeks, a dead letter queue for longer): nobody is asked again.
func TestARequestThatComesAgainAfterTheRetention(t *testing.T) {
	t.Parallel()
	const short = time.Hour
	asks := ask("t1", mail, func(a *Request) { a.Retention = short })
	o := &Order{ID: "o-1"}
	request(t, o, asks, turn(0))
	act := callBack(t, decide(t, o, approve("d"), turn(time.Minute), VerdictDecided))
	o.RecordCallbackResult(act, ok, turn(time.Minute))
	o.Advance(turn(time.Minute + short))
	a, actions := request(t, o, asks, turn(time.Minute+short))
	require.Equal(t, Approved, a.Status)
	require.Empty(t, actions)
	o.Advance(turn(deadline))
	require.True(t, o.IsEmpty())
	_, actions = request(t, o, asks, turn(deadline))
	require.Empty(t, only(ActionNotify, actions))
}

func TestHeartbeats(t *testing.T) {
	t.Parallel()
	o, a := requested(t, func(a *Request) { a.HeartbeatInterval = time.Minute })
	require.Empty(t, o.Advance(turn(time.Minute-1)))
	actions := o.Advance(turn(time.Minute))
	require.Equal(t, "heartbeat", kinds(actions))
	require.Empty(t, o.Advance(turn(time.Minute)))
	answer, current := o.CurrentAnswer(actions[0], at(time.Minute))
	require.True(t, current)
	require.Equal(t, "t1", answer.Token.Reveal())
	require.Equal(t, "heartbeat", kinds(o.Advance(turn(2*time.Minute))), "a lost one is followed by the next")
	require.Equal(t, "heartbeat", kinds(o.Advance(turn(time.Hour))), "one stands for all that were missed")

	// One that failed is tried again well before the next, or two throttled in a row
	// would let the state time out.
	beat := at(time.Hour + time.Minute)
	require.Equal(t, beat, a.HeartbeatDue)
	o.RecordHeartbeatResult(actions[0], ok, turn(time.Hour))
	require.Equal(t, beat, a.HeartbeatDue)
	o.RecordHeartbeatResult(actions[0], refused, turn(time.Hour))
	require.Equal(t, beat, a.HeartbeatDue)
	o.RecordHeartbeatResult(actions[0], notApplied, turn(time.Hour))
	require.Equal(t, at(time.Hour+time.Minute/8), a.HeartbeatDue)
	o.RecordHeartbeatResult(actions[0], Result{Kind: ResultFailed, After: MaxRetryAfter}, turn(time.Hour))
	require.Equal(t, at(time.Hour+time.Minute/8), a.HeartbeatDue, "no later than it was")
	require.Equal(t, "heartbeat", kinds(o.Advance(turn(time.Hour+time.Minute/8))))

	decide(t, o, approve("d"), turn(time.Hour), VerdictDecided)
	_, current = o.CurrentAnswer(actions[0], at(time.Hour))
	require.False(t, current)
	o.RecordHeartbeatResult(actions[0], closed, turn(time.Hour))
	require.Equal(t, Approved, a.Status, "a late heartbeat ends nothing")
	require.True(t, a.HeartbeatDue.IsZero())
}

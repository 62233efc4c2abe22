package approval

import (
	"strings"
	"time"
)

// startCallback starts the attempt that is due, or ends the callback if another attempt would come too late. After a pause
// there is always another attempt.
func (o *Order) startCallback(a *Approval, env Environment) []Action {
	c := &a.Callback
	if c.State != CallbackPending || c.Due.After(env.Now) && (c.AttemptRunning || !c.Pause.isOn()) {
		return nil
	}
	if c.AttemptRunning {
		o.abandonAttempt(a, env)
	}
	if env.holds(o.newAction(ActionCallback, a, c.Due)) {
		c.Due = c.Pause.hold(c.Due, env)
		return nil
	}
	if c.Pause.isOn() && env.Lease > 0 { // it is no longer held
		c.Due = earlierOf(c.Due, env.Now)
	}
	if reason := a.reasonToStop(env.Now); reason != "" && (!c.Pause.isOn() || a.Token.IsZero()) {
		switch {
		case a.Token.IsZero():
			c.LastReasonCode = ReasonTokenErased
		case strings.HasPrefix(c.LastError, reason): // it ended in the same way before a redrive
			reason = c.LastError
		case c.LastError != "":
			reason += ": " + c.LastError
		}
		return o.endCallback(a, CallbackExhausted, reason, env)
	}
	action := o.newAction(ActionCallback, a, env.Now.Add(a.attemptLease(env)))
	action.Attempt = c.Attempts + 1
	if !env.canStart(action, a.Token) {
		return nil
	}
	c.Pause.end(env, &c.HeldSince, &c.RefusedSince)
	c.Attempts = action.Attempt
	c.AttemptRunning = true
	c.Due = action.LeaseExpires
	return []Action{action}
}

// attemptLease returns the lease of an attempt. If its process dies, the next attempt waits for the end of the lease. So near
// the end of the task, the lease is at most a quarter of the remaining time, as in nextAttemptTime, but not too short for a
// call.
func (a *Approval) attemptLease(env Environment) time.Duration {
	if a.TaskExpires.IsZero() || env.ShortLease <= 0 {
		return env.Lease
	}
	return min(env.Lease, max(a.TaskExpires.Sub(env.Now)/4, env.ShortLease))
}

// abandonAttempt records that an attempt was interrupted: its lease has ended without a result. Its process may have crashed
// before the call or after it, so the workflow may have our answer. The target has not failed.
func (o *Order) abandonAttempt(a *Approval, env Environment) {
	c := &a.Callback
	c.AttemptRunning = false
	c.Pause.Resumed = false
	c.HeldSince = noTime
	c.MaybeApplied = true
	c.MaybeAppliedAt = env.Now
	c.LastError = "the result of the attempt was not recorded"
	c.LastReasonCode = ReasonResultNotRecorded
	o.recordAttempt(a, c.Attempts, Result{Kind: ResultInterrupted, Reason: c.LastError, ReasonCode: c.LastReasonCode}, env)
}

func (o *Order) recordAttempt(a *Approval, attempt int, r Result, env Environment) {
	e := a.newEvent(EventCallbackAttempt, env.Now)
	e.Target = a.Target
	e.Attempt = attempt
	e.Code = string(r.Kind)
	e.ReasonCode = r.ReasonCode
	e.Note = r.Reason
	o.recordEvent(e)
}

// reasonToStop returns the reason why an attempt at this time would be useless, or "". While there is a token, the
// first attempt (also the first after a redrive or a pause) is always made, because the task may last longer than we
// believe. Only an attempt that was held back for the whole maximum age is given up. The time of pauses does not count.
func (a *Approval) reasonToStop(at time.Time) string {
	switch {
	case a.Token.IsZero():
		return "the token has been erased"
	case a.Callback.isFirstAttempt() && !isHeldTooLong(a.Callback.HeldSince, at, a.CallbackRetry):
		return ""
	case !a.TaskExpires.IsZero() && at.After(a.TaskExpires):
		return "the task has expired"
	case at.After(a.Callback.PendingSince.Add(a.CallbackRetry.MaxAge + a.Callback.Pause.Total)):
		return "the maximum age of a callback has passed"
	}
	return ""
}

// RecordCallbackResult records the result of an attempt to answer the workflow. A result after the end of the lease
// still counts if it shows that the workflow was answered or no longer waits.
func (o *Order) RecordCallbackResult(action Action, r Result, env Environment) []Action {
	a := o.FindApproval(action.ApprovalID)
	if a == nil || !a.Callback.acceptsResult(action, r) {
		return nil
	}
	if r.Kind == ResultNotMade {
		return o.returnAttempt(a, r, env)
	}
	c := &a.Callback
	c.Pause.Resumed = false
	c.HeldSince = noTime
	r = c.judgeRefusal(r, env.Now)
	o.recordAttempt(a, action.Attempt, r, env)
	switch r.Kind {
	case ResultOK:
		return o.endCallback(a, CallbackDelivered, "", env)
	case ResultClosed:
		return o.endCallback(a, a.closedTaskOutcome(env), "", env)
	}
	c.AttemptRunning = false
	c.LastError = r.Reason
	c.LastReasonCode = r.ReasonCode
	if r.MaybeApplied {
		c.MaybeApplied = true
		c.MaybeAppliedAt = env.Now
	}
	if r.Kind == ResultRefused {
		return o.endCallback(a, CallbackExhausted, r.Reason, env)
	}
	next := a.CallbackRetry.NextAttempt(c.attemptsSinceRedrive(), env.Now, env.Jitter)
	return o.scheduleAttempt(a, next, r, env)
}

// returnAttempt takes back an attempt that was held back in this process: it counts as none, and the history does not
// have it. If a circuit holds it back, its target is failing, and the approval IsRetrying although no attempt of its own
// has failed: an operator looks for it in an outage. The error of an attempt of its own tells more, and is kept.
func (o *Order) returnAttempt(a *Approval, r Result, env Environment) []Action {
	c := &a.Callback
	c.Attempts--
	c.AttemptRunning = false
	if c.LastError == "" && r.ReasonCode != ReasonRateLimited && r.ReasonCode != ReasonNoCapacity {
		c.LastError = r.Reason
		c.LastReasonCode = r.ReasonCode
	}
	if c.HeldSince.IsZero() {
		c.HeldSince = env.Now
	}
	return o.scheduleAttempt(a, env.Now.Add(minWaitNotMade), r, env)
}

// scheduleAttempt makes the next attempt due at the given time or later, or ends the callback if that attempt would
// come too late.
func (o *Order) scheduleAttempt(a *Approval, next time.Time, r Result, env Environment) []Action {
	c := &a.Callback
	c.Due = a.nextAttemptTime(next, r, env)
	if reason := a.reasonToStop(c.Due); reason != "" {
		c.LastReasonCode = r.ReasonCode
		return o.endCallback(a, CallbackExhausted, reason+": "+r.Reason, env)
	}
	return nil
}

// isHeldTooLong reports whether an action has been held back in this process for the maximum age of its attempts.
func isHeldTooLong(since, at time.Time, schedule RetrySchedule) bool {
	return !since.IsZero() && at.After(since.Add(schedule.MaxAge))
}

// acceptsResult reports whether the result of an attempt still changes the callback.
func (c Callback) acceptsResult(action Action, r Result) bool {
	switch {
	case c.hasEnded(): // a late attempt can turn out to have answered the workflow
		return r.Kind == ResultOK && c.State != CallbackDelivered
	case c.State != CallbackPending:
		return false
	case r.Kind == ResultOK, r.Kind == ResultClosed:
		return true
	case r.Kind == ResultNotMade:
		return c.isRunning(action) && c.Due.Equal(action.LeaseExpires)
	}
	return c.isRunning(action)
}

// minTimeForAttempt is the shortest remaining time of a task in which nextAttemptTime still fits another attempt. With
// less time left, the usual back-off applies, and most likely the callback ends.
const minTimeForAttempt = 2 * time.Second

// nextAttemptTime returns when to retry, given the end of the back-off. The wait is at most a quarter of the remaining
// time of the task, so that a short task, or a task near its end, still gets several attempts. If the target asks for a
// wait beyond the end of the task, the retry is half-way to that end instead, because an answer after the end is useless.
func (a *Approval) nextAttemptTime(next time.Time, r Result, env Environment) time.Time {
	earliest := env.Now.Add(r.After)
	left := a.TaskExpires.Sub(env.Now)
	if a.TaskExpires.IsZero() || left <= minTimeForAttempt {
		return laterOf(next, earliest)
	}
	next = laterOf(earlierOf(next, env.Now.Add(left/4)), earliest)
	if next.After(a.TaskExpires) {
		return env.Now.Add(left / 2)
	}
	return next
}

// endCallback gives the callback its outcome. It may run a second time: a late result can turn any other outcome into
// delivered, and a heartbeat can find out that the task of an exhausted callback is closed. Heartbeats go on while an
// operator can still redrive the callback.
func (o *Order) endCallback(a *Approval, s CallbackState, reason string, env Environment) []Action {
	c := &a.Callback
	c.State = s
	c.EndedAt = env.Now
	c.AttemptRunning = false
	c.Due = noTime
	if reason != "" {
		c.LastError = reason
	}
	a.beginReconciliation(env)
	a.notifyPrograms(callbackEventName(s), env)
	e := a.newEvent(EventCallbackEnded, env.Now)
	e.Target = a.Target
	e.Code = string(s)
	e.Attempt = c.Attempts
	e.Age = env.Now.Sub(c.PendingSince)
	e.Note = reason
	e.AnswerMissed = a.MissesAnswer()
	if s == CallbackExhausted {
		e.ReasonCode = c.ReasonCode()
	}
	o.recordEvent(e)
	if s == CallbackDelivered && !a.Token.IsZero() { // nothing can need it any more
		o.eraseToken(a, env)
	}
	actions := o.startNotifications(a, env)
	if s == CallbackExhausted {
		actions = append(actions, o.newDeadLetter(a, "callback exhausted: "+reason))
	}
	return actions
}

// RedriveCallback starts an exhausted callback again. It returns false if the callback is not exhausted, if its token
// is erased, or if it was redriven limit times already. The limit guards against loops; zero means unlimited.
func (o *Order) RedriveCallback(approvalID string, by Actor, limit int, env Environment) (bool, []Action) {
	a := o.FindApproval(approvalID)
	if a == nil || a.Callback.State != CallbackExhausted || a.Token.IsZero() {
		return false, nil
	}
	if limit > 0 && a.Callback.Redrives >= limit {
		return false, nil
	}
	old := a.Callback
	a.Callback = Callback{
		State:          CallbackPending,
		PendingSince:   env.Now,
		Due:            env.Now,
		MaybeApplied:   old.MaybeApplied,
		MaybeAppliedAt: old.MaybeAppliedAt,
		Redrives:       old.Redrives + 1,
		LastError:      old.LastError,
		LastReasonCode: old.LastReasonCode,
		// The numbers of attempts continue, so that the late result of an old attempt is not taken for a new attempt's.
		Attempts:              old.Attempts,
		AttemptsBeforeRedrive: old.Attempts,
	}
	a.Dismissed = ""
	if a.HeartbeatInterval > 0 && a.HeartbeatDue.IsZero() { // the target had refused one
		a.HeartbeatDue = env.Now
	}
	e := a.newEvent(EventRedriven, env.Now)
	by.record(&e)
	e.Attempt = a.Callback.Redrives
	o.recordEvent(e)
	return true, o.startCallback(a, env)
}

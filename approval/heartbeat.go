package approval

import "time"

// firstHeartbeat returns when the first heartbeat of a request is due. The workflow counts from the start of its
// attempt, so a request that waited in its queue for longer than the interval gets its first heartbeat at once.
func (r *Request) firstHeartbeat(now time.Time) time.Time {
	switch {
	case r.HeartbeatInterval <= 0:
		return noTime
	case r.AttemptStartedAt.IsZero():
		return now.Add(r.HeartbeatInterval)
	}
	started := earlierOf(now, r.AttemptStartedAt) // the queue's clock may be ahead of ours
	return laterOf(now, started.Add(r.HeartbeatInterval))
}

// nextHeartbeat returns when the next heartbeat is due, or the zero time. The workflow waits for our answer while the
// approval is pending, while the callback is retried, and while an operator can still redrive an exhausted callback.
func (a *Approval) nextHeartbeat() time.Time {
	expired := !a.TaskExpires.IsZero() && !a.HeartbeatDue.Before(a.TaskExpires)
	if a.HeartbeatsKept || a.Token.IsZero() || !a.isAnswerAwaited() || expired {
		return noTime
	}
	return a.HeartbeatDue
}

// isAnswerAwaited reports whether the workflow may still get our answer.
func (a *Approval) isAnswerAwaited() bool {
	switch a.Callback.State {
	case CallbackNone, CallbackPending, CallbackExhausted:
		return true
	}
	return false
}

// startHeartbeat starts the heartbeat that is due in the record. A heartbeat without a recorded result is not retried;
// the next heartbeat is sent on schedule. From then on a process may keep the heartbeats in memory.
func (o *Order) startHeartbeat(a *Approval, env Environment) []Action {
	actions := o.startDueHeartbeat(a, env)
	o.keepHeartbeats(a, env)
	return actions
}

func (o *Order) startDueHeartbeat(a *Approval, env Environment) []Action {
	if due := a.nextHeartbeat(); due.IsZero() || due.After(env.Now) {
		return nil
	}
	action := o.newAction(ActionHeartbeat, a, env.Now.Add(a.HeartbeatInterval))
	if !env.canStart(action, a.Token) {
		return nil
	}
	a.HeartbeatTaken = a.lastHeartbeatTaken(env)
	a.HeartbeatDue = env.Now.Add(HeartbeatPause(a.HeartbeatInterval, env.Jitter))
	return []Action{action}
}

// HeartbeatPause returns the time from the start of a heartbeat to the next: three quarters of the interval to the
// whole of it, by a random number in [0,1). Heartbeats that an outage has brought together spread again.
func HeartbeatPause(interval time.Duration, jitter float64) time.Duration {
	return interval - time.Duration(jitter*float64(interval/4))
}

// HeartbeatRetryPause returns the time from the end of a heartbeat that failed to the next: an eighth of the
// interval, so that the workflow does not time out while its target throttles us, or the time that the target asks for.
func HeartbeatRetryPause(interval time.Duration, r Result, jitter float64) time.Duration {
	return max(HeartbeatPause(interval/8, jitter), minWaitNotMade, r.After)
}

// HeartbeatChangesNothing reports whether the result of a heartbeat leaves the record as it is, so that it need not be
// stored. The transition that started the heartbeat has already recorded when the next is due. The caller remembers that
// the target has taken the heartbeat, see Environment.HeartbeatTaken.
func (o *Order) HeartbeatChangesNothing(action Action, r Result) bool {
	if action.Kind != ActionHeartbeat || action.Probe || r.Kind != ResultOK {
		return false
	}
	a := o.FindApproval(action.ApprovalID)
	return a == nil || a.Status == Pending
}

// RecordHeartbeatResult records the result of a heartbeat. A failed heartbeat is retried, see HeartbeatRetryPause; the
// process that keeps the heartbeats in memory does that itself. If the target no longer waits, the approval ends without
// a callback, because the workflow cannot get an answer any more.
func (o *Order) RecordHeartbeatResult(action Action, r Result, env Environment) []Action {
	a := o.FindApproval(action.ApprovalID)
	if a == nil || !a.isAnswerAwaited() {
		return nil
	}
	if action.Probe && r.Kind != ResultClosed && !a.Probe.isUnderWay(action) {
		return nil
	}
	if r.Kind == ResultClosed && a.Callback.AttemptRunning && a.Callback.Due.After(env.Now) {
		return nil // the attempt of the callback decides: it may be the reason why the task is closed
	}
	if r.Kind == ResultNotMade {
		a.returnHeartbeat(action, r, env)
		return nil
	}
	e := a.newEvent(EventHeartbeat, env.Now)
	e.Target = a.Target
	e.Code = string(r.Kind)
	e.Note = r.Reason
	e.ReasonCode = r.ReasonCode
	o.recordEvent(e)
	switch {
	case r.Kind == ResultClosed:
		return o.endClosedTask(a, env)
	case action.Probe:
		return o.recordProbeResult(a, r, env)
	case r.Kind == ResultOK:
		a.takeHeartbeat(action)
	case r.Kind == ResultFailed:
		a.repeatHeartbeat(HeartbeatRetryPause(a.HeartbeatInterval, r, env.Jitter), env)
	case r.Kind == ResultRefused:
		if a.Status != Pending { // nobody would see that it goes on for weeks
			a.HeartbeatDue = noTime
		}
	}
	return nil
}

// repeatHeartbeat makes the next heartbeat due after the wait, but never later than it is. The record is written for
// the event of the failure anyway, so it gets the state of the heartbeats that are kept in memory.
func (a *Approval) repeatHeartbeat(wait time.Duration, env Environment) {
	if a.HeartbeatsKept {
		a.HeartbeatTaken = a.lastHeartbeatTaken(env)
		return
	}
	a.HeartbeatDue = earlierOf(a.HeartbeatDue, env.Now.Add(wait))
}

// minWaitNotMade is the shortest wait after an attempt that was not made.
const minWaitNotMade = time.Second

// returnHeartbeat makes a heartbeat that was held back in this process due again.
func (a *Approval) returnHeartbeat(action Action, r Result, env Environment) {
	wait := max(minWaitNotMade, r.After)
	if !action.Probe {
		a.repeatHeartbeat(wait, env)
		return
	}
	a.Probe.Running = false
	a.Probe.Attempts--
	a.Probe.wait(wait, env)
}

// endClosedTask ends an approval or a callback whose workflow no longer waits, as a heartbeat has found out.
func (o *Order) endClosedTask(a *Approval, env Environment) []Action {
	// An Environment without a Lease keeps the closed approval from starting its callback.
	withoutCallback := Environment{Now: env.Now}
	switch {
	case a.isProbing():
		newer := a.Probe.Newer
		o.recordProbed(a, ResultClosed, "", env)
		a.Probe.reset()
		o.closeSuperseded(a, newer, "superseded by a newer attempt: the task of this attempt is closed", withoutCallback)
		actions := o.endCallback(a, CallbackSuperseded, "", env)
		return append(actions, o.judgeWaiting(env)...)
	case a.Status == Pending:
		o.cancelApproval(a, Actor{}, "the workflow no longer waits", withoutCallback)
		return o.endCallback(a, CallbackTooLate, "", env)
	case a.Callback.AttemptRunning: // its lease has ended, so nothing is known of its call
		a.Callback.MaybeApplied = true
		a.Callback.MaybeAppliedAt = env.Now
	}
	return o.endCallback(a, a.closedTaskOutcome(env), "", env)
}

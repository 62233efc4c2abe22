package approval

import "time"

// startHeartbeat starts the heartbeat that is due. A heartbeat without a recorded result is not retried; the next
// heartbeat is sent on schedule.
func (o *Order) startHeartbeat(a *Approval, env Environment) []Action {
	if a.HeartbeatDue.IsZero() || a.HeartbeatDue.After(env.Now) {
		return nil
	}
	next := env.Now.Add(a.HeartbeatInterval)
	action := o.newAction(ActionHeartbeat, a, next)
	if !env.canStart(action, a.Token) {
		return nil
	}
	a.HeartbeatDue = next
	return []Action{action}
}

// RecordHeartbeatResult records the result of a heartbeat. A failed heartbeat is retried after an eighth of the
// interval, so that the workflow does not time out while its target throttles us. If the target no longer waits, the
// approval is cancelled without a callback, because the workflow cannot get an answer any more.
func (o *Order) RecordHeartbeatResult(action Action, r Result, env Environment) []Action {
	a := o.FindApproval(action.ApprovalID)
	if a == nil || a.Status != Pending {
		return nil
	}
	e := a.newEvent(EventHeartbeat, env.Now)
	e.Target = a.Target
	e.Code = string(r.Kind)
	e.Note = r.Reason
	o.recordEvent(e)
	switch r.Kind {
	case ResultFailed:
		retry := env.Now.Add(max(a.HeartbeatInterval/8, time.Second, r.After))
		a.HeartbeatDue = earlierOf(a.HeartbeatDue, retry)
	case ResultClosed:
		// An Environment without a Lease keeps cancelApproval from starting the callback.
		o.cancelApproval(a, Actor{}, "the workflow no longer waits", Environment{Now: env.Now})
		return o.endCallback(a, CallbackTooLate, "", env)
	}
	return nil
}

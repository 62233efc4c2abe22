package approval

import "time"

// clockTolerance is by how much our clock, and our idea of when a task began, may differ from the target's.
const clockTolerance = 3 * time.Second

// closedTaskOutcome returns the outcome of the callback when the target states that the task is closed.
func (a *Approval) closedTaskOutcome(now time.Time) CallbackState {
	switch {
	case a.Callback.MaybeApplied && !a.mayHaveEndedByItself(now) && !a.wasOpenAfterAttempt():
		return CallbackPresumed
	case a.Callback.MaybeApplied: // also after an attempt without a recorded result
		return CallbackUnknown
	case a.Status == Superseded:
		return CallbackSuperseded
	}
	return CallbackTooLate
}

// mayHaveEndedByItself reports whether the task may have ended by its own time limits: the time of the whole task, or the
// time without a heartbeat. Where the end of the task is unknown, the deadline of the approval stands for it: the workflow
// waits at least so long.
func (a *Approval) mayHaveEndedByItself(now time.Time) bool {
	end := a.Deadline
	if !a.TaskExpires.IsZero() {
		end = a.TaskExpires.Add(-clockTolerance)
	}
	if now.After(end) {
		return true
	}
	return a.HeartbeatInterval > 0 && !now.Before(a.lastHeartbeatTaken().Add(a.heartbeatLimit()))
}

// wasOpenAfterAttempt reports whether the target took a heartbeat after the latest attempt that may have been applied. The
// answer was then most likely not applied by it.
func (a *Approval) wasOpenAfterAttempt() bool {
	applied := a.Callback.MaybeAppliedAt
	return !applied.IsZero() && !a.HeartbeatTaken.Before(applied)
}

// heartbeatLimit returns for how long the task surely goes on after a heartbeat. The tolerance does not make it shorter
// than the interval of heartbeats, which a task outlives.
func (a *Approval) heartbeatLimit() time.Duration {
	return max(a.HeartbeatTimeout-clockTolerance, a.HeartbeatInterval)
}

// heartbeatSlack is how much later than it is due a heartbeat starts in an ordinary process: the sweeper looks for due
// orders once in a while.
const heartbeatSlack = 2 * time.Second

// lastHeartbeatTaken returns when the latest heartbeat that the target has taken was started, or the beginning of the task
// if that was later. While all heartbeats succeed, that is not stored: the latest one was started an interval before the
// next is due.
func (a *Approval) lastHeartbeatTaken() time.Time {
	switch {
	case !a.HeartbeatTaken.IsZero():
		return a.HeartbeatTaken
	case a.HeartbeatDue.IsZero():
		return noTime
	}
	return a.HeartbeatDue.Add(-a.HeartbeatInterval)
}

// keepStartOfTask keeps when the task began, if the first heartbeat of its approval is late: the request waited in a
// queue.
func (a *Approval) keepStartOfTask() {
	started := a.AttemptStartedAt
	if !a.HeartbeatDue.IsZero() && !started.IsZero() && started.Before(a.HeartbeatDue.Add(-a.HeartbeatInterval)) {
		a.HeartbeatTaken = started
	}
}

// beforeHeartbeat keeps when the latest heartbeat was taken, where HeartbeatDue will no longer tell it: if this process
// or its target was away, so that the heartbeat that starts now is late, and while the answer to the workflow is pending,
// because the outcome of the callback depends on it.
func (a *Approval) beforeHeartbeat(now time.Time) {
	isLate := now.Sub(a.HeartbeatDue) > heartbeatSlack
	if isLate || a.Status != Pending {
		a.HeartbeatTaken = a.lastHeartbeatTaken()
	}
}

// takeHeartbeat records that the target has taken a heartbeat.
func (a *Approval) takeHeartbeat(action Action) {
	if a.HeartbeatTaken.IsZero() { // HeartbeatDue tells it
		return
	}
	a.HeartbeatTaken = laterOf(a.HeartbeatTaken, a.startOfHeartbeat(action))
	if isLatest := action.LeaseExpires.Equal(a.HeartbeatDue); isLatest && a.Status == Pending {
		a.HeartbeatTaken = noTime
	}
}

// failHeartbeat records that the target has not taken a heartbeat. The heartbeat before it was started an interval
// earlier, or slightly before that.
func (a *Approval) failHeartbeat(action Action) {
	if a.HeartbeatTaken.IsZero() {
		a.HeartbeatTaken = a.startOfHeartbeat(action).Add(-a.HeartbeatInterval - heartbeatSlack)
	}
}

// startOfHeartbeat returns when a heartbeat was started: its lease ends when the next is due.
func (a *Approval) startOfHeartbeat(action Action) time.Time {
	return action.LeaseExpires.Add(-a.HeartbeatInterval)
}

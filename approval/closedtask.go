package approval

import "time"

// clockTolerance is by how much our clock, and our idea of when a task began, may differ from the target's.
const clockTolerance = 3 * time.Second

// closedTaskOutcome returns the outcome of the callback when the target states that the task is closed.
func (a *Approval) closedTaskOutcome(env Environment) CallbackState {
	switch {
	case a.Callback.MaybeApplied && !a.mayHaveEndedByItself(env) && !a.wasOpenAfterAttempt(env):
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
func (a *Approval) mayHaveEndedByItself(env Environment) bool {
	end := a.Deadline
	if !a.TaskExpires.IsZero() {
		end = a.TaskExpires.Add(-clockTolerance)
	}
	if env.Now.After(end) {
		return true
	}
	return a.HeartbeatInterval > 0 && !env.Now.Before(a.lastHeartbeatTaken(env).Add(a.heartbeatLimit()))
}

// wasOpenAfterAttempt reports whether the target took a heartbeat after the latest attempt that may have been applied. The
// answer was then most likely not applied by it.
func (a *Approval) wasOpenAfterAttempt(env Environment) bool {
	applied := a.Callback.MaybeAppliedAt
	return !applied.IsZero() && !a.heartbeatTaken(env).Before(applied)
}

// heartbeatLimit returns for how long the task surely goes on after a heartbeat. The tolerance does not make it shorter
// than the interval of heartbeats, which a task outlives.
func (a *Approval) heartbeatLimit() time.Duration {
	return max(a.HeartbeatTimeout-clockTolerance, a.HeartbeatInterval)
}

// lastHeartbeatTaken returns when the latest heartbeat that the target is known to have taken was started, or when the task
// began if that was later. Until a heartbeat is begun, the first one is due an interval after that. Records of older
// programs may lack the time of the latest heartbeat although there was one.
func (a *Approval) lastHeartbeatTaken(env Environment) time.Time {
	taken := a.heartbeatTaken(env)
	if !taken.IsZero() || a.HeartbeatDue.IsZero() {
		return taken
	}
	return earlierOf(a.HeartbeatDue.Add(-a.HeartbeatInterval), a.RequestedAt)
}

// heartbeatTaken returns the later one of the stored and the remembered time. A heartbeat that was begun does not count
// before its result is known: its process may have ended before the call, or may have held the call back.
func (a *Approval) heartbeatTaken(env Environment) time.Time {
	if env.HeartbeatTaken == nil {
		return a.HeartbeatTaken
	}
	known := env.HeartbeatTaken(a.ID)
	if known.After(env.Now) { // a clock that was ahead
		return a.HeartbeatTaken
	}
	return laterOf(a.HeartbeatTaken, known)
}

// keepStartOfTask keeps when the task began, if the first heartbeat of its approval is late: the request waited in a
// queue.
func (a *Approval) keepStartOfTask() {
	started := a.AttemptStartedAt
	if !a.HeartbeatDue.IsZero() && !started.IsZero() && started.Before(a.HeartbeatDue.Add(-a.HeartbeatInterval)) {
		a.HeartbeatTaken = started
	}
}

// takeHeartbeat records that the target has taken a heartbeat. While the approval is pending, its process only remembers
// it, see Environment.HeartbeatTaken. Then the outcome of the callback depends on it, so it is stored.
func (a *Approval) takeHeartbeat(action Action) {
	if a.Status != Pending {
		a.HeartbeatTaken = laterOf(a.HeartbeatTaken, a.HeartbeatStarted(action))
	}
}

// HeartbeatStarted returns when a heartbeat was started: its lease ends when the next is due.
func (a *Approval) HeartbeatStarted(action Action) time.Time {
	return action.LeaseExpires.Add(-a.HeartbeatInterval)
}

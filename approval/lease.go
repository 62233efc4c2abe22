package approval

import "slices"

// ReleaseLeases ends the leases of a process that has died. The actions that it left under way become due at once,
// because it can no longer record their results. Without ReleaseLeases the next attempt would wait for the end of the
// lease, perhaps until after the end of the task. The caller ensures that all leases of the order belong to the dead
// process: neither another process nor this one may have started an action. ReleaseLeases reports whether there was a
// lease to end. Heartbeats that do not probe have no lease to end: the next heartbeat is sent on schedule.
func (o *Order) ReleaseLeases(env Environment) bool {
	released := false
	for _, a := range o.Approvals {
		if a.Callback.AttemptRunning {
			a.Callback.Due = earlierOf(a.Callback.Due, env.Now)
			released = true
		}
		if r := &a.Callback.Reconciliation; r.Running {
			r.Due = earlierOf(r.Due, env.Now)
			released = true
		}
		if a.Probe.Running {
			a.Probe.Due = earlierOf(a.Probe.Due, env.Now)
			released = true
		}
		for _, n := range a.Notifications {
			if n.AttemptRunning {
				n.Due = earlierOf(n.Due, env.Now)
				released = true
			}
		}
	}
	return released
}

// IsUnderWay reports whether an action is under way: an attempt was begun, and its end is not recorded. Heartbeats that do
// not probe do not count, as in ReleaseLeases.
func (o *Order) IsUnderWay() bool {
	return slices.ContainsFunc(o.Approvals, func(a *Approval) bool {
		return a.Callback.AttemptRunning || a.Callback.Reconciliation.Running || a.Probe.Running ||
			slices.ContainsFunc(a.Notifications, func(n *Notification) bool { return n.AttemptRunning })
	})
}

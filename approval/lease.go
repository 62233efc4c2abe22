package approval

// ReleaseLeases ends the leases of an order after its process died. The actions under way become due at once, because
// the dead process does not record their results. Without ReleaseLeases the next attempt waits for the end
// of the lease, possibly after the end of the task. While ReleaseLeases runs, other processes and other parts of
// this process must not start actions. It reports whether there was a lease to end.
func (o *Order) ReleaseLeases(env Environment) bool {
	released := false
	for _, a := range o.Approvals {
		if a.Callback.AttemptRunning {
			a.Callback.Due = earlierOf(a.Callback.Due, env.Now)
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

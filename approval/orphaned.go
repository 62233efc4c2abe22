package approval

// ReleaseLeases ends the leases of an order: the process that held them is known to
// be dead, so what it had under way is due at once, and its end will never be
// recorded. Without it the next attempt waits for the end of the lease, which may
// be after the end of the task. It must not run while another process, or another
// part of this one, may begin anything. It says whether there was anything.
func (o *Order) ReleaseLeases(env Environment) (found bool) {
	for _, a := range o.Approvals {
		if a.Callback.AttemptRunning {
			a.Callback.Due, found = earlierOf(a.Callback.Due, env.Now), true
		}
		for _, n := range a.Notifications {
			if n.AttemptRunning {
				n.Due, found = earlierOf(n.Due, env.Now), true
			}
		}
	}
	return found
}

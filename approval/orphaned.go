package approval

// Orphaned advances an order whose leases are void: the process that held them
// is known to be dead, so what it had under way is due at once, and its end will
// never be recorded. Without it the next attempt waits for the end of the lease,
// which may be after the end of the task.
func (o *Order) Orphaned(t Turn) []Action {
	for _, a := range o.Approvals {
		if a.Callback.Running {
			a.Callback.Due = earlier(a.Callback.Due, t.Now)
		}
		for _, n := range a.Notifications {
			if n.Running {
				n.Due = earlier(n.Due, t.Now)
			}
		}
	}
	return o.Advance(t)
}

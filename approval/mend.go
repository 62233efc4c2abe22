package approval

import "time"

const (
	// maxDueSkew is the difference between the clocks of workers that leaves a due time as it is.
	maxDueSkew = 10 * time.Second
	// maxLeaseSkew is the same for the lease of an attempt under way: what another worker has begun must not be begun
	// again, also if its clock is ahead by as much as AWS tolerates.
	maxLeaseSkew = 5 * time.Minute
)

// mendDueTimes moves due times that are later than they can be to now: a clock ahead of the present clock recorded them.
// Otherwise heartbeats and retries would pause until the present clock gets there.
func (o *Order) mendDueTimes(env Environment) {
	if env.Lease <= 0 {
		return
	}
	for _, a := range o.Approvals {
		if a.HeartbeatDue.After(env.Now.Add(a.HeartbeatInterval + maxDueSkew)) {
			a.HeartbeatDue = env.Now
		}
		if a.HeartbeatTaken.After(env.Now.Add(maxDueSkew)) { // when the latest was taken is not known any more
			a.HeartbeatTaken = earlierOf(a.RequestedAt, env.Now)
		}
		if c := &a.Callback; c.State == CallbackPending {
			mendDue(&c.Due, c.AttemptRunning, a.CallbackRetry, env)
			c.Pause.mend(c.PendingSince, env)
		} else {
			mendDue(&c.Reconciliation.Due, c.Reconciliation.Running, RetrySchedule{Cap: reconcileCap}, env)
		}
		for _, n := range a.Notifications {
			if n.State == NotificationPending {
				mendDue(&n.Due, n.AttemptRunning, a.NotificationRetry, env)
				n.Pause.mend(n.CreatedAt, env)
			}
		}
		if a.isProbing() {
			mendDue(&a.Probe.Due, a.Probe.Running, RetrySchedule{Cap: maxProbeTime}, env)
		}
	}
}

// mendDue makes an attempt due if it is due later than the schedule, a wait that the other end asked for, or the lease of
// an attempt under way can have made it.
func mendDue(due *time.Time, isRunning bool, schedule RetrySchedule, env Environment) {
	latest := max(schedule.Cap, MaxRetryAfter) + maxDueSkew
	if isRunning {
		latest = env.Lease + maxLeaseSkew
	}
	if due.After(env.Now.Add(latest)) {
		*due = env.Now
	}
}

// mend shortens pauses that are longer than the action is old: a clock ahead of the present clock has ended one of them.
// Otherwise the retries would go on for as long.
func (p *Pause) mend(began time.Time, env Environment) {
	p.Total = min(p.Total, max(0, env.Now.Sub(began)+maxDueSkew))
}

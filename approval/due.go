package approval

import "time"

// NextDue returns the earliest time at which Advance has something to do, or the
// zero time if it never will.
func (o *Order) NextDue() time.Time {
	var due earliestTime
	for _, u := range o.Unmatched {
		due.add(u.nextChange())
	}
	for _, a := range o.Approvals {
		a.collectDueTimes(&due)
	}
	return due.Time
}

// earliestTime keeps the earliest of the times added to it.
type earliestTime struct{ time.Time }

func (e *earliestTime) add(t time.Time) {
	if !t.IsZero() && (e.IsZero() || t.Before(e.Time)) {
		e.Time = t
	}
}

func (a *Approval) collectDueTimes(due *earliestTime) {
	if a.Status == Pending {
		due.add(a.Deadline)
		due.add(a.HeartbeatDue)
		if a.RemindersSent < len(a.Reminders) {
			due.add(a.Reminders[a.RemindersSent])
		}
		if a.EscalationsDone < len(a.Escalations) {
			due.add(a.Escalations[a.EscalationsDone].At)
		}
	}
	for _, n := range a.Notifications {
		if n.State == NotificationPending {
			due.add(n.Due)
		}
	}
	switch {
	case a.Callback.State == CallbackPending:
		due.add(a.Callback.Due)
	case a.Callback.hasEnded():
		due.add(a.tokenErasureTime())
		due.add(a.removalTime())
	}
}

// tokenErasureTime is when the token goes; it is zero when it is gone already.
func (a *Approval) tokenErasureTime() time.Time {
	switch {
	case a.Token.IsZero(), !a.Callback.hasEnded():
		return time.Time{}
	case a.Callback.State == CallbackExhausted: // an operator may redrive it
		return a.removalTime()
	}
	return a.Callback.EndedAt.Add(TokenGrace)
}

// removalTime is when the approval goes: not before its deadline. A request that is
// handed over again after that times out at once; before, people would be asked anew.
func (a *Approval) removalTime() time.Time {
	if !a.Callback.hasEnded() {
		return time.Time{}
	}
	return laterOf(a.Callback.EndedAt.Add(a.Retention), a.Deadline)
}

package approval

import "time"

// NextDue returns the earliest time at which Advance has something to do, or the
// zero time if it never will.
func (o *Order) NextDue() time.Time {
	var due earliest
	for _, u := range o.Unmatched {
		due.add(u.due())
	}
	for _, a := range o.Approvals {
		a.due(&due)
	}
	return due.Time
}

// earliest keeps the earliest of the times added to it.
type earliest struct{ time.Time }

func (e *earliest) add(t time.Time) {
	if !t.IsZero() && (e.IsZero() || t.Before(e.Time)) {
		e.Time = t
	}
}

func (a *Approval) due(due *earliest) {
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
	case a.Callback.ended():
		due.add(a.eraseAt())
		due.add(a.removeAt())
	}
}

// eraseAt is when the token goes; it is zero when it is gone already.
func (a *Approval) eraseAt() time.Time {
	switch {
	case a.Token.IsZero(), !a.Callback.ended():
		return time.Time{}
	case a.Callback.State == CallbackExhausted: // an operator may redrive it
		return a.removeAt()
	}
	return a.Callback.EndedAt.Add(TokenGrace)
}

// removeAt is when the approval goes: not before its deadline. A request that is
// handed over again after that times out at once; before, people would be asked anew.
func (a *Approval) removeAt() time.Time {
	if !a.Callback.ended() {
		return time.Time{}
	}
	return later(a.Callback.EndedAt.Add(a.Retention), a.Deadline)
}

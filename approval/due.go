package approval

import "time"

// TokenGrace is how long the token is kept after a callback has ended with an outcome that may be corrected: the history of
// an execution names tasks by their tokens. An attempt that delivers the answer erases it at once, because no other can follow.
const TokenGrace = time.Hour

// NextDue returns the earliest time at which Advance has something to do, or the zero time if there is none.
func (o *Order) NextDue() time.Time { return o.nextDue(noTime) }

// NextDueAfter returns the earliest time at which Advance has something to do although no capacity has become free, or the
// zero time if there is none. It is for an order with actions that are due by now but found no capacity: they do not make
// Advance useful before there is capacity again. What needs no capacity counts also if it is due already, because the
// transition may have been another than Advance.
func (o *Order) NextDueAfter(now time.Time) time.Time { return o.nextDue(now) }

func (o *Order) nextDue(after time.Time) time.Time {
	due := earliestTime{after: after}
	for _, u := range o.Unmatched {
		due.addCertain(u.nextChange())
	}
	for _, a := range o.Approvals {
		a.collectDueTimes(&due)
	}
	return due.Time
}

// earliestTime keeps the earliest of the times added to it. It leaves out the times up to after, unless they are certain.
type earliestTime struct {
	time.Time
	after time.Time
}

func (e *earliestTime) add(t time.Time) {
	if t.After(e.after) {
		e.addCertain(t)
	}
}

func (e *earliestTime) addCertain(t time.Time) {
	if !t.IsZero() && (e.IsZero() || t.Before(e.Time)) {
		e.Time = t
	}
}

// collectDueTimes adds the times at which Advance has something to do for the approval.
func (a *Approval) collectDueTimes(due *earliestTime) {
	a.collectCertainTimes(due)
	due.add(a.nextHeartbeat())
	due.add(a.Probe.Due)
	for _, n := range a.Notifications {
		if n.State == NotificationPending {
			due.add(n.Due)
		}
	}
	if a.Callback.State == CallbackPending {
		due.add(a.Callback.Due)
	}
	due.add(a.Callback.Reconciliation.Due)
}

// collectCertainTimes adds the times of what needs no capacity: Advance does it whenever it is due.
func (a *Approval) collectCertainTimes(due *earliestTime) {
	if a.Status == Pending {
		due.addCertain(a.Deadline)
	}
	if a.Status == Pending && !a.Probe.Holding {
		if a.RemindersSent < len(a.Reminders) {
			due.addCertain(a.Reminders[a.RemindersSent])
		}
		if a.hasEscalationLeft() {
			due.addCertain(a.Escalations[a.EscalationsDone].At)
		}
	}
	switch {
	case a.Probe.Due.IsZero():
	case a.Status == Pending:
		due.addCertain(laterOf(a.Probe.Due, a.Probe.end()))
	default: // endClosedProbes ends it
		due.addCertain(a.Probe.Due)
	}
	if a.Callback.hasEnded() {
		due.addCertain(a.tokenErasureTime())
		due.addCertain(a.removalTime())
	}
}

// tokenErasureTime returns when the token is erased. It is zero if the token is erased already, or still needed.
func (a *Approval) tokenErasureTime() time.Time {
	switch {
	case a.Token.IsZero(), !a.Callback.hasEnded():
		return time.Time{}
	case a.Callback.State == CallbackExhausted: // an operator may redrive it
		return a.removalTime()
	}
	return a.Callback.EndedAt.Add(TokenGrace)
}

// removalTime returns when the approval is removed from the record, or zero while its callback has not ended. It is
// never before the deadline. If the queue delivers the request of a removed approval again, the request becomes a new
// approval: after the deadline it times out at once, but before the deadline approvers would be asked a second time.
func (a *Approval) removalTime() time.Time {
	if !a.Callback.hasEnded() {
		return time.Time{}
	}
	return laterOf(a.Callback.EndedAt.Add(a.Retention), a.Deadline)
}

func laterOf(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlierOf(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

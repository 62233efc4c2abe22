package approval

import (
	"slices"
	"time"
)

// noTime is no time at all.
var noTime time.Time

// Advance does what the clock asks for: deadlines, reminders, heartbeats,
// attempts that are due, decisions that waited in vain, and the removal of what
// is over. It returns what must now happen. Run twice at the same time it does
// nothing the second time.
func (o *Order) Advance(t Environment) []Action {
	actions := o.expire(t)
	for _, a := range o.Approvals {
		if a.Status == Pending {
			actions = append(actions, o.escalate(a, t)...)
			o.remind(a, t)
			actions = append(actions, o.owedHeartbeat(a, t)...)
		}
		actions = append(actions, o.owed(a, t)...)
		if erase := a.eraseAt(); !erase.IsZero() && !erase.After(t.Now) {
			a.Token = Token{}
			o.record(a.event(EventTokenErased, t.Now))
		}
	}
	o.Approvals = slices.DeleteFunc(o.Approvals, func(a *Approval) bool {
		gone := a.removeAt()
		return !gone.IsZero() && !gone.After(t.Now)
	})
	return actions
}

// expire times out what is past its deadline.
func (o *Order) expire(t Environment) []Action {
	var actions []Action
	for _, a := range o.Approvals {
		if a.Status == Pending && !a.Deadline.After(t.Now) {
			actions = append(actions, o.close(a, TimedOut, "nobody decided before the deadline", t)...)
			e := a.event(EventTimedOut, t.Now)
			e.Age = t.Now.Sub(a.RequestedAt)
			o.record(e)
		}
	}
	for i := range o.Unmatched {
		u := &o.Unmatched[i]
		if !u.Expired && !u.ExpiresAt.After(t.Now) {
			u.Expired = true
			d := u.Decision
			o.record(Event{
				At:      t.Now,
				Kind:    EventUnmatchedExpired,
				By:      d.By,
				Via:     d.Via,
				Source:  d.Source,
				Outcome: d.Outcome,
				Note:    d.ID,
			})
			actions = append(actions, o.deadLetter(nil, "the request of decision "+d.ID+" never came"))
		}
	}
	o.Unmatched = slices.DeleteFunc(o.Unmatched, func(u UnmatchedDecision) bool { return u.Expired && !u.RemoveAt.After(t.Now) })
	return actions
}

// remind makes a reminder for those that have not decided. After a pause, one
// reminder stands for all that were missed.
func (o *Order) remind(a *Approval, t Environment) {
	due := 0
	for _, at := range a.Reminders[a.RemindersSent:] {
		if !at.After(t.Now) {
			due++
		}
	}
	if due == 0 {
		return
	}
	a.RemindersSent += due
	a.notify(NotifyReminder, a.Approvers, t)
	e := a.event(EventReminded, t.Now)
	e.Attempt = a.RemindersSent
	o.record(e)
}

// owedHeartbeat returns the heartbeat that is due. One of which nothing is heard is
// not repeated: the next is.
func (o *Order) owedHeartbeat(a *Approval, t Environment) []Action {
	if a.HeartbeatDue.IsZero() || a.HeartbeatDue.After(t.Now) || !t.leases(ActionHeartbeat, a.Target) {
		return nil
	}
	a.HeartbeatDue = t.Now.Add(a.HeartbeatInterval)
	return []Action{o.action(ActionHeartbeat, a, a.HeartbeatDue)}
}

// owed returns what is due of the approval's notifications and callback.
func (o *Order) owed(a *Approval, t Environment) []Action {
	return append(o.owedNotifications(a, t), o.owedCallback(a, t)...)
}

// Cancel closes a pending approval without a decision; the workflow is told. An
// empty approvalID means the one that is pending. It is safe to run again.
func (o *Order) Cancel(approvalID, by, reason string, t Environment) (Verdict, []Action) {
	return o.CancelStep("", approvalID, by, reason, t)
}

// CancelStep is Cancel for an approval of that step; an empty one means any.
func (o *Order) CancelStep(step, approvalID, by, reason string, t Environment) (Verdict, []Action) {
	actions := o.expire(t)
	a, v := o.target(Decision{Step: step, ApprovalID: approvalID})
	if a == nil {
		if v.Code == "" {
			v.Code = VerdictUnknown
		}
		return v, actions
	}
	v = Verdict{ApprovalID: a.ID, Status: a.Status}
	switch {
	case a.Status == Cancelled:
		v.Code = VerdictRepeated
	case a.Status != Pending:
		v.Code = VerdictLate
	default:
		actions = append(actions, o.cancel(a, by, reason, t)...)
		v.Code, v.Status = VerdictDecided, Cancelled
	}
	return v, actions
}

func (o *Order) cancel(a *Approval, by, reason string, t Environment) []Action {
	actions := o.close(a, Cancelled, clip(reason, maxReason), t)
	e := a.event(EventCancelled, t.Now)
	e.By, e.Note, e.Age = by, a.Reason, t.Now.Sub(a.RequestedAt)
	o.record(e)
	return actions
}

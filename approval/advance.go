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
func (o *Order) Advance(env Environment) []Action {
	actions := o.expireOverdue(env)
	for _, a := range o.Approvals {
		if a.Status == Pending {
			actions = append(actions, o.runEscalations(a, env)...)
			o.queueReminders(a, env)
			actions = append(actions, o.startHeartbeat(a, env)...)
		}
		actions = append(actions, o.startDueActions(a, env)...)
		if erase := a.tokenErasureTime(); !erase.IsZero() && !erase.After(env.Now) {
			a.Token = Token{}
			o.recordEvent(a.newEvent(EventTokenErased, env.Now))
		}
	}
	o.Approvals = slices.DeleteFunc(o.Approvals, func(a *Approval) bool {
		gone := a.removalTime()
		return !gone.IsZero() && !gone.After(env.Now)
	})
	return actions
}

// expireOverdue times out what is past its deadline.
func (o *Order) expireOverdue(env Environment) []Action {
	var actions []Action
	for _, a := range o.Approvals {
		if a.Status == Pending && !a.Deadline.After(env.Now) {
			actions = append(actions, o.closeApproval(a, TimedOut, "nobody decided before the deadline", env)...)
			e := a.newEvent(EventTimedOut, env.Now)
			e.Age = env.Now.Sub(a.RequestedAt)
			o.recordEvent(e)
		}
	}
	for i := range o.Unmatched {
		u := &o.Unmatched[i]
		if !u.Expired && !u.ExpiresAt.After(env.Now) {
			u.Expired = true
			d := u.Decision
			o.recordEvent(Event{
				At:      env.Now,
				Kind:    EventUnmatchedExpired,
				By:      d.By,
				Via:     d.Via,
				Source:  d.Source,
				Outcome: d.Outcome,
				Note:    d.ID,
			})
			actions = append(actions, o.newDeadLetter(nil, "the request of decision "+d.ID+" never came"))
		}
	}
	o.Unmatched = slices.DeleteFunc(o.Unmatched, func(u UnmatchedDecision) bool { return u.Expired && !u.RemoveAt.After(env.Now) })
	return actions
}

// queueReminders makes a reminder for those that have not decided. After a pause, one
// reminder stands for all that were missed.
func (o *Order) queueReminders(a *Approval, env Environment) {
	due := 0
	for _, at := range a.Reminders[a.RemindersSent:] {
		if !at.After(env.Now) {
			due++
		}
	}
	if due == 0 {
		return
	}
	a.RemindersSent += due
	a.notifyApprovers(NotifyReminder, a.Approvers, env)
	e := a.newEvent(EventReminded, env.Now)
	e.Attempt = a.RemindersSent
	o.recordEvent(e)
}

// startHeartbeat returns the heartbeat that is due. One of which nothing is heard is
// not repeated: the next is.
func (o *Order) startHeartbeat(a *Approval, env Environment) []Action {
	if a.HeartbeatDue.IsZero() || a.HeartbeatDue.After(env.Now) || !env.canStart(ActionHeartbeat, a.Target) {
		return nil
	}
	a.HeartbeatDue = env.Now.Add(a.HeartbeatInterval)
	return []Action{o.newAction(ActionHeartbeat, a, a.HeartbeatDue)}
}

// startDueActions returns what is due of the approval's notifications and callback.
func (o *Order) startDueActions(a *Approval, env Environment) []Action {
	return append(o.startNotifications(a, env), o.startCallback(a, env)...)
}

// Cancel closes a pending approval without a decision; the workflow is told. An
// empty approvalID means the one that is pending. It is safe to run again.
func (o *Order) Cancel(approvalID, by, reason string, env Environment) (Verdict, []Action) {
	return o.CancelStep("", approvalID, by, reason, env)
}

// CancelStep is Cancel for an approval of that step; an empty one means any.
func (o *Order) CancelStep(step, approvalID, by, reason string, env Environment) (Verdict, []Action) {
	actions := o.expireOverdue(env)
	a, v := o.findTarget(Decision{Step: step, ApprovalID: approvalID})
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
		actions = append(actions, o.cancelApproval(a, by, reason, env)...)
		v.Code, v.Status = VerdictDecided, Cancelled
	}
	return v, actions
}

func (o *Order) cancelApproval(a *Approval, by, reason string, env Environment) []Action {
	actions := o.closeApproval(a, Cancelled, truncate(reason, maxReason), env)
	e := a.newEvent(EventCancelled, env.Now)
	e.By, e.Note, e.Age = by, a.Reason, env.Now.Sub(a.RequestedAt)
	o.recordEvent(e)
	return actions
}

package approval

import (
	"slices"
	"time"
)

// noTime is the zero time: never, or not set.
var noTime time.Time

// Advance carries out everything that is due: deadlines, reminders, escalations, heartbeats, probes, attempts of
// notifications and callbacks, the expiry of unmatched decisions, and the removal of old tokens and approvals. It
// returns the actions that are due now. A second run with the same Now starts only actions for which the first run had
// no capacity.
func (o *Order) Advance(env Environment) []Action {
	o.mendDueTimes(env)
	actions := o.expireOverdue(env)
	for _, a := range o.Approvals {
		actions = append(actions, o.advanceApproval(a, env)...)
	}
	actions = append(actions, o.judgeClosed(env)...)
	o.removeApprovals(env)
	return actions
}

// judgeClosed judges the waiting decisions that earlier transitions have made due to be judged, because approvals closed.
func (o *Order) judgeClosed(env Environment) []Action {
	return append(o.endClosedProbes(env), o.judgeDue(env)...)
}

// removeApprovals removes the approvals whose retention has ended, with their events.
func (o *Order) removeApprovals(env Environment) {
	removed := map[string]bool{}
	o.Approvals = slices.DeleteFunc(o.Approvals, func(a *Approval) bool {
		removal := a.removalTime()
		if removal.IsZero() || removal.After(env.Now) {
			return false
		}
		removed[a.ID] = true
		return true
	})
	o.removeEventsOf(removed)
}

func (o *Order) advanceApproval(a *Approval, env Environment) []Action {
	actions := o.advanceProbe(a, env)
	if a.Status == Pending && !a.Probe.Holding {
		actions = append(actions, o.runEscalations(a, env)...)
		o.queueReminders(a, env)
	}
	actions = append(actions, o.startHeartbeat(a, env)...)
	actions = append(actions, o.startDueActions(a, env)...)
	actions = append(actions, o.startReconciliation(a, env)...)
	if erase := a.tokenErasureTime(); !erase.IsZero() && !erase.After(env.Now) {
		o.eraseToken(a, env)
	}
	return actions
}

func (o *Order) eraseToken(a *Approval, env Environment) {
	a.Token = Token{}
	o.recordEvent(a.newEvent(EventTokenErased, env.Now))
}

// expireOverdue times out the pending approvals past their deadline, and expires unmatched decisions.
func (o *Order) expireOverdue(env Environment) []Action {
	var actions []Action
	for _, a := range o.Approvals {
		if a.Status == Pending && !a.Deadline.After(env.Now) && !env.HoldDeadlines {
			actions = append(actions, o.closeApproval(a, TimedOut, "the deadline passed without a decision", env)...)
			e := a.newEvent(EventTimedOut, env.Now)
			e.Age = env.Now.Sub(a.RequestedAt)
			o.recordEvent(e)
		}
	}
	return append(actions, o.expireUnmatched(env)...)
}

// queueReminders queues a reminder to the approvers that have not voted. After a pause, a single reminder stands for
// all that were missed.
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

// startDueActions starts the notifications and the callback of an approval that are due.
func (o *Order) startDueActions(a *Approval, env Environment) []Action {
	return append(o.startNotifications(a, env), o.startCallback(a, env)...)
}

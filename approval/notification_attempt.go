package approval

import "time"

// startNotifications starts the attempts that are due, and ends the notifications that are too old. The first attempt
// is always made, however late, and so is one after a pause.
func (o *Order) startNotifications(a *Approval, env Environment) []Action {
	var actions []Action
	var tooOld, lost []*Notification
	for _, n := range a.Notifications {
		if n.State != NotificationPending || n.Due.After(env.Now) && (n.AttemptRunning || !n.Pause.isOn()) {
			continue
		}
		if n.AttemptRunning { // its lease has ended, and it may have been made
			n.Pause.Resumed = false
		}
		switch {
		case n.Kind.endsWithApproval() && a.Status != Pending:
			if (n.AttemptRunning || n.Pause.isOn() && n.Attempts > 0) && n.Kind == NotifyUpdate {
				lost = append(lost, n)
			}
			n.State = NotificationDropped
			n.AttemptRunning = false
		case env.holds(o.newAction(ActionNotify, a, n.Due)):
			n.AttemptRunning = false // its lease has ended
			n.Due = n.Pause.hold(n.Due, env)
		case !n.Pause.isOn() && n.isTooOld(env.Now, a.NotificationRetry):
			if n.AttemptRunning {
				n.LastError = "the result of the attempt was not recorded"
			}
			tooOld = append(tooOld, n)
		default:
			actions = append(actions, o.startNotification(a, n, env)...)
		}
	}
	for _, n := range tooOld {
		actions = append(actions, o.exhaustNotification(a, n, a.newEvent(EventNotificationExhausted, env.Now), env)...)
	}
	for _, n := range lost {
		a.endUpdate(n, true, env)
	}
	if len(lost) > 0 {
		actions = append(actions, o.startNotifications(a, env)...)
	}
	return actions
}

// isTooOld reports whether another attempt at this time would be useless. The first attempt (also the first after a pause)
// is always made, unless it was held back for the whole maximum age. The time of pauses does not count.
func (n *Notification) isTooOld(at time.Time, schedule RetrySchedule) bool {
	wasTried := n.Attempts > 0 && !n.Pause.Resumed
	return (wasTried || isHeldTooLong(n.HeldSince, at, schedule)) &&
		at.After(n.CreatedAt.Add(schedule.MaxAge+n.Pause.Total))
}

// startNotification starts an attempt, unless there is no capacity for it.
func (o *Order) startNotification(a *Approval, n *Notification, env Environment) []Action {
	if n.Pause.isOn() && env.Lease > 0 { // it is no longer held
		n.Due = earlierOf(n.Due, env.Now)
	}
	action := o.newAction(ActionNotify, a, env.Now.Add(env.Lease))
	action.Notification = n.ID
	action.Attempt = n.Attempts + 1
	action.Channel = n.Channel
	if !env.canStart(action, Token{}) {
		return nil
	}
	n.Pause.end(env, &n.HeldSince)
	n.Attempts = action.Attempt
	n.AttemptRunning = true
	n.Outdated = false
	n.Due = action.LeaseExpires
	return []Action{action}
}

// CurrentNotification returns the notification of an action, with its approval, while the action's attempt is under
// way. Otherwise it returns nil.
func (o *Order) CurrentNotification(action Action, now time.Time) (*Approval, *Notification) {
	a := o.FindApproval(action.ApprovalID)
	if a == nil {
		return nil, nil
	}
	n := a.findNotification(action.Notification)
	if n == nil || n.State != NotificationPending || !n.isRunning(action) || !n.isUnderWay(now) {
		return nil, nil
	}
	if n.Kind.endsWithApproval() && a.Status != Pending {
		return nil, nil
	}
	return a, n
}

func (a *Approval) findNotification(id string) *Notification {
	for _, n := range a.Notifications {
		if n.ID == id {
			return n
		}
	}
	return nil
}

// RecordNotificationResult records the result of an attempt to notify. Until the notification is exhausted, the success
// of any attempt counts, because the message was sent. A failure counts only if it is the result of the latest attempt.
func (o *Order) RecordNotificationResult(action Action, r Result, env Environment) []Action {
	a := o.FindApproval(action.ApprovalID)
	if a == nil {
		return nil
	}
	n := a.findNotification(action.Notification)
	if n == nil || n.State == NotificationSent || n.State == NotificationExhausted {
		return nil
	}
	if r.Kind == ResultOK {
		return o.recordSent(a, n, action, r, env)
	}
	if n.Attempts != action.Attempt || !n.AttemptRunning {
		return nil
	}
	if r.Kind == ResultNotMade {
		return o.returnNotification(a, n, action, r, env)
	}
	n.AttemptRunning = false
	n.Pause.Resumed = false
	n.HeldSince = noTime
	n.LastError = r.Reason
	n.Due = laterOf(a.NotificationRetry.NextAttempt(n.Attempts, env.Now, env.Jitter), env.Now.Add(r.After))
	e := a.newEvent(EventNotificationFailed, env.Now)
	e.Channel = n.Channel
	e.By = n.Approver
	e.Attempt = action.Attempt
	e.Note = r.Reason
	e.ReasonCode = r.ReasonCode
	e.Code = string(r.Kind)
	o.recordEvent(e)
	if n.Kind.endsWithApproval() && a.Status != Pending {
		n.State = NotificationDropped
		if n.Kind != NotifyUpdate {
			return nil
		}
		a.endUpdate(n, true, env)
		return o.startNotifications(a, env)
	}
	if r.Kind == ResultFailed && !n.isTooOld(n.Due, a.NotificationRetry) {
		return nil
	}
	return o.exhaustNotification(a, n, e, env)
}

// returnNotification takes back an attempt that was held back in this process: it counts as none, and the history does
// not have it.
func (o *Order) returnNotification(a *Approval, n *Notification, action Action, r Result, env Environment) []Action {
	if !n.isRunning(action) {
		return nil
	}
	n.Attempts--
	n.AttemptRunning = false
	n.Due = env.Now.Add(max(minWaitNotMade, r.After))
	if n.HeldSince.IsZero() {
		n.HeldSince = env.Now
	}
	switch {
	case n.Kind.endsWithApproval() && a.Status != Pending:
		n.State = NotificationDropped
		a.endUpdate(n, false, env)
	case n.isTooOld(n.Due, a.NotificationRetry):
		n.LastError = r.Reason
		return o.exhaustNotification(a, n, a.newEvent(EventNotificationExhausted, env.Now), env)
	}
	return nil
}

// isRunning reports whether this attempt runs. The number of an attempt that was not made is used again, so the end of
// the lease tells the two apart.
func (n *Notification) isRunning(action Action) bool {
	return n.AttemptRunning && n.Attempts == action.Attempt && n.Due.Equal(action.LeaseExpires)
}

// recordSent records that a message was sent. If the approval closed in the meantime, a message that can be edited is
// edited at once.
func (o *Order) recordSent(a *Approval, n *Notification, action Action, r Result, env Environment) []Action {
	n.State = NotificationSent
	n.SentAt = env.Now
	n.AttemptRunning = false
	n.Due = noTime
	n.LastError = ""
	if n.Kind.isForPeople() {
		o.markNotified(a, env)
		if len(r.Receipt) <= maxReceipt {
			n.Receipt = r.Receipt
		}
	}
	e := a.newEvent(EventNotified, env.Now)
	e.Channel = n.Channel
	e.By = n.Approver
	e.Attempt = action.Attempt
	e.Age = env.Now.Sub(n.CreatedAt)
	o.recordEvent(e)
	a.endUpdate(n, true, env)
	if a.Status == Pending && n.Kind != NotifyUpdate {
		return nil
	}
	if a.Status != Pending {
		a.tellUndecided(env)
		a.queueOutcomeEdits(env)
	}
	return o.startNotifications(a, env)
}

// maxReceipt is the maximum length of a receipt, in bytes.
const maxReceipt = 512

// markNotified records that the approval has reached an approver.
func (o *Order) markNotified(a *Approval, env Environment) {
	a.Undeliverable = a.lacksApprovers()
	if !a.FirstNotifiedAt.IsZero() {
		return
	}
	a.FirstNotifiedAt = env.Now
	e := a.newEvent(EventFirstNotified, env.Now)
	e.Age = env.Now.Sub(a.RequestedAt)
	o.recordEvent(e)
}

// exhaustNotification ends a notification that failed for good. Its approver is then notified through the next fallback
// channel; for a group, each approver is notified separately. The event of the exhaustion is recorded as a copy of e,
// the event of the last failure.
func (o *Order) exhaustNotification(a *Approval, n *Notification, e Event, env Environment) []Action {
	n.State = NotificationExhausted
	n.AttemptRunning = false
	n.Due = noTime
	a.endUpdate(n, n.Attempts > 0, env)
	e.Kind = EventNotificationExhausted
	e.Channel = n.Channel
	e.By = n.Approver
	e.Attempt = n.Attempts
	e.Note = n.LastError
	o.recordEvent(e)
	actions := []Action{o.newDeadLetter(a, "notification through "+n.Channel+" exhausted: "+n.LastError)}
	if !n.Kind.isForPeople() || a.Status != Pending {
		return actions
	}
	recipients := []Approver{findApprover(a.Approvers, n.Approver)}
	if n.Approver == "" && len(a.Approvers) > 0 { // the message was for a group
		recipients = a.Approvers
	}
	for _, p := range recipients {
		a.queueFallback(p, n, env)
	}
	actions = append(actions, o.handleUndeliverable(a, env)...)
	return append(actions, o.startNotifications(a, env)...)
}

// queueFallback queues the message of an exhausted notification for the approver's next fallback channel that is new
// in this round.
func (a *Approval) queueFallback(p Approver, n *Notification, env Environment) {
	channels := p.FallbackChannels
	if len(channels) == 0 {
		channels = a.FallbackChannels
	}
	for i := n.NextFallback; i < len(channels) && !a.hasSeatVoted(p); i++ {
		isNew := a.queueMessage(Notification{
			Kind:         n.Kind,
			Channel:      channels[i],
			Approver:     p.ID,
			Round:        n.Round,
			NextFallback: i + 1,
		}, env)
		if isNew {
			return
		}
	}
}

package approval

import "slices"

// queueUpdates queues an update of every sent message that can be edited, because a vote was recorded or the request was
// edited, and the approval stays pending. A message has at most one pending update, which is composed when it is sent. If
// that attempt runs already, it may show the state before, and is repeated.
func (a *Approval) queueUpdates(env Environment) {
	for _, n := range a.Notifications {
		if n.Kind == NotifyUpdate && n.State == NotificationPending {
			n.Outdated = n.AttemptRunning
		}
	}
	a.refreshMessages(env)
}

// refreshMessages queues an update of every sent message that can be edited and has no pending update. Nothing has changed,
// so an update whose attempt runs already shows the present state.
func (a *Approval) refreshMessages(env Environment) {
	for _, n := range slices.Clone(a.Notifications) {
		if n.Kind.isForPeople() && n.Receipt != "" && a.findUpdate(n) == nil {
			a.queueEdit(NotifyUpdate, n, env)
		}
	}
}

// findUpdate returns the pending update of a message, or nil.
func (a *Approval) findUpdate(message *Notification) *Notification {
	for _, n := range a.Notifications {
		if n.Kind == NotifyUpdate && n.State == NotificationPending && n.Channel == message.Channel &&
			n.Receipt == message.Receipt {
			return n
		}
	}
	return nil
}

// endUpdate ends an update that succeeded, failed or was given up. If its attempt may have come after the edit with the
// outcome, the outcome is shown again; and if it may have shown an old state, there is another update.
func (a *Approval) endUpdate(n *Notification, wasMade bool, env Environment) {
	if n.Kind != NotifyUpdate || n.Receipt == "" {
		return
	}
	switch {
	case a.Status != Pending && wasMade:
		a.queueEdit(NotifyOutcome, n, env)
	case a.Status == Pending && n.Outdated && n.State == NotificationSent:
		a.queueEdit(NotifyUpdate, n, env)
	}
	n.Receipt = "" // the message keeps its own
	n.Outdated = false
}

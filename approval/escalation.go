package approval

import (
	"slices"
	"strings"
)

// allApprovers lists the approvers of an ask, those of its escalations too.
func (ask *Request) allApprovers() []Approver {
	all := slices.Clip(ask.Approvers)
	for _, e := range ask.Escalations {
		all = append(all, e.Approvers...)
	}
	return all
}

// eventualApprovers lists the approvers, with those that escalations before the deadline
// will add: a quorum that they can reach is not out of reach yet. There are none
// where approvers are not named.
func (a *Approval) eventualApprovers() []Approver {
	all := slices.Clip(a.Approvers)
	for _, e := range a.Escalations[a.EscalationsDone:] {
		if len(a.Approvers) == 0 || !e.At.Before(a.Deadline) {
			continue
		}
		for _, p := range distinctApprovers(e.Approvers, a.Requester) {
			p.Escalated = true
			all = append(all, p)
		}
	}
	return all
}

func (ask *Request) validateEscalations() error {
	switch {
	case len(ask.Escalations) > MaxEscalations:
		return InvalidField("escalations", "are %d, the most is %d", len(ask.Escalations), MaxEscalations)
	case !slices.Contains([]UndeliverablePolicy{UndeliverableWait, UndeliverableEscalate, UndeliverableCancel}, ask.OnUndeliverable):
		return InvalidField("unheard", "%.40q is neither escalate nor cancel", ask.OnUndeliverable)
	}
	return nil
}

// runEscalations does the escalations that are due.
func (o *Order) runEscalations(a *Approval, env Environment) []Action {
	var actions []Action
	for a.Status == Pending && a.EscalationsDone < len(a.Escalations) && !a.Escalations[a.EscalationsDone].At.After(env.Now) {
		actions = append(actions, o.runNextEscalation(a, env)...)
	}
	return actions
}

// runNextEscalation adds the approvers of the next escalation and tells them. Where
// approvers are not named, and whoever is told may decide, they are only told.
func (o *Order) runNextEscalation(a *Approval, env Environment) []Action {
	e := a.Escalations[a.EscalationsDone]
	a.EscalationsDone++
	var added []Approver
	var names []string
	for _, p := range distinctApprovers(e.Approvers, a.Requester) {
		if !slices.ContainsFunc(a.Approvers, func(q Approver) bool { return SamePerson(p.ID, q.ID) }) {
			p.Escalated = true
			added = append(added, p)
			names = append(names, p.ID)
		}
	}
	if len(a.Approvers) > 0 {
		a.Approvers = append(slices.Clip(a.Approvers), added...)
	}
	event := a.newEvent(EventEscalated, env.Now)
	event.By, event.Attempt = truncate(strings.Join(names, ", "), maxName), a.EscalationsDone
	o.recordEvent(event)
	if len(added) == 0 {
		return nil
	}
	a.Undeliverable = false
	a.notifyApprovers(NotifyEscalation, added, env)
	return o.handleUndeliverable(a, env) // they have no channel
}

// handleUndeliverable does what the ask says for when nobody could be told, once nobody was
// and nobody will be.
func (o *Order) handleUndeliverable(a *Approval, env Environment) []Action {
	if a.Status != Pending || a.Undeliverable || !a.FirstNotifiedAt.IsZero() || a.NotificationRounds == 0 || len(a.Channels) == 0 {
		return nil
	}
	if slices.ContainsFunc(a.Notifications, func(n *Notification) bool { return n.Kind.isForPeople() && n.State == NotificationPending }) {
		return nil
	}
	a.Undeliverable = true
	o.recordEvent(a.newEvent(EventUndeliverable, env.Now))
	switch {
	case a.OnUndeliverable == UndeliverableEscalate && a.EscalationsDone < len(a.Escalations):
		return o.runNextEscalation(a, env)
	case a.OnUndeliverable == UndeliverableCancel:
		return o.cancelApproval(a, "", "nobody could be told", env)
	}
	return nil
}

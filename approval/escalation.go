package approval

import (
	"slices"
	"strings"
)

// everybody lists the approvers of an ask, those of its escalations too.
func (ask *Request) everybody() []Approver {
	all := slices.Clip(ask.Approvers)
	for _, e := range ask.Escalations {
		all = append(all, e.Approvers...)
	}
	return all
}

// eventually lists the approvers, with those that escalations before the deadline
// will add: a quorum that they can reach is not out of reach yet. There are none
// where approvers are not named.
func (a *Approval) eventually() []Approver {
	all := slices.Clip(a.Approvers)
	for _, e := range a.Escalations[a.EscalationsDone:] {
		if len(a.Approvers) == 0 || !e.At.Before(a.Deadline) {
			continue
		}
		for _, p := range without(e.Approvers, a.Requester) {
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

// escalate does the escalations that are due.
func (o *Order) escalate(a *Approval, t Environment) []Action {
	var actions []Action
	for a.Status == Pending && a.EscalationsDone < len(a.Escalations) && !a.Escalations[a.EscalationsDone].At.After(t.Now) {
		actions = append(actions, o.escalateNext(a, t)...)
	}
	return actions
}

// escalateNext adds the approvers of the next escalation and tells them. Where
// approvers are not named, and whoever is told may decide, they are only told.
func (o *Order) escalateNext(a *Approval, t Environment) []Action {
	e := a.Escalations[a.EscalationsDone]
	a.EscalationsDone++
	var added []Approver
	var names []string
	for _, p := range without(e.Approvers, a.Requester) {
		if !slices.ContainsFunc(a.Approvers, func(q Approver) bool { return SamePerson(p.ID, q.ID) }) {
			p.Escalated = true
			added = append(added, p)
			names = append(names, p.ID)
		}
	}
	if len(a.Approvers) > 0 {
		a.Approvers = append(slices.Clip(a.Approvers), added...)
	}
	event := a.event(EventEscalated, t.Now)
	event.By, event.Attempt = clip(strings.Join(names, ", "), maxName), a.EscalationsDone
	o.record(event)
	if len(added) == 0 {
		return nil
	}
	a.Undeliverable = false
	a.notify(NotifyEscalation, added, t)
	return o.unheard(a, t) // they have no channel
}

// unheard does what the ask says for when nobody could be told, once nobody was
// and nobody will be.
func (o *Order) unheard(a *Approval, t Environment) []Action {
	if a.Status != Pending || a.Undeliverable || !a.FirstNotifiedAt.IsZero() || a.NotificationRounds == 0 || len(a.Channels) == 0 {
		return nil
	}
	if slices.ContainsFunc(a.Notifications, func(n *Notification) bool { return n.Kind.toPeople() && n.State == NotificationPending }) {
		return nil
	}
	a.Undeliverable = true
	o.record(a.event(EventUndeliverable, t.Now))
	switch {
	case a.OnUndeliverable == UndeliverableEscalate && a.EscalationsDone < len(a.Escalations):
		return o.escalateNext(a, t)
	case a.OnUndeliverable == UndeliverableCancel:
		return o.cancel(a, "", "nobody could be told", t)
	}
	return nil
}

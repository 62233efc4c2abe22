package approval

import (
	"slices"
	"strings"
)

// eventualApprovers lists the approvers, together with the approvers that escalations before the deadline will add. The
// votes are evaluated with this list: as long as later approvers could complete a quorum, the quorum is not out of
// reach. The list is empty if approvers are not named.
func (a *Approval) eventualApprovers() []Approver {
	all := slices.Clip(a.Approvers)
	for _, e := range a.Escalations[a.EscalationsDone:] {
		if len(a.Approvers) == 0 || !e.At.Before(a.Deadline) {
			continue
		}
		for _, p := range distinctApprovers(e.Approvers, a.Requester) {
			if isApprover(all, p.ID) { // asked already: an escalation gives nobody a second seat
				continue
			}
			p.Escalated = true
			all = append(all, p)
		}
	}
	return all
}

// runEscalations runs the escalations that are due.
func (o *Order) runEscalations(a *Approval, env Environment) []Action {
	var actions []Action
	for a.Status == Pending && a.hasEscalationLeft() && !a.Escalations[a.EscalationsDone].At.After(env.Now) {
		actions = append(actions, o.runNextEscalation(a, env)...)
	}
	return actions
}

func (a *Approval) hasEscalationLeft() bool { return a.EscalationsDone < len(a.Escalations) }

// runNextEscalation adds the approvers of the next escalation and notifies them. If approvers are not named, every
// person may decide already; the escalation then only notifies.
func (o *Order) runNextEscalation(a *Approval, env Environment) []Action {
	e := a.Escalations[a.EscalationsDone]
	a.EscalationsDone++
	var added []Approver
	var names []string
	for _, p := range distinctApprovers(e.Approvers, a.Requester) {
		if !isApprover(a.Approvers, p.ID) {
			p.Escalated = true
			added = append(added, p)
			names = append(names, p.ID)
		}
	}
	if len(a.Approvers) > 0 {
		a.Approvers = append(slices.Clip(a.Approvers), added...)
	}
	event := a.newEvent(EventEscalated, env.Now)
	event.By = truncate(strings.Join(names, ", "), maxName)
	event.Attempt = a.EscalationsDone
	o.recordEvent(event)
	if len(added) == 0 {
		return nil
	}
	a.Undeliverable = false
	a.notifyApprovers(NotifyEscalation, added, env)
	o.judgeLater(env)
	return o.handleUndeliverable(a, env) // the added approvers may have no channel
}

// askApprovers notifies the approvers of a request. If there is no notification to send, the approval is undeliverable
// from the start.
func (o *Order) askApprovers(a *Approval, env Environment) []Action {
	a.tellRequester(RequesterReceived, env)
	a.notifyApprovers(NotifyRequest, a.Approvers, env)
	return o.handleUndeliverable(a, env)
}

// handleUndeliverable applies the request's policy (wait, escalate, cancel) once every notification to approvers has
// failed, if there is none, or if too many approvers have declined.
func (o *Order) handleUndeliverable(a *Approval, env Environment) []Action {
	if a.Undeliverable || !a.isUndeliverable() {
		return nil
	}
	a.Undeliverable = true
	if a.Dismissed == AttentionUndeliverable {
		a.Dismissed = ""
	}
	o.recordEvent(a.newEvent(EventUndeliverable, env.Now))
	switch {
	case a.OnUndeliverable == UndeliverableEscalate && a.hasEscalationLeft():
		return o.runNextEscalation(a, env)
	case a.OnUndeliverable == UndeliverableCancel:
		return o.cancelApproval(a, Actor{}, a.undeliverableReason(), env)
	}
	a.tellRequester(RequesterUndeliverable, env)
	return nil
}

// undeliverableReason returns the reason why an undeliverable approval is cancelled.
func (a *Approval) undeliverableReason() string {
	if a.lacksApprovers() {
		return "too many approvers have stated that it is not theirs to decide"
	}
	return "no notification could be delivered"
}

// isUndeliverable reports whether a pending approval waits for nobody: too many approvers have declined, or approvers
// should have been notified, but no message was ever sent and no notification is left to try. An approval without any
// notification is undeliverable too, unless programs decide it.
func (a *Approval) isUndeliverable() bool {
	if a.Status == Pending && a.lacksApprovers() {
		return true
	}
	if a.Status != Pending || !a.FirstNotifiedAt.IsZero() || a.NotificationRounds == 0 {
		return false
	}
	forPeople := 0
	for _, n := range a.Notifications {
		if !n.Kind.isForPeople() {
			continue
		}
		if n.State == NotificationPending {
			return false
		}
		forPeople++
	}
	return forPeople > 0 || !a.isForPrograms()
}

// isForPrograms reports whether programs know of the approval: a channel for programs tells them, or the workflow names
// a source that decides.
func (a *Approval) isForPrograms() bool {
	return len(a.ProgramChannels) > 0 ||
		slices.ContainsFunc(a.Sources, func(source string) bool { return source != NoSource })
}

package approval

import (
	"slices"
	"strings"
)

// AddApprovers asks further approvers at once, each by their own channels. An added approver has a seat: the policy all
// waits for their vote too. The requester is left out, and so are present approvers.
func (o *Order) AddApprovers(act Act, approvers []Approver, env Environment) (Verdict, []Action, error) {
	a, v, actions, err := o.beginAct(act, ActAdd, env)
	if a == nil || err != nil {
		return v, actions, err
	}
	if len(a.Approvers) == 0 {
		return v, actions, errUnnamed("approvers")
	}
	added := a.newApprovers(approvers)
	if len(added) == 0 {
		return v, actions, InvalidField("approvers", "name nobody new: only approvers of this approval, or the requester, who "+
			"may not decide")
	}
	all := append(slices.Clip(a.Approvers), added...)
	if err := a.checkApprovers("approvers", all); err != nil {
		return v, actions, err
	}
	if isOperator(act.Actor.Principal) && env.NeedsSecond.on(a) {
		return o.propose(a, act, Proposal{Kind: ActAdd, To: act.Named}, env), actions, nil
	}
	a.Approvers = all
	o.endAct(a, act, RecordedAct{Kind: ActAdd, To: idsOf(added)}, &v, env)
	return v, append(actions, o.askAdded(a, added, &v, env)...), nil
}

// ReplaceApprover gives the seat of an approver without a vote to another person, and asks that person at once. The links
// of the replaced approver, and of its substitutes, end. The first of the new approvers gets the seat; the
// others fill in for the first.
func (o *Order) ReplaceApprover(act Act, from string, to []Approver, env Environment) (Verdict, []Action, error) {
	a, v, actions, err := o.beginAct(act, ActReplace, env)
	if a == nil || err != nil {
		return v, actions, err
	}
	added, err := o.reseat(a, "from", from, "to", to)
	if err != nil {
		return v, actions, err
	}
	if isOperator(act.Actor.Principal) && env.NeedsSecond.on(a) {
		return o.propose(a, act, Proposal{Kind: ActReplace, From: from, To: act.Named}, env), actions, nil
	}
	r := RecordedAct{Kind: ActReplace, From: findApprover(a.Approvers, from).ID, To: idsOf(added)}
	a.takeSeat(from, added)
	o.endAct(a, act, r, &v, env)
	return v, append(actions, o.askAdded(a, added, &v, env)...), nil
}

// reseat returns the approvers that get the seat of an approver. The error names the field at fault.
func (o *Order) reseat(a *Approval, fromField, from, toField string, to []Approver) ([]Approver, error) {
	old, err := a.findWaitingApprover(fromField, from)
	if err != nil {
		return nil, err
	}
	added := a.newApprovers(to)
	switch {
	case len(to) == 0:
		return nil, InvalidField(toField, "is missing")
	case a.isRequester(to[0].ID):
		return nil, InvalidField(toField, "is the requester, who may not decide")
	case len(added) == 0 || added[0].ID != to[0].ID:
		return nil, InvalidField(toField, "is an approver of this approval already")
	}
	for i := range added {
		switch {
		case old.SubstituteFor != "":
			added[i].SubstituteFor = old.SubstituteFor
		case i > 0:
			added[i].SubstituteFor = added[0].ID
		default:
			added[i].SubstituteFor = ""
		}
		added[i].Escalated = old.Escalated
	}
	return added, a.checkApprovers(toField, append(a.approversWithout(old), added...))
}

// takeSeat replaces an approver by the result of reseat.
func (a *Approval) takeSeat(from string, added []Approver) {
	kept := a.approversWithout(findApprover(a.Approvers, from))
	for _, n := range a.Notifications {
		if n.State == NotificationPending && n.Approver != "" && !isApprover(kept, n.Approver) && !n.AttemptRunning {
			n.State = NotificationDropped
		}
	}
	a.Approvers = append(kept, added...)
}

// approversWithout lists the approvers without an approver and its substitutes.
func (a *Approval) approversWithout(old Approver) []Approver {
	var kept []Approver
	for _, p := range a.Approvers {
		fillsIn := old.SubstituteFor == "" && p.SubstituteFor != "" && p.seat() == old.seat()
		if p.ID != old.ID && !fillsIn {
			kept = append(kept, p)
		}
	}
	return kept
}

// newApprovers lists the approvers that are new to the approval, without the requester.
func (a *Approval) newApprovers(approvers []Approver) []Approver {
	var added []Approver
	for _, p := range distinctApprovers(approvers, a.Requester) {
		if !isApprover(a.Approvers, p.ID) {
			added = append(added, p)
		}
	}
	return added
}

// checkApprovers checks changed approvers by the rules for the approvers of a request, and that the votes so far leave the
// approval pending: a quorum must stay within reach.
func (a *Approval) checkApprovers(field string, approvers []Approver) error {
	changed := *a
	changed.Approvers = approvers
	if err := changed.validateApprovers(); err != nil {
		return err
	}
	if err := changed.validateChannels(); err != nil {
		return err
	}
	if a.Policy.evaluateVotes(a.Votes, changed.eventualApprovers()) != Pending ||
		changed.Policy.validateFor(countSeats(changed.eventualApprovers(), true)) != nil {
		return InvalidField(field, "leaves too few approvers for the policy")
	}
	return nil
}

// askAdded asks approvers that were added to a pending approval.
func (o *Order) askAdded(a *Approval, added []Approver, v *Verdict, env Environment) []Action {
	a.Undeliverable = false
	if !a.Probe.Holding { // otherwise all are asked when the probe ends
		a.notifyApprovers(NotifyRequest, added, env)
	}
	o.judgeLater(env)
	actions := o.handleUndeliverable(a, env) // the added approvers may have no channel
	v.Status = a.Status
	return append(actions, o.startDueActions(a, env)...)
}

func idsOf(approvers []Approver) []string {
	var ids []string
	for _, p := range approvers {
		ids = append(ids, p.ID)
	}
	return ids
}

func joinNames(names []string) string { return strings.Join(names, ", ") }

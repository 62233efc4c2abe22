package approval

import "slices"

// applyDecision counts a decision as a vote on an approval, or refuses it.
func (o *Order) applyDecision(a *Approval, d Decision, env Environment) (Verdict, []Action) {
	v := Verdict{ApprovalID: a.ID, Status: a.Status}
	if v.Code = a.refusalOf(d); v.Code != "" {
		return v, nil
	}
	if a.Status != Pending {
		v.Code = a.closedVerdict(d)
		return v, o.startDueActions(a, env)
	}
	earlier := slices.IndexFunc(a.Votes, func(v Vote) bool { return a.isSameVoter(v, d) })
	if earlier >= 0 && d.Via != ViaOperator {
		v.Code = VerdictRepeated
		if a.Votes[earlier].Outcome != d.Outcome {
			v.Code = VerdictConflict
		}
		return v, o.startDueActions(a, env)
	}
	a.Votes = append(a.Votes, newVote(d, env))
	vote := len(a.Votes) - 1
	o.newTexts = append(o.newTexts, func() {
		a.Votes[vote].Comment = CutText(a.Votes[vote].Comment, MaxComment, shortComment)
	})
	v.Status = a.Policy.evaluateVotes(a.Votes, a.eventualApprovers())
	if d.Via == ViaOperator { // an operator decides regardless of the policy
		v.Status = d.Outcome.resultingStatus()
	}
	if v.Status == Pending {
		v.Code = VerdictRecorded
		return v, o.startDueActions(a, env)
	}
	v.Code = VerdictDecided
	actions := o.closeApproval(a, v.Status, "", env)
	e := a.newEvent(EventDecided, env.Now)
	d.actor().record(&e)
	e.Outcome = d.Outcome
	e.Age = env.Now.Sub(a.RequestedAt)
	e.TimeLeft = a.Deadline.Sub(env.Now)
	o.recordEvent(e)
	return v, actions
}

func newVote(d Decision, env Environment) Vote {
	return Vote{
		DecisionID:  d.ID,
		Outcome:     d.Outcome,
		By:          d.By,
		Principal:   d.Principal,
		Claimed:     d.Claimed,
		Comment:     d.Comment,
		Via:         d.Via,
		Source:      d.Source,
		At:          env.Now,
		ShownDigest: d.ShownDigest,
	}
}

// refusalOf returns the verdict if the principal of the decision may not decide this approval, otherwise "".
func (a *Approval) refusalOf(d Decision) VerdictCode {
	if len(d.Workflows) > 0 && !slices.Contains(d.Workflows, a.Workflow) {
		return VerdictSource
	}
	if a.isRequester(d.By) || (d.Claimed != "" && a.isRequester(d.Claimed)) {
		return VerdictRequester
	}
	if a.Asker != "" && d.Principal == a.Asker && !a.AskerMayDecide {
		return VerdictAsker
	}
	switch d.Via {
	case ViaOperator: // an operator may decide for every approver; the history names the operator
		return ""
	case ViaLink, ViaChat, ViaSSO:
		if Assurance(d.Via).rank() < a.MinAssurance.rank() {
			return VerdictAssurance
		}
		if d.Via == ViaLink && a.HasAnonymousLinks() {
			return VerdictAnonymous
		}
	case ViaSNS, ViaWebhook, ViaAPI:
		if !a.admitsSource(d) {
			return VerdictSource
		}
	}
	if len(a.Approvers) > 0 && !isApprover(a.Approvers, d.By) {
		return VerdictNotApprover
	}
	return ""
}

// admitsSource reports whether the program that sent a decision may decide the approval. Once any workflow names
// sources, webhooks and topics decide only workflows that name them; API tokens have their own list of workflows.
func (a *Approval) admitsSource(d Decision) bool {
	if len(a.Sources) == 0 {
		return d.Via == ViaAPI || !a.SourcesRequired
	}
	return includesSource(a.Sources, d.Source)
}

// isSameVoter reports whether a decision is from the voter of an earlier vote. Where approvers are not named, a program
// is a single voter, whatever persons it names: it could name as many as a quorum needs.
func (a *Approval) isSameVoter(v Vote, d Decision) bool {
	if SamePerson(v.By, d.By) {
		return true
	}
	program := v.program()
	return len(a.Approvers) == 0 && program != "" && program == programOf(d.Via, d.Principal, d.Source)
}

// isRequester reports whether an ID is that of the known requester.
func (a *Approval) isRequester(id string) bool {
	return a.Requester != "" && SamePerson(id, a.Requester)
}

// closedVerdict returns the verdict of a decision about an approval that is closed already.
func (a *Approval) closedVerdict(d Decision) VerdictCode {
	agrees := a.Status == d.Outcome.resultingStatus()
	switch {
	case a.Status == Superseded:
		return VerdictSuperseded
	case a.Status == TimedOut || a.Status == Cancelled:
		return VerdictLate
	case agrees:
		return VerdictRepeated
	}
	return VerdictConflict
}

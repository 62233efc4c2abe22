package approval

import "slices"

// applyDecision counts a decision as a vote on an approval, or refuses it. The decision is settled, as far as it can be:
// it gets the outcome of its choice, and canonical values.
func (o *Order) applyDecision(a *Approval, d *Decision, env Environment) (Verdict, []Action) {
	v := Verdict{ApprovalID: a.ID, Status: a.Status}
	refusal := a.refusalOf(*d)
	settled, choice, faults := a.settle(*d)
	*d = settled
	if refusal != "" {
		v.Code = refusal
		return v, nil
	}
	if a.Status != Pending {
		v.Code = a.closedVerdict(*d, len(faults) == 0)
		return v, o.startDueActions(a, env)
	}
	if earlier := a.findVoteOf(*d); earlier != nil && d.Via != ViaOperator {
		v.Code = VerdictConflict
		if len(faults) == 0 && earlier.isSameAs(*d) {
			v.Code = VerdictRepeated
		}
		return v, o.startDueActions(a, env)
	}
	if d.ShownDigest != "" && d.ShownDigest != o.ContentDigest(a) {
		v.Code = VerdictChanged
		a.refreshMessages(env) // the sender may have seen an outdated message
		return v, o.startDueActions(a, env)
	}
	if faults = append(faults, a.faultsOfChoice(choice, *d)...); len(faults) == 0 {
		faults = a.faultsOfEdits(*d)
	}
	if len(faults) > 0 {
		v.Code = VerdictInvalid
		v.Faults = faults
		return v, nil
	}
	if d.isOperators() && env.NeedsSecond.on(a) {
		act := Act{ID: d.ID, Actor: d.actor(), Reason: d.Comment}
		v := o.propose(a, act, Proposal{
			Kind:        ActDecide,
			Outcome:     d.Outcome,
			Choice:      d.Choice,
			Values:      d.Values,
			ShownDigest: d.ShownDigest,
		}, env)
		return v, o.startDueActions(a, env)
	}
	return o.countVote(a, *d, env)
}

// countVote adds the vote of a decision to a pending approval, and closes the approval if the votes decide it.
func (o *Order) countVote(a *Approval, d Decision, env Environment) (Verdict, []Action) {
	a.Votes = append(a.Votes, newVote(d, env))
	vote := len(a.Votes) - 1
	o.newTexts = append(o.newTexts, func() {
		a.Votes[vote].Comment = CutText(a.Votes[vote].Comment, MaxComment, shortComment)
	})
	voided := o.applyEdits(a, vote, env)
	v := Verdict{ApprovalID: a.ID, Status: a.Policy.evaluateVotes(a.Votes, a.eventualApprovers())}
	if d.Via == ViaOperator { // an operator decides regardless of the policy
		v.Status = d.Outcome.resultingStatus()
	}
	if v.Status == Pending {
		v.Code = VerdictRecorded
		a.askAgain(voided, env)
		a.queueUpdates(env)
		return v, o.startDueActions(a, env)
	}
	v.Code = VerdictDecided
	actions := o.closeApproval(a, v.Status, a.closingReason(v.Status), env)
	e := a.newEvent(EventDecided, env.Now)
	d.actor().record(&e)
	e.Outcome = v.Status.outcome()
	e.Note = a.Reason
	e.Age = env.Now.Sub(a.RequestedAt)
	e.TimeLeft = a.Deadline.Sub(env.Now)
	o.recordEvent(e)
	return v, actions
}

func newVote(d Decision, env Environment) Vote {
	vote := Vote{
		DecisionID:  d.ID,
		Outcome:     d.Outcome,
		Choice:      d.Choice,
		Values:      d.Values,
		By:          d.By,
		Principal:   d.Principal,
		Claimed:     d.Claimed,
		Comment:     d.Comment,
		Via:         d.Via,
		Source:      d.Source,
		At:          env.Now,
		ShownDigest: d.ShownDigest,
	}
	if d.isOperators() {
		vote.ConfirmedBy = env.ConfirmedBy
	}
	return vote
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

// findVoteOf returns the vote of the sender of a decision, or nil. A void vote does not count: its voter votes again.
func (a *Approval) findVoteOf(d Decision) *Vote {
	for i := range a.Votes {
		if v := &a.Votes[i]; !v.Void && a.isSameVoter(*v, d) {
			return v
		}
	}
	return nil
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

// closedVerdict returns the verdict of a decision about an approval that is closed already. A decision that is not valid
// never agrees with the end.
func (a *Approval) closedVerdict(d Decision, isValid bool) VerdictCode {
	switch {
	case a.Status == Superseded:
		return VerdictSuperseded
	case a.Status == TimedOut || a.Status == Cancelled:
		return VerdictLate
	case isValid && a.agreesWith(d):
		return VerdictRepeated
	}
	return VerdictConflict
}

// agreesWith reports whether a settled decision says the same as the end of a closed approval. With choices of its own,
// it must be the same as the sender's own vote, or else as the deciding vote.
func (a *Approval) agreesWith(d Decision) bool {
	if !a.HasOwnRules() {
		return a.Status == d.Outcome.resultingStatus()
	}
	if own := a.findVoteOf(d); own != nil {
		return own.isSameAs(d)
	}
	deciding := DecidingVote(a.Status, a.Votes)
	return deciding != nil && deciding.isSameAs(d)
}

// DecidingVote returns the vote by which the votes of a closed approval gave it its status: the last that means this
// status, or else the last that counts, such as the last abstention. It returns nil if no decision closed the approval.
func DecidingVote(s Status, votes []Vote) *Vote {
	if s.outcome() == "" {
		return nil
	}
	var last *Vote
	for i := range slices.Backward(votes) {
		switch v := &votes[i]; {
		case v.Void:
		case v.Outcome.resultingStatus() == s:
			return v
		case last == nil:
			last = v
		}
	}
	return last
}

// outcome returns the outcome that leads to this status, or "" if no decision does.
func (s Status) outcome() Outcome {
	switch s {
	case Approved:
		return Approve
	case Rejected:
		return Reject
	case Returned:
		return Return
	}
	return ""
}

// closingReason returns why the votes closed an approval, if the last vote alone does not tell. It is called when the
// approval closes.
func (a *Approval) closingReason(s Status) string {
	if last := a.Votes[len(a.Votes)-1]; last.Outcome.resultingStatus() == s || s == Approved {
		return ""
	}
	switch {
	case s == Returned:
		return "an approver has returned the request, and the approvals that it needs are out of reach"
	case a.Policy.Kind == PolicyQuorum:
		return "too few approvers are left for the approvals that it needs"
	}
	return "every approver has abstained"
}

package approval

import "slices"

// evaluateVotes returns the status that the votes give an approval. Seats vote, not persons: a substitute votes on the
// seat of the absent approver. Under PolicyAll, if an escalated approver approves, that vote stands for all approvers
// that have not voted. The list of approvers is empty if they are not named.
//
// An abstention is neither for nor against. Under PolicyAll, every seat that does not abstain must approve. If the
// remaining seats cannot give the approvals needed, the approval is rejected, or returned if any vote returns it.
func (p Policy) evaluateVotes(votes []Vote, approvers []Approver) Status {
	t := p.countVotes(votes, approvers)
	switch {
	case t.against() > 0 && !p.continuesAfterReject():
		return t.closing()
	case t.approvedForAll, t.approves > 0 && t.approves >= t.needed:
		return Approved
	case t.against()+t.abstains > 0 && t.isOutOfReach(approvers):
		return t.closing()
	}
	return Pending
}

// tally is the count of the votes, by seat.
type tally struct {
	approves, rejects, returns, abstains int
	needed                               int // approvals
	approvedForAll                       bool
}

func (t tally) against() int { return t.rejects + t.returns }

// closing returns the status of an approval that is not approved. Without a vote that returns it, it is rejected.
func (t tally) closing() Status {
	if t.returns > 0 {
		return Returned
	}
	return Rejected
}

// isOutOfReach reports whether the approvals needed can no longer come: too few seats are left or, if approvers are not
// named, there are as many votes against as approvals needed. At least one approval is always needed.
func (t tally) isOutOfReach(approvers []Approver) bool {
	if len(approvers) == 0 {
		return t.against() >= t.needed
	}
	return countSeats(approvers, true)-t.against()-t.abstains < max(t.needed, 1)
}

// countVotes counts the votes that are not void, by seat. If two votes on a seat disagree, the vote against counts, and
// an abstention does not count.
func (p Policy) countVotes(votes []Vote, approvers []Approver) tally {
	outcomes := map[PersonID]Outcome{} // by seat
	t := tally{needed: p.approvesNeeded(approvers)}
	for _, v := range votes {
		if v.Void {
			continue
		}
		voter := findVoter(approvers, v)
		if p.Kind == PolicyAll && voter.Escalated && v.Outcome == Approve {
			t.approvedForAll = true
		}
		if earlier, voted := outcomes[voter.seat()]; !voted || v.Outcome.weight() > earlier.weight() {
			outcomes[voter.seat()] = v.Outcome
		}
	}
	for _, o := range outcomes {
		switch o {
		case Approve:
			t.approves++
		case Return:
			t.returns++
		case Abstain:
			t.abstains++
		default:
			t.rejects++
		}
	}
	if p.Kind == PolicyAll && t.abstains > 0 {
		t.needed -= countSeats(slices.DeleteFunc(slices.Clone(approvers), func(a Approver) bool {
			return outcomes[a.seat()] != Abstain
		}), false)
	}
	return t
}

// weight orders outcomes: if two votes on a seat disagree, the outcome of the greater weight counts.
func (o Outcome) weight() int {
	switch o {
	case Abstain:
		return 0
	case Approve:
		return 1
	}
	return 2
}

// findVoter returns the approver of a vote. Where approvers are not named, a program is a single voter.
func findVoter(approvers []Approver, v Vote) Approver {
	if program := v.program(); len(approvers) == 0 && program != "" {
		return Approver{ID: program}
	}
	return findApprover(approvers, v.By)
}

// approvesNeeded returns the number of seats that must approve, if nobody abstains.
func (p Policy) approvesNeeded(approvers []Approver) int {
	switch p.Kind {
	case PolicyAll:
		return countSeats(approvers, false)
	case PolicyQuorum:
		return p.Quorum
	default:
		return 1
	}
}

func (p Policy) continuesAfterReject() bool { return p.Kind == PolicyQuorum && p.VetoDisabled }

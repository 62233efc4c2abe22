package approval

import "slices"

// Policy determines when the votes of an approval decide it.
type Policy struct {
	Kind PolicyKind `json:"kind"`
	// Quorum is the number of approvals that PolicyQuorum needs.
	Quorum int `json:"quorum,omitempty"`
	// VetoDisabled lets an approval under PolicyQuorum continue after a reject. It is then rejected only when the
	// quorum is out of reach.
	VetoDisabled bool `json:"no_veto,omitempty"`
}

// PolicyKind names a policy.
type PolicyKind string

// The policies.
const (
	PolicyAny    PolicyKind = "any"    // the first decision counts
	PolicyAll    PolicyKind = "all"    // every approver must approve
	PolicyQuorum PolicyKind = "quorum" // Quorum of the approvers must approve
)

// Assurance is how surely a way in identifies the person.
type Assurance string

// The assurances, the weakest first.
const (
	AssuranceLink Assurance = "link" // the person holds the link
	AssuranceChat Assurance = "chat" // the person is signed in to the chat
	AssuranceSSO  Assurance = "sso"  // the person is signed in with us
)

// rank returns the position of an assurance, the weakest first, or -1 if it is unknown or empty.
func (a Assurance) rank() int {
	return slices.Index([]Assurance{AssuranceLink, AssuranceChat, AssuranceSSO}, a)
}

// validateFor checks the policy against the number of seats of the approvers. Zero seats mean that the approvers are
// not named.
func (p Policy) validateFor(seats int) error {
	switch p.Kind {
	case PolicyAny:
	case PolicyAll:
		if seats == 0 {
			return InvalidField("approvers", "are needed by name for policy all")
		}
	case PolicyQuorum:
		if p.Quorum < 1 {
			return InvalidField("policy.quorum", "must be at least 1")
		}
		if seats > 0 && p.Quorum > seats {
			return InvalidField("policy.quorum", "%d is more than the %d approvers that may decide", p.Quorum, seats)
		}
	default:
		return InvalidField("policy", "%q is not any, all or quorum", p.Kind)
	}
	return nil
}

// evaluateVotes returns the status that the votes give an approval. Seats vote, not persons: a substitute votes on the
// seat of the absent approver. Under PolicyAll, if an escalated approver approves, that vote stands for all approvers
// that have not voted. The list of approvers is empty if they are not named.
func (p Policy) evaluateVotes(votes []Vote, approvers []Approver) Status {
	outcomes := map[PersonID]Outcome{} // by seat; if two votes on a seat disagree, the reject counts
	approvedForAll := false
	for _, v := range votes {
		voter := findVoter(approvers, v)
		if p.Kind == PolicyAll && voter.Escalated && v.Outcome == Approve {
			approvedForAll = true
		}
		if outcomes[voter.seat()] != Reject {
			outcomes[voter.seat()] = v.Outcome
		}
	}
	approves, rejects := countOutcomes(outcomes)
	needed := p.approvesNeeded(approvers)
	switch {
	case rejects > 0 && !p.continuesAfterReject():
		return Rejected
	case approves >= needed || approvedForAll:
		return Approved
	case rejects > 0 && p.isOutOfReach(needed, rejects, approvers):
		return Rejected
	}
	return Pending
}

// findVoter returns the approver who voted. Where approvers are not named, a program is a single voter.
func findVoter(approvers []Approver, v Vote) Approver {
	if program := v.program(); len(approvers) == 0 && program != "" {
		return Approver{ID: program}
	}
	return findApprover(approvers, v.By)
}

func countOutcomes(outcomes map[PersonID]Outcome) (approves, rejects int) {
	for _, o := range outcomes {
		if o == Approve {
			approves++
		} else {
			rejects++
		}
	}
	return approves, rejects
}

// approvesNeeded returns the number of seats that must approve.
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

// isOutOfReach reports whether the rejects prevent a quorum: too few seats are left or, if approvers are not named,
// there are as many rejects as approvals needed.
func (p Policy) isOutOfReach(needed, rejects int, approvers []Approver) bool {
	if len(approvers) == 0 {
		return rejects >= needed
	}
	return countSeats(approvers, true)-rejects < needed
}

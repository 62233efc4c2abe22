package approval

import (
	"cmp"
	"slices"
)

// Policy says when the votes of an approval decide it.
type Policy struct {
	Kind PolicyKind `json:"kind"`
	// Quorum is how many approvals are needed, for PolicyQuorum.
	Quorum int `json:"quorum,omitempty"`
	// VetoDisabled lets an approval go on after a reject, for PolicyQuorum: it is
	// rejected only when the quorum can no longer be reached.
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

// Assurance is how surely we know who decided, for the ways that people use.
type Assurance string

// Assurances, the weakest first.
const (
	AssuranceLink Assurance = "link" // holds the link
	AssuranceChat Assurance = "chat" // signed in to the chat
	AssuranceSSO  Assurance = "sso"  // signed in with us
)

func (a Assurance) rank() int {
	return slices.Index([]Assurance{AssuranceLink, AssuranceChat, AssuranceSSO}, a)
}

// validateFor checks the policy against the approvers it is for.
func (p Policy) validateFor(approvers int) error {
	switch p.Kind {
	case PolicyAny:
	case PolicyAll:
		if approvers == 0 {
			return InvalidField("approvers", "policy all needs named approvers")
		}
	case PolicyQuorum:
		if p.Quorum < 1 {
			return InvalidField("policy.quorum", "must be at least 1")
		}
		if approvers > 0 && p.Quorum > approvers {
			return InvalidField("policy.quorum", "%d is more than the %d approvers that may decide", p.Quorum, approvers)
		}
	default:
		return InvalidField("policy", "%q is not any, all or quorum", p.Kind)
	}
	return nil
}

// evaluateVotes says what the votes make of an approval with those approvers (none when
// they are not named). A cover's vote fills the place of whom they stand in for.
// Where all must approve, one who was escalated to approves for the rest of them.
func (p Policy) evaluateVotes(votes []Vote, approvers []Approver) Status {
	filled := map[PersonID]Outcome{} // by place; where two disagree about one, it is a reject
	forAll, approves, rejects := false, 0, 0
	for _, v := range votes {
		who := findApprover(approvers, v.By)
		forAll = forAll || (who.Escalated && v.Outcome == Approve && p.Kind == PolicyAll)
		if filled[who.seat()] != Reject {
			filled[who.seat()] = v.Outcome
		}
	}
	for _, o := range filled {
		if o == Approve {
			approves++
		} else {
			rejects++
		}
	}
	need := 1
	switch p.Kind {
	case PolicyAll:
		need = countSeats(approvers, false)
	case PolicyQuorum:
		need = p.Quorum
	case PolicyAny:
	}
	switch {
	case rejects > 0 && (p.Kind != PolicyQuorum || !p.VetoDisabled):
		return Rejected
	case approves >= need, forAll:
		return Approved
	case rejects == 0:
		return Pending
	case len(approvers) > 0 && countSeats(approvers, true)-rejects < need, len(approvers) == 0 && rejects >= need:
		return Rejected
	}
	return Pending
}

// findApprover returns the approver of that ID, or one of whom no more is known.
func findApprover(approvers []Approver, id string) Approver {
	for _, p := range approvers {
		if SamePerson(p.ID, id) {
			return p
		}
	}
	return Approver{ID: id}
}

// seat is whose vote the approver's is.
func (p Approver) seat() PersonID { return NewPersonID(cmp.Or(p.SubstituteFor, p.ID)) }

// countSeats counts the votes that the approvers have between them, with or without
// those of whom was escalated to.
func countSeats(approvers []Approver, escalated bool) int {
	all := map[PersonID]bool{}
	for _, p := range approvers {
		if escalated || !p.Escalated {
			all[p.seat()] = true
		}
	}
	return len(all)
}

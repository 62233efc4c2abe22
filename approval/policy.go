package approval

import (
	"slices"
	"strings"
)

// Policy says when the votes of an approval decide it.
type Policy struct {
	Kind PolicyKind `json:"kind"`
	// Quorum is how many approvals are needed, for PolicyQuorum.
	Quorum int `json:"quorum,omitempty"`
	// NoVeto lets an approval go on after a reject, for PolicyQuorum: it is
	// rejected only when the quorum can no longer be reached.
	NoVeto bool `json:"no_veto,omitempty"`
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

// validate checks the policy against the approvers it is for.
func (p Policy) validate(approvers int) error {
	switch p.Kind {
	case PolicyAny:
	case PolicyAll:
		if approvers == 0 {
			return Invalid("approvers", "policy all needs named approvers")
		}
	case PolicyQuorum:
		if p.Quorum < 1 {
			return Invalid("policy.quorum", "must be at least 1")
		}
		if approvers > 0 && p.Quorum > approvers {
			return Invalid("policy.quorum", "%d is more than the %d approvers that may decide", p.Quorum, approvers)
		}
	default:
		return Invalid("policy", "%q is not any, all or quorum", p.Kind)
	}
	return nil
}

// tally says what the votes make of an approval with that many approvers (0
// when they are not named).
func (p Policy) tally(votes []Vote, approvers int) Status {
	approves, rejects := 0, 0
	for _, v := range votes {
		if v.Outcome == Approve {
			approves++
		} else {
			rejects++
		}
	}
	need := 1
	switch p.Kind {
	case PolicyAll:
		need = approvers
	case PolicyQuorum:
		need = p.Quorum
	case PolicyAny:
	}
	switch {
	case approves >= need:
		return Approved
	case rejects == 0:
		return Pending
	case p.Kind != PolicyQuorum || !p.NoVeto:
		return Rejected
	case approvers > 0 && approvers-rejects < need, approvers == 0 && rejects >= need:
		return Rejected
	}
	return Pending
}

// samePerson compares two approver IDs.
func samePerson(a, b string) bool {
	return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b))
}

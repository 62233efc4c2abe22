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

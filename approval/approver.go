package approval

import (
	"cmp"
	"slices"
)

// Approver is a person or a third-party system that may decide an approval.
type Approver struct {
	// ID names the approver: an e-mail address, a name, or "source:NAME" for a third-party system. SamePerson
	// compares it.
	ID string `json:"id"`
	// Nonce is part of the approver's link. A link with a different nonce is revoked.
	Nonce string `json:"nonce"`
	// SubstituteFor is the ID of an absent approver, if this approver fills in for that person. The two share a seat:
	// the vote of either counts, and counts once.
	SubstituteFor string `json:"for,omitempty"`
	// Escalated is set for an approver that an escalation added.
	Escalated bool `json:"escalated,omitempty"`
	// Declined is set for an approver who has stated that the request is not theirs to decide. They may still decide, and
	// get no reminders.
	Declined bool `json:"declined,omitempty"`
	// Channels and FallbackChannels replace the channels of the request, unless they are empty.
	Channels         []string `json:"channels,omitempty"`
	FallbackChannels []string `json:"fallback,omitempty"`
}

// seat returns the ID that the approver's vote counts for: the absent approver's ID for a substitute, otherwise the
// approver's own.
func (p Approver) seat() PersonID { return NewPersonID(cmp.Or(p.SubstituteFor, p.ID)) }

// countSeats returns the number of distinct seats of the approvers. The approvers that an escalation added count only
// if includeEscalated is set.
func countSeats(approvers []Approver, includeEscalated bool) int {
	seats := map[PersonID]bool{}
	for _, p := range approvers {
		if includeEscalated || !p.Escalated {
			seats[p.seat()] = true
		}
	}
	return len(seats)
}

// findApprover returns the approver with this ID. For an unknown ID it returns an Approver that has only the ID.
func findApprover(approvers []Approver, id string) Approver {
	for _, p := range approvers {
		if p.isNamedBy(id) {
			return p
		}
	}
	return Approver{ID: id}
}

// isApprover reports whether the approvers include the person with this ID.
func isApprover(approvers []Approver, id string) bool {
	return slices.ContainsFunc(approvers, func(p Approver) bool { return p.isNamedBy(id) })
}

// distinctApprovers returns the approvers without the requester and without repeated IDs.
func distinctApprovers(approvers []Approver, requester string) []Approver {
	var out []Approver
	for _, p := range approvers {
		isRequester := requester != "" && SamePerson(p.ID, requester)
		if !isRequester && !isApprover(out, p.ID) {
			out = append(out, p)
		}
	}
	return out
}

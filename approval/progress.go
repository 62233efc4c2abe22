package approval

import "slices"

// Progress states how far the votes of a pending approval are from a decision.
type Progress struct {
	Approved int // seats that have approved
	Needed   int // seats that must approve
	// Waiting are the approvers of the seats without a vote, in the order of the record. Void votes do not count.
	Waiting []Approver
}

// Progress counts the seats as the policy does. Where approvers are not named, every voter is a seat.
func (a *Approval) Progress() Progress {
	t := a.Policy.countVotes(a.Votes, a.Approvers)
	voted := map[PersonID]bool{}
	for _, v := range a.Votes {
		if !v.Void {
			voted[findVoter(a.Approvers, v).seat()] = true
		}
	}
	return Progress{
		Approved: t.approves,
		Needed:   t.needed,
		Waiting: slices.DeleteFunc(slices.Clone(a.Approvers), func(approver Approver) bool {
			return voted[approver.seat()]
		}),
	}
}

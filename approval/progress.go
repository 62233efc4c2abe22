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
	outcomes := map[PersonID]Outcome{}
	for _, v := range a.Votes {
		if !v.Void {
			outcomes[findVoter(a.Approvers, v).seat()] = v.Outcome
		}
	}
	p := Progress{Needed: a.Policy.approvesNeeded(a.Approvers)}
	for _, o := range outcomes {
		switch {
		case o == Approve:
			p.Approved++
		case o == Abstain && a.Policy.Kind == PolicyAll: // everybody else must approve
			p.Needed--
		}
	}
	p.Waiting = slices.DeleteFunc(slices.Clone(a.Approvers), func(approver Approver) bool {
		_, voted := outcomes[approver.seat()]
		return voted
	})
	return p
}

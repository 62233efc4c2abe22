package approval

// HasApprover reports whether the person with this ID is an approver, or fills in for one.
func (a *Approval) HasApprover(id string) bool { return isApprover(a.Approvers, id) }

// WaitsFor reports whether the approval is pending, and the person with this ID is an approver who has neither decided
// nor declined. After the vote of an absent approver or of the substitute it waits for neither of them.
func (a *Approval) WaitsFor(id string) bool {
	return a.Status == Pending && isApprover(a.waitingApprovers(), id)
}

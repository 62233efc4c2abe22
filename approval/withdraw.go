package approval

import "cmp"

// withdrawnReason is the reason of a withdrawal without one.
const withdrawnReason = "withdrawn by the requester"

// Withdraw cancels an approval in the name of its requester, who proves to be so by the capability of the requester's link.
// The verdict is unknown if the link is not the requester's, or if the workflow does not let requesters withdraw.
func (o *Order) Withdraw(c Capability, reason string, env Environment) (Verdict, []Action) {
	a := o.FindApproval(c.ApprovalID)
	if a == nil || !a.RequesterWithdraws || !a.AcceptsRequester(c, env.Now) {
		return Verdict{Code: VerdictUnknown}, nil
	}
	return o.CancelBy(Cancellation{
		ApprovalID: a.ID,
		Reason:     cmp.Or(reason, withdrawnReason),
		Actor:      a.RequesterActor(),
	}, env)
}

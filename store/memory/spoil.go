package memory

import "github.com/approval-relay/approval-relay/approval"

// spoil overwrites an order after its transition, in all that transitions change in place. The contract of the store says
// that nobody uses the order any more, and other stores give it to the next transition. A caller that breaks the contract
// finds nothing here, so that the tests of all callers fail.
func spoil(o *approval.Order) {
	for _, a := range o.Approvals {
		clear(a.Votes)
		clear(a.Questions)
		for i := range a.Acts {
			if p := a.Acts[i].Proposal; p != nil {
				*p = approval.Proposal{}
			}
		}
		clear(a.Acts)
		for _, n := range a.Notifications {
			*n = approval.Notification{}
		}
		clear(a.Notifications)
		*a = approval.Approval{}
	}
	clear(o.Approvals)
	clear(o.Unmatched)
	clear(o.JudgedDecisions)
	clear(o.History)
	*o = approval.Order{}
}

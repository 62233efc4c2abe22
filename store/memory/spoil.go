package memory

import "github.com/approval-relay/approval-relay/approval"

// spoil overwrites all parts of an order that transitions change in place. It is called after a transition. By the contract
// of the store, the caller does not use the order any more, because other stores give it to the next transition. A caller
// that breaks the contract finds an empty order here, so that its tests fail.
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

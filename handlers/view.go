package handlers

import (
	"slices"

	"github.com/approval-relay/approval-relay/approval"
)

// View returns the parts of an order that an operator may see: it removes the tokens and the nonces of the links.
func View(o *approval.Order) *approval.Order {
	view := *o
	view.Approvals = make([]*approval.Approval, len(o.Approvals))
	for i, a := range o.Approvals {
		c := *a
		c.Token = approval.Token{}
		c.Approvers = withoutNonces(a.Approvers)
		c.Escalations = slices.Clone(a.Escalations)
		for j, e := range a.Escalations {
			c.Escalations[j].Approvers = withoutNonces(e.Approvers)
		}
		view.Approvals[i] = &c
	}
	return &view
}

// withoutNonces returns the approvers without the nonces of their links.
func withoutNonces(approvers []approval.Approver) []approval.Approver {
	out := slices.Clone(approvers)
	for i := range out {
		out[i].Nonce = ""
	}
	return out
}

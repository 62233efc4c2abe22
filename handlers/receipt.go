package handlers

import (
	"cmp"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/callback"
)

// audienceOf returns the receiver of the answer to a request, as its receipt names it: the callback URL without its
// query, which often has a secret; or the execution that waits, or the target if the execution is unknown.
func audienceOf(request *approval.Request) string {
	token := request.Token.Reveal()
	if strings.HasPrefix(token, "https://") || strings.HasPrefix(token, "http://") {
		return callback.AudienceOf(token)
	}
	return cmp.Or(request.Execution, request.Target)
}

// MakeReceipt returns the signed receipt of a closed approval.
type MakeReceipt func(orderID string, a *approval.Approval) (string, error)

// addReceipt adds the receipt to an answer, if its workflow wants it. Without a receipt the answer still goes out, because
// the workflow waits for it: a program that needs a receipt refuses an answer without one.
func (h *Callback) addReceipt(order *approval.Order, answer *approval.Answer) {
	a := order.FindApproval(answer.ApprovalID)
	if h.MakeReceipt == nil || a == nil || !a.Receipt {
		return
	}
	var err error
	if answer.Receipt, err = h.MakeReceipt(order.ID, a); err != nil {
		h.Transitions.Log.Error("the answer has no receipt", "order_id", order.ID, "approval_id", a.ID, "error", err)
	}
}

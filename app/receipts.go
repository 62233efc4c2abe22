package app

import (
	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/receipt"
)

// makeReceipt signs the receipt of a closed approval with the primary key of the ring.
func (a *App) makeReceipt(orderID string, closed *approval.Approval) (string, error) {
	return receipt.Make(a.ring, a.config.Compiled.PublicURL.String(), orderID, closed)
}

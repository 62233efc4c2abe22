package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/receipt"
)

// ReceiptReply is the receipt of a closed approval.
type ReceiptReply struct {
	// Receipt is a JWS in its compact form. `approval-relay verify` verifies it.
	Receipt string `json:"receipt"`
}

func (e *Endpoints) showReceipt() http.Handler { return operatorHandler(e.OperatorAPI.showReceipt) }

// showReceipt returns the receipt of an approval to an operator, or to the program that asked for the approval.
func (a *OperatorAPI) showReceipt(r *http.Request, _ []byte) (any, error) {
	p, _ := handlers.PrincipalOf(r.Context())
	orderID, err := a.pathOrderID(r)
	if err != nil {
		return nil, err
	}
	o, err := a.Orders.Get(r.Context(), orderID)
	if err != nil && !errors.Is(err, approval.ErrNotFound) {
		return nil, err
	}
	var found *approval.Approval
	if err == nil {
		found = o.FindApproval(r.PathValue("approvalId"))
	}
	if found == nil || !p.IsOperator && !p.Owns(found) { // the same answer as for an approval that does not exist
		return nil, &notFoundError{"approval of this order"}
	}
	text, err := a.MakeReceipt(orderID, found)
	switch {
	case errors.Is(err, receipt.ErrPending):
		return nil, &conflictError{err}
	case errors.Is(err, receipt.ErrNoReceipt):
		return nil, &notFoundError{"receipt: " + err.Error()}
	case err != nil:
		return nil, err
	}
	return ReceiptReply{Receipt: text}, nil
}

// conflictError is returned for a call that the state of an approval does not allow.
type conflictError struct{ error }

func (e *conflictError) Unwrap() error { return e.error }

// ReceiptKeysPath is the path of the public keys of receipts, at the public address.
const ReceiptKeysPath = "/.well-known/approval-relay/jwks.json"

// receiptKeys serves the public keys of receipts, so that programs that verify receipts learn of new keys by themselves.
// They are public, and the same for everybody: caches may keep them for as long as a prepared key should wait before it
// is promoted.
func (e *Endpoints) receiptKeys() http.Handler {
	if len(e.ReceiptKeys) == 0 {
		return nil
	}
	sum := sha256.Sum256(e.ReceiptKeys)
	tag := `"` + hex.EncodeToString(sum[:8]) + `"`
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "application/jwk-set+json")
		h.Set("Cache-Control", "public, max-age=300")
		h.Set("ETag", tag)
		h.Set("X-Content-Type-Options", "nosniff")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(e.ReceiptKeys))
	})
}

// Package receipt proves decisions: a receipt is a signed statement about a closed approval. A program that acts on the
// approval verifies it offline with a public key, and compares its digest with the payload in hand. Auditors verify it
// years later.
//
// A receipt is a JWS in its compact form (RFC 7515), signed with Ed25519 (RFC 8037).
package receipt

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Receipt is the signed statement. Later versions only add fields: a verifier ignores names
// that it does not know.
type Receipt struct {
	// Issuer is the public address of the worker.
	Issuer string `json:"iss,omitempty"`
	// IssuedAt is the time of closing, in seconds of Unix time, so that the same approval always has the same receipt.
	IssuedAt int64 `json:"iat"`
	// ID is the ID of the approval: an approval has a single receipt.
	ID string `json:"jti"`
	// Audience is the receiver of the answer: the callback URL without its query, or the execution of the workflow, or the
	// name of the target if the execution is unknown.
	Audience string `json:"aud,omitempty"`

	Order     string `json:"order"`
	Approval  string `json:"approval"`
	Workflow  string `json:"workflow"`
	Step      string `json:"step,omitempty"`
	Execution string `json:"execution,omitempty"`
	// Requester is the person behind the request; empty if unknown.
	Requester string `json:"requester,omitempty"`

	// RequestDigest is the SHA-256, in hex, of the canonical JSON (RFC 8785) of the payload, with the approvers' edits.
	// OriginalRequestDigest is the digest before the first edit, if there were edits.
	RequestDigest         string `json:"requestDigest"`
	OriginalRequestDigest string `json:"originalRequestDigest,omitempty"`
	// ShownDigest is the digest of the request as the deciding person saw it; empty if the way in does not show it.
	ShownDigest string `json:"shownDigest"`

	// Status is how the approval ended. The following are of the deciding vote, and empty if no decision ended it.
	Status    string `json:"status"`
	Choice    string `json:"choice"`
	Outcome   string `json:"outcome"`
	Values    Part   `json:"values"`
	DecidedBy string `json:"decidedBy"`
	Principal string `json:"principal"`
	Via       string `json:"via"`
	// ConfirmedBy is the principal of the second operator, where an operator's decision needs one.
	ConfirmedBy string `json:"confirmedBy,omitempty"`

	Changes []Change `json:"changes"`
	Votes   []Vote   `json:"votes"`
	// ChangesDigest and VotesDigest replace Changes and Votes if the receipt would be too long with them.
	ChangesDigest string `json:"changesDigest,omitempty"`
	VotesDigest   string `json:"votesDigest,omitempty"`

	Rules       Rules  `json:"rules"`
	RequestedAt string `json:"requestedAt"`
	ClosedAt    string `json:"closedAt"`
}

// Part is a JSON value of the record.
type Part = json.RawMessage

// Vote is a vote on the approval.
type Vote struct {
	By        string `json:"by"`
	Principal string `json:"principal"`
	Via       string `json:"via"`
	Choice    string `json:"choice"`
	Outcome   string `json:"outcome"`
	Values    Part   `json:"values,omitempty"`
	// ValuesDigest replaces Values if the receipt would be too long with them.
	ValuesDigest string `json:"valuesDigest,omitempty"`
	ShownDigest  string `json:"shownDigest"`
	At           string `json:"at"`
	// Void marks a vote that does not count, because the request was edited after it.
	Void bool `json:"void,omitempty"`
	// CommentDigest is the SHA-256, in hex, of the comment. It is empty without one. The receipt has no comments, because
	// it is shown to programs and partners.
	CommentDigest string `json:"commentDigest,omitempty"`
	// ConfirmedBy is the principal of the second operator. It is empty for a vote that needs none.
	ConfirmedBy string `json:"confirmedBy,omitempty"`
}

// Change is an edit of the request.
type Change struct {
	Path string `json:"path"` // a JSON Pointer (RFC 6901)
	From Part   `json:"from"`
	To   Part   `json:"to"`
	By   string `json:"by"`
}

// Rules are the rules of the approval.
type Rules struct {
	// Digest is the SHA-256, in hex, of the canonical JSON of the policy, approvers, sources, choices, form, edits and
	// assurance of this approval.
	Digest string `json:"digest"`
	// Version is the SHA-256, in hex, of the workflow's section of the configuration at the time of the request.
	Version string `json:"version,omitempty"`
}

// parse reads the payload of a verified receipt, and checks that it has the parts of every receipt.
func parse(payload []byte) (Receipt, error) {
	var r Receipt
	if err := json.Unmarshal(payload, &r); err != nil {
		return Receipt{}, errors.New("the receipt is signed, but it is no statement about an approval")
	}
	for name, value := range map[string]string{
		"order":         r.Order,
		"approval":      r.Approval,
		"workflow":      r.Workflow,
		"status":        r.Status,
		"requestDigest": r.RequestDigest,
	} {
		if value == "" {
			return Receipt{}, fmt.Errorf("the receipt has no %s", name)
		}
	}
	return r, nil
}

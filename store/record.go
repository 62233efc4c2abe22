package store

import (
	"encoding/json"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/approval-relay/approval-relay/approval"
)

// recordVersion is the version of the record's format. A program refuses records of newer versions, because it would
// drop the fields that it does not know. It reads all older versions: they only lack fields. Since version 2 a record has
// principals, probes and the start of an attempt, since version 3 choices, values, edits with void votes, and questions.
const recordVersion = 3

// record is the stored form of an order. The task tokens are beside the order, sealed, by approval ID: the JSON of an
// order never contains a token.
type record struct {
	Version int               `json:"v"`
	Order   *approval.Order   `json:"order"`
	Tokens  map[string][]byte `json:"tokens,omitempty"`
}

// Encode returns the record of an order, with its tokens sealed. It refuses an order ID that Decode could not return
// unchanged.
func Encode(orderID string, o *approval.Order, s Sealer) ([]byte, error) {
	switch {
	case orderID == "":
		return nil, approval.InvalidField("order", "is missing")
	case !utf8.ValidString(orderID):
		return nil, approval.InvalidField("order", "is not UTF-8")
	case o.ID != orderID:
		return nil, fmt.Errorf("a transition of order %q changed its ID to %q", orderID, o.ID)
	}
	r := record{Version: recordVersion, Order: o}
	for _, a := range o.Approvals {
		if a.Token.IsZero() {
			continue
		}
		sealed, err := s.Seal([]byte(a.Token.Reveal()), o.ID, a.ID)
		if err != nil {
			return nil, fmt.Errorf("seal token of approval %s: %w", a.ID, err)
		}
		if r.Tokens == nil {
			r.Tokens = map[string][]byte{}
		}
		r.Tokens[a.ID] = sealed
	}
	return json.Marshal(r)
}

// Decode returns the order in a record. The order must have this ID: this program never stores a record under the key
// of another order.
func Decode(orderID string, b []byte, s Sealer) (*approval.Order, error) {
	var head struct {
		Version int `json:"v"`
	}
	var r record
	if err := json.Unmarshal(b, &r); err != nil {
		if json.Unmarshal(b, &head) == nil && head.Version > recordVersion {
			return nil, newerVersionError(orderID, head.Version)
		}
		return nil, fmt.Errorf("record of order %q is damaged: %w", orderID, err)
	}
	switch {
	case r.Version > recordVersion:
		return nil, newerVersionError(orderID, r.Version)
	case r.Version < 1 || r.Order == nil || r.Order.ID != orderID:
		return nil, fmt.Errorf("record of order %q is damaged: it does not contain this order", orderID)
	case hasNulls(r.Order):
		return nil, fmt.Errorf("record of order %q is damaged: an approval or notification is null", orderID)
	}
	for id, sealed := range r.Tokens {
		a := r.Order.FindApproval(id)
		if a == nil {
			return nil, fmt.Errorf("record of order %q is damaged: it has a token of an unknown approval", orderID)
		}
		token, err := s.Open(sealed, orderID, id)
		if err != nil {
			return nil, fmt.Errorf("open token of order %q, approval %s: %w", orderID, id, err)
		}
		a.Token = approval.NewToken(string(token))
	}
	return r.Order, nil
}

// hasNulls reports whether an approval or notification is null. Package approval does not expect that.
func hasNulls(o *approval.Order) bool {
	return slices.ContainsFunc(o.Approvals, func(a *approval.Approval) bool {
		return a == nil || slices.Contains(a.Notifications, nil)
	})
}

func newerVersionError(orderID string, version int) error {
	return fmt.Errorf("record of order %q has version %d, this program reads versions up to %d: a newer program wrote it",
		orderID, version, recordVersion)
}

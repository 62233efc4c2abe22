package store

import (
	"encoding/json"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/approval-relay/approval-relay/approval"
)

// recordVersion is the form in which records are written. A reader refuses what
// is newer than itself: an older program must not drop what it does not know.
const recordVersion = 1

// record is an order as it is stored. Tokens stand beside it, sealed, by
// approval ID: the order's own JSON never holds one.
type record struct {
	Version int               `json:"v"`
	Order   *approval.Order   `json:"order"`
	Tokens  map[string][]byte `json:"tokens,omitempty"`
}

// Encode returns the bytes of the order with that ID, its tokens sealed. It
// refuses what Decode could not give back.
func Encode(orderID string, o *approval.Order, s Sealer) ([]byte, error) {
	switch {
	case orderID == "":
		return nil, approval.InvalidField("order", "is missing")
	case !utf8.ValidString(orderID):
		return nil, approval.InvalidField("order", "is not UTF-8")
	case o.ID != orderID:
		return nil, fmt.Errorf("order %q was given the ID %q: an order keeps its own", orderID, o.ID)
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

// Decode returns the order whose bytes these are. It must be the one with that
// ID: a record under another's key was not put there by us.
func Decode(orderID string, b []byte, s Sealer) (*approval.Order, error) {
	var head struct {
		Version int `json:"v"`
	}
	var r record
	if err := json.Unmarshal(b, &r); err != nil {
		if json.Unmarshal(b, &head) == nil && head.Version > recordVersion {
			return nil, newer(orderID, head.Version)
		}
		return nil, fmt.Errorf("record of order %q is damaged: %w", orderID, err)
	}
	switch {
	case r.Version > recordVersion:
		return nil, newer(orderID, r.Version)
	case r.Version != recordVersion || r.Order == nil || r.Order.ID != orderID:
		return nil, fmt.Errorf("record of order %q is damaged: it is not the order's", orderID)
	case hasHoles(r.Order):
		return nil, fmt.Errorf("record of order %q is damaged: it has holes", orderID)
	}
	for id, sealed := range r.Tokens {
		a := r.Order.FindApproval(id)
		if a == nil {
			return nil, fmt.Errorf("record of order %q is damaged: it has a token for no approval", orderID)
		}
		token, err := s.Open(sealed, orderID, id)
		if err != nil {
			return nil, fmt.Errorf("open token of order %q, approval %s: %w", orderID, id, err)
		}
		a.Token = approval.NewToken(string(token))
	}
	return r.Order, nil
}

// hasHoles finds what is null where the domain counts on a value.
func hasHoles(o *approval.Order) bool {
	return slices.ContainsFunc(o.Approvals, func(a *approval.Approval) bool {
		return a == nil || slices.Contains(a.Notifications, nil)
	})
}

func newer(orderID string, version int) error {
	return fmt.Errorf("record of order %q has version %d, this program reads up to %d: it was written by a newer one", orderID, version, recordVersion)
}

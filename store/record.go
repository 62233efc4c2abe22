package store

import (
	"encoding/json"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/approval-relay/approval-relay/approval"
)

// The versions of the record's format. A record has two of them, so that workers of two releases can share a store:
//
//   - v is the oldest version whose programs may change the record. A program refuses records with a newer one, because it
//     would misunderstand them: a value of a state that it does not know, or a field that changes the meaning of others.
//   - w is the version of the program that wrote it. Fields that a program does not know are kept, see Unknown.
//
// A program reads the records of all older versions: they only lack fields. Every change of the record's JSON gets a new
// recordVersion and a file in testdata/shapes. TestShape holds that. Only what an older program would misunderstand raises
// readerVersion as well.
//
// Since version 2 a record has principals, probes and the start of an attempt, since version 3 choices, values, edits with
// void votes, and questions, since version 4 its writer's version, since version 5 unanswered and dismissed approvals,
// since version 6 times of heartbeats and reconciliations, since version 7 proposals for a second operator, since version 8
// the time of pauses. Programs before version 4 drop the fields that they do not know.
const (
	recordVersion = 8
	readerVersion = 5
)

// record is the stored form of an order. The task tokens are beside the order, sealed, by approval ID: the JSON of an
// order never contains a token.
type record struct {
	Version int               `json:"v"`
	Writer  int               `json:"w,omitempty"` // versions before 4 have none
	Order   *approval.Order   `json:"order"`
	Tokens  map[string][]byte `json:"tokens,omitempty"`
}

// Encode returns the record of an order, with its tokens sealed and with the fields of the record before that this program
// does not know. It refuses an order ID that Decode could not return unchanged.
func Encode(orderID string, o *approval.Order, unknown Unknown, s Sealer) ([]byte, error) {
	switch {
	case orderID == "":
		return nil, approval.InvalidField("order", "is missing")
	case !utf8.ValidString(orderID):
		return nil, approval.InvalidField("order", "is not UTF-8")
	case o.ID != orderID:
		return nil, fmt.Errorf("a transition of order %q changed its ID to %q", orderID, o.ID)
	}
	r := record{
		Version: readerVersion,
		Writer:  max(recordVersion, unknown.writer),
		Order:   o,
	}
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
	b, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	return unknown.addTo(b)
}

// Decode returns the order in a record. The order must have this ID: this program never stores a record under the key
// of another order.
func Decode(orderID string, b []byte, s Sealer) (*approval.Order, error) {
	o, _, err := DecodeForUpdate(orderID, b, s)
	return o, err
}

// DecodeForUpdate returns the order in a record as Decode does, and the fields that Encode adds to the record of the
// order after its transition.
func DecodeForUpdate(orderID string, b []byte, s Sealer) (*approval.Order, Unknown, error) {
	var r record
	hasUnknown, err := decodeStrictly(b, &r)
	if err != nil {
		if version := readerVersionOf(b); version > readerVersion {
			return nil, Unknown{}, newerVersionError(orderID, version)
		}
		return nil, Unknown{}, fmt.Errorf("record of order %q is damaged: %w", orderID, err)
	}
	if err := r.check(orderID); err != nil {
		return nil, Unknown{}, err
	}
	if err := r.openTokens(s); err != nil {
		return nil, Unknown{}, err
	}
	if !hasUnknown {
		return r.Order, Unknown{}, nil
	}
	return r.Order, Unknown{record: b, writer: r.Writer}, nil
}

// readerVersionOf returns the reader version of a record that cannot be decoded, or 0 if it has none.
func readerVersionOf(b []byte) int {
	var head struct {
		Version int `json:"v"`
	}
	if json.Unmarshal(b, &head) != nil {
		return 0
	}
	return head.Version
}

// check returns an error for a record of a newer program, and for one that cannot be the record of this order.
func (r *record) check(orderID string) error {
	switch {
	case r.Version > readerVersion:
		return newerVersionError(orderID, r.Version)
	case r.Version < 1 || r.Order == nil || r.Order.ID != orderID:
		return fmt.Errorf("record of order %q is damaged: it does not contain this order", orderID)
	case hasNulls(r.Order):
		return fmt.Errorf("record of order %q is damaged: an approval or notification is null", orderID)
	}
	return nil
}

// openTokens gives the approvals their task tokens.
func (r *record) openTokens(s Sealer) error {
	orderID := r.Order.ID
	for id, sealed := range r.Tokens {
		a := r.Order.FindApproval(id)
		if a == nil {
			return fmt.Errorf("record of order %q is damaged: it has a token of an unknown approval", orderID)
		}
		token, err := s.Open(sealed, orderID, id)
		if err != nil {
			return fmt.Errorf("open token of order %q, approval %s: %w", orderID, id, err)
		}
		a.Token = approval.NewToken(string(token))
	}
	return nil
}

// hasNulls reports whether an approval or notification is null. Package approval does not expect that.
func hasNulls(o *approval.Order) bool {
	return slices.ContainsFunc(o.Approvals, func(a *approval.Approval) bool {
		return a == nil || slices.Contains(a.Notifications, nil)
	})
}

func newerVersionError(orderID string, version int) error {
	return fmt.Errorf("record of order %q has version %d, this program reads versions up to %d: a newer program wrote it",
		orderID, version, readerVersion)
}

package store

import (
	"fmt"
	"unicode/utf8"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store/record"
)

// The versions of the record's format. A record has two of them, so that workers of two releases can share a store:
//
//   - v is the oldest version whose programs may change the record. A program refuses records with a newer one, because it
//     would misunderstand them: a value of a state that it does not know, or a field that changes the meaning of others.
//   - w is the version of the program that wrote it. Fields that a program does not know are kept, see Unknown.
//
// A program reads the records of all older versions: they only lack fields, or are JSON. Every new field gets a new
// recordVersion and a file in testdata/shapes. TestShape holds that. Only what an older program would misunderstand raises
// readerVersion as well.
//
// Since version 2 a record has principals, probes and the start of an attempt, since version 3 choices, values, edits with
// void votes, and questions, since version 4 its writer's version, since version 5 unanswered and dismissed approvals,
// since version 6 times of heartbeats and reconciliations, since version 7 proposals for a second operator, since version 8
// the time of pauses. Since version 9 records are binary, see package record. Since version
// 10 heartbeats can be kept in memory. Programs before version 4 drop the fields that they do not know.
const (
	recordVersion = 10
	readerVersion = 9
)

// Encode returns the record of an order, with its tokens sealed and with the fields of the record before that this program
// does not know. It refuses an order ID that Decode could not return unchanged. It keeps the sealed tokens in unknown.
func Encode(orderID string, o *approval.Order, unknown Unknown, s Sealer) ([]byte, error) {
	switch {
	case orderID == "":
		return nil, approval.InvalidField("order", "is missing")
	case !utf8.ValidString(orderID):
		return nil, approval.InvalidField("order", "is not UTF-8")
	case o.ID != orderID:
		return nil, fmt.Errorf("a transition of order %q changed its ID to %q", orderID, o.ID)
	}
	if !unknown.IsEmpty() && !record.Is(unknown.record) {
		return encodeJSON(o, unknown, s)
	}
	tokens, err := unknown.sealed.sealAll(o, s)
	if err != nil {
		return nil, err
	}
	b, err := record.Encode(record.Content{
		Versions: record.Versions{Reader: readerVersion, Writer: max(recordVersion, unknown.writer)},
		Order:    o,
		Tokens:   tokens,
	}, unknown.record)
	if err != nil {
		return nil, fmt.Errorf("encode order %q: %w", orderID, err)
	}
	return b, nil
}

// Decode returns the order in a record. The order must have this ID: this program never stores a record under the key
// of another order. It does not keep a reference to the record.
func Decode(orderID string, b []byte, s Sealer) (*approval.Order, error) {
	o, _, err := decode(orderID, b, nil, s)
	return o, err
}

// DecodeForUpdate returns the order in a record as Decode does, and the fields that Encode adds to the record of the
// order after its transition. These may refer to the record.
func DecodeForUpdate(orderID string, b []byte, s Sealer) (*approval.Order, Unknown, error) {
	return decode(orderID, b, &sealedTokens{}, s)
}

// decode keeps the sealed tokens in sealed unless it is nil.
func decode(orderID string, b []byte, sealed *sealedTokens, s Sealer) (*approval.Order, Unknown, error) {
	if len(b) > 0 && b[0] >= utf8.RuneSelf && !record.Is(b) {
		return nil, Unknown{}, fmt.Errorf("record of order %q has a format that this program does not know: "+
			"a newer program wrote it, or it is damaged", orderID)
	}
	if !record.Is(b) {
		return decodeJSON(orderID, b, sealed, s)
	}
	c, err := record.Decode(b, readerVersion)
	if err != nil {
		return nil, Unknown{}, fmt.Errorf("record of order %q is damaged: %w", orderID, err)
	}
	switch {
	case c.Reader > readerVersion:
		return nil, Unknown{}, newerVersionError(orderID, c.Reader)
	case c.Reader < 1 || c.Order.ID != orderID:
		return nil, Unknown{}, otherOrderError(orderID)
	}
	if err := sealed.openAll(c.Order, c.Tokens, s); err != nil {
		return nil, Unknown{}, err
	}
	unknown := Unknown{sealed: sealed}
	if c.HasUnknown {
		unknown.record, unknown.writer = b, c.Writer
	}
	return c.Order, unknown, nil
}

// newerVersionError is about a record that only newer programs read, in JSON too: this project stopped writing JSON at
// version 9.
func newerVersionError(orderID string, version int) error {
	return fmt.Errorf("record of order %q has version %d, which this program does not read: a newer program wrote it",
		orderID, version)
}

func otherOrderError(orderID string) error {
	return fmt.Errorf("record of order %q is damaged: it does not contain this order", orderID)
}

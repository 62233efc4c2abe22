package store

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store/record"
)

// The versions of the last JSON records. Programs up to recordVersion 8 wrote JSON. The next update writes such a record in
// the binary form, unless it has fields that this program does not know: their writer reads JSON.
const (
	jsonRecordVersion = 8
	jsonReaderVersion = 5
)

// jsonRecord is the JSON form of an order. The task tokens are beside the order, sealed, by approval ID: the JSON of an
// order never contains a token.
type jsonRecord struct {
	Version int               `json:"v"`
	Writer  int               `json:"w,omitempty"` // missing before version 4
	Order   *approval.Order   `json:"order"`
	Tokens  map[string][]byte `json:"tokens,omitempty"`
}

// encodeJSON returns the JSON record of an order, with the unknown fields of the JSON record before.
func encodeJSON(o *approval.Order, unknown Unknown, s Sealer) ([]byte, error) {
	r := jsonRecord{
		Version: jsonReaderVersion,
		Writer:  max(jsonRecordVersion, unknown.writer),
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

// decodeJSON returns the order in a JSON record, and its unknown fields.
func decodeJSON(orderID string, b []byte, sealed *sealedTokens, s Sealer) (*approval.Order, Unknown, error) {
	var r jsonRecord
	hasUnknown, err := decodeStrictly(b, &r)
	if err != nil {
		if version := versionsOfJSON(b).Reader; version > jsonReaderVersion {
			return nil, Unknown{}, newerVersionError(orderID, version)
		}
		return nil, Unknown{}, fmt.Errorf("record of order %q is damaged: %w", orderID, err)
	}
	switch {
	case r.Version > jsonReaderVersion:
		return nil, Unknown{}, newerVersionError(orderID, r.Version)
	case r.Version < 1 || r.Order == nil || r.Order.ID != orderID:
		return nil, Unknown{}, otherOrderError(orderID)
	case hasNulls(r.Order):
		return nil, Unknown{}, fmt.Errorf("record of order %q is damaged: an approval or notification is null", orderID)
	}
	var tokens []record.SealedToken
	for id, token := range r.Tokens {
		i := slices.IndexFunc(r.Order.Approvals, func(a *approval.Approval) bool { return a.ID == id })
		if i < 0 {
			return nil, Unknown{}, fmt.Errorf("record of order %q is damaged: it has a token of an unknown approval", orderID)
		}
		tokens = append(tokens, record.SealedToken{Index: i, Sealed: token})
	}
	if err := sealed.openAll(r.Order, tokens, s); err != nil {
		return nil, Unknown{}, err
	}
	unknown := Unknown{sealed: sealed}
	if hasUnknown {
		unknown.record, unknown.writer = b, r.Writer
	}
	return r.Order, unknown, nil
}

// versionsOfJSON returns the versions of a JSON record that may be unreadable otherwise.
func versionsOfJSON(b []byte) RecordVersions {
	var v RecordVersions
	_ = json.Unmarshal(b, &v)
	return v
}

// hasNulls reports whether an approval or notification is null. Package approval does not expect that.
func hasNulls(o *approval.Order) bool {
	return slices.ContainsFunc(o.Approvals, func(a *approval.Approval) bool {
		return a == nil || slices.Contains(a.Notifications, nil)
	})
}

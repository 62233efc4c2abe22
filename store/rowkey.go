package store

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// rowKey is the place of a row in a list. It stays a valid place after the approval has changed.
type rowKey struct {
	Time        keyTime `json:"t,omitzero"` // the time of the sort; zero if the row has none
	OrderID     string  `json:"o"`
	RequestedAt keyTime `json:"r,omitzero"`
	ApprovalID  string  `json:"a,omitempty"`
}

// keyTime is a time of a row, of any year.
type keyTime struct {
	Seconds int64 `json:"s"`
	Nanos   int   `json:"n"`
}

func newKeyTime(t time.Time) keyTime {
	if t.IsZero() {
		return keyTime{}
	}
	return keyTime{t.Unix(), t.Nanosecond()}
}

func (t keyTime) compare(other keyTime) int {
	return cmp.Or(cmp.Compare(t.Seconds, other.Seconds), cmp.Compare(t.Nanos, other.Nanos))
}

// keyOf returns the place of a row.
func (w *walk) keyOf(r Row) rowKey {
	key := rowKey{OrderID: r.Order.ID}
	if w.byAge { // an order that cannot be read has the age of its neighbour
		key.Time = newKeyTime(w.since)
	}
	if r.Approval == nil {
		return key
	}
	key.RequestedAt = newKeyTime(r.Approval.RequestedAt)
	key.ApprovalID = r.Approval.ID
	switch w.Sort {
	case SortOrder:
	case SortAge:
		key.Time = newKeyTime(r.Approval.RequestedAt)
	case SortDeadline:
		key.Time = newKeyTime(r.Approval.Deadline)
	case SortClosed:
		key.Time = newKeyTime(r.Approval.ClosedAt)
	}
	return key
}

// compare returns a negative number if a row with the place a comes before a row with the place b.
func (w *walk) compare(a, b rowKey) int {
	var none keyTime
	if w.Sort != SortOrder && (a.Time == none) != (b.Time == none) {
		if a.Time == none {
			return 1
		}
		return -1
	}
	c := cmp.Or(
		a.Time.compare(b.Time),
		strings.Compare(a.OrderID, b.OrderID),
		a.RequestedAt.compare(b.RequestedAt),
		strings.Compare(a.ApprovalID, b.ApprovalID),
	)
	if w.Descending {
		return -c
	}
	return c
}

// cursor is a position in a list of approvals.
type cursor struct {
	State      State `json:"state,omitempty"`
	Sort       Sort  `json:"sort,omitempty"`
	Descending bool  `json:"desc,omitempty"`
	// Walk is the position at which the walk through the orders begins, see OrderQuery.After.
	Walk string `json:"walk,omitempty"`
	// Last is the last row of the previous page, if rows of this walk were on it.
	Last *rowKey `json:"last,omitempty"`
}

// isPlain reports whether the position is that behind an order in a list by order ID. It is written as the order ID alone.
func (c cursor) isPlain() bool { return c.Sort == SortOrder && !c.Descending && c.Last == nil }

// String returns the cursor as the After of a query.
func (c cursor) String() string {
	if c.isPlain() {
		return c.Walk
	}
	b, err := json.Marshal(c)
	if err != nil { // it has texts and numbers only
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// parseCursor returns the position of the beginning of the page.
func parseCursor(q Query) (c cursor, err error) {
	if q.After == "" {
		return c, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(q.After)
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	if err != nil && q.Sort == SortOrder && !q.Descending {
		return cursor{State: q.State, Walk: q.After}, nil
	}
	if err != nil {
		return c, approval.InvalidField("after", "is not a position in a list of approvals")
	}
	if c.State != q.State || c.Sort != q.Sort || c.Descending != q.Descending {
		return c, approval.InvalidField("after", "is a position in a list with another state or sort")
	}
	return c, nil
}

// joinNames returns the names as a list in words.
func joinNames[T ~string](names []T) string {
	var texts []string
	for _, n := range names {
		texts = append(texts, string(n))
	}
	return strings.Join(texts, ", ")
}

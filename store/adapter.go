package store

import (
	"fmt"
	"strconv"
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// Lease is how a Claim holds an order. Adapters share what it means.
type Lease struct {
	At    time.Time // the now of the Claim
	Until time.Time
}

// Holds says whether the order is kept from a Claim at that time.
func (l Lease) Holds(now time.Time) bool { return l.Until.After(now) }

// After returns what is left of the lease once an update has left the order
// with that Due: all of it where the order is due still, see Store.Claim.
func (l Lease) After(due time.Time) Lease {
	if due.IsZero() || due.After(l.At) {
		return Lease{}
	}
	return l
}

// LetterID writes the number of a dead letter so that texts sort as numbers do.
func LetterID(n int64) string { return fmt.Sprintf("%016d", n) }

// LetterNumber reads what LetterID wrote.
func LetterNumber(id string) (int64, error) {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("dead letter %q: %w", id, approval.ErrNotFound)
	}
	return n, nil
}

// Package store says what a store of orders is. The adapters are in its
// folders; storetest is the suite that each of them passes.
package store

import (
	"cmp"
	"context"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// Store keeps orders. It is the truth of the program: whatever was not stored
// has not happened, whatever was stored survives.
//
// All methods are safe for use by many goroutines, and by many processes where
// the adapter says so. An error means that nothing is known to have been
// stored; the caller runs the transition again, which is always safe.
type Store interface {
	// Update runs a transition on the record of an order and stores what it made
	// of it. Updates of one order are serializable. When Update returns nil the
	// new record is durable: it survives the loss of the process and of power.
	//
	// An order ID is any UTF-8 text but the empty one; approval.Order sets the
	// limits. With another ID, nothing is stored and the error is Permanent.
	//
	// The function gets an empty Order with its ID where nothing is stored. It
	// may run more than once, and not only on the last stored record, so it
	// computes and assigns, and does nothing else; what it assigned in its last
	// run is what counts. Its Order and all in it must not be used after it has
	// returned. If it returns an error, Update stores nothing and returns that
	// error as it is. A panic in it stores nothing and reaches the caller of
	// Update. An order that it leaves Empty is removed.
	//
	// A cancelled context stops the waiting, not necessarily the update: the
	// error is then the context's, and the record may or may not be stored.
	Update(ctx context.Context, orderID string, transition func(*approval.Order) error) error

	// Get returns a copy of the last durable record, or approval.ErrNotFound.
	Get(ctx context.Context, orderID string) (*approval.Order, error)

	// Claim returns at most limit IDs of orders whose Due is not after now, and
	// leases each of them: no other Claim of any process returns it until
	// now+lease. The longest due come first; an order that was claimed before
	// counts from the end of its lease, so that what cannot be begun keeps nothing
	// else waiting.
	//
	// An update after which Due is after this now, or is none, ends the lease: what
	// was due has been begun, and what comes next is nobody's yet. An update that
	// leaves the order due at this now leaves the lease too: it would be handed out
	// again at once, for as long as there is no room. So a lease never holds an
	// order up for longer than itself.
	Claim(ctx context.Context, now time.Time, limit int, lease time.Duration) ([]string, error)

	// List returns orders for people, by order ID or by age, and where to go on
	// (empty at the end): q.After of the next page. It may miss or repeat what
	// changes meanwhile. An order whose record cannot be read is listed with its ID
	// alone; Get says why. A page costs the same at ten and at a million orders
	// that the query selects.
	List(ctx context.Context, q Query) (orders []*approval.Order, next string, err error)

	// Stats counts the pending approvals by workflow. It costs the same at ten
	// and at a million of them.
	Stats(ctx context.Context) (Stats, error)
}

// Query selects orders for List.
type Query struct {
	// Pending and Exhausted select the orders that have a pending approval, or a
	// callback that was given up. With neither, all orders are listed.
	Pending   bool
	Exhausted bool
	// ByAge lists the orders with a pending approval, Pending or not, those that
	// have waited longest first: by when the oldest pending approval of each was
	// requested, then by order ID. After is then an Age as a text; with another,
	// the error is Permanent.
	ByAge bool
	After string // where List said to go on; without ByAge, any order ID: what comes after it
	Limit int    // at most this many, 1 to 1,000; 0 means 100
}

// Age is a place in a list by age: since when an order has waited, and which it
// is. It is a place also when that order no longer waits.
type Age struct {
	Since time.Time
	ID    string
}

// String returns the age as the After of a query.
func (a Age) String() string { return strconv.FormatInt(a.Since.UnixNano(), 10) + "/" + a.ID }

// ParseAge reads what String wrote. Nothing is the place before all others.
func ParseAge(s string) (Age, error) {
	if s == "" {
		return Age{Since: time.Unix(0, math.MinInt64)}, nil
	}
	since, id, ok := strings.Cut(s, "/")
	n, err := strconv.ParseInt(since, 10, 64)
	if !ok || err != nil {
		return Age{}, approval.InvalidField("after", "is no place in a list by age")
	}
	return Age{Since: time.Unix(0, n), ID: id}, nil
}

// Before says whether this place comes first.
func (a Age) Before(b Age) bool {
	return cmp.Or(a.Since.Compare(b.Since), strings.Compare(a.ID, b.ID)) < 0
}

// Oldest returns when the first of them was requested, or the zero time for none.
func Oldest(pending []approval.PendingApproval) time.Time {
	var oldest time.Time
	for _, p := range pending {
		if oldest.IsZero() || p.Since.Before(oldest) {
			oldest = p.Since
		}
	}
	return oldest
}

// Stats is what is counted at every scrape.
type Stats struct {
	Workflows map[string]WorkflowStats
	// Exhausted counts the orders with a callback that was given up.
	Exhausted int
	// Retrying counts the orders with an attempt that failed and is to be made again.
	Retrying int
	// OldestDue is the earliest Due of all orders, zero if there is none.
	OldestDue time.Time
	// DeadLetters counts the dead letters in the store's own table.
	DeadLetters int
}

// WorkflowStats counts the pending approvals of one workflow.
type WorkflowStats struct {
	Pending int
	Oldest  time.Time // when the oldest of them was requested; zero if there is none
}

// DeadLetter is a message that was given up.
type DeadLetter struct {
	ID       string            // given by Put, in order of time
	Source   string            // where it came from: the name of a workflow or decision source
	Reason   string            // why it was given up; never holds the body
	Body     []byte            // sealed at rest: it may hold a task token
	Metadata map[string]string // of the message, likewise sealed
	At       time.Time
	Redrives int
}

// DeadLetters keeps messages that were given up, where they came from no queue
// that has a dead letter queue of its own.
type DeadLetters interface {
	// PutDeadLetter stores a dead letter durably and returns its ID. The ID in
	// the argument is not used.
	PutDeadLetter(ctx context.Context, d DeadLetter) (string, error)
	// ListDeadLetters returns at most limit dead letters after that ID (of all for
	// none), oldest first. With those that can be read comes the error of those
	// that cannot.
	ListDeadLetters(ctx context.Context, after string, limit int) ([]DeadLetter, error)
	// TakeDeadLetter removes a dead letter for good, or returns approval.ErrNotFound.
	TakeDeadLetter(ctx context.Context, id string) error
}

// Sealer seals secrets before they are stored. The associated data must be the
// same when they are opened.
type Sealer interface {
	Seal(plaintext []byte, associated ...string) ([]byte, error)
	Open(sealed []byte, associated ...string) ([]byte, error)
}

// Size returns how many orders the query asks for.
func (q Query) Size() int {
	if q.Limit <= 0 {
		return 100
	}
	return min(q.Limit, 1000)
}

// Package store says what a store of orders is. The adapters are in its
// folders; storetest is the suite that each of them passes.
package store

import (
	"context"
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

// Sealer seals secrets before they are stored. The associated data must be the
// same when they are opened.
type Sealer interface {
	Seal(plaintext []byte, associated ...string) ([]byte, error)
	Open(sealed []byte, associated ...string) ([]byte, error)
}

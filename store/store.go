// Package store is the contract of the order store, and the types that all packages share with it: queries, counts,
// dead letters and redrives. The package does no I/O. The adapters are in its subfolders, and storetest is the suite
// that each of them passes.
package store

import (
	"context"
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// Store keeps orders. It is the program's only source of truth: a change counts from the moment at which it is stored,
// and a stored change survives.
//
// All methods are safe for concurrent use by many goroutines. An adapter may also support many processes; its package
// comment states that. After an error, the caller does not know whether the change was stored. It may run the same
// transition again, because a transition records every fact once.
type Store interface {
	// Update runs a transition on the record of an order and stores the result. Updates of the same order are
	// serializable: the records are as if the updates had run one after the other. When Update returns nil, the new
	// record is durable: it survives the end of the process and the loss of power.
	//
	// An order ID is any text in UTF-8 except the empty text; package approval limits its length. For any other ID,
	// Update stores nothing and returns a Permanent error.
	//
	// The transition gets an empty Order with its ID if the store has no record of it. The store may run the transition
	// several times, and also on a record that is not the latest. So a transition only computes: it must not have side
	// effects outside its Order, except that it may assign results to variables. The results of the last run count. The
	// Order, and all that it contains, must not be used after the transition has returned, because the store may keep it.
	//
	// If the transition returns an error, Update stores nothing and returns that error unchanged. If the transition
	// panics, Update stores nothing, and the panic reaches its caller. An order for which IsEmpty returns true is
	// removed.
	//
	// A store may limit the size of a record, see RecordLimits. A request, a vote or a decision that does not fit now gets
	// an approval.OrderFullError, which is temporary; one that never fits gets a Permanent error. All else fits: an order
	// that is filled to the brim ends by its deadlines, and answers all its workflows. To make space, the store calls
	// Order.Shed after the transition.
	//
	// If the context is cancelled, Update returns the context's error. The update may have been stored all the same.
	Update(ctx context.Context, orderID string, transition func(*approval.Order) error) error

	// UpdateUnsynced is like Update, but after it returned nil the new record may still be lost by a loss of power. It is
	// not lost by the end of the process, and never out of order: if a later Update of the same order survives, it does
	// too. It is for facts that the program finds out again, at the end of an attempt: if the record of that end is lost,
	// the attempt counts as begun, and so it is made again, and known as possibly applied.
	//
	// A transition that begins an action needs Update: the record that an attempt began must be durable before the
	// attempt.
	UpdateUnsynced(ctx context.Context, orderID string, transition func(*approval.Order) error) error

	// Get returns a copy of the latest record for which an Update or an UpdateUnsynced has returned, or
	// approval.ErrNotFound. A record of UpdateUnsynced may be lost by a loss of power after Get has returned it.
	Get(ctx context.Context, orderID string) (*approval.Order, error)

	// Claim leases orders whose NextDue is not after now, and returns their IDs, at most limit of them. Until
	// now+lease, no other Claim of any process returns the same order. This lease only divides the due orders among
	// the sweepers; any caller may update the order meanwhile. It is not the lease of an action, which is part of the
	// record.
	//
	// The order that has been due for the longest time comes first. For an order that was claimed before, that time
	// begins at the end of its lease: an order whose actions cannot start does not delay the others.
	//
	// An Update ends the lease early, unless the order is then still due at the now of its Claim. In that case its
	// actions could not start, most likely for lack of capacity, and the lease keeps the order from being claimed again
	// immediately. A lease therefore delays an order by at most its own length. Within it, the process that holds it
	// advances the order when there is capacity.
	Claim(ctx context.Context, now time.Time, limit int, lease time.Duration) ([]string, error)

	// List returns a page of orders, sorted by order ID or by age, and the position of the next page. The caller passes
	// that position as q.After to get the next page. The position is empty after the last page; any other page may be
	// shorter than the limit, or empty. List may miss or repeat an order that changes meanwhile. An order whose record
	// cannot be read is listed with its ID only; Get returns the error. The cost of a page does not depend on the number
	// of orders that the query selects.
	List(ctx context.Context, q OrderQuery) (orders []*approval.Order, next string, err error)

	// Stats counts the pending approvals by workflow, and the orders in each state that needs attention. Its cost does not
	// depend on the number of pending approvals.
	Stats(ctx context.Context) (Stats, error)
}

// Sealer encrypts secrets before they are stored. The same associated data must be given to Seal and to Open: a sealed
// secret that was copied into another record does not open there.
type Sealer interface {
	Seal(plaintext []byte, associated ...string) ([]byte, error)
	Open(sealed []byte, associated ...string) ([]byte, error)
}

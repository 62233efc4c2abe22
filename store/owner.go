package store

import (
	"context"
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// Owner is an optional interface of a Store that several workers use at once. A store implements it if it divides the
// orders among the workers: each order has a worker that owns it, and that worker does what is due for it unless another
// has begun. A worker also does what is due soon for the orders that it has written itself.
//
// Ownership avoids double work; it decides nothing. While workers start and end, an order may have two owners, or lack
// an owner, for half a minute. The stored orders are safe all the same, because every update is conditional. What is
// not stored must be safe to do twice, and safe to do half a minute late.
//
// PostgreSQL and DynamoDB implement it. A store for one process does not: its process owns all orders.
type Owner interface {
	// Owns reports whether this worker owns an order now. It answers from memory, and false before the first Claim.
	Owns(orderID string) bool
	// OwnershipChanges returns the number of times that the set of owned orders has changed, from memory. After a
	// change, a worker looks for the orders that it has come to own.
	OwnershipChanges() uint64
}

// RecentGetter is an optional interface of a Store that several workers use at once. A store implements it if it can save
// the read of a record that this worker has just written.
//
// PostgreSQL and DynamoDB implement it. For the other stores, Get is as cheap.
type RecentGetter interface {
	// GetRecent returns a copy of a durable record as Get does, but it may be the record that this worker has written
	// last, although another worker has written a later record within the last seconds. It is for an action that this
	// worker has just begun: its begin was a conditional write, so that other workers leave the action alone until the
	// lease ends, and a change by another worker could as well have come after a read.
	GetRecent(ctx context.Context, orderID string) (*approval.Order, error)
}

// TimeTeller is an optional interface of a Store on a server. The workers of the store follow its time where they have no
// better one, so that a lease means the same to all of them.
type TimeTeller interface {
	// ServerTime returns what the clock of the server shows.
	ServerTime(ctx context.Context) (time.Time, error)
}

// ClaimReturner is an optional interface of a Store that several workers use at once. A store implements it if a lease of
// Claim outlives its worker: then a worker that stops returns its leases, so that what is due does not wait for their end.
//
// PostgreSQL implements it. Orders of DynamoDB are leased in the memory of the worker.
type ClaimReturner interface {
	// ReturnClaims ends the leases of all orders that this worker has claimed and no Update has released since. From now
	// on, any worker can claim them. The worker claims nothing meanwhile.
	ReturnClaims(ctx context.Context, now time.Time) error
}

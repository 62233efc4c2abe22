package store

import (
	"context"
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// Prober is an optional interface of a Store. A store implements it if it can fail to write while it still reads: a
// full disk, a table that is gone. Readiness then depends on it.
//
// All stores but the in-memory one implement it.
type Prober interface {
	// Probe makes a durable write that changes no order.
	Probe(ctx context.Context) error
}

// OrphanLister is an optional interface of a Store. A store implements it if it admits only a single process at a time.
// If an action is under way when such a store is opened, the process that began it has ended. The action is an orphan:
// nobody will record its result, and the next attempt need not wait for the end of its lease. For the same reason such a
// store ends all leases of Claim when it is opened.
//
// SQLite implements it. PostgreSQL and DynamoDB serve many processes and must not; the in-memory store ends with its
// process and does not.
type OrphanLister interface {
	// ListUnderWay returns the IDs of all orders with an action under way, see approval.Order.IsUnderWay. It may return
	// others too. Its cost does not depend on the number of orders that are due.
	ListUnderWay(ctx context.Context) ([]string, error)
}

// DueLister is an optional interface of a Store. A store implements it if it can list the orders that will be due soon. A
// worker that starts looks among them for the orders that an earlier one held for a pause.
//
// SQLite and PostgreSQL implement it. DynamoDB would have to read all shards of its index, and the in-memory store ends
// with its process.
type DueLister interface {
	// ListDueBy returns the IDs of all orders that are due by that time, leased or not.
	ListDueBy(ctx context.Context, until time.Time) ([]string, error)
}

// ManyGetter is an optional interface of a Store. A store implements it if it reads many orders for less than as many calls
// of Get.
//
// SQLite and PostgreSQL implement it. DynamoDB bills a read in a batch as any other, and the in-memory store gains nothing.
type ManyGetter interface {
	// GetMany returns the orders with these IDs, as Get does, by ID. Orders that are not stored, or cannot be read, are not
	// among them: Get tells why. The IDs are at most MaxMany.
	GetMany(ctx context.Context, orderIDs []string) (map[string]*approval.Order, error)
}

// MaxMany is the largest number of orders that GetMany reads.
const MaxMany = 64

// KeyRegister is an optional interface of a Store. A store implements it if its records survive the process: it remembers
// by which keys they were sealed, so that a worker with other keys is refused before it serves anything.
//
// All stores but the in-memory one implement it: it survives no process.
type KeyRegister interface {
	// KeyIDs returns the IDs of the keys that AddKeyID has added, sorted. A store that was last used by a program without
	// this register has none.
	KeyIDs(ctx context.Context) ([]string, error)
	// AddKeyID adds the ID of a key that seals from now on. The ID is durable when it returns. To add it again has no
	// effect.
	AddKeyID(ctx context.Context, id string) error
}

// Restored is an optional interface of a Store. A store implements it if it can tell that it was restored from a copy: the
// workflows may then know more than the store.
//
// SQLite and DynamoDB implement it. PostgreSQL cannot tell, and the in-memory store ends with its process.
type Restored interface {
	// Restoration returns how the store was restored, if it was.
	Restoration(ctx context.Context) (r Restoration, isRestored bool, err error)
}

// Restoration tells how a store was restored.
type Restoration struct {
	Copied   time.Time // the store has everything until then, as far as is known; zero if it is not
	Restored time.Time
}

// WorkerRegister is an optional interface of a Store. A store implements it if several workers may use it at the same
// time: they learn of each other, and divide the work for the orders, so that each order is served once.
//
// DynamoDB and PostgreSQL implement it. SQLite admits a single process and must not.
type WorkerRegister interface {
	// KeepWorker stores the state of a worker in the place of its earlier state, and returns the states of all workers,
	// also of this one, in any order. It is called every few seconds, so it should be a single small write.
	KeepWorker(ctx context.Context, w Worker) ([]Worker, error)
	// RemoveWorker removes the state of a worker that has ended. It is harmless without such a state.
	RemoveWorker(ctx context.Context, id string) error
}

// Worker is the state of a worker. Another worker takes it for dead when Beat stays the same for too long by its own clock:
// the clocks of two workers are never compared.
type Worker struct {
	ID        string `json:"id"`
	Beat      int64  `json:"beat"`                // grows with every call of KeepWorker
	Epoch     int64  `json:"epoch,omitempty"`     // of the view
	Confirmed string `json:"confirmed,omitempty"` // the view of the living workers that it acts by
	Read      string `json:"read,omitempty"`      // the view after which it has read its orders
}

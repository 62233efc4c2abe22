package postgres

import (
	"context"
	"hash/maphash"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// maxBatch is the largest number of updates that share a transaction.
const maxBatch = 256

// slots is the number of rows of a workflow in the table counts. Each lane has one; lanes of other workers rarely share it.
const slots = 64

// lane stores the updates of a part of the orders, one transaction at a time.
type lane struct {
	store  *Store
	slot   int16
	queue  chan *update
	behind []*update // read from the queue, and left for the next batch: an update of the same order was before them
	recent recentRecords
	done   chan struct{} // the lane has ended
}

// update is a change of an order on its way through its lane.
type update struct {
	ctx     context.Context
	orderID string
	// compute returns the change of a stored row. It may be called several times.
	compute  func(before stored) (change, outcome)
	unsynced bool
	begun    atomic.Bool // or withdrawn
	result   chan outcome

	before    stored  // as it was read, or as this lane has written it last
	isRead    bool    // before was read for this batch
	change    change  // the result of the transition
	tried     []int64 // the versions of writes without an answer
	conflicts int
	finished  bool
}

// outcome is the result of an update.
type outcome struct {
	err      error
	panicked any
}

// hasFailed reports whether the update itself failed, not its transaction.
func (o outcome) hasFailed() bool { return o.err != nil || o.panicked != nil }

// deliver passes the outcome to the caller: it returns the error, or repeats the panic.
func (o outcome) deliver() error {
	if o.panicked != nil {
		panic(o.panicked)
	}
	return o.err
}

// startLanes starts the lanes. A quarter of the connections are theirs: few lanes make large transactions, which cost
// less for each update. Reads use the others.
func (s *Store) startLanes() {
	first := rand.IntN(slots) //nolint:gosec // not a secret
	for i := range max(1, s.config.Connections/4) {
		l := &lane{
			store: s,
			slot:  int16((first + i) % slots), // less than slots
			queue: make(chan *update, maxBatch),
			done:  make(chan struct{}),
		}
		s.lanes = append(s.lanes, l)
		s.running.Go(l.run)
	}
}

// laneSeed makes an order belong to the same lane for the life of this process.
var laneSeed = maphash.MakeSeed()

func (s *Store) laneOf(orderID string) *lane {
	return s.lanes[maphash.String(laneSeed, orderID)%uint64(len(s.lanes))]
}

// Update implements store.Store.
func (s *Store) Update(ctx context.Context, orderID string, transition func(*approval.Order) error) error {
	return s.submit(s.newUpdate(ctx, orderID, transition))
}

// UpdateUnsynced implements store.Store. The new record survives the end of this process. It is lost if the database server
// ends without order within the fraction of a second that it takes to write its log.
func (s *Store) UpdateUnsynced(ctx context.Context, orderID string, transition func(*approval.Order) error) error {
	u := s.newUpdate(ctx, orderID, transition)
	u.unsynced = true
	return s.submit(u)
}

func (s *Store) newUpdate(ctx context.Context, orderID string, transition func(*approval.Order) error) *update {
	return &update{ctx: ctx, orderID: orderID, compute: func(before stored) (change, outcome) {
		return s.applyTransition(orderID, before, transition)
	}}
}

// submit passes an update to its lane and waits for the outcome.
func (s *Store) submit(u *update) error {
	if err := validateID(u.orderID); err != nil {
		return err
	}
	u.result = make(chan outcome, 1)
	l := s.laneOf(u.orderID)
	select {
	case <-s.closed:
		return errClosed
	case <-u.ctx.Done():
		return u.ctx.Err()
	default:
	}
	select {
	case <-s.closed:
		return errClosed
	case <-u.ctx.Done():
		return u.ctx.Err()
	case l.queue <- u:
	}
	select {
	case out := <-u.result:
		return out.deliver()
	case <-u.ctx.Done():
		if u.begun.CompareAndSwap(false, true) {
			return u.ctx.Err()
		}
	case <-l.done:
	}
	// The lane may be running the transition, and that assigns to variables of the caller. So the caller waits for its end.
	select {
	case out := <-u.result:
		return out.deliver()
	case <-l.done:
	}
	select {
	case out := <-u.result:
		return out.deliver()
	default:
		return errClosed
	}
}

// run is the lane's goroutine. It ends after the store was closed and the accepted updates are stored.
func (l *lane) run() {
	defer close(l.done)
	for batch := l.gather(); batch != nil; batch = l.gather() {
		l.commit(batch)
	}
}

// gather waits for an update, and returns it with the others in the queue, at most a single update of each order. It returns
// nil at the end.
func (l *lane) gather() []*update {
	var batch []*update
	orders := map[string]bool{}
	add := func(u *update) {
		if orders[u.orderID] {
			l.behind = append(l.behind, u)
			return
		}
		orders[u.orderID] = true
		batch = append(batch, u)
	}
	behind := l.behind
	l.behind = nil
	for _, u := range behind {
		add(u)
	}
	if len(batch) == 0 {
		select {
		case u := <-l.queue:
			add(u)
		case <-l.store.closed:
			select {
			case u := <-l.queue: // it was accepted before
				add(u)
			default:
				return nil
			}
		}
	}
	for len(batch) < maxBatch && len(l.behind) < maxBatch {
		select {
		case u := <-l.queue:
			add(u)
		default:
			return batch
		}
	}
	return batch
}

// commit stores a batch of updates, and delivers the outcome to each caller.
func (l *lane) commit(updates []*update) {
	startedAt := time.Now()
	b := &batch{lane: l, store: l.store, began: startedAt}
	for _, u := range updates {
		if u.begun.CompareAndSwap(false, true) {
			u.before = l.recent.find(u.orderID)
			b.open = append(b.open, u)
		}
	}
	if len(b.open) == 0 {
		return
	}
	n := len(b.open)
	err := b.run()
	if l.store.config.Observe != nil {
		l.store.config.Observe(Commit{Updates: n, Took: time.Since(startedAt), Err: err})
	}
}

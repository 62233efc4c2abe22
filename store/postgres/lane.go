package postgres

import (
	"math/rand/v2"
	"sync"
	"time"
)

const (
	// maxBatch is the largest number of updates that share a transaction.
	maxBatch = 256
	// shareDelay is the longest time for which unsynced updates wait for others to share a transaction. Nobody waits for
	// them, and the next step of an order often follows within a moment.
	shareDelay = 2 * time.Millisecond
	// turnLimit is the time after which the next transaction begins although the one before has not ended. While
	// transactions are quick, the next one has all the updates that have come meanwhile: few large transactions cost less
	// than many small ones. If the database is far away, or its disk slow, an update does not wait for two transactions.
	turnLimit = 2 * time.Millisecond
	// slots is the number of rows of a workflow in the table counts. Each lane has one; lanes of other workers rarely
	// share it.
	slots = 64
)

// lanes share the work of storing updates. The lane that has the turn gathers a batch of updates, and stores it in a
// transaction.
type lanes struct {
	store  *Store
	queue  chan *update
	turn   chan struct{} // has a value while no lane has the turn
	freed  chan struct{} // has a value after a batch with updates behind it has ended
	ended  chan struct{} // is closed after all lanes have ended
	recent recentRecords

	mu     sync.Mutex
	busy   map[string]bool // the orders of the batches that are under way
	behind []*update       // wait for the end of such a batch
}

// lane stores batches, one after the other.
type lane struct {
	*lanes
	slot int16
}

// startLanes starts the lanes. A quarter of the connections are theirs. Reads use the others.
func (s *Store) startLanes() {
	s.lanes = &lanes{
		store: s,
		queue: make(chan *update, maxBatch),
		turn:  make(chan struct{}, 1),
		freed: make(chan struct{}, 1),
		ended: make(chan struct{}),
		busy:  map[string]bool{},
	}
	s.lanes.turn <- struct{}{}
	var running sync.WaitGroup
	first := rand.IntN(slots) //nolint:gosec // not a secret
	for i := range max(1, s.config.Connections/4) {
		l := &lane{s.lanes, int16((first + i) % slots)} // less than slots
		running.Go(l.run)
	}
	go func() {
		running.Wait()
		close(s.lanes.ended)
	}()
}

// run is the lane's goroutine. It ends after the store was closed and the accepted updates are stored.
func (l *lane) run() {
	pass := func() { l.turn <- struct{}{} }
	for {
		<-l.turn
		for hasTurn := true; hasTurn; {
			b := l.gather()
			if b == nil {
				pass()
				return
			}
			timer := time.AfterFunc(turnLimit, pass)
			l.commit(b)
			hasTurn = timer.Stop()
		}
	}
}

// gather waits for updates, and returns a batch of them. It returns nil when the store is closed and all updates are taken.
func (l *lane) gather() *batch {
	b := &batch{lane: l, store: l.store}
	l.takeBehind(b)
	var timer *time.Timer
	var waited <-chan time.Time
	defer func() {
		if timer != nil {
			timer.Stop()
		}
	}()
	closed := l.store.closed
	for b.size < maxBatch {
		queue := l.queue
		if l.isFull() {
			queue = nil
		}
		select {
		case u := <-queue:
			l.take(b, u)
			continue
		default:
		}
		if b.hasSynced || b.size > 0 && closed == nil {
			break
		}
		if b.size > 0 && timer == nil {
			timer = time.NewTimer(shareDelay)
			waited = timer.C
		}
		select {
		case u := <-queue:
			l.take(b, u)
		case <-l.freed:
			l.takeBehind(b)
		case <-waited:
			return b
		case <-closed:
			closed = nil // the queue has only what was accepted before
		}
		if closed == nil && b.size == 0 && l.isIdle() {
			return nil
		}
	}
	return b
}

// isFull reports whether too many updates wait behind others.
func (l *lanes) isFull() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.behind) >= maxBatch
}

// isIdle reports whether no update waits.
func (l *lanes) isIdle() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.behind) == 0 && len(l.queue) == 0
}

// take adds an update to the batch, or to those that wait for the end of another batch.
func (l *lanes) take(b *batch, u *update) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.takeLocked(b, u)
}

// takeLocked is take for a caller that holds the lock.
func (l *lanes) takeLocked(b *batch, u *update) {
	if l.busy[u.orderID] && !b.has(u.orderID) || b.size >= maxBatch {
		l.behind = append(l.behind, u)
		return
	}
	l.busy[u.orderID] = true
	b.add(u)
}

// takeBehind adds the updates whose orders are free again.
func (l *lanes) takeBehind(b *batch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	behind := l.behind
	l.behind = nil
	for _, u := range behind {
		l.takeLocked(b, u)
	}
}

// free lets other batches have the orders of a batch that has ended.
func (l *lanes) free(b *batch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id := range b.orders {
		delete(l.busy, id)
	}
	if len(l.behind) > 0 {
		select {
		case l.freed <- struct{}{}:
		default:
		}
	}
}

// commit stores a batch, and delivers the outcome to each caller.
func (l *lane) commit(b *batch) {
	b.began = time.Now()
	err := b.run()
	l.free(b)
	if l.store.config.Observe != nil {
		l.store.config.Observe(Commit{Updates: b.size, Took: time.Since(b.began), Err: err})
	}
}

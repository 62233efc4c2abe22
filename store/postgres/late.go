package postgres

import (
	"context"
	"slices"
	"sync"
	"time"
)

const (
	// lateKept is how long an unsynced write is kept. PostgreSQL writes its log within three times wal_writer_delay, 0.6
	// seconds by default.
	lateKept = 5 * time.Second
	// lateBytes bounds the size of the records that are kept.
	lateBytes = 8 << 20
)

// lateWrites keeps the latest unsynced writes, because a crash of the server may lose them. A lost write is stored again if
// its row is still as it was before the write. Otherwise the database would not have the end of the attempt, and the
// attempt would be made again.
type lateWrites struct {
	suspected chan struct{} // has a value after suspect

	mu      sync.Mutex
	byOrder map[string]*lateWrite
	queue   []*lateWrite // the oldest first, also writes that were replaced or forgotten
	size    int          // of the records in queue
}

// lateWrite is the last unsynced write of an order.
type lateWrite struct {
	orderID string
	row     stored
	before  []int64 // the versions that the row may have if the write is lost
	at      time.Time
	suspect bool // the server may have lost it
}

// add keeps an unsynced write.
func (l *lateWrites) add(orderID string, before, after stored, now time.Time) {
	after.order = nil // it takes more memory than the record
	w := &lateWrite{orderID: orderID, row: after, before: []int64{before.version}, at: now}
	l.mu.Lock()
	defer l.mu.Unlock()
	if last := l.byOrder[orderID]; last != nil && last.row.version == before.version {
		w.before = append(slices.Clone(last.before), before.version)
	}
	if l.byOrder == nil {
		l.byOrder = map[string]*lateWrite{}
	}
	l.byOrder[orderID] = w
	l.queue = append(l.queue, w)
	l.size += len(after.record)
	for l.isOver(now) {
		w := l.queue[0]
		l.queue[0] = nil
		l.queue = l.queue[1:]
		l.size -= len(w.row.record)
		if l.byOrder[w.orderID] == w {
			delete(l.byOrder, w.orderID)
		}
	}
}

// isOver reports whether the oldest write need not be kept.
func (l *lateWrites) isOver(now time.Time) bool {
	w := l.queue[0]
	if w.suspect && l.byOrder[w.orderID] == w && l.size < 2*lateBytes {
		return false
	}
	return l.size > lateBytes || now.Sub(w.at) > lateKept
}

// forget is called when a later write of the order is on disk.
func (l *lateWrites) forget(orderID string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.byOrder, orderID)
}

// findLost returns the last write of an order if the server has lost it: its row has the version from before.
func (l *lateWrites) findLost(orderID string, version int64) *stored {
	l.mu.Lock()
	defer l.mu.Unlock()
	if w := l.byOrder[orderID]; w != nil && slices.Contains(w.before, version) {
		return &w.row
	}
	return nil
}

// suspect is called when the server may have crashed.
func (l *lateWrites) suspect() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.byOrder) == 0 {
		return
	}
	for _, w := range l.byOrder {
		w.suspect = true
	}
	select {
	case l.suspected <- struct{}{}:
	default:
	}
}

// suspects returns the writes that the server may have lost.
func (l *lateWrites) suspects() (all []*lateWrite) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, w := range l.byOrder {
		if w.suspect {
			all = append(all, w)
		}
	}
	return all
}

// confirm is called when a write was found in the database, or stored again.
func (l *lateWrites) confirm(w *lateWrite) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w.suspect = false
}

// repairLate stores the unsynced writes again that the server has lost. It ends when the store is closed.
func (s *Store) repairLate() {
	for {
		select {
		case <-s.late.suspected:
		case <-s.closed:
			return
		}
		var group sync.WaitGroup
		for _, w := range s.late.suspects() {
			s.lanes.recent.drop(w.orderID) // so that the row is read
			group.Go(func() {
				err := s.submit(&update{
					ctx:      context.Background(),
					orderID:  w.orderID,
					compute:  func(before stored) (stored, bool, outcome) { return before, false, outcome{} },
					unsynced: true,
				})
				if err == nil { // otherwise it is stored again with the next connection
					s.late.confirm(w)
				}
			})
		}
		group.Wait()
	}
}

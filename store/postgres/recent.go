package postgres

import "sync"

// recentBytes bounds the size of the records that are kept. The decoded orders take about three times as much memory.
const recentBytes = 4 << 20

// recentRecords keeps the rows that this process has written last: an approval has several updates within a short time, and
// only the first of them reads its row. A row that another worker has changed is harmless, because a write has the
// condition that the row is as it was.
type recentRecords struct {
	mu   sync.Mutex
	rows map[string]stored
	size int
}

// find returns the row of an order. Its version is 0 if it is not kept.
func (r *recentRecords) find(orderID string) stored {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rows[orderID]
}

// keep adds a row. If there are too many, the others are dropped first.
func (r *recentRecords) keep(orderID string, row stored) {
	r.drop(orderID)
	if row.record == nil || len(row.record) > recentBytes/16 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.rows == nil || r.size+len(row.record) > recentBytes {
		r.rows, r.size = map[string]stored{}, 0
	}
	r.rows[orderID] = row
	r.size += len(row.record)
}

func (r *recentRecords) drop(orderID string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.size -= len(r.rows[orderID].record)
	delete(r.rows, orderID)
}

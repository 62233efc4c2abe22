package sqlite

import (
	"bytes"
	"sync"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// recentBytes bounds the size of the kept records. The decoded orders take about three times as much memory.
const recentBytes = 4 << 20

// recentOrders is a cache of decoded orders. An approval has four updates and two reads within a short time. With the
// cache, only the first of them decodes a record, seals the task token, and reads the database. An order that no longer
// waits for anything is not kept: its next change is usually its removal. So the garbage collector has less to mark.
//
// An update takes an order out of the cache, and puts it in again after its transition: nobody else uses it, see
// store.Store. Readers get copies. An update gets an order only for the exact record from which the order was encoded:
// after a failed transaction or transition, the record in the database is another one.
type recentOrders struct {
	mu     sync.Mutex
	orders map[string]*recentOrder
	size   int
}

// recentOrder is an order with its record.
type recentOrder struct {
	record  []byte
	order   *approval.Order
	unknown store.Unknown // only the sealed tokens: the record is without unknown fields
	durable bool          // its transaction was committed
	row     *storedRow    // beside the record; nil if it is not known
	// transaction is the number of the transaction that has written the record and the row.
	transaction uint64
}

// takeOrder removes the order from the cache and returns it, as store.DecodeForUpdate would. It returns nil if the order is
// not in the cache, or is not the order in this record.
func (r *recentOrders) takeOrder(orderID string, record []byte) (*approval.Order, store.Unknown) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w, known := r.orders[orderID]
	if !known {
		return nil, store.Unknown{}
	}
	delete(r.orders, orderID)
	r.size -= len(w.record)
	if !bytes.Equal(w.record, record) {
		return nil, store.Unknown{}
	}
	return w.order, w.unknown
}

// keepOrder adds an order after its transition to the cache, and takes its memory. If the cache is full, it is emptied
// first.
func (r *recentOrders) keepOrder(orderID string, record []byte, o *approval.Order, unknown store.Unknown) {
	if len(record) > recentBytes/16 {
		return
	}
	kept := o.HandOver()
	r.mu.Lock()
	defer r.mu.Unlock()
	if before := r.orders[orderID]; before != nil {
		r.size -= len(before.record)
	}
	if r.orders == nil || r.size+len(record) > recentBytes {
		r.orders, r.size = map[string]*recentOrder{}, 0
	}
	r.orders[orderID] = &recentOrder{record: record, order: kept, unknown: unknown}
	r.size += len(record)
}

// markDurable is called when the record is committed.
func (r *recentOrders) markDurable(orderID string, record []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if w := r.orders[orderID]; w != nil && bytes.Equal(w.record, record) {
		w.durable = true
	}
}

// keepRow is called when a transaction has written the record, with the row beside it. It is not yet committed.
func (r *recentOrders) keepRow(orderID string, record []byte, row *storedRow, transaction uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if w := r.orders[orderID]; w != nil && bytes.Equal(w.record, record) {
		w.row = row
		w.transaction = transaction
	}
}

// readRow returns the record and the row of an order if the cache has them as the transaction finds them in the database.
func (r *recentOrders) readRow(orderID string, transaction uint64) (record []byte, row *storedRow) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if w := r.orders[orderID]; w != nil && w.row != nil && (w.durable || w.transaction == transaction) {
		return w.record, w.row
	}
	return nil, nil
}

// forgetRow is called before the row of an order changes without an update of the order.
func (r *recentOrders) forgetRow(orderID string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if w := r.orders[orderID]; w != nil {
		w.row = nil
	}
}

// copyDurable returns a copy of the order if the cache has its latest durable state, or nil.
func (r *recentOrders) copyDurable(orderID string) *approval.Order {
	r.mu.Lock()
	defer r.mu.Unlock()
	if w := r.orders[orderID]; w != nil && w.durable {
		return w.order.Clone()
	}
	return nil
}

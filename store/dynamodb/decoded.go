package dynamodb

import (
	"bytes"
	"sync"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// decodedBytes bounds the size of the records whose orders are kept. The orders take about three times as much memory.
const decodedBytes = 4 << 20

// decodedOrders keeps the orders of the last writes beside their items, see recentItems. The updates and reads that follow
// each other within an approval do not decode the record, and do not open the task token again.
//
// An update takes an order out, and a successful write puts it in again: nobody else uses it meanwhile, see store.Store.
// Readers get copies. An order is returned only for the record that it was decoded from.
type decodedOrders struct {
	mu     sync.Mutex
	orders map[string]decodedOrder
	size   int
}

// decodedOrder is an order and its record as it is stored. The record has no unknown fields.
type decodedOrder struct {
	record  []byte
	order   *approval.Order
	unknown store.Unknown // the sealed tokens
}

// take removes an order and returns it, as store.DecodeForUpdate would. It returns nil if it is not there.
func (d *decodedOrders) take(orderID string, record []byte) (*approval.Order, store.Unknown) {
	d.mu.Lock()
	defer d.mu.Unlock()
	kept := d.orders[orderID]
	d.remove(orderID)
	if !bytes.Equal(kept.record, record) {
		return nil, store.Unknown{}
	}
	return kept.order, kept.unknown
}

// copyOf returns a copy of an order, or nil if it is not there.
func (d *decodedOrders) copyOf(orderID string, record []byte) *approval.Order {
	d.mu.Lock()
	defer d.mu.Unlock()
	kept, ok := d.orders[orderID]
	if !ok || !bytes.Equal(kept.record, record) {
		return nil
	}
	return kept.order.Clone()
}

// keep adds an order, and takes over its memory, see approval.Order.HandOver. If it does not fit, all other orders are
// removed.
func (d *decodedOrders) keep(orderID string, record []byte, o *approval.Order, unknown store.Unknown) {
	if !unknown.IsEmpty() || len(record) > decodedBytes/16 {
		return
	}
	kept := decodedOrder{record: record, order: o.HandOver(), unknown: unknown}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.remove(orderID)
	if d.orders == nil || d.size+len(record) > decodedBytes {
		d.orders, d.size = map[string]decodedOrder{}, 0
	}
	d.orders[orderID] = kept
	d.size += len(record)
}

func (d *decodedOrders) remove(orderID string) {
	d.size -= len(d.orders[orderID].record)
	delete(d.orders, orderID)
}

package sqlite

import (
	"bytes"
	"reflect"
	"sync"

	"github.com/approval-relay/approval-relay/approval"
)

// recentBytes bounds the records whose orders are kept, in bytes; decoded they
// take about three times that.
const recentBytes = 4 << 20

// recent keeps the orders that were written last as their transitions left them.
// An approval has four updates and two reads within moments; those after the first
// need not read JSON again, which is a third of an update's cost. What is kept is a copy, and
// who takes it has it to himself. It is taken for exactly the bytes that it was encoded to:
// after a transaction that failed, or a transition that did, those in the
// database are other ones. While its next update goes on, an order is not here.
type recent struct {
	mu     sync.Mutex
	orders map[string]*written
	size   int
}

// written is an order and its record.
type written struct {
	record  []byte
	order   *approval.Order
	durable bool // its transaction has ended well
}

// take returns the order of that record, or nil.
func (r *recent) take(orderID string, record []byte) *approval.Order {
	r.mu.Lock()
	defer r.mu.Unlock()
	w, known := r.orders[orderID]
	if !known {
		return nil
	}
	delete(r.orders, orderID)
	r.size -= len(w.record)
	if !bytes.Equal(w.record, record) {
		return nil
	}
	return w.order
}

// keep takes in an order and its record. What does not fit any more makes a new
// beginning.
func (r *recent) keep(orderID string, record []byte, o *approval.Order) {
	if len(record) > recentBytes/16 {
		return
	}
	mine := clone(o.AsStored())
	r.mu.Lock()
	defer r.mu.Unlock()
	if before := r.orders[orderID]; before != nil {
		r.size -= len(before.record)
	}
	if r.orders == nil || r.size+len(record) > recentBytes {
		r.orders, r.size = map[string]*written{}, 0
	}
	r.orders[orderID] = &written{record: record, order: mine}
	r.size += len(record)
}

// stored notes that the record is durable.
func (r *recent) stored(orderID string, record []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if w := r.orders[orderID]; w != nil && bytes.Equal(w.record, record) {
		w.durable = true
	}
}

// read returns a copy of an order whose record is the last durable one, or nil.
func (r *recent) read(orderID string) *approval.Order {
	r.mu.Lock()
	defer r.mu.Unlock()
	if w := r.orders[orderID]; w != nil && w.durable {
		return clone(w.order)
	}
	return nil
}

func clone(o *approval.Order) *approval.Order {
	var c approval.Order
	deepCopy(reflect.ValueOf(&c).Elem(), reflect.ValueOf(o).Elem())
	return &c
}

// deepCopy copies a value so that a change of what one of the two points to is
// none of the other's. Unexported fields are shared: those of times and tokens,
// which nobody can change.
func deepCopy(to, from reflect.Value) {
	switch from.Kind() {
	case reflect.Struct:
		to.Set(from)
		for i := range from.NumField() {
			if to.Field(i).CanSet() {
				deepCopy(to.Field(i), from.Field(i))
			}
		}
	case reflect.Pointer:
		if !from.IsNil() {
			to.Set(reflect.New(from.Type().Elem()))
			deepCopy(to.Elem(), from.Elem())
		}
	case reflect.Slice:
		if !from.IsNil() {
			to.Set(reflect.MakeSlice(from.Type(), from.Len(), from.Len()))
			for i := range from.Len() {
				deepCopy(to.Index(i), from.Index(i))
			}
		}
	case reflect.Map:
		if !from.IsNil() {
			to.Set(reflect.MakeMapWithSize(from.Type(), from.Len()))
			for k, v := range from.Seq2() {
				mine := reflect.New(v.Type()).Elem()
				deepCopy(mine, v)
				to.SetMapIndex(k, mine)
			}
		}
	case reflect.Interface:
		if !from.IsNil() {
			mine := reflect.New(from.Elem().Type()).Elem()
			deepCopy(mine, from.Elem())
			to.Set(mine)
		}
	default:
		to.Set(from)
	}
}

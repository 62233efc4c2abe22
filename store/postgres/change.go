package postgres

import (
	"encoding/binary"
	"slices"
	"unicode/utf8"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// earlierKept is the number of earlier versions that a row has. After a lost answer, a write finds its own among them,
// even if other writes came later.
const earlierKept = 7

// stored is a row of the table orders. Version 0 stands for a missing row.
type stored struct {
	version int64
	earlier []byte
	record  []byte // nil if the order is not stored, or removed

	// order is the order in the record, if it was decoded. Transitions run on copies of it, and it never changes.
	order   *approval.Order
	unknown store.Unknown
	columns store.Columns
}

// has reports whether the row has, or had, any of these versions.
func (r stored) has(versions []int64) bool {
	if slices.Contains(versions, r.version) {
		return true
	}
	for b := r.earlier; len(b) >= 8; b = b[8:] {
		if slices.Contains(versions, int64(binary.BigEndian.Uint64(b))) { // any bits
			return true
		}
	}
	return false
}

// earlierAfter returns the earlier versions of the row after the next write.
func (r stored) earlierAfter() []byte {
	if r.version == 0 {
		return []byte{}
	}
	b := binary.BigEndian.AppendUint64(make([]byte, 0, 8*earlierKept), uint64(r.version)) // any bits
	return append(b, r.earlier[:min(len(r.earlier), 8*(earlierKept-1))]...)
}

// decode decodes the record.
func (r *stored) decode(orderID string, s store.Sealer) (err error) {
	switch {
	case r.order != nil:
		return nil
	case r.record == nil:
		r.order, r.unknown = &approval.Order{ID: orderID}, store.NewUnknown()
		return nil
	}
	if r.order, r.unknown, err = store.DecodeForUpdate(orderID, r.record, s); err == nil {
		r.columns = store.ColumnsOf(r.order)
	}
	return err
}

// change is what a row becomes.
type change struct {
	record  []byte // nil if the order is removed
	columns store.Columns
	opened  []approval.PendingApproval
	ended   []approval.PendingApproval
	owed    []approval.OwedAnswer // owed now, and not before since the same time
	paid    []approval.OwedAnswer // owed before, in workflows that owe nothing now
}

// newChange returns the change of a row.
func newChange(before, after stored) change {
	return change{
		record:  after.record,
		columns: after.columns,
		opened:  store.SubtractPending(after.columns.Pending, before.columns.Pending),
		ended:   store.SubtractPending(before.columns.Pending, after.columns.Pending),
		owed:    store.SubtractOwed(after.columns.Owed, before.columns.Owed),
		paid:    paidWorkflows(after.columns.Owed, before.columns.Owed),
	}
}

// paidWorkflows returns the answers that were owed before, of workflows that owe nothing now.
func paidWorkflows(now, before []approval.OwedAnswer) []approval.OwedAnswer {
	return slices.DeleteFunc(slices.Clone(before), func(v approval.OwedAnswer) bool {
		return slices.ContainsFunc(now, func(w approval.OwedAnswer) bool { return w.Workflow == v.Workflow })
	})
}

// validateID returns an error for an order ID that stores refuse.
func validateID(orderID string) error {
	switch {
	case orderID == "":
		return approval.InvalidField("order", "is missing")
	case !utf8.ValidString(orderID):
		return approval.InvalidField("order", "is not UTF-8")
	}
	return nil
}

// applyTransition runs the transition on a stored record, or on an empty order if the row is missing. If the record
// cannot be read, or if the transition panics, only this order is affected.
func (s *Store) applyTransition(
	orderID string, before stored, transition func(*approval.Order) error,
) (after stored, changed bool, out outcome) {
	defer func() {
		if p := recover(); p != nil {
			out.panicked = p
		}
	}()
	if out.err = before.decode(orderID, s.config.Sealer); out.err != nil {
		return before, false, out
	}
	o := before.order.Clone()
	size := store.Measure(o, len(before.record))
	if out.err = transition(o); out.err != nil {
		return before, false, out
	}
	record, err := s.config.Limits.Fit(size, o, func(o *approval.Order, _ bool) ([]byte, error) {
		return store.Encode(orderID, o, before.unknown, s.config.Sealer)
	})
	if err != nil {
		return before, false, outcome{err: err}
	}
	if o.IsEmpty() {
		return stored{}, before.record != nil, out
	}
	after = stored{record: record, columns: store.ColumnsOf(o)}
	if before.unknown.IsEmpty() { // otherwise, it belongs to the record before
		after.order, after.unknown = o.HandOver(), before.unknown
	}
	return after, true, out
}

package sqlite

import (
	"context"
	"database/sql/driver"
	"slices"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// Update implements store.Store.
func (s *Store) Update(ctx context.Context, orderID string, transition func(*approval.Order) error) error {
	return s.submit(ctx, &orderUpdate{store: s, id: orderID, transition: transition})
}

// UpdateUnsynced implements store.Store. The record is in the log when it returns, and any later durable change makes
// it durable too: the log is read up to its first gap. Otherwise the writer syncs the log within syncDelay.
func (s *Store) UpdateUnsynced(ctx context.Context, orderID string, transition func(*approval.Order) error) error {
	return s.submit(ctx, &orderUpdate{
		store: s, id: orderID,
		transition: transition, unsynced: true,
	})
}

// orderUpdate is the operation of Update: it runs a transition on the stored record of an order, and stores the result.
type orderUpdate struct {
	store      *Store
	id         string
	transition func(*approval.Order) error
	unsynced   bool // its caller does not wait for the disk

	before []byte      // the stored record, set by load
	row    *storedRow  // beside it; nil if the order is not stored
	change orderChange // set by compute
}

// orderID implements operation.
func (u *orderUpdate) orderID() string { return u.id }

// needsSync implements operation.
func (u *orderUpdate) needsSync() bool { return !u.unsynced }

// canWait implements operation.
func (u *orderUpdate) canWait() bool { return u.unsynced }

// load implements operation.
func (u *orderUpdate) load(context.Context) (err error) {
	if u.before, u.row = u.store.recent.readRow(u.id, u.store.transaction); u.row == nil {
		u.before, u.row, err = u.store.stmts.readRow(u.id)
	}
	return err
}

// compute implements operation.
func (u *orderUpdate) compute() (out outcome) {
	u.change, out = u.store.applyTransition(u.id, u.before, u.row != nil, u.transition)
	return out
}

// save implements operation.
func (u *orderUpdate) save(context.Context) error {
	row, err := u.store.writeChange(u.id, u.change, u.row)
	if row != nil && err == nil {
		u.store.recent.keepRow(u.id, u.change.record, row, u.store.transaction)
	}
	return err
}

// committed implements operation.
func (u *orderUpdate) committed() { u.store.recent.markDurable(u.id, u.change.record) }

// orderChange is the result of a transition: the new record, and the columns by which orders are found and counted
// without reading records.
type orderChange struct {
	remove        bool // the order is empty
	record        []byte
	due           time.Time
	since         time.Time // of the oldest pending approval
	pending       int
	attention     store.StateSet
	underWay      bool
	active        bool // it waits for a decision or an answer, or an action is under way: its next change is near
	opened, ended []approval.PendingApproval
	owed          []approval.OwedAnswer
	paid          []string // workflows with an answer that is not owed any more
}

// applyTransition runs the transition on a stored record, or on an empty order if isStored is false. If the record
// cannot be read, or if the transition panics, only this order is affected.
func (s *Store) applyTransition(
	orderID string, stored []byte, isStored bool, transition func(*approval.Order) error,
) (c orderChange, out outcome) {
	defer func() {
		if p := recover(); p != nil {
			out.panicked = p
		}
	}()
	o, unknown, err := s.orderIn(orderID, stored, isStored)
	if err != nil {
		return c, outcome{err: err}
	}
	size := store.Measure(o, len(stored))
	before := waitingIn(o)
	if out.err = transition(o); out.err != nil {
		return c, out
	}
	c.record, out.err = s.config.Limits.Fit(size, o, func(o *approval.Order, _ bool) ([]byte, error) {
		return store.Encode(orderID, o, unknown, s.config.Sealer)
	})
	if out.err != nil {
		return c, out
	}
	c = newOrderChange(o, c.record, before)
	if c.active && unknown.IsEmpty() {
		s.recent.keepOrder(orderID, c.record, o, unknown)
	}
	return c, out
}

// orderIn returns the order in a stored record, or an empty order.
func (s *Store) orderIn(orderID string, stored []byte, isStored bool) (*approval.Order, store.Unknown, error) {
	if !isStored {
		return &approval.Order{ID: orderID}, store.NewUnknown(), nil
	}
	if o, unknown := s.recent.takeOrder(orderID, stored); o != nil {
		return o, unknown, nil
	}
	return store.DecodeForUpdate(orderID, stored, s.config.Sealer)
}

// waiting has the rows of an order beside its record.
type waiting struct {
	pending []approval.PendingApproval
	owed    []approval.OwedAnswer
}

func waitingIn(o *approval.Order) waiting { return waiting{o.PendingApprovals(), o.OwedAnswers()} }

// newOrderChange returns the change from an order with these rows to the order o with this record.
func newOrderChange(o *approval.Order, record []byte, before waiting) orderChange {
	pending, owed, underWay := o.PendingApprovals(), o.OwedAnswers(), o.IsUnderWay()
	return orderChange{
		record:    record,
		remove:    o.IsEmpty(),
		due:       o.NextDue(),
		since:     store.OldestPending(pending),
		pending:   len(pending),
		attention: store.StatesOf(o),
		underWay:  underWay,
		active:    len(pending) > 0 || len(owed) > 0 || underWay,
		opened:    subtractApprovals(pending, before.pending),
		ended:     subtractApprovals(before.pending, pending),
		owed:      changedOwed(owed, before.owed),
		paid:      paidWorkflows(owed, before.owed),
	}
}

// changedOwed returns the owed answers that were not owed before, or not since the same time.
func changedOwed(owed, before []approval.OwedAnswer) []approval.OwedAnswer {
	var out []approval.OwedAnswer
	for _, w := range owed {
		isSame := func(v approval.OwedAnswer) bool { return v.Workflow == w.Workflow && v.Since.Equal(w.Since) }
		if !slices.ContainsFunc(before, isSame) {
			out = append(out, w)
		}
	}
	return out
}

// paidWorkflows returns the workflows with an owed answer before, and with none now.
func paidWorkflows(owed, before []approval.OwedAnswer) []string {
	var out []string
	for _, v := range before {
		if !slices.ContainsFunc(owed, func(w approval.OwedAnswer) bool { return w.Workflow == v.Workflow }) {
			out = append(out, v.Workflow)
		}
	}
	return out
}

// subtractApprovals returns the approvals in all that are not in others.
func subtractApprovals(all, others []approval.PendingApproval) []approval.PendingApproval {
	var out []approval.PendingApproval
	for _, p := range all {
		if !slices.ContainsFunc(others, func(q approval.PendingApproval) bool { return q.ApprovalID == p.ApprovalID }) {
			out = append(out, p)
		}
	}
	return out
}

// writeChange writes a change within the transaction. It returns the new row, or nil if the order is removed.
func (s *Store) writeChange(orderID string, c orderChange, before *storedRow) (*storedRow, error) {
	if err := s.updateOwed(orderID, c); err != nil {
		return nil, err
	}
	if c.remove {
		if before == nil {
			return nil, nil
		}
		if _, err := s.stmts.remove.exec(before.number); err != nil {
			return nil, err
		}
		return nil, s.updatePending(orderID, c, nil, before.since)
	}
	var since driver.Value
	if before != nil {
		since = before.since
	}
	row := rowOf(c, before)
	if err := s.stmts.putRow(orderID, c.record, row, before); err != nil {
		return nil, err
	}
	s.sync.hasWritten = true
	return row, s.updatePending(orderID, c, row.since, since)
}

// updateOwed updates the table of owed answers. Most changes leave it as it is.
func (s *Store) updateOwed(orderID string, c orderChange) error {
	for _, workflow := range c.paid {
		if _, err := s.stmts.paid.exec([]byte(orderID), workflow); err != nil {
			return err
		}
	}
	for _, w := range c.owed {
		if _, err := s.stmts.owed.exec([]byte(orderID), w.Workflow, toNanos(w.Since)); err != nil {
			return err
		}
	}
	return nil
}

// updatePending updates the table of pending approvals and their counts. An order with pending approvals has two rows too:
// one with its age, and one for the list by ID. Most orders have a single approval, whose rows come and go in one statement.
func (s *Store) updatePending(orderID string, c orderChange, since, before driver.Value) error {
	for _, p := range c.ended {
		s.counts.changes[p.Workflow]--
	}
	for _, p := range c.opened {
		s.counts.changes[p.Workflow]++
	}
	id := []byte(orderID)
	if before == nil && since != nil && len(c.opened) == 1 {
		p := c.opened[0]
		_, err := s.stmts.openedOrder.exec(p.Workflow, toNanos(p.Since), p.ApprovalID, since, id, id)
		return err
	}
	if before != nil && since == nil && len(c.ended) == 1 {
		p := c.ended[0]
		_, err := s.stmts.endedOrder.exec(p.Workflow, toNanos(p.Since), p.ApprovalID, before, id, id)
		return err
	}
	for _, p := range c.ended {
		if _, err := s.stmts.ended.exec(p.Workflow, toNanos(p.Since), p.ApprovalID); err != nil {
			return err
		}
	}
	for _, p := range c.opened {
		if _, err := s.stmts.opened.exec(p.Workflow, toNanos(p.Since), p.ApprovalID); err != nil {
			return err
		}
	}
	return s.updateOrderRows(id, since, before)
}

// updateOrderRows updates the two rows of an order. If it has other pending approvals than before, it may have another age.
func (s *Store) updateOrderRows(id []byte, since, before driver.Value) error {
	if since == before {
		return nil
	}
	if before != nil {
		if _, err := s.stmts.ended.exec(byAgeKey(), before, id); err != nil {
			return err
		}
	}
	if since != nil {
		if _, err := s.stmts.opened.exec(byAgeKey(), since, id); err != nil {
			return err
		}
	}
	var err error
	switch {
	case before == nil:
		_, err = s.stmts.opened.exec(byIDKey(), noAge, id)
	case since == nil:
		_, err = s.stmts.ended.exec(byIDKey(), noAge, id)
	}
	return err
}

// byAgeKey and byIDKey return the keys of the rows in the table pending that have the orders by age and by ID. No workflow
// has them as its name: names are texts.
func byAgeKey() []byte { return []byte{0} }
func byIDKey() []byte  { return []byte{1} }

// noAge is in the place of the age in the rows by ID.
const noAge = int64(0)

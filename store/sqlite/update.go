package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// Update implements store.Store.
func (s *Store) Update(ctx context.Context, orderID string, transition func(*approval.Order) error) error {
	return s.submit(ctx, &orderUpdate{store: s, id: orderID, transition: transition})
}

// orderUpdate is the operation of Update: it runs a transition on the stored record of an order, and stores the result.
type orderUpdate struct {
	store      *Store
	id         string
	transition func(*approval.Order) error

	before   []byte // the stored record, set by load
	isStored bool
	change   orderChange // set by compute
}

// orderID implements operation.
func (u *orderUpdate) orderID() string { return u.id }

// load implements operation.
func (u *orderUpdate) load(ctx context.Context) error {
	err := u.store.stmts.get.QueryRowContext(ctx, []byte(u.id)).Scan(&u.before)
	u.isStored = !errors.Is(err, sql.ErrNoRows)
	if u.isStored {
		return err
	}
	return nil
}

// compute implements operation.
func (u *orderUpdate) compute() (out outcome) {
	u.change, out = u.store.applyTransition(u.id, u.before, u.isStored, u.transition)
	return out
}

// save implements operation.
func (u *orderUpdate) save(ctx context.Context) error {
	return u.store.writeChange(ctx, u.id, u.change)
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
	opened, ended []approval.PendingApproval
}

// applyTransition runs the transition on a stored record, or on an empty order if isStored is false. If the record
// cannot be read, or if the transition panics, only this order is affected.
func (s *Store) applyTransition(
	orderID string, before []byte, isStored bool, transition func(*approval.Order) error,
) (c orderChange, out outcome) {
	defer func() {
		if p := recover(); p != nil {
			out.panicked = p
		}
	}()
	o := &approval.Order{ID: orderID}
	var unknown store.Unknown // empty for the orders in the cache
	if isStored {
		if o = s.recent.takeOrder(orderID, before); o == nil {
			if o, unknown, out.err = store.DecodeForUpdate(orderID, before, s.config.Sealer); out.err != nil {
				return c, out
			}
		}
	}
	size := store.Measure(o, len(before))
	pendingBefore := o.PendingApprovals()
	if out.err = transition(o); out.err != nil {
		return c, out
	}
	c.record, out.err = s.config.Limits.Fit(size, o, func(o *approval.Order, _ bool) ([]byte, error) {
		return store.Encode(orderID, o, unknown, s.config.Sealer)
	})
	if out.err != nil {
		return c, out
	}
	c = newOrderChange(o, c.record, pendingBefore)
	if !c.remove && unknown.IsEmpty() {
		s.recent.keepOrder(orderID, c.record, o)
	}
	return c, out
}

// newOrderChange returns the change from an order with these pending approvals to the order o with this record.
func newOrderChange(o *approval.Order, record []byte, pendingBefore []approval.PendingApproval) orderChange {
	pending := o.PendingApprovals()
	return orderChange{
		record:    record,
		remove:    o.IsEmpty(),
		due:       o.NextDue(),
		since:     store.OldestPending(pending),
		pending:   len(pending),
		attention: store.StatesOf(o),
		opened:    subtractApprovals(pending, pendingBefore),
		ended:     subtractApprovals(pendingBefore, pending),
	}
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

// writeChange writes a change within the transaction.
func (s *Store) writeChange(ctx context.Context, orderID string, c orderChange) error {
	id := []byte(orderID)
	if c.remove {
		if _, err := s.stmts.remove.ExecContext(ctx, id); err != nil {
			return err
		}
		return s.updateCounts(ctx, c)
	}
	_, err := s.stmts.put.ExecContext(ctx, id, c.record, nullableNanos(c.due), c.pending, c.attention,
		nullableNanos(c.since))
	if err != nil {
		return err
	}
	return s.updateCounts(ctx, c)
}

// nullableNanos returns the stored form of a time: NULL for the zero time.
func nullableNanos(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return toNanos(t)
}

// updateCounts updates the table of pending approvals and the counts of the workflows.
func (s *Store) updateCounts(ctx context.Context, c orderChange) error {
	for _, p := range c.ended {
		if _, err := s.stmts.ended.ExecContext(ctx, p.Workflow, toNanos(p.Since), p.ApprovalID); err != nil {
			return err
		}
		if _, err := s.stmts.add.ExecContext(ctx, p.Workflow, -1); err != nil {
			return err
		}
	}
	for _, p := range c.opened {
		if _, err := s.stmts.opened.ExecContext(ctx, p.Workflow, toNanos(p.Since), p.ApprovalID); err != nil {
			return err
		}
		if _, err := s.stmts.add.ExecContext(ctx, p.Workflow, 1); err != nil {
			return err
		}
	}
	return nil
}

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
	return s.write(ctx, &orderUpdate{store: s, orderID: orderID, transition: transition})
}

// orderUpdate runs a transition on what the transaction holds of an order, and puts
// what it made of it in its place.
type orderUpdate struct {
	store      *Store
	orderID    string
	transition func(*approval.Order) error

	before []byte // read
	known  bool
	made   change // computed
}

// order implements apply.
func (u *orderUpdate) order() string { return u.orderID }

// read implements apply.
func (u *orderUpdate) read(ctx context.Context) error {
	err := u.store.stmts.get.QueryRowContext(ctx, []byte(u.orderID)).Scan(&u.before)
	u.known = !errors.Is(err, sql.ErrNoRows)
	if u.known {
		return err
	}
	return nil
}

// compute implements apply.
func (u *orderUpdate) compute() (out outcome) {
	u.made, out = u.store.compute(u.orderID, u.before, u.known, u.transition)
	return out
}

// put implements apply.
func (u *orderUpdate) put(ctx context.Context) error { return u.store.put(ctx, u.orderID, u.made) }

// stored implements apply.
func (u *orderUpdate) stored() { u.store.recent.stored(u.orderID, u.made.record) }

// change is what a transition made of an order: its record, and what is looked
// up and counted without reading records.
type change struct {
	empty         bool // nothing is known of it any more
	record        []byte
	due           time.Time
	since         time.Time // of the oldest pending approval
	pending       int
	exhausted     bool
	retrying      bool
	opened, ended []approval.PendingApproval
}

// compute runs the transition on a stored record, or on an empty order where
// none is known. A record that cannot be read, and a panic, concern this order
// only.
func (s *Store) compute(orderID string, stored []byte, known bool, transition func(*approval.Order) error) (c change, out outcome) {
	defer func() {
		if p := recover(); p != nil {
			out.panicked = p
		}
	}()
	o := &approval.Order{ID: orderID}
	if known {
		if o = s.recent.take(orderID, stored); o == nil {
			if o, out.err = store.Decode(orderID, stored, s.config.Sealer); out.err != nil {
				return c, out
			}
		}
	}
	had := o.PendingApprovals()
	if out.err = transition(o); out.err != nil {
		return c, out
	}
	has := o.PendingApprovals()
	c = change{
		empty:     o.IsEmpty(),
		due:       o.NextDue(),
		since:     store.OldestPending(has),
		pending:   len(has),
		exhausted: o.HasExhaustedCallback(),
		retrying:  o.IsRetrying(),
		opened:    without(has, had),
		ended:     without(had, has),
	}
	if c.record, out.err = store.Encode(orderID, o, s.config.Sealer); out.err == nil && !c.empty {
		s.recent.keep(orderID, c.record, o)
	}
	return c, out
}

// without returns the approvals that are not among the others.
func without(all, others []approval.PendingApproval) []approval.PendingApproval {
	var out []approval.PendingApproval
	for _, p := range all {
		if !slices.ContainsFunc(others, func(q approval.PendingApproval) bool { return q.ApprovalID == p.ApprovalID }) {
			out = append(out, p)
		}
	}
	return out
}

// put writes a change within the transaction.
func (s *Store) put(ctx context.Context, orderID string, c change) error {
	id := []byte(orderID)
	if c.empty {
		if _, err := s.stmts.remove.ExecContext(ctx, id); err != nil {
			return err
		}
		return s.count(ctx, c)
	}
	if _, err := s.stmts.put.ExecContext(ctx, id, c.record, orNull(c.due), c.pending, c.exhausted, orNull(c.since), c.retrying); err != nil {
		return err
	}
	return s.count(ctx, c)
}

// orNull is a time as it is stored, NULL for the zero time.
func orNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return nanos(t)
}

// count brings the counts up to date.
func (s *Store) count(ctx context.Context, c change) error {
	for _, p := range c.ended {
		if _, err := s.stmts.ended.ExecContext(ctx, p.Workflow, nanos(p.Since), p.ApprovalID); err != nil {
			return err
		}
		if _, err := s.stmts.add.ExecContext(ctx, p.Workflow, -1); err != nil {
			return err
		}
	}
	for _, p := range c.opened {
		if _, err := s.stmts.opened.ExecContext(ctx, p.Workflow, nanos(p.Since), p.ApprovalID); err != nil {
			return err
		}
		if _, err := s.stmts.add.ExecContext(ctx, p.Workflow, 1); err != nil {
			return err
		}
	}
	return nil
}

package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// op is one update on its way. Its caller may give it up until the writer has
// begun it.
type op struct {
	orderID    string
	transition func(*approval.Order) error
	begun      atomic.Bool // by the writer, or given up by the caller
	result     chan outcome
}

type outcome struct {
	err      error
	panicked any
}

// Update implements store.Store.
func (s *Store) Update(ctx context.Context, orderID string, transition func(*approval.Order) error) error {
	o := &op{orderID: orderID, transition: transition, result: make(chan outcome, 1)}
	select {
	case <-s.closed:
		return errClosed
	default:
	}
	select {
	case s.ops <- o:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.closed:
		return errClosed
	}
	for {
		select {
		case out := <-o.result:
			if out.panicked != nil {
				panic(out.panicked)
			}
			return out.err
		case <-ctx.Done():
			if o.begun.CompareAndSwap(false, true) {
				return ctx.Err()
			}
			ctx = context.WithoutCancel(ctx) // it is under way: its end is near
		case <-s.done:
			select {
			case out := <-o.result:
				return out.err
			default:
				return errClosed
			}
		}
	}
}

// write is the writer: it gathers what waits, stores it in one transaction, and
// tells each caller.
func (s *Store) write() {
	defer close(s.done)
	for {
		select {
		case first := <-s.ops:
			s.commit(s.gather(first))
		case <-s.closed:
			for {
				select {
				case o := <-s.ops:
					s.commit(s.gather(o))
				default:
					return
				}
			}
		}
	}
}

func (s *Store) gather(first *op) []*op {
	batch := []*op{first}
	for len(batch) < maxBatch {
		select {
		case o := <-s.ops:
			batch = append(batch, o)
		default:
			return batch
		}
	}
	return batch
}

// commit stores a batch. A failed transition concerns its caller only; a failed
// transaction all of them.
func (s *Store) commit(batch []*op) {
	began := time.Now()
	outcomes := make([]outcome, len(batch))
	err := s.transaction(func(ctx context.Context) error {
		for i, o := range batch {
			if !o.begun.CompareAndSwap(false, true) {
				continue
			}
			var err error
			if outcomes[i], err = s.apply(ctx, o); err != nil {
				return err
			}
		}
		return nil
	})
	s.mu.Lock()
	for i, o := range batch {
		if err == nil && outcomes[i].err == nil {
			delete(s.leases, o.orderID)
		}
	}
	s.mu.Unlock()
	for i, o := range batch {
		if err != nil && outcomes[i].err == nil && outcomes[i].panicked == nil {
			outcomes[i].err = fmt.Errorf("store: %w", err)
		}
		o.result <- outcomes[i]
	}
	if s.config.Observe != nil {
		s.config.Observe(Commit{Updates: len(batch), Took: time.Since(began), Err: err})
	}
}

// transaction runs f in a transaction of the writer's connection.
func (s *Store) transaction(f func(context.Context) error) (err error) {
	ctx := context.Background()
	if _, err := s.conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		// A transaction that could not be rolled back before would be in the way.
		_, _ = s.conn.ExecContext(ctx, "ROLLBACK")
		return err
	}
	defer func() {
		if err != nil {
			_, _ = s.conn.ExecContext(ctx, "ROLLBACK") // SQLite may have done it itself
		}
	}()
	if err := f(ctx); err != nil {
		return err
	}
	_, err = s.conn.ExecContext(ctx, "COMMIT")
	return err
}

// apply runs one transition. The outcome is the caller's; the error ends the
// transaction.
func (s *Store) apply(ctx context.Context, o *op) (out outcome, err error) {
	before, err := s.load(ctx, o.orderID)
	if err != nil {
		var damaged *recordError
		if errors.As(err, &damaged) {
			return outcome{err: damaged.error}, nil
		}
		return outcome{}, err
	}
	had := summary(before)
	if out = attempt(before, o.transition); out.err != nil || out.panicked != nil {
		return out, nil
	}
	return s.save(ctx, before, had)
}

// attempt runs the transition, a panic included.
func attempt(o *approval.Order, transition func(*approval.Order) error) (out outcome) {
	defer func() { out.panicked = recover() }()
	return outcome{err: transition(o)}
}

// recordError is a record that cannot be read: it concerns one order.
type recordError struct{ error }

func (s *Store) load(ctx context.Context, orderID string) (*approval.Order, error) {
	var record []byte
	err := s.stmts.get.QueryRowContext(ctx, []byte(orderID)).Scan(&record)
	if errors.Is(err, sql.ErrNoRows) {
		return &approval.Order{ID: orderID}, nil
	}
	if err != nil {
		return nil, err
	}
	o, err := store.Decode(orderID, record, s.config.Sealer)
	if err != nil {
		return nil, &recordError{err}
	}
	return o, nil
}

// save stores what a transition made of an order, with its part of the counts.
func (s *Store) save(ctx context.Context, o *approval.Order, had counted) (outcome, error) {
	id := []byte(o.ID)
	has := summary(o)
	if o.Empty() {
		if _, err := s.stmts.remove.ExecContext(ctx, id); err != nil {
			return outcome{}, err
		}
		return outcome{}, s.count(ctx, had, counted{})
	}
	record, err := store.Encode(o, s.config.Sealer)
	if err != nil {
		return outcome{err: err}, nil
	}
	var due any
	if d := o.Due(); !d.IsZero() {
		due = d.UnixNano()
	}
	if _, err := s.stmts.put.ExecContext(ctx, id, record, due, len(has.pending), has.exhausted); err != nil {
		return outcome{}, err
	}
	return outcome{}, s.count(ctx, had, has)
}

// counted is what the counts know of an order.
type counted struct {
	pending   []approval.PendingApproval
	exhausted bool
}

func summary(o *approval.Order) counted { return counted{o.PendingSince(), o.Exhausted()} }

// count moves the counts from what an order had to what it has.
func (s *Store) count(ctx context.Context, had, has counted) error {
	before, after := index(had.pending), index(has.pending)
	for id, p := range before {
		if _, still := after[id]; !still {
			if _, err := s.stmts.closed.ExecContext(ctx, p.Workflow, p.Since.UnixNano(), id); err != nil {
				return err
			}
			if _, err := s.stmts.add.ExecContext(ctx, p.Workflow, -1); err != nil {
				return err
			}
		}
	}
	for id, p := range after {
		if _, known := before[id]; !known {
			if _, err := s.stmts.opened.ExecContext(ctx, p.Workflow, p.Since.UnixNano(), id); err != nil {
				return err
			}
			if _, err := s.stmts.add.ExecContext(ctx, p.Workflow, 1); err != nil {
				return err
			}
		}
	}
	return nil
}

func index(pending []approval.PendingApproval) map[string]approval.PendingApproval {
	if len(pending) == 0 {
		return nil
	}
	out := make(map[string]approval.PendingApproval, len(pending))
	for _, p := range pending {
		out[p.ApprovalID] = p
	}
	return out
}

package sqlite

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// write is one change on its way. Its caller may give it up until the writer
// has begun it.
type write struct {
	apply  apply
	begun  atomic.Bool // by the writer, or given up by the caller
	result chan outcome
}

// apply makes a change within the writer's transaction. The outcome is its
// caller's alone; the error ends the transaction, for all that share it.
type apply func(context.Context) (outcome, error)

// outcome is what became of a change.
type outcome struct {
	err      error
	panicked any
}

// failed says that the change was not made, the transaction notwithstanding.
func (o outcome) failed() bool { return o.err != nil || o.panicked != nil }

// tell gives the outcome to the caller.
func (o outcome) tell() error {
	if o.panicked != nil {
		panic(o.panicked)
	}
	return o.err
}

// write hands a change to the writer and waits until it is durable.
func (s *Store) write(ctx context.Context, f apply) error {
	w := &write{apply: f, result: make(chan outcome, 1)}
	select {
	case <-s.closed:
		return errClosed
	case <-ctx.Done():
		return ctx.Err()
	default:
	}
	select {
	case <-s.closed:
		return errClosed
	case <-ctx.Done():
		return ctx.Err()
	case s.queue <- w:
	}
	for cancelled := ctx.Done(); ; {
		select {
		case out := <-w.result:
			return out.tell()
		case <-cancelled:
			if w.begun.CompareAndSwap(false, true) {
				return ctx.Err()
			}
			cancelled = nil // it is under way: its end is near
		case <-s.done: // the writer has ended: either it has told us, or it never will
			select {
			case out := <-w.result:
				return out.tell()
			default:
				return errClosed
			}
		}
	}
}

// run is the writer: it gathers what waits, stores it in one transaction, and
// tells each caller.
func (s *Store) run() {
	defer close(s.done)
	for {
		select {
		case first := <-s.queue:
			s.commit(s.gather(first))
		case <-s.closed:
			for len(s.queue) > 0 { // what was accepted is stored
				s.commit(s.gather(<-s.queue))
			}
			return
		}
	}
}

// gather takes what waits, and waits for nothing.
func (s *Store) gather(first *write) []*write {
	batch := []*write{first}
	for len(batch) < maxBatch {
		select {
		case w := <-s.queue:
			batch = append(batch, w)
		default:
			return batch
		}
	}
	return batch
}

// commit stores a batch. A change that fails concerns its caller only; a
// transaction that fails, all of them.
func (s *Store) commit(batch []*write) {
	began := time.Now()
	outcomes := make([]outcome, len(batch))
	err := s.transaction(func(ctx context.Context) error {
		for i, w := range batch {
			if !w.begun.CompareAndSwap(false, true) {
				continue
			}
			var err error
			if outcomes[i], err = w.apply(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	for i, w := range batch {
		if err != nil && !outcomes[i].failed() {
			outcomes[i].err = fmt.Errorf("store: %w", err)
		}
		w.result <- outcomes[i]
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

package sqlite

import (
	"context"
	"fmt"
	"runtime"
	"sync"
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

// apply makes a change within the writer's transaction, in three steps. The
// outcome of the second is its caller's alone, and no third follows where it
// failed; the error of another ends the transaction, for all that share it.
type apply interface {
	// order is the ID of the one order that the change reads and writes, or
	// nothing if it is about none.
	order() string
	read(ctx context.Context) error
	// compute does not touch the database. It runs side by side with those of
	// other orders.
	compute() outcome
	put(ctx context.Context) error
	// stored is told when the change is durable.
	stored()
}

// simple is a change of one step.
type simple func(context.Context) error

func (simple) order() string                   { return "" }
func (simple) read(context.Context) error      { return nil }
func (simple) compute() outcome                { return outcome{} }
func (f simple) put(ctx context.Context) error { return f(ctx) }
func (simple) stored()                         {}

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
func (s *Store) write(ctx context.Context, change apply) error {
	w := &write{apply: change, result: make(chan outcome, 1)}
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
		for begin := 0; begin < len(batch); {
			end := begin + together(batch[begin:])
			if err := applyTogether(ctx, batch[begin:end], outcomes[begin:end]); err != nil {
				return err
			}
			begin = end
		}
		return nil
	})
	for i, w := range batch {
		if err != nil && !outcomes[i].failed() {
			outcomes[i].err = fmt.Errorf("store: %w", err)
		}
		if !outcomes[i].failed() {
			w.apply.stored()
		}
		w.result <- outcomes[i]
	}
	if s.config.Observe != nil {
		s.config.Observe(Commit{Updates: len(batch), Took: time.Since(began), Err: err})
	}
}

// together says how many changes come before one of an order that is among them
// already, and so has to see what they made of it.
func together(batch []*write) int {
	orders := make(map[string]bool, len(batch))
	for i, w := range batch {
		id := w.apply.order()
		if orders[id] {
			return i
		}
		orders[id] = id != ""
	}
	return len(batch)
}

// applyTogether makes changes of different orders. The connection reads and
// writes one after another; what is computed between, reading and writing JSON
// most of all, takes as long as that, and is spread over the processors.
func applyTogether(ctx context.Context, batch []*write, outcomes []outcome) error {
	begun := make([]int, 0, len(batch))
	for i, w := range batch {
		if !w.begun.CompareAndSwap(false, true) {
			continue
		}
		if err := w.apply.read(ctx); err != nil {
			return err
		}
		begun = append(begun, i)
	}
	spread(len(begun), func(n int) { outcomes[begun[n]] = batch[begun[n]].apply.compute() })
	for _, i := range begun {
		if outcomes[i].failed() {
			continue
		}
		if err := batch[i].apply.put(ctx); err != nil {
			return err
		}
	}
	return nil
}

// spread calls f for 0 to n-1, on as many goroutines as there are processors.
func spread(n int, f func(int)) {
	var next atomic.Int64
	work := func() {
		for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
			f(i)
		}
	}
	var others sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) - 1 {
		others.Go(work)
	}
	work()
	others.Wait()
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

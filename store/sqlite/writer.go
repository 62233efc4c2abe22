package sqlite

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// queuedOperation is an operation in the writer's queue. Its caller may withdraw it until the writer starts it.
type queuedOperation struct {
	operation operation
	started   atomic.Bool // or withdrawn
	result    chan outcome
}

// operation is a change within the writer's transaction. It has three steps: load, compute and save. If compute fails,
// save is skipped, and only the caller of this operation gets the error. If load or save fails, the transaction fails,
// for all operations in it.
type operation interface {
	// orderID returns the ID of the order that the operation reads and writes, or "" if it concerns no order.
	orderID() string
	// needsSync reports whether the change must be on the disk before its caller gets the result.
	needsSync() bool
	// canWait reports whether the change may wait for another that shares its commit, for at most shareDelay.
	canWait() bool
	load(ctx context.Context) error
	// compute does not use the database. It runs concurrently with compute of other orders.
	compute() outcome
	save(ctx context.Context) error
	// committed is called when the change is committed, and durable if it needs to be.
	committed()
}

// singleStep is an operation that has only the step save.
type singleStep func(context.Context) error

func (singleStep) orderID() string                  { return "" }
func (singleStep) needsSync() bool                  { return true }
func (singleStep) canWait() bool                    { return false }
func (singleStep) load(context.Context) error       { return nil }
func (singleStep) compute() outcome                 { return outcome{} }
func (f singleStep) save(ctx context.Context) error { return f(ctx) }
func (singleStep) committed()                       {}

// outcome is the result of an operation.
type outcome struct {
	err      error
	panicked any
}

// hasFailed reports whether the operation itself failed, not its transaction.
func (o outcome) hasFailed() bool { return o.err != nil || o.panicked != nil }

// deliver passes the outcome to the caller: it returns the error, or repeats the panic.
func (o outcome) deliver() error {
	if o.panicked != nil {
		panic(o.panicked)
	}
	return o.err
}

// submit adds an operation to the writer's queue and waits until its change is committed.
func (s *Store) submit(ctx context.Context, op operation) error {
	w, isUsed := s.unused.Get().(*queuedOperation)
	if !isUsed {
		w = &queuedOperation{result: make(chan outcome, 1)}
	}
	w.operation = op
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
		case out := <-w.result: // the writer does not use it any more
			w.operation = nil
			w.started.Store(false)
			s.unused.Put(w)
			return out.deliver()
		case <-cancelled:
			if w.started.CompareAndSwap(false, true) {
				return ctx.Err()
			}
			cancelled = nil // the writer has started it, and the result comes soon
		case <-s.writerDone: // the result is there, or will never come
			select {
			case out := <-w.result:
				return out.deliver()
			default:
				return errClosed
			}
		}
	}
}

// runWriter is the writer's goroutine. It gathers the queued operations, stores them in one transaction, and delivers
// the outcome to each caller.
func (s *Store) runWriter() {
	defer close(s.writerDone)
	for {
		select {
		case <-s.sync.due():
			s.syncLog()
		case <-s.vacuum.due():
			s.observeFailure(s.vacuum.step(context.Background(), s))
		case first := <-s.queue:
			s.commitBatch(s.gatherBatch(first))
		case <-s.closed:
			for len(s.queue) > 0 { // these were accepted before Close
				s.commitBatch(s.gatherBatch(<-s.queue))
			}
			s.syncLog()
			return
		}
	}
}

// syncLog syncs the commits that are not on the disk yet.
func (s *Store) syncLog() {
	s.observeFailure(s.sync.syncLog())
}

// observeFailure reports a failure of the writer's own work.
func (s *Store) observeFailure(err error) {
	if err != nil && s.config.Observe != nil {
		s.config.Observe(Commit{Err: err})
	}
}

// shareDelay is the longest time until unsynced updates are committed without another to share the commit. The next
// step of an order often follows within a moment, and each commit writes much the same pages.
const shareDelay = time.Millisecond

// gatherBatch returns the operations in the queue. It waits for more only if all of them can wait.
func (s *Store) gatherBatch(first *queuedOperation) []*queuedOperation {
	batch := []*queuedOperation{first}
	canWait := first.operation.canWait()
	var waited <-chan time.Time
	for len(batch) < maxBatch {
		var next *queuedOperation
		select {
		case next = <-s.queue:
		default:
			if !canWait {
				return batch
			}
			if waited == nil {
				waited = time.After(shareDelay)
			}
			select {
			case next = <-s.queue:
			case <-waited:
				return batch
			case <-s.closed:
				return batch
			}
		}
		batch = append(batch, next)
		canWait = canWait && next.operation.canWait()
	}
	return batch
}

// commitBatch stores a batch of operations. If an operation fails, only its caller gets the error. If the transaction
// fails, all callers get it.
func (s *Store) commitBatch(batch []*queuedOperation) {
	startedAt := time.Now()
	outcomes := make([]outcome, len(batch))
	needsSync := slices.ContainsFunc(batch, func(w *queuedOperation) bool { return w.operation.needsSync() })
	err := s.inTransaction(needsSync, func(ctx context.Context) error {
		for begin := 0; begin < len(batch); {
			end := begin + countIndependent(batch[begin:])
			if err := applyIndependent(ctx, batch[begin:end], outcomes[begin:end]); err != nil {
				return err
			}
			begin = end
		}
		return nil
	})
	for i, w := range batch {
		if err != nil && !outcomes[i].hasFailed() {
			outcomes[i].err = fmt.Errorf("store: %w", err)
		}
		if !outcomes[i].hasFailed() {
			w.operation.committed()
		}
		w.result <- outcomes[i]
	}
	if s.config.Observe != nil {
		s.config.Observe(Commit{Updates: len(batch), Took: time.Since(startedAt), Err: err})
	}
}

// countIndependent returns the number of operations before the first operation on an order that is already among them:
// that operation must see the result of the earlier operation.
func countIndependent(batch []*queuedOperation) int {
	orders := make(map[string]bool, len(batch))
	for i, w := range batch {
		id := w.operation.orderID()
		if orders[id] {
			return i
		}
		orders[id] = id != ""
	}
	return len(batch)
}

// applyIndependent runs operations on different orders. The connection loads and saves them one after another. The
// computation between takes as long as that, mainly for JSON, and runs on all processors.
func applyIndependent(ctx context.Context, batch []*queuedOperation, outcomes []outcome) error {
	started := make([]int, 0, len(batch)) // indexes
	for i, w := range batch {
		if !w.started.CompareAndSwap(false, true) {
			continue
		}
		if err := w.operation.load(ctx); err != nil {
			return err
		}
		started = append(started, i)
	}
	runParallel(len(started), func(n int) { outcomes[started[n]] = batch[started[n]].operation.compute() })
	for _, i := range started {
		if outcomes[i].hasFailed() {
			continue
		}
		if err := batch[i].operation.save(ctx); err != nil {
			return err
		}
	}
	return nil
}

// runParallel calls f for 0 to n-1, on one goroutine per processor.
func runParallel(n int, f func(int)) {
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

// inTransaction runs f in a transaction on the writer's connection. With needsSync, it is durable when inTransaction
// returns.
func (s *Store) inTransaction(needsSync bool, f func(context.Context) error) (err error) {
	ctx := context.Background()
	if err := s.sync.begin(ctx, s.conn, needsSync); err != nil {
		return err
	}
	if _, err := s.stmts.begin.exec(); err != nil {
		// An earlier transaction whose rollback failed would still be open.
		_, _ = s.stmts.rollback.exec()
		return err
	}
	defer func() {
		if err != nil {
			_, _ = s.stmts.rollback.exec() // it fails if SQLite has already rolled back
		}
	}()
	clear(s.counts.changes)
	s.transaction++
	if err := f(ctx); err != nil {
		return err
	}
	if _, err = s.stmts.commit.exec(); err != nil {
		return err
	}
	s.counts.commit()
	s.vacuum.written()
	return s.sync.finish()
}

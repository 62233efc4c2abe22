package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/approval-relay/approval-relay/store"
)

const (
	// maxConflicts bounds how often an update starts again because another worker was faster.
	maxConflicts = 50
	// maxBytes bounds the records in a transaction of several.
	maxBytes = 8 << 20
)

// batch is a batch of updates on their way into the database.
type batch struct {
	lane      *lane
	store     *Store
	began     time.Time
	orders    map[string]*work
	open      []*work // without an outcome
	size      int     // the number of updates
	hasSynced bool    // a caller waits for the disk
	// isSingle is set after the database has refused a transaction: each order is stored by itself then, so that only the
	// callers of the refused one get the error.
	isSingle bool
}

// work is the change of an order in a batch: by one update after the other, and stored once.
type work struct {
	orderID string
	updates []*update

	before    stored  // as it was read, or as this process has written it last; otherwise it is assumed to be missing
	isRead    bool    // before was read for this batch
	needsRead bool    // before must be read, because the assumption was wrong
	lost      *stored // written before, and lost by a crash of the server
	after     stored
	changed   bool
	unsynced  bool    // no caller of a change waits for the disk
	tried     []int64 // the versions of writes without an answer
	conflicts int
	finished  bool
}

// has reports whether the batch has an update of the order.
func (b *batch) has(orderID string) bool { return b.orders[orderID] != nil }

// add adds an update to the batch.
func (b *batch) add(u *update) {
	w := b.orders[u.orderID]
	if w == nil {
		w = &work{orderID: u.orderID}
		if b.orders == nil {
			b.orders = map[string]*work{}
		}
		b.orders[u.orderID] = w
		b.open = append(b.open, w)
	}
	w.updates = append(w.updates, u)
	b.size++
	b.hasSynced = b.hasSynced || !u.unsynced
}

// begin keeps callers from withdrawing their updates from now on.
func (b *batch) begin() {
	for _, w := range b.open {
		w.updates = slices.DeleteFunc(w.updates, func(u *update) bool { return !u.begun.CompareAndSwap(false, true) })
		w.before = b.lane.recent.find(w.orderID)
	}
	b.dropFinished()
}

// dropFinished removes the orders without updates to store from the open ones.
func (b *batch) dropFinished() {
	b.open = slices.DeleteFunc(b.open, func(w *work) bool { return w.finished || len(w.updates) == 0 })
}

// finish delivers the outcomes of the updates of an order, or the error to all of them.
func (w *work) finish(err error) {
	w.finished = true
	for _, u := range w.updates {
		if err != nil {
			u.out = outcome{err: err}
		}
		u.result <- u.out
	}
}

// run stores the updates. It returns the last error of the database that a caller got.
func (b *batch) run() (failed error) {
	b.begin()
	for attempt := 0; len(b.open) > 0; attempt++ {
		err := b.store.withTimeout(context.Background(), b.try)
		b.dropFinished()
		if err == nil {
			attempt = 0
			continue
		}
		if isPassing(err) && time.Since(b.began) < b.store.config.RetryFor {
			b.store.forgetReadOnly(err)
			b.store.late.suspect()
			b.store.pause(context.Background(), attempt)
			continue
		}
		if !isPassing(err) && len(b.open) > 1 && !b.isSingle {
			b.isSingle = true
			continue
		}
		failed = err
		refused := b.open
		if b.isSingle && !isPassing(err) {
			refused = b.open[:1]
		}
		for _, w := range refused {
			w.finish(fmt.Errorf("store order %q: %w", w.orderID, err))
		}
		b.dropFinished()
	}
	return failed
}

// try reads the records that are needed, runs the transitions, and writes the results.
func (b *batch) try(ctx context.Context) error {
	for _, w := range b.open {
		w.dropCancelled()
	}
	b.dropFinished()
	orders := slices.Clone(b.open)
	if b.isSingle {
		orders = orders[:min(1, len(orders))]
	}
	if err := b.read(ctx, orders); err != nil {
		return err
	}
	var writes []*work
	size := 0
	for _, w := range orders {
		if w.isDone() {
			b.succeed(w, w.before)
			continue
		}
		if size > maxBytes {
			break
		}
		if w.compute(b.store.config.Sealer) {
			writes = append(writes, w)
			size += len(w.after.record)
		}
	}
	if len(writes) == 0 {
		return nil
	}
	return b.write(ctx, writes)
}

// dropCancelled ends the updates whose contexts have ended.
func (w *work) dropCancelled() {
	w.updates = slices.DeleteFunc(w.updates, func(u *update) bool {
		err := u.ctx.Err()
		if err != nil {
			u.result <- outcome{err: err}
		}
		return err != nil
	})
}

// isDone reports whether a write of the updates was stored, although its answer was lost. A removed row leaves that
// open: to remove the order again is harmless.
func (w *work) isDone() bool {
	return len(w.tried) > 0 && w.isRead && w.before.has(w.tried)
}

// compute runs the transitions of the updates, and reports whether the result is to be written. The outcomes of all wait for
// the write, because each update has seen the results of those before it. An error may come from an old record: it
// counts only after the record was read.
func (w *work) compute(s store.Sealer) bool {
	if err := w.before.decode(w.orderID, s); err != nil {
		if w.isRead {
			w.finish(err)
		}
		w.readFirst()
		return false
	}
	w.after, w.changed, w.unsynced = w.before, false, true
	if w.lost != nil {
		w.after, w.changed = *w.lost, true
	}
	for _, u := range w.updates {
		var changed bool
		var after stored
		after, changed, u.out = u.compute(w.after)
		if u.out.hasFailed() && !w.isRead {
			w.readFirst()
			return false
		}
		if changed && !u.out.hasFailed() {
			w.after, w.changed = after, true
			w.unsynced = w.unsynced && u.unsynced
		}
	}
	switch {
	case w.changed && (w.after.record != nil || w.before.version != 0):
		return true
	case w.isRead || w.before.version != 0:
		w.finish(nil)
	default:
		w.readFirst()
	}
	return false
}

// readFirst makes the next attempt begin with the row in the database.
func (w *work) readFirst() { w.before, w.isRead, w.needsRead, w.lost = stored{}, false, true, nil }

// read reads rows in one query. An order without a kept row is assumed to be new, and not read: if that is wrong, its
// transition fails, or its write returns the row.
func (b *batch) read(ctx context.Context, orders []*work) error {
	var ids [][]byte
	for _, w := range orders {
		if w.needsRead {
			ids = append(ids, []byte(w.orderID))
		}
	}
	if len(ids) == 0 {
		return nil
	}
	rows, err := b.store.pool.Query(ctx, b.store.sql(selectRows), ids)
	if err != nil {
		return err
	}
	var id []byte
	var row stored
	_, err = pgx.ForEachRow(rows, []any{&id, &row.version, &row.earlier, &row.record}, func() error {
		b.setRow(b.orders[string(id)], row)
		row = stored{}
		return nil
	})
	if err != nil {
		return err
	}
	for _, id := range ids {
		w := b.orders[string(id)]
		w.isRead, w.needsRead = true, false
	}
	return nil
}

// setRow sets the row of an order that was read.
func (b *batch) setRow(w *work, row stored) {
	w.before, w.isRead, w.needsRead = row, true, false
	w.lost = b.store.late.findLost(w.orderID, row.version)
}

const selectRows = "SELECT id, version, earlier, record FROM relay.orders WHERE id = ANY($1)"

// write writes the changes in a transaction. If a row has changed since it was read, its updates are tried again.
func (b *batch) write(ctx context.Context, writes []*work) error {
	version := newVersion()
	t := newWrite(b.lane.slot, version)
	slices.SortFunc(writes, func(w, v *work) int { return compareIDs(w.orderID, v.orderID) }) // rows are locked in this order
	for _, w := range writes {
		t.add(w.orderID, w.before, newChange(w.before, w.after))
		t.unsynced = t.unsynced && w.unsynced
	}
	done, existing, err := b.store.runWrite(ctx, t)
	for _, w := range writes {
		switch {
		case err != nil:
			w.tried = append(w.tried, version)
		case done[w.orderID]:
			w.after.version, w.after.earlier = version, w.before.earlierAfter()
			b.keepLate(t, w)
			b.succeed(w, w.after)
			continue
		default:
			w.conflicts++
		}
		b.lane.recent.drop(w.orderID)
		w.readFirst()
		if row, exists := existing[w.orderID]; exists {
			b.setRow(w, row)
		}
		if w.conflicts > maxConflicts {
			w.finish(errors.New("other workers were faster too often"))
		}
	}
	if t.unsynced {
		b.store.unsynced.Store(true)
	}
	return err
}

// keepLate keeps a write that is not on disk yet.
func (b *batch) keepLate(t *write, w *work) {
	if t.unsynced && w.after.record != nil && w.before.version != 0 {
		b.store.late.add(w.orderID, w.before, w.after, time.Now())
		return
	}
	b.store.late.forget(w.orderID)
}

// succeed ends the updates of an order that is stored, and keeps its row.
func (b *batch) succeed(w *work, row stored) {
	b.lane.recent.keep(w.orderID, row)
	w.finish(nil)
}

// newVersion returns a random version. Each write has its own.
func newVersion() int64 { return rand.Int64N(1<<62) + 1 } //nolint:gosec // not a secret

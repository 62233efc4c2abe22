package postgres

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

const (
	// maxConflicts bounds how often an update starts again because another worker was faster.
	maxConflicts = 50
	// maxBytes bounds the records in a transaction of several.
	maxBytes = 8 << 20
	// earlierKept is the number of earlier versions that a row has. After a lost answer, a write finds its own among
	// them, even if other writes came later.
	earlierKept = 7
)

// stored is a row of the table orders. Version 0 stands for a missing row.
type stored struct {
	version int64
	earlier []byte
	record  []byte
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

// change is the result of a transition.
type change struct {
	isNone  bool   // the order stays as it is
	record  []byte // nil if the order is removed
	columns store.Columns
	opened  []approval.PendingApproval
	ended   []approval.PendingApproval
	owed    []approval.OwedAnswer // owed now, and not before since the same time
	paid    []approval.OwedAnswer // owed before, in workflows that owe nothing now
}

// newChange returns the change from an order with the columns before to the order o with this record.
func newChange(o *approval.Order, record []byte, before store.Columns) change {
	if o.IsEmpty() {
		record = nil
	}
	now := store.ColumnsOf(o)
	return change{
		record:  record,
		columns: now,
		opened:  store.SubtractPending(now.Pending, before.Pending),
		ended:   store.SubtractPending(before.Pending, now.Pending),
		owed:    store.SubtractOwed(now.Owed, before.Owed),
		paid:    paidWorkflows(now.Owed, before.Owed),
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
) (c change, out outcome) {
	defer func() {
		if p := recover(); p != nil {
			out.panicked = p
		}
	}()
	o := &approval.Order{ID: orderID}
	var unknown store.Unknown
	if before.version != 0 {
		if o, unknown, out.err = store.DecodeForUpdate(orderID, before.record, s.config.Sealer); out.err != nil {
			return c, out
		}
	}
	size := store.Measure(o, len(before.record))
	columns := store.ColumnsOf(o)
	if out.err = transition(o); out.err != nil {
		return c, out
	}
	record, err := s.config.Limits.Fit(size, o, func(o *approval.Order, _ bool) ([]byte, error) {
		return store.Encode(orderID, o, unknown, s.config.Sealer)
	})
	if err != nil {
		return c, outcome{err: err}
	}
	c = newChange(o, record, columns)
	c.isNone = o.IsEmpty() && before.version == 0
	return c, out
}

// batch is a batch of updates on their way into the database.
type batch struct {
	lane  *lane
	store *Store
	began time.Time
	open  []*update // without an outcome
	// isSingle is set after the database has refused a transaction: each update is stored by itself then, so that only the
	// caller of the refused one gets the error.
	isSingle bool
}

// finish delivers an outcome.
func (b *batch) finish(u *update, out outcome) {
	u.finished = true
	u.result <- out
}

// run stores the updates. It returns the last error of the database that a caller got.
func (b *batch) run() (failed error) {
	for attempt := 0; len(b.open) > 0; attempt++ {
		err := b.store.withTimeout(context.Background(), b.try)
		b.open = slices.DeleteFunc(b.open, func(u *update) bool { return u.finished })
		if err == nil {
			attempt = 0
			continue
		}
		if isPassing(err) && time.Since(b.began) < b.store.config.RetryFor {
			b.store.forgetReadOnly(err)
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
		for _, u := range refused {
			b.finish(u, outcome{err: fmt.Errorf("store order %q: %w", u.orderID, err)})
		}
		b.open = b.open[len(refused):]
	}
	return failed
}

// try reads the records that are needed, runs the transitions, and writes the results.
func (b *batch) try(ctx context.Context) error {
	for _, u := range b.open {
		if err := u.ctx.Err(); err != nil {
			b.finish(u, outcome{err: err})
		}
	}
	updates := slices.DeleteFunc(slices.Clone(b.open), func(u *update) bool { return u.finished })
	if b.isSingle {
		updates = updates[:min(1, len(updates))]
	}
	if err := b.read(ctx, updates); err != nil {
		return err
	}
	var writes []*update
	size := 0
	for _, u := range updates {
		if u.isDone() {
			b.succeed(u)
			continue
		}
		if size > maxBytes {
			break
		}
		if b.compute(u) {
			writes = append(writes, u)
			size += len(u.change.record)
		}
	}
	if len(writes) == 0 {
		return nil
	}
	return b.write(ctx, writes)
}

// isDone reports whether a write of the update was stored, although its answer was lost. A removed row leaves that
// open: to remove the order again is harmless.
func (u *update) isDone() bool {
	return len(u.tried) > 0 && u.isRead && u.before.has(u.tried)
}

// compute runs the transition of an update, and reports whether its result is to be written. An error may come from an
// old record: it counts only after the record was read.
func (b *batch) compute(u *update) bool {
	var out outcome
	u.change, out = u.compute(u.before)
	switch {
	case out.hasFailed() && !u.isRead:
		u.before = stored{}
	case out.hasFailed():
		b.finish(u, out)
	case u.change.isNone:
		b.finish(u, out)
	default:
		return true
	}
	return false
}

// read reads the rows that the lane does not have, in one query.
func (b *batch) read(ctx context.Context, updates []*update) error {
	var ids [][]byte
	byID := map[string]*update{}
	for _, u := range updates {
		if u.before.version == 0 && !u.isRead {
			ids = append(ids, []byte(u.orderID))
			byID[u.orderID] = u
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
		byID[string(id)].before = row
		row = stored{}
		return nil
	})
	if err != nil {
		return err
	}
	for _, u := range byID {
		u.isRead = true
	}
	return nil
}

const selectRows = "SELECT id, version, earlier, record FROM relay.orders WHERE id = ANY($1)"

// write writes the changes in a transaction. If a row has changed since it was read, its update is tried again.
func (b *batch) write(ctx context.Context, writes []*update) error {
	version := newVersion()
	w := newWrite(b.lane.slot, version)
	slices.SortFunc(writes, func(u, v *update) int { return compareIDs(u.orderID, v.orderID) }) // rows are locked in this order
	for _, u := range writes {
		w.add(u.orderID, u.before, u.change)
		w.unsynced = w.unsynced && u.unsynced
	}
	done, err := b.store.runWrite(ctx, w)
	for _, u := range writes {
		switch {
		case err != nil:
			u.tried = append(u.tried, version)
		case done[u.orderID]:
			u.before = stored{version, u.before.earlierAfter(), u.change.record}
			b.succeed(u)
			continue
		default:
			u.conflicts++
		}
		b.lane.recent.drop(u.orderID)
		u.before, u.isRead = stored{}, false
		if u.conflicts > maxConflicts {
			b.finish(u, outcome{err: errors.New("other workers were faster too often")})
		}
	}
	if w.unsynced {
		b.store.unsynced.Store(true)
	}
	return err
}

// succeed ends an update that is stored, and keeps its record.
func (b *batch) succeed(u *update) {
	b.lane.recent.keep(u.orderID, u.before)
	b.finish(u, outcome{})
}

// newVersion returns a random version. Each write has its own.
func newVersion() int64 { return rand.Int64N(1<<62) + 1 } //nolint:gosec // not a secret

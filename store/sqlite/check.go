package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/approval-relay/approval-relay/store"
)

// CheckRecords implements store.RecordKeeper. If a record cannot be read, the tables of pending approvals are not
// compared: nobody knows what they should have.
func (s *Store) CheckRecords(ctx context.Context, fix bool, report func(store.Fault)) (err error) {
	if !fix {
		c, err := s.reads.Conn(ctx)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, c.Close()) }()
		return s.checkFile(ctx, c, false, report)
	}
	var faults []store.Fault
	err = s.submit(ctx, singleStep(func(ctx context.Context) error {
		return s.checkFile(ctx, s.conn, true, func(f store.Fault) { faults = append(faults, f) })
	}))
	for _, f := range faults {
		f.Fixed = !f.Lost && err == nil
		report(f)
	}
	return err
}

// checkFile checks the pages and the indexes of the file, and then the content. With fix, it runs in a transaction.
func (s *Store) checkFile(ctx context.Context, c *sql.Conn, fix bool, report func(store.Fault)) error {
	lines, err := queryLines(ctx, c, "PRAGMA integrity_check(20)")
	if err != nil {
		return err
	}
	for _, line := range lines {
		if line != "ok" {
			report(store.Fault{Text: "the file is damaged: " + line, Lost: !strings.Contains(line, "index")})
		}
	}
	if fix && !slices.Equal(lines, []string{"ok"}) {
		if _, err := c.ExecContext(ctx, "REINDEX"); err != nil {
			return err
		}
	}
	return s.compareRecords(ctx, c, fix, report)
}

// pendingRow is a row of the table of pending approvals.
type pendingRow struct {
	workflow, approval string // or the key of a list of orders, and the order
	since              int64
	isOrder            bool
}

// derivedRow has the columns of an order that follow from its record.
type derivedRow struct {
	due, since         sql.NullInt64
	pending, attention int64
	hasNext, underWay  bool
}

func (r derivedRow) differences(want derivedRow) string {
	var names []string
	for name, differs := range map[string]bool{
		"due":       r.due != want.due,
		"since":     r.since != want.since,
		"pending":   r.pending != want.pending,
		"attention": r.attention != want.attention,
		"next":      r.hasNext != want.hasNext,
		"under_way": r.underWay != want.underWay,
	} {
		if differs {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

func (s *Store) compareRecords(ctx context.Context, c *sql.Conn, fix bool, report func(store.Fault)) error {
	want := map[pendingRow]bool{}
	owed := map[owedRow]bool{}
	changes := map[string]orderChange{} // to write
	isComplete, err := s.compareRows(ctx, c, func(id string, change orderChange, differences string) {
		for _, p := range change.opened {
			want[pendingRow{workflow: p.Workflow, approval: p.ApprovalID, since: toNanos(p.Since)}] = true
		}
		if !change.since.IsZero() {
			want[pendingRow{string(byAgeKey()), id, toNanos(change.since), true}] = true
			want[pendingRow{string(byIDKey()), id, noAge, true}] = true
		}
		for _, w := range change.owed {
			owed[owedRow{id, w.Workflow, toNanos(w.Since)}] = true
		}
		if differences == "" {
			return
		}
		report(store.Fault{Order: id, Text: "the columns " + differences + " are not those of its record"})
		if fix {
			change.opened = nil // the table of pending approvals is written below
			changes[id] = change
		}
	}, report)
	if err != nil {
		return err
	}
	for id, change := range changes {
		_, row, err := s.stmts.readRow(id)
		if err != nil {
			return err
		}
		s.recent.forgetRow(id)
		if _, err := s.writeChange(id, change, row); err != nil {
			return err
		}
	}
	if !isComplete {
		return nil
	}
	return errors.Join(s.comparePending(ctx, c, want, fix, report), s.compareOwed(ctx, c, owed, fix, report))
}

// compareRows calls f for each order with the change that would store it anew, and with the columns that differ. It
// reports whether all records could be read.
func (s *Store) compareRows(
	ctx context.Context, c *sql.Conn, f func(id string, change orderChange, differences string), report func(store.Fault),
) (isComplete bool, err error) {
	rows, err := c.QueryContext(ctx, `SELECT id, record, due, since, pending, attention, next IS NOT NULL, under_way
		FROM orders ORDER BY id`)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	isComplete = true
	for rows.Next() {
		var id, record []byte
		var have derivedRow
		err := rows.Scan(&id, &record, &have.due, &have.since, &have.pending, &have.attention, &have.hasNext,
			&have.underWay)
		if err != nil {
			return false, err
		}
		o, err := store.Decode(string(id), record, s.config.Sealer)
		if err != nil {
			report(store.Fault{Order: string(id), Text: err.Error(), Lost: true})
			isComplete = false
			continue
		}
		change := newOrderChange(o, record, waiting{})
		want := derivedRow{
			pending:   int64(change.pending),
			attention: int64(change.attention),
			hasNext:   !change.due.IsZero(),
			underWay:  change.underWay,
		}
		if !change.due.IsZero() {
			want.due = sql.NullInt64{Int64: toNanos(change.due), Valid: true}
		}
		if !change.since.IsZero() {
			want.since = sql.NullInt64{Int64: toNanos(change.since), Valid: true}
		}
		change.remove = false
		f(string(id), change, have.differences(want))
	}
	return isComplete, rows.Err()
}

// comparePending compares the table pending with the pending approvals of all orders.
func (s *Store) comparePending(
	ctx context.Context, c *sql.Conn, want map[pendingRow]bool, fix bool, report func(store.Fault),
) error {
	have, err := readPending(ctx, c)
	if err != nil {
		return err
	}
	if maps.Equal(have, want) {
		return nil
	}
	report(store.Fault{Text: fmt.Sprintf("the table pending has not the pending approvals of the records: %d rows instead of %d",
		len(have), len(want))})
	if !fix {
		return nil
	}
	if _, err := c.ExecContext(ctx, "DELETE FROM pending"); err != nil {
		return err
	}
	counts := map[string]int{}
	for row := range want {
		var err error
		if row.isOrder {
			_, err = s.stmts.opened.exec([]byte(row.workflow), row.since, []byte(row.approval))
		} else {
			_, err = s.stmts.opened.exec(row.workflow, row.since, row.approval)
			counts[row.workflow]++
		}
		if err != nil {
			return err
		}
	}
	return s.counts.set(ctx, counts)
}

func readPending(ctx context.Context, c *sql.Conn) (have map[pendingRow]bool, err error) {
	rows, err := c.QueryContext(ctx, "SELECT workflow, approval, since, workflow >= x'00' FROM pending")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	have = map[pendingRow]bool{}
	for rows.Next() {
		var row pendingRow
		if err := rows.Scan(&row.workflow, &row.approval, &row.since, &row.isOrder); err != nil {
			return nil, err
		}
		have[row] = true
	}
	return have, rows.Err()
}

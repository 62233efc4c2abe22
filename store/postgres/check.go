package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// derivedRow is a row of the table orders with the columns that follow from its record.
type derivedRow struct {
	id, record []byte
	due, since *int64
	attention  int16
	hasNext    bool
}

const selectDerived = `SELECT id, record, due, since, attention, next IS NOT NULL FROM relay.orders
	WHERE id > $1 ORDER BY id LIMIT $2`

func scanDerived(row pgx.CollectableRow) (r derivedRow, err error) {
	return r, row.Scan(&r.id, &r.record, &r.due, &r.since, &r.attention, &r.hasNext)
}

// differences returns the names of the columns that differ from the record.
func (r derivedRow) differences(want store.Columns) string {
	var names []string
	for name, differs := range map[string]bool{
		"due":       numberOf(r.due) != store.ToNanos(want.Due),
		"since":     numberOf(r.since) != store.ToNanos(want.Since),
		"attention": r.attention != int16(want.Attention),
		"next":      r.hasNext == want.Due.IsZero(),
	} {
		if differs {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

func numberOf(n *int64) int64 {
	if n == nil {
		return store.NoTime
	}
	return *n
}

// pendingRow is a row of the table of pending approvals.
type pendingRow struct {
	workflow, approval string
	since              int64
}

// owedRow is a row of the table of owed answers.
type owedRow struct {
	id, workflow string
	since        int64
}

// derivedTables are the contents of the tables beside the table orders.
type derivedTables struct {
	pending map[pendingRow]bool
	owed    map[owedRow]bool
}

// CheckRecords implements store.RecordKeeper. If a record cannot be read, the tables beside the records are not
// compared: their right content is not known.
func (s *Store) CheckRecords(ctx context.Context, fix bool, report func(store.Fault)) error {
	want := derivedTables{map[pendingRow]bool{}, map[owedRow]bool{}}
	isComplete := true
	for after := []byte{}; ; {
		page, err := queryAll(ctx, s, scanDerived, selectDerived, after, pageOfRecords)
		if err != nil {
			return fmt.Errorf("check all records: %w", err)
		}
		for _, row := range page {
			o, err := store.Decode(string(row.id), row.record, s.config.Sealer)
			if err != nil {
				report(store.Fault{Order: string(row.id), Text: err.Error(), Lost: true})
				isComplete = false
				continue
			}
			columns := store.ColumnsOf(o)
			want.add(o, columns)
			if err := s.checkRow(ctx, row, columns, fix, report); err != nil {
				return err
			}
		}
		if len(page) < pageOfRecords {
			break
		}
		after = page[len(page)-1].id
	}
	if !isComplete {
		return nil
	}
	return errors.Join(s.checkPending(ctx, want.pending, fix, report), s.checkOwed(ctx, want.owed, fix, report))
}

func (t derivedTables) add(o *approval.Order, c store.Columns) {
	for _, p := range c.Pending {
		t.pending[pendingRow{p.Workflow, p.ApprovalID, store.ToNanos(p.Since)}] = true
	}
	for _, w := range c.Owed {
		t.owed[owedRow{o.ID, w.Workflow, store.ToNanos(w.Since)}] = true
	}
}

// checkRow compares the columns of a row with its record.
func (s *Store) checkRow(
	ctx context.Context, row derivedRow, want store.Columns, fix bool, report func(store.Fault),
) (err error) {
	names := row.differences(want)
	if names == "" {
		return nil
	}
	if fix {
		_, err = s.exec(ctx, `UPDATE relay.orders SET due = nullif($2::bigint, -9223372036854775808),
			next = nullif($2::bigint, -9223372036854775808), claimed = NULL,
			since = nullif($3::bigint, -9223372036854775808), attention = $4 WHERE id = $1`,
			row.id, store.ToNanos(want.Due), store.ToNanos(want.Since), int16(want.Attention))
	}
	report(store.Fault{
		Order: string(row.id),
		Text:  "the columns " + names + " are not those of its record",
		Fixed: fix && err == nil,
	})
	return err
}

// checkPending compares the tables pending and counts with the pending approvals of all orders.
func (s *Store) checkPending(ctx context.Context, want map[pendingRow]bool, fix bool, report func(store.Fault)) error {
	rows, err := queryAll(ctx, s, func(row pgx.CollectableRow) (r pendingRow, err error) {
		return r, row.Scan(&r.workflow, &r.approval, &r.since)
	}, "SELECT workflow, approval, since FROM relay.pending")
	if err != nil {
		return err
	}
	counts, err := queryAll(ctx, s, func(row pgx.CollectableRow) (c workflowCount, err error) {
		return c, row.Scan(&c.workflow, &c.pending)
	}, "SELECT workflow, sum(pending)::bigint FROM relay.counts GROUP BY workflow HAVING sum(pending) <> 0")
	if err != nil {
		return err
	}
	wantCounts := map[string]int64{}
	for row := range want {
		wantCounts[row.workflow]++
	}
	haveCounts := map[string]int64{}
	for _, c := range counts {
		haveCounts[c.workflow] = c.pending
	}
	var faults []string
	if have := setOf(rows); !maps.Equal(have, want) {
		faults = append(faults, fmt.Sprintf("the table pending has not the pending approvals of the records: %d rows instead of %d",
			len(have), len(want)))
	}
	if !maps.Equal(haveCounts, wantCounts) {
		faults = append(faults, fmt.Sprintf("the table counts has not the numbers of pending approvals by workflow: %v instead of %v",
			haveCounts, wantCounts))
	}
	if len(faults) > 0 && fix {
		err = s.writePending(ctx, want, wantCounts)
	}
	for _, text := range faults {
		report(store.Fault{Text: text, Fixed: fix && err == nil})
	}
	return err
}

// workflowCount is the number of pending approvals of a workflow.
type workflowCount struct {
	workflow string
	pending  int64
}

func setOf[T comparable](rows []T) map[T]bool {
	set := map[T]bool{}
	for _, row := range rows {
		set[row] = true
	}
	return set
}

// writePending fills the tables pending and counts anew.
func (s *Store) writePending(ctx context.Context, want map[pendingRow]bool, counts map[string]int64) error {
	var rows, sums [][]any
	for row := range want {
		rows = append(rows, []any{row.workflow, row.since, row.approval})
	}
	for workflow, n := range counts {
		sums = append(sums, []any{workflow, int16(0), n})
	}
	return s.withRetries(ctx, func(ctx context.Context) error {
		return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
			return errors.Join(
				s.refill(ctx, tx, "pending", []string{"workflow", "since", "approval"}, rows),
				s.refill(ctx, tx, "counts", []string{"workflow", "slot", "pending"}, sums))
		})
	})
}

// refill replaces all rows of a table.
func (s *Store) refill(ctx context.Context, tx pgx.Tx, table string, columns []string, rows [][]any) error {
	if _, err := tx.Exec(ctx, s.sql("DELETE FROM relay."+table)); err != nil {
		return err
	}
	_, err := tx.CopyFrom(ctx, pgx.Identifier{s.config.Schema, table}, columns, pgx.CopyFromRows(rows))
	return err
}

// checkOwed compares the table owed with the owed answers of all orders.
func (s *Store) checkOwed(ctx context.Context, want map[owedRow]bool, fix bool, report func(store.Fault)) error {
	rows, err := queryAll(ctx, s, func(row pgx.CollectableRow) (r owedRow, err error) {
		var id []byte
		err = row.Scan(&id, &r.workflow, &r.since)
		r.id = string(id)
		return r, err
	}, "SELECT id, workflow, since FROM relay.owed")
	if err != nil || maps.Equal(setOf(rows), want) {
		return err
	}
	if fix {
		var all [][]any
		for row := range want {
			all = append(all, []any{[]byte(row.id), row.workflow, row.since})
		}
		err = s.withRetries(ctx, func(ctx context.Context) error {
			return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
				return s.refill(ctx, tx, "owed", []string{"id", "workflow", "since"}, all)
			})
		})
	}
	report(store.Fault{
		Text:  fmt.Sprintf("the table owed has not the owed answers of the records: %d rows instead of %d", len(rows), len(want)),
		Fixed: fix && err == nil,
	})
	return err
}

package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/approval-relay/approval-relay/store"
)

// storedRow has the columns of an order beside its record, as they are in the database. An update compares them with the
// new ones: SQLite writes the pages of every index with a column that a statement sets, also if its value stays the same.
type storedRow struct {
	number             int64 // of the row
	due, next, claimed sql.NullInt64
	underWay           bool
	pending            int
	attention          store.StateSet
	since              sql.NullInt64
}

// readRow reads the record and the row of an order. The row is nil if the order is not stored.
func (s *statements) readRow(ctx context.Context, orderID string) (record []byte, row *storedRow, err error) {
	row = &storedRow{}
	err = s.get.QueryRowContext(ctx, []byte(orderID)).Scan(&record, &row.number, &row.due, &row.next, &row.claimed,
		&row.underWay, &row.pending, &row.attention, &row.since)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil, nil
	}
	return record, row, err
}

// rowOf returns the row after a change. An order that is still due at the now of its Claim keeps its lease.
func rowOf(c orderChange, before *storedRow) *storedRow {
	due := nanosOf(c.due)
	row := &storedRow{
		due:       due,
		next:      due,
		underWay:  c.underWay,
		pending:   c.pending,
		attention: c.attention,
		since:     nanosOf(c.since),
	}
	if before != nil {
		row.number = before.number
		if due.Valid && before.claimed.Valid && due.Int64 <= before.claimed.Int64 {
			row.next, row.claimed = before.next, before.claimed
		}
	}
	return row
}

// putRow stores a record and its row in the place of the row before; nil is a new order.
func (s *statements) putRow(ctx context.Context, id, record []byte, row, before *storedRow) error {
	var err error
	switch {
	case before == nil:
		var result sql.Result
		result, err = s.insert.ExecContext(ctx, id, record, row.due, row.next, row.claimed, row.underWay, row.pending,
			row.attention, row.since)
		if err == nil {
			row.number, err = result.LastInsertId()
		}
	case *row == *before:
		_, err = s.setRecord.ExecContext(ctx, row.number, record)
	case row.pending == before.pending && row.attention == before.attention && row.since == before.since:
		_, err = s.setTimes.ExecContext(ctx, row.number, record, row.due, row.next, row.claimed, row.underWay)
	default:
		_, err = s.setAll.ExecContext(ctx, row.number, record, row.due, row.next, row.claimed, row.underWay, row.pending,
			row.attention, row.since)
	}
	return err
}

// nanosOf returns the stored form of a time: NULL for the zero time.
func nanosOf(t time.Time) sql.NullInt64 {
	if t.IsZero() {
		return sql.NullInt64{}
	}
	return sql.NullInt64{Int64: toNanos(t), Valid: true}
}

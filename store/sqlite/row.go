package sqlite

import (
	"database/sql/driver"
	"time"

	"github.com/approval-relay/approval-relay/store"
)

// storedRow has the columns of an order beside its record, as they are in the database. An update compares them with the
// new ones: SQLite writes the pages of every index with a column that a statement sets, also if its value stays the same.
// The number and the times are values for the driver: int64, or nil for NULL.
type storedRow struct {
	number             driver.Value // of the row
	due, next, claimed driver.Value
	underWay           bool
	pending            int64
	attention          store.StateSet
	since              driver.Value
}

// readRow reads the record and the row of an order. The row is nil if the order is not stored.
func (s *statements) readRow(orderID string) (record []byte, row *storedRow, err error) {
	err = s.find.query(func(found []driver.Value) {
		row = &storedRow{number: found[0]}
		record, _ = found[1].([]byte)
	}, []byte(orderID))
	if err != nil || row == nil {
		return nil, nil, err
	}
	err = s.row.query(func(found []driver.Value) {
		row.due, row.next, row.claimed = found[0], found[1], found[2]
		row.underWay = toInt64(found[3]) != 0
		row.pending = toInt64(found[4])
		row.attention = store.StateSet(toInt64(found[5]))
		row.since = found[6]
	}, row.number)
	return record, row, err
}

// toInt64 returns the number in a column that has one.
func toInt64(v driver.Value) int64 {
	n, _ := v.(int64)
	return n
}

// rowOf returns the row after a change. An order that is still due at the now of its Claim keeps its lease.
func rowOf(c orderChange, before *storedRow) *storedRow {
	due := nanosOf(c.due)
	row := &storedRow{
		due:       due,
		next:      due,
		underWay:  c.underWay,
		pending:   int64(c.pending),
		attention: c.attention,
		since:     nanosOf(c.since),
	}
	if before != nil {
		row.number = before.number
		if due != nil && before.claimed != nil && toInt64(due) <= toInt64(before.claimed) {
			row.next, row.claimed = before.next, before.claimed
		}
	}
	return row
}

// putRow stores a record and its row in the place of the row before; nil is a new order.
func (s *statements) putRow(orderID string, record []byte, row, before *storedRow) (err error) {
	switch {
	case before == nil:
		var result driver.Result
		result, err = s.insert.exec([]byte(orderID), record, row.due, row.next, row.claimed, row.underWay, row.pending,
			int64(row.attention), row.since)
		if err == nil {
			row.number, err = result.LastInsertId()
		}
	case *row == *before:
		_, err = s.setRecord.exec(record, row.number)
	case row.pending == before.pending && row.attention == before.attention && row.since == before.since:
		_, err = s.setTimes.exec(record, row.due, row.next, row.claimed, row.underWay, row.number)
	default:
		_, err = s.setAll.exec(record, row.due, row.next, row.claimed, row.underWay, row.pending,
			int64(row.attention), row.since, row.number)
	}
	return err
}

// nanosOf returns the stored form of a time: NULL for the zero time.
func nanosOf(t time.Time) driver.Value {
	if t.IsZero() {
		return nil
	}
	return toNanos(t)
}

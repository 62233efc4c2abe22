package postgres

import (
	"bytes"
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/approval-relay/approval-relay/store"
)

// SchemaVersion implements store.RecordKeeper.
func (*Store) SchemaVersion() int { return schemaVersion }

// pageOfRecords is the number of records that are read at once.
const pageOfRecords = 500

// EachRecord implements store.RecordKeeper.
func (s *Store) EachRecord(ctx context.Context, f func(store.RawRecord) error) error {
	scan := func(row pgx.CollectableRow) (r store.RawRecord, err error) {
		var id []byte
		err = row.Scan(&id, &r.Record)
		r.OrderID = string(id)
		return r, err
	}
	for after := []byte{}; ; {
		page, err := queryAll(ctx, s, scan, "SELECT id, record FROM relay.orders WHERE id > $1 ORDER BY id LIMIT $2", after, pageOfRecords)
		if err != nil {
			return fmt.Errorf("read all records: %w", err)
		}
		for _, r := range page {
			if err := f(r); err != nil {
				return err
			}
		}
		if len(page) < pageOfRecords {
			return nil
		}
		after = []byte(page[len(page)-1].OrderID)
	}
}

// BeginImport implements store.RecordKeeper.
func (s *Store) BeginImport(ctx context.Context) (resumed bool, err error) {
	if s.importing {
		return true, nil
	}
	var isFilled bool
	const query = "SELECT EXISTS (SELECT 1 FROM relay.orders) OR EXISTS (SELECT 1 FROM relay.dead_letters)"
	err = s.queryRow(ctx, query, nil, &isFilled)
	if err == nil && isFilled {
		err = store.ErrNotEmpty
	}
	if err == nil {
		err = s.setState(ctx, stateImporting)
	}
	if err != nil {
		return false, fmt.Errorf("begin the import into %s: %w", s.config.Describe(), err)
	}
	s.importing = true
	return false, nil
}

// EndImport implements store.RecordKeeper.
func (s *Store) EndImport(ctx context.Context) error {
	if err := s.setState(ctx, stateInUse); err != nil {
		return fmt.Errorf("end the import into %s: %w", s.config.Describe(), err)
	}
	s.importing = false
	return nil
}

// ImportRecord implements store.RecordKeeper. Imports at the same time share transactions, as updates do.
func (s *Store) ImportRecord(ctx context.Context, r store.RawRecord) error {
	err := s.submit(&update{ctx: ctx, orderID: r.OrderID, compute: func(before stored) (stored, bool, outcome) {
		after, changed, err := s.importRecord(r, before)
		return after, changed, outcome{err: err}
	}})
	if err != nil {
		return fmt.Errorf("import order %q: %w", r.OrderID, err)
	}
	return nil
}

// importRecord returns the row of an imported record.
func (s *Store) importRecord(r store.RawRecord, before stored) (after stored, changed bool, err error) {
	if bytes.Equal(before.record, r.Record) {
		return before, false, nil
	}
	o, err := store.Decode(r.OrderID, r.Record, s.config.Sealer)
	if err != nil {
		return before, false, err
	}
	return stored{record: r.Record, columns: store.ColumnsOf(o)}, true, nil
}

// MarkMoved implements store.RecordKeeper. The change of the control decides: it fails if somebody lets workers change the
// orders again.
func (s *Store) MarkMoved(ctx context.Context, readOnly, moved store.Control) error {
	err := s.withRetries(ctx, func(ctx context.Context) error {
		return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error { return s.markMoved(ctx, tx, readOnly, moved) })
	})
	if err != nil {
		return fmt.Errorf("mark %s as moved: %w", s.config.Describe(), err)
	}
	return nil
}

func (s *Store) markMoved(ctx context.Context, tx pgx.Tx, readOnly, moved store.Control) error {
	rows, err := tx.Query(ctx, s.sql(selectControls+" FOR UPDATE"))
	if err != nil {
		return err
	}
	controls, err := pgx.CollectRows(rows, scanControl)
	if err != nil {
		return err
	}
	switch current, _ := store.FindReadOnly(controls); {
	case current.Mode == store.ControlMoved:
		return nil
	case current != readOnly:
		return store.ErrNotReadOnly
	}
	const put = `UPDATE relay.controls SET mode = $1, principal = $2, claimed = $3, reason = $4, since = $5 WHERE workflow = ''`
	_, err = tx.Exec(ctx, s.sql(put), string(moved.Mode), moved.By, moved.Claimed, moved.Reason, moved.Since.UnixNano())
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, s.sql("UPDATE relay.meta SET value = $1 WHERE name = 'state'"), stateMoved)
	return err
}

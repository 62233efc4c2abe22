package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// errIncomplete is the error of a file that a migration has not completed.
var errIncomplete = errors.New("a migration to it was begun and is not complete: run store migrate again, or remove the file")

// SchemaVersion implements store.RecordKeeper.
func (*Store) SchemaVersion() int { return len(schemaMigrations()) }

// EachRecord implements store.RecordKeeper.
func (s *Store) EachRecord(ctx context.Context, f func(store.RawRecord) error) (err error) {
	rows, err := s.reads.QueryContext(ctx, "SELECT id, record FROM orders ORDER BY id")
	if err != nil {
		return fmt.Errorf("read all records: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var id, record []byte
		if err := rows.Scan(&id, &record); err != nil {
			return fmt.Errorf("read all records: %w", err)
		}
		if err := f(store.RawRecord{OrderID: string(id), Record: record}); err != nil {
			return err
		}
	}
	return rows.Err()
}

// BeginImport implements store.RecordKeeper.
func (s *Store) BeginImport(ctx context.Context) (resumed bool, err error) {
	if s.importing {
		return true, nil
	}
	err = s.submit(ctx, singleStep(func(ctx context.Context) error {
		var isFilled bool
		const query = "SELECT EXISTS (SELECT 1 FROM orders) OR EXISTS (SELECT 1 FROM dead_letters)"
		if err := s.conn.QueryRowContext(ctx, query).Scan(&isFilled); err != nil {
			return err
		}
		if isFilled {
			return store.ErrNotEmpty
		}
		return s.setApplicationID(ctx, importID)
	}))
	if err != nil {
		return false, fmt.Errorf("begin the import into %s: %w", s.config.Path, err)
	}
	s.importing = true
	return false, nil
}

// EndImport implements store.RecordKeeper.
func (s *Store) EndImport(ctx context.Context) error {
	err := s.submit(ctx, singleStep(func(ctx context.Context) error { return s.setApplicationID(ctx, applicationID) }))
	if err != nil {
		return fmt.Errorf("end the import into %s: %w", s.config.Path, err)
	}
	s.importing = false
	return nil
}

// MarkMoved implements store.RecordKeeper.
func (s *Store) MarkMoved(ctx context.Context, readOnly, moved store.Control) error {
	controls, err := s.Controls(ctx)
	if err != nil {
		return err
	}
	switch current, _ := store.FindReadOnly(controls); {
	case current.Mode == store.ControlMoved:
		return nil
	case current != readOnly:
		return store.ErrNotReadOnly
	}
	err = s.submit(ctx, singleStep(func(ctx context.Context) error {
		if err := s.putControl(ctx, moved); err != nil {
			return err
		}
		return s.setApplicationID(ctx, movedID)
	}))
	if err != nil {
		return fmt.Errorf("mark %s as moved: %w", s.config.Path, err)
	}
	return nil
}

func (s *Store) setApplicationID(ctx context.Context, id int) error {
	_, err := s.conn.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d", id))
	return err
}

// ImportRecord implements store.RecordKeeper. Imports at the same time share commits, as updates do.
func (s *Store) ImportRecord(ctx context.Context, r store.RawRecord) error {
	if err := s.submit(ctx, &recordImport{store: s, record: r}); err != nil {
		return fmt.Errorf("import order %q: %w", r.OrderID, err)
	}
	return nil
}

// recordImport is the operation of ImportRecord.
type recordImport struct {
	store  *Store
	record store.RawRecord

	before []byte      // the stored record, set by load
	row    *storedRow  // beside it; nil if the order is not stored
	change orderChange // set by compute
}

// orderID implements operation.
func (i *recordImport) orderID() string { return i.record.OrderID }

// needsSync implements operation.
func (*recordImport) needsSync() bool { return true }

// canWait implements operation.
func (*recordImport) canWait() bool { return false }

// load implements operation.
func (i *recordImport) load(context.Context) (err error) {
	i.before, i.row, err = i.store.stmts.readRow(i.record.OrderID)
	return err
}

// compute implements operation.
func (i *recordImport) compute() (out outcome) {
	var o *approval.Order
	if o, out.err = store.Decode(i.record.OrderID, i.record.Record, i.store.config.Sealer); out.err != nil {
		return out
	}
	var before waiting
	if i.row != nil {
		var old *approval.Order
		if old, out.err = store.Decode(i.record.OrderID, i.before, i.store.config.Sealer); out.err != nil {
			return out
		}
		before = waitingIn(old)
	}
	i.change = newOrderChange(o, i.record.Record, before)
	return out
}

// save implements operation.
func (i *recordImport) save(context.Context) error {
	if i.row != nil && bytes.Equal(i.before, i.record.Record) {
		return nil
	}
	i.store.recent.forgetRow(i.record.OrderID)
	_, err := i.store.writeChange(i.record.OrderID, i.change, i.row)
	return err
}

// committed implements operation.
func (*recordImport) committed() {}

package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/approval-relay/approval-relay/store"
)

// restoredTable is in files that Restore has made, beside the tables of any version of the schema. Its times are in Unix
// nanoseconds, and 0 if they are not known.
const restoredTable = "CREATE TABLE IF NOT EXISTS restored (copied INTEGER NOT NULL, restored INTEGER NOT NULL)"

// noteRestoration records in a restored file how it was made. A note of the file that was copied is replaced.
func noteRestoration(ctx context.Context, path string, r store.Restoration) (err error) {
	db, err := openDatabase(path, 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var copied int64
	if !r.Copied.IsZero() {
		copied = r.Copied.UnixNano()
	}
	if _, err = db.ExecContext(ctx, restoredTable+"; DELETE FROM restored"); err == nil {
		_, err = db.ExecContext(ctx, "INSERT INTO restored VALUES (?, ?)", copied, r.Restored.UnixNano())
	}
	if err != nil {
		return fmt.Errorf("note that it was restored: %w", err)
	}
	return nil
}

// Restoration implements store.Restored.
func (s *Store) Restoration(ctx context.Context) (r store.Restoration, isRestored bool, err error) {
	var exists bool
	const query = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'restored')"
	if err := s.reads.QueryRowContext(ctx, query).Scan(&exists); err != nil || !exists {
		return r, false, err
	}
	var copied, restored int64
	err = s.reads.QueryRowContext(ctx, "SELECT copied, restored FROM restored").Scan(&copied, &restored)
	if errors.Is(err, sql.ErrNoRows) {
		return r, false, nil
	}
	if err != nil {
		return r, false, fmt.Errorf("read how the store was restored: %w", err)
	}
	if copied != 0 {
		r.Copied = time.Unix(0, copied).UTC()
	}
	r.Restored = time.Unix(0, restored).UTC()
	return r, true, nil
}

package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Compact writes the file of a stopped worker anew, without free pages, and so that it shrinks from then on. It
// returns the sizes before and after. The new file takes the place of the old file when it is complete and verified.
func Compact(ctx context.Context, path string) (before, after int64, err error) {
	info, err := os.Stat(path) // SQLite would make a new file
	if err != nil {
		return 0, 0, err
	}
	lock, err := acquireLock(path)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	to := path + ".compact"
	if err := copyWithoutLog(ctx, path, to); err != nil {
		return 0, 0, fmt.Errorf("compact %s: %w", path, err)
	}
	copied, err := os.Stat(to)
	if err == nil {
		err = os.Rename(to, path)
	}
	if err != nil {
		return 0, 0, errors.Join(fmt.Errorf("compact %s: %w", path, err), os.Remove(to))
	}
	return info.Size(), copied.Size(), syncDirectory(filepath.Dir(path))
}

// copyWithoutLog copies a database, and leaves it without a write-ahead log: the log would not belong to the new file.
func copyWithoutLog(ctx context.Context, path, to string) error {
	db, err := openDatabase(path, 1)
	if err != nil {
		return err
	}
	c, err := db.Conn(ctx)
	if err != nil {
		return errors.Join(err, db.Close())
	}
	err = copyAndCheckpoint(ctx, c, to)
	if err := errors.Join(err, c.Close(), db.Close()); err != nil {
		return err
	}
	if _, err := os.Stat(path + "-wal"); !errors.Is(err, os.ErrNotExist) {
		return errors.Join(errors.New("its write-ahead log is in use by another program"), err, os.Remove(to))
	}
	return nil
}

func copyAndCheckpoint(ctx context.Context, c *sql.Conn, to string) error {
	version, err := readSchemaVersion(ctx, c)
	if err != nil {
		return err
	}
	if version == 0 {
		return errors.New("it is empty")
	}
	if _, err := c.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		return err
	}
	return writeCopy(ctx, c, to, version)
}

package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// copyBeforeUpgrade makes a copy of the file beside it before its schema changes, so that there is a way back to the old
// program. The copy is complete, with what is in the write-ahead log, and stays until somebody removes it. It returns
// the path of the copy.
func copyBeforeUpgrade(ctx context.Context, c *sql.Conn, path string, version int) (string, error) {
	to := fmt.Sprintf("%s.v%d.backup", path, version)
	if err := writeCopy(ctx, c, to, version); err != nil {
		return "", fmt.Errorf("copy it to %s before its schema changes: %w", to, err)
	}
	return to, nil
}

// writeCopy writes a verified copy of the database to a file. The file appears when it is complete. An older copy of the
// same version is replaced.
func writeCopy(ctx context.Context, c *sql.Conn, to string, version int) (err error) {
	if err := checkSpace(ctx, c, filepath.Dir(to)); err != nil {
		return err
	}
	part := to + ".part"
	if err := os.Remove(part); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(part, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600) //nolint:gosec // SQLite would let every user read it
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, f.Close())
		if err != nil {
			err = errors.Join(err, os.Remove(part))
		}
	}()
	if err := prepareVacuum(ctx, c); err != nil {
		return err
	}
	if _, err := c.ExecContext(ctx, "VACUUM INTO ?", part); err != nil {
		return err
	}
	if err := verifyCopy(ctx, part, version); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := os.Rename(part, to); err != nil {
		return err
	}
	return syncDirectory(filepath.Dir(to))
}

// checkSpace returns an error if the file system has not enough space for a copy of the database.
func checkSpace(ctx context.Context, c *sql.Conn, directory string) error {
	const query = `SELECT (page_count - freelist_count) * page_size
		FROM pragma_page_count, pragma_freelist_count, pragma_page_size`
	var need uint64
	if err := c.QueryRowContext(ctx, query).Scan(&need); err != nil {
		return err
	}
	var fs syscall.Statfs_t
	if err := syscall.Statfs(directory, &fs); err != nil {
		return err
	}
	free := fs.Bavail * uint64(fs.Bsize)
	if need += need/10 + 1<<20; free < need {
		return fmt.Errorf("its file system has %d MiB left, the copy needs %d MiB", free>>20, need>>20)
	}
	return nil
}

// verifyCopy returns an error if the file is not a sound database of this version.
func verifyCopy(ctx context.Context, path string, version int) (err error) {
	db, err := openDatabase(path, 1, "query_only(1)")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	c, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	got, err := readSchemaVersion(ctx, c)
	if err != nil {
		return err
	}
	if got != version {
		return fmt.Errorf("the copy has version %d, not %d", got, version)
	}
	return checkIntegrity(ctx, c)
}

// checkIntegrity returns the first fault that SQLite finds in a database.
func checkIntegrity(ctx context.Context, c *sql.Conn) error {
	var result string
	if err := c.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&result); err != nil {
		return err
	}
	if result != "ok" {
		return fmt.Errorf("the database is damaged: %s", result)
	}
	return nil
}

func syncDirectory(path string) (err error) {
	d, err := os.Open(path) //nolint:gosec // the operator names it
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	return d.Sync()
}

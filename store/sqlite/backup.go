package sqlite

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/approval-relay/approval-relay/store"
)

// OpenBackup implements store.BackupMaker. It reads through a connection of its own, so that updates go on meanwhile; only
// the write-ahead log grows until the copy is made. The file of the copy has no name any more when it is returned: it is
// gone when it is closed, also if the process dies.
//
// A copy takes its space on the disk until it is closed, so that only maxBackups of them are open at once, however slowly
// they are read. They are made in turn.
func (s *Store) OpenBackup(ctx context.Context) (*store.Backup, error) {
	if s.openBackups.Add(1) > maxBackups || !s.backup.TryLock() {
		s.openBackups.Add(-1)
		return nil, store.ErrBackupRunning
	}
	defer s.backup.Unlock()
	b, err := s.makeBackup(ctx)
	if err != nil {
		s.openBackups.Add(-1)
		return nil, err
	}
	b.ReadCloser = &openBackup{ReadCloser: b.ReadCloser, closed: func() { s.openBackups.Add(-1) }}
	return b, nil
}

// maxBackups is the largest number of backups that are open at once.
const maxBackups = 2

// openBackup is the content of a backup. It tells once that it was closed.
type openBackup struct {
	io.ReadCloser

	once   sync.Once
	closed func()
}

// Close implements io.Closer.
func (b *openBackup) Close() error {
	defer b.once.Do(b.closed)
	return b.ReadCloser.Close()
}

func (s *Store) makeBackup(ctx context.Context) (b *store.Backup, err error) {
	to := s.config.Path + ".backup-online"
	if err := copyFile(ctx, s.config.Path, to); err != nil {
		return nil, fmt.Errorf("back up the store: %w", err)
	}
	f, err := os.Open(to) //nolint:gosec // the operator names the file
	if err == nil {
		err = os.Remove(to)
	}
	if err == nil {
		b, err = measureBackup(f)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("back up the store: %w", err), f.Close())
	}
	return b, nil
}

// copyFile writes a verified copy of a database that may be in use to a file.
func copyFile(ctx context.Context, from, to string) (err error) {
	db, err := openDatabase(from, 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	c, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	version, err := readSchemaVersion(ctx, c)
	if err != nil {
		return err
	}
	return writeCopy(ctx, c, to, version)
}

func measureBackup(f *os.File) (*store.Backup, error) {
	hash := sha256.New()
	size, err := io.Copy(hash, f)
	if err != nil {
		return nil, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return &store.Backup{ReadCloser: f, Size: size, SHA256: hash.Sum(nil)}, nil
}

// Summary describes the file of a store that is not in use.
type Summary struct {
	Version     int // of its schema
	Orders      int
	Pending     int // approvals
	DeadLetters int
	KeyIDs      []string // the keys that sealed its records; files of programs without this register have none
	// Newest is the time of the newest event of an order. Unreadable counts the orders that cannot be read, or whose
	// tokens cannot be opened; FirstFault is the error of one of them. All three are zero without a Sealer.
	Newest     time.Time
	Unreadable int
	FirstFault error
}

// Inspect returns the summary of a file, such as a backup. It returns an error for a file that Open would refuse, and for
// a damaged one. With a Sealer, it reads every order. It does not change the file.
func Inspect(ctx context.Context, path string, sealer store.Sealer) (s Summary, err error) {
	if _, err := os.Stat(path); err != nil { // SQLite would make a new file
		return s, err
	}
	db, err := openDatabase(path, 1, "query_only(1)")
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	c, err := db.Conn(ctx)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	if s.Version, err = readSchemaVersion(ctx, c); err != nil {
		return s, err
	}
	if s.Version == 0 {
		return s, errors.New("it is empty")
	}
	if err := checkIntegrity(ctx, c); err != nil {
		return s, err
	}
	if _, err := planMigration(ctx, c, s.Version); err != nil {
		return s, err
	}
	if err := s.count(ctx, c); err != nil || sealer == nil {
		return s, err
	}
	return s, s.readOrders(ctx, c, sealer)
}

func (s *Summary) count(ctx context.Context, c *sql.Conn) error {
	const query = `SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM pending WHERE workflow < x'00'),
		(SELECT count(*) FROM dead_letters), (SELECT count(*) FROM sqlite_schema WHERE name = 'seal_keys')`
	var hasKeys bool
	if err := c.QueryRowContext(ctx, query).Scan(&s.Orders, &s.Pending, &s.DeadLetters, &hasKeys); err != nil {
		return err
	}
	if !hasKeys {
		return nil
	}
	var err error
	s.KeyIDs, err = queryLines(ctx, c, "SELECT id FROM seal_keys ORDER BY id")
	return err
}

// readOrders reads every order, so that nobody finds out later that a backup is useless.
func (s *Summary) readOrders(ctx context.Context, c *sql.Conn, sealer store.Sealer) (err error) {
	rows, err := c.QueryContext(ctx, "SELECT id, record FROM orders")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var id, record []byte
		if err := rows.Scan(&id, &record); err != nil {
			return err
		}
		o, err := store.Decode(string(id), record, sealer)
		if err != nil {
			s.Unreadable++
			s.FirstFault = cmp.Or(s.FirstFault, err)
			continue
		}
		for _, e := range o.History {
			if e.At.After(s.Newest) {
				s.Newest = e.At
			}
		}
	}
	return rows.Err()
}

// Copy copies the file of a store that no worker uses.
func Copy(ctx context.Context, from, to string) (err error) {
	if _, err := os.Stat(from); err != nil {
		return err
	}
	lock, err := acquireLock(from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	return copyFile(ctx, from, to)
}

// Restore puts a copy in the place of a store, and records that in it. Newest is the time of the newest event in the copy,
// or zero if that is not known. Restore refuses to replace a file, and to stand beside the write-ahead log of another:
// SQLite would write that log into the copy.
func Restore(ctx context.Context, from, to string, newest time.Time) (err error) {
	lock, err := acquireLock(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	for _, path := range []string{to, to + "-wal", to + "-shm", to + "-journal"} {
		_, err := os.Stat(path)
		if err == nil {
			return fmt.Errorf("%s exists: move it away first, it is not overwritten", path)
		}
		if !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	if err := copyFile(ctx, from, to); err != nil {
		return err
	}
	return noteRestoration(ctx, to, store.Restoration{Copied: newest, Restored: time.Now()})
}

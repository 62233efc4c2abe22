// Package sqlite keeps orders in one SQLite file. It is the embedded default. A lock admits one process at a time.
// Concurrent updates share commits: while a commit waits for the disk, the next batch of updates is gathered, so that
// many orders become durable with one wait.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"time"

	_ "modernc.org/sqlite" // the driver

	"github.com/approval-relay/approval-relay/store"
)

// maxBatch is the largest number of updates that share a commit. It bounds the time that an update waits for others:
// some milliseconds at the rates of this store.
const maxBatch = 256

// readers is the number of concurrent reads. They do not wait for the writer.
const readers = 4

// Config configures a Store.
type Config struct {
	Path   string
	Sealer store.Sealer
	// Limits are those of each record; all zero means the default.
	Limits store.RecordLimits
	// Observe is called after every commit. It may be nil.
	Observe func(Commit)
	// Now is the clock of the program; nil means time.Now.
	Now func() time.Time
	// SkipUpgradeCopy leaves out the copy of the file that is made before its schema changes.
	SkipUpgradeCopy bool
	// KeepSchema makes Open fail where it would update the schema.
	KeepSchema bool
	// Import also opens a file that a migration has not completed.
	Import bool
	// Moved also opens a file that a migration has moved to another store, so that it can be read.
	Moved bool
}

// Commit describes a commit.
type Commit struct {
	// Updates is the number of updates in the commit. Claims and dead letters count too.
	Updates int
	Took    time.Duration
	Err     error
}

// Store implements store.Store and store.DeadLetters.
type Store struct {
	config Config
	lock   *os.File
	reads  *sql.DB
	writes *sql.DB
	conn   *sql.Conn // of the writer
	stmts  statements
	recent recentOrders
	sync   logSync
	vacuum vacuum
	counts pendingCounts
	// The statements of reads: each of its connections prepares them once.
	selectRecord, selectRecords *sql.Stmt

	// transaction is the number of the writer's transaction.
	transaction uint64

	importing   bool       // the file is marked as incomplete
	upgradeCopy string     // see UpgradeCopy
	backup      sync.Mutex // held while a backup is made
	openBackups atomic.Int32

	queue      chan *queuedOperation
	unused     sync.Pool // of *queuedOperation
	closed     chan struct{}
	closeOnce  sync.Once
	writerDone chan struct{} // the writer has ended
	closeError error
}

// errClosed is the error of a store that was closed.
var errClosed = errors.New("the store is closed")

// Open opens the file, or creates it, and updates its schema.
func Open(ctx context.Context, c Config) (*Store, error) {
	if c.Sealer == nil {
		return nil, fmt.Errorf("open store %s: a sealer for the task tokens is missing", c.Path)
	}
	if c.Limits == (store.RecordLimits{}) {
		c.Limits = store.DefaultRecordLimits()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	lock, err := acquireLock(c.Path)
	if err != nil {
		return nil, err
	}
	s := &Store{
		config:     c,
		lock:       lock,
		sync:       logSync{logPath: c.Path + "-wal"},
		queue:      make(chan *queuedOperation, maxBatch),
		closed:     make(chan struct{}),
		writerDone: make(chan struct{}),
	}
	if err := s.openDatabases(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", c.Path, err), s.closeFiles())
	}
	go s.runWriter()
	return s, nil
}

func (s *Store) openDatabases(ctx context.Context) error {
	f, err := os.OpenFile(s.config.Path, os.O_CREATE|os.O_RDWR, 0o600) // SQLite would let every user read it
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if s.writes, err = openDatabase(s.config.Path, 1); err != nil {
		return err
	}
	if s.conn, err = s.writes.Conn(ctx); err != nil {
		return err
	}
	plan, err := s.planMigration(ctx)
	if err != nil {
		return err
	}
	if plan.from == 0 {
		if err := prepareVacuum(ctx, s.conn); err != nil {
			return err
		}
	}
	if err := enableWriteAheadLog(ctx, s.conn); err != nil { // it changes the file, so only after the checks above
		return err
	}
	if plan.isNeeded() && !s.config.SkipUpgradeCopy {
		if s.upgradeCopy, err = copyBeforeUpgrade(ctx, s.conn, s.config.Path, plan.from); err != nil {
			return err
		}
	}
	if err := plan.run(ctx, s.conn, &s.stmts); err != nil {
		return s.removeUpgradeCopy(err)
	}
	if err := s.vacuum.open(ctx, s); err != nil {
		return err
	}
	if s.reads, err = openDatabase(s.config.Path, readers, "query_only(1)"); err != nil {
		return err
	}
	if s.selectRecord, err = s.reads.PrepareContext(ctx, "SELECT record FROM orders WHERE id = ?"); err != nil {
		return err
	}
	if s.selectRecords, err = s.reads.PrepareContext(ctx, selectMany()); err != nil {
		return err
	}
	return s.counts.begin(ctx, s.reads)
}

// planMigration returns the migration of the opened file, unless the Config forbids it.
func (s *Store) planMigration(ctx context.Context) (migration, error) {
	version, err := readSchemaVersion(ctx, s.conn)
	if errors.Is(err, errIncomplete) && s.config.Import {
		s.importing = true
		err = nil
	}
	if errors.Is(err, store.ErrMoved) && s.config.Moved {
		err = nil
	}
	if err != nil {
		return migration{}, err
	}
	plan, err := planMigration(ctx, s.conn, version)
	if err == nil && plan.isNeeded() && (s.config.KeepSchema || s.importing) {
		err = fmt.Errorf("its schema has version %d, this program uses version %d: let a worker of this release start on the "+
			"file once, so that it updates it, and stop that worker", version, s.SchemaVersion())
	}
	return plan, err
}

// UpgradeCopy returns the path of the copy that Open made because the schema of the file has changed, or "".
func (s *Store) UpgradeCopy() string { return s.upgradeCopy }

// removeUpgradeCopy removes the copy after a migration that failed: the file is as it was, and a start that is tried
// again and again would fill the disk.
func (s *Store) removeUpgradeCopy(err error) error {
	if s.upgradeCopy != "" {
		err = errors.Join(err, os.Remove(s.upgradeCopy))
	}
	return err
}

// openDatabase opens a pool of connections. With a write-ahead log (see enableWriteAheadLog) and synchronous=FULL, a
// commit returns after the log is on disk, and so survives the loss of power. After a checkpoint the log is truncated
// to 64 MiB. The pragma secure_delete is not needed for erased tokens, because the file contains only sealed tokens.
func openDatabase(path string, connections int, pragmas ...string) (*sql.DB, error) {
	q := url.Values{"_pragma": append(pragmas,
		"busy_timeout(5000)", "synchronous(FULL)", "journal_size_limit(67108864)", "wal_autocheckpoint(4000)",
		"cache_size(-16000)", "temp_store(MEMORY)")}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+q.Encode())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

// enableWriteAheadLog sets the journal mode, which is stored in the file. If the file system does not support a
// write-ahead log, SQLite keeps another mode and returns its name instead of an error.
func enableWriteAheadLog(ctx context.Context, c *sql.Conn) error {
	var mode string
	if err := c.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode); err != nil {
		return fmt.Errorf("use a write-ahead log: %w", err)
	}
	if mode != "wal" {
		return fmt.Errorf("its file system has no write-ahead log (journal mode %s): use a local file system", mode)
	}
	return nil
}

// Close stores the updates that were accepted, then closes the file and releases its lock.
func (s *Store) Close() error {
	s.closeOnce.Do(func() {
		close(s.closed)
		<-s.writerDone
		s.counts.close()
		_, err := s.conn.ExecContext(context.Background(), "PRAGMA wal_checkpoint(TRUNCATE)")
		s.closeError = errors.Join(err, s.closeFiles())
	})
	return s.closeError
}

func (s *Store) closeFiles() error {
	s.counts.close()
	var errs []error
	if s.conn != nil {
		errs = append(errs, s.stmts.closeAll(), s.conn.Close())
	}
	for _, db := range []*sql.DB{s.reads, s.writes} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(append(errs, s.lock.Close())...)
}

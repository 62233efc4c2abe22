// Package sqlite keeps orders in one SQLite file: the embedded default. One
// process has the file to itself. Concurrent updates share commits: while one
// commit waits for the disk, the next is gathered, so that durability costs one
// wait for many orders.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the driver

	"github.com/approval-relay/approval-relay/store"
)

// maxBatch bounds the updates that share a commit: it bounds how long one waits
// for others, some milliseconds at the rates that this store reaches.
const maxBatch = 256

// readers is how many reads run at once. They do not wait for the writer.
const readers = 4

// Config says where and how.
type Config struct {
	Path   string
	Sealer store.Sealer
	// Observe is told of every commit; nil is fine.
	Observe func(Commit)
}

// Commit is what is told of a commit.
type Commit struct {
	Updates int // that shared it; claims and dead letters count too
	Took    time.Duration
	Err     error
}

// Store implements store.Store and store.DeadLetters.
type Store struct {
	config Config
	lock   *os.File
	reads  *sql.DB
	writes *sql.DB
	conn   *sql.Conn // the writer's
	stmts  statements
	recent recent

	queue  chan *write
	closed chan struct{}
	once   sync.Once
	done   chan struct{} // the writer has ended
	end    error
}

// errClosed is the error of a store that was closed.
var errClosed = errors.New("the store is closed")

// Open opens the file, or makes it, and brings its schema up to date.
func Open(ctx context.Context, c Config) (*Store, error) {
	if c.Sealer == nil {
		return nil, fmt.Errorf("open store %s: there is nothing to seal tokens with", c.Path)
	}
	lock, err := acquire(c.Path)
	if err != nil {
		return nil, err
	}
	s := &Store{
		config: c,
		lock:   lock,
		queue:  make(chan *write, maxBatch),
		closed: make(chan struct{}),
		done:   make(chan struct{}),
	}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", c.Path, err), s.release())
	}
	go s.run()
	return s, nil
}

func (s *Store) open(ctx context.Context) error {
	f, err := os.OpenFile(s.config.Path, os.O_CREATE|os.O_RDWR, 0o600) // SQLite would make it readable by all
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if s.writes, err = database(s.config.Path, 1); err != nil {
		return err
	}
	if s.conn, err = s.writes.Conn(ctx); err != nil {
		return err
	}
	version, err := identify(ctx, s.conn)
	if err != nil {
		return err
	}
	if err := useLog(ctx, s.conn); err != nil { // not before we know that it is ours
		return err
	}
	if err := migrate(ctx, s.conn, version); err != nil {
		return err
	}
	if err := s.stmts.prepare(ctx, s.conn); err != nil {
		return err
	}
	s.reads, err = database(s.config.Path, readers, "query_only(1)")
	return err
}

// database opens a pool. In WAL mode (useLog) with synchronous=FULL a commit
// returns after the log was synced: it survives the loss of power. The log is
// cut back to 64 MiB after a checkpoint. Erased tokens need no secure_delete:
// they were never there in the clear.
func database(path string, connections int, pragmas ...string) (*sql.DB, error) {
	q := url.Values{"_pragma": append(pragmas,
		"busy_timeout(5000)", "synchronous(FULL)", "journal_size_limit(67108864)", "wal_autocheckpoint(4000)", "cache_size(-16000)",
		"temp_store(MEMORY)")}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+q.Encode())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

// useLog sets the journal mode, which stays with the file. SQLite keeps another
// and says no more than that where the file system cannot do it.
func useLog(ctx context.Context, c *sql.Conn) error {
	var mode string
	if err := c.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode); err != nil {
		return fmt.Errorf("use a write-ahead log: %w", err)
	}
	if mode != "wal" {
		return fmt.Errorf("its file system can have no write-ahead log (journal mode %s): it must be a local one", mode)
	}
	return nil
}

// Close ends the store: what was accepted is stored, then the file is closed and
// its lock given up.
func (s *Store) Close() error {
	s.once.Do(func() {
		close(s.closed)
		<-s.done
		_, err := s.conn.ExecContext(context.Background(), "PRAGMA wal_checkpoint(TRUNCATE)")
		s.end = errors.Join(err, s.release())
	})
	return s.end
}

func (s *Store) release() error {
	var errs []error
	if s.conn != nil {
		errs = append(errs, s.stmts.close(), s.conn.Close())
	}
	for _, db := range []*sql.DB{s.reads, s.writes} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(append(errs, s.lock.Close())...)
}

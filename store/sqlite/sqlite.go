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

	"github.com/approval-relay/approval-relay/approval"
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
	conn   *sql.Conn // the writer's
	stmts  statements

	ops    chan *op
	closed chan struct{}
	once   sync.Once
	done   chan struct{} // the writer has ended
	end    error

	mu     sync.Mutex
	leases map[string]time.Time // by order ID; they need not survive this process
}

// errClosed is the error of a store that was closed.
var errClosed = errors.New("the store is closed")

// Open opens the file, or makes it, and brings its schema up to date.
func Open(ctx context.Context, c Config) (*Store, error) {
	lock, err := acquire(c.Path)
	if err != nil {
		return nil, err
	}
	s := &Store{
		config: c, lock: lock, ops: make(chan *op, maxBatch), closed: make(chan struct{}), done: make(chan struct{}),
		leases: map[string]time.Time{},
	}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", c.Path, err), s.release())
	}
	go s.write()
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
	if s.reads, err = database(s.config.Path, readers); err != nil {
		return err
	}
	if s.conn, err = s.writes.Conn(ctx); err != nil {
		return err
	}
	if err := migrate(ctx, s.conn); err != nil {
		return err
	}
	return s.stmts.prepare(ctx, s.conn)
}

// database opens a pool. In WAL mode with synchronous=FULL a commit returns
// after the log was synced: it survives the loss of power. The log is cut back
// to 64 MiB after a checkpoint. Erased tokens need no secure_delete: they were
// never there in the clear.
func database(path string, connections int) (*sql.DB, error) {
	q := url.Values{}
	for _, p := range []string{
		"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "journal_size_limit(67108864)", "wal_autocheckpoint(4000)",
		"cache_size(-16000)", "temp_store(MEMORY)",
	} {
		q.Add("_pragma", p)
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+q.Encode())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
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

// Get implements store.Store.
func (s *Store) Get(ctx context.Context, orderID string) (*approval.Order, error) {
	var record []byte
	err := s.reads.QueryRowContext(ctx, "SELECT record FROM orders WHERE id = ?", []byte(orderID)).Scan(&record)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("order %q: %w", orderID, approval.ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("read order %q: %w", orderID, err)
	}
	return store.Decode(orderID, record, s.config.Sealer)
}

// Claim implements store.Store. A lease is held in memory: there is no other
// process, and what the next process must know of is in the records.
func (s *Store) Claim(ctx context.Context, now time.Time, limit int, lease time.Duration) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, until := range s.leases {
		if !until.After(now) {
			delete(s.leases, id)
		}
	}
	rows, err := s.reads.QueryContext(ctx, "SELECT id FROM orders WHERE due <= ? ORDER BY due LIMIT ?", now.UnixNano(), limit+len(s.leases))
	if err != nil {
		return nil, fmt.Errorf("claim due orders: %w", err)
	}
	defer rows.Close()
	var ids []string
	for len(ids) < limit && rows.Next() {
		var id []byte
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("claim due orders: %w", err)
		}
		if _, leased := s.leases[string(id)]; !leased {
			ids = append(ids, string(id))
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("claim due orders: %w", err)
	}
	for _, id := range ids {
		s.leases[id] = now.Add(lease)
	}
	return ids, nil
}

// List implements store.Store.
func (s *Store) List(ctx context.Context, q store.Query) (orders []*approval.Order, next string, err error) {
	where := "id > ?"
	if q.Pending {
		where += " AND pending > 0"
	}
	if q.Exhausted {
		where += " AND exhausted = 1"
	}
	rows, err := s.reads.QueryContext(ctx, "SELECT id, record FROM orders WHERE "+where+" ORDER BY id LIMIT ?", []byte(q.After), q.Size()+1) //nolint:gosec // two fixed texts
	if err != nil {
		return nil, "", fmt.Errorf("list orders: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		if len(orders) == q.Size() {
			return orders, orders[len(orders)-1].ID, nil
		}
		var id, record []byte
		if err := rows.Scan(&id, &record); err != nil {
			return nil, "", fmt.Errorf("list orders: %w", err)
		}
		o, err := store.Decode(string(id), record, s.config.Sealer)
		if err != nil {
			return nil, "", err
		}
		orders = append(orders, o)
	}
	if err := rows.Err(); err != nil {
		return nil, "", fmt.Errorf("list orders: %w", err)
	}
	return orders, "", nil
}

// Package postgres keeps orders in a PostgreSQL database, for many workers at once. An order is a row with a version,
// and every write of it has the condition that the version is still as it was read.
//
// Concurrent updates share transactions: while a transaction is on its way, the updates for the next one are gathered. A
// few lanes have a transaction each, so that a slow one does not delay all. A transaction is a single statement, so that it
// takes a single round trip, and locks end with a broken connection. The records that were written last are kept, so that
// most transactions write without a read before. If another worker has changed the order, the condition fails, and only
// then is the record read.
//
// Statements do not depend on the session of a connection, so that the database may be behind PgBouncer in transaction
// mode.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/approval-relay/approval-relay/store"
)

// Config configures a Store. The defaults of its settings are set already.
type Config struct {
	Settings
	// Token returns a password for a new connection. It may be nil.
	Token  func(ctx context.Context, address, user string) (string, error)
	Sealer store.Sealer
	// Limits are the limits of each record; all zero means the default.
	Limits store.RecordLimits
	// Observe is called after every transaction of updates. It may be nil.
	Observe func(Commit)
	// KeepSchema makes Open fail where it would make or update the schema.
	KeepSchema bool
	// Import also opens a database that a migration has not completed.
	Import bool
	// Moved also opens a database that a migration has moved to another store, so that it can be read.
	Moved bool
	// RetryFor bounds how long a call is repeated while the database is out of reach; 0 means 15 seconds.
	RetryFor time.Duration
}

// Commit describes a transaction of updates.
type Commit struct {
	Updates int
	Took    time.Duration // all attempts together
	Err     error
}

// Store implements store.Store and store.DeadLetters.
type Store struct {
	config Config
	pool   *pgxpool.Pool
	prefix string // of the names of tables: the quoted schema and a point

	importing bool // the database is marked as incomplete

	members   *membership
	claims    claims
	lanes     *lanes
	late      lateWrites
	texts     writeTexts
	closed    chan struct{}
	closeOnce sync.Once
	unsynced  atomic.Bool // a transaction may not be on disk yet
}

// errClosed is the error of a store that was closed.
var errClosed = errors.New("the store is closed")

// Open connects to the database, and makes or updates its schema.
func Open(ctx context.Context, c Config) (*Store, error) {
	if c.Limits == (store.RecordLimits{}) {
		c.Limits = store.DefaultRecordLimits()
	}
	if c.RetryFor == 0 {
		c.RetryFor = 15 * time.Second
	}
	s := &Store{
		config:  c,
		prefix:  pgx.Identifier{c.Schema}.Sanitize() + ".",
		closed:  make(chan struct{}),
		members: newMembership(),
		late:    lateWrites{suspected: make(chan struct{}, 1)},
	}
	err := errors.New("a sealer for the task tokens is missing")
	if c.Sealer != nil {
		err = s.openWithRetries(ctx)
	}
	if err != nil {
		if s.pool != nil {
			s.pool.Close()
		}
		return nil, fmt.Errorf("open store, %s: %w", c.Describe(), err)
	}
	s.startLanes()
	go s.repairLate()
	return s, nil
}

// openWithRetries connects again while the database restarts or connections break, as any other call does.
func (s *Store) openWithRetries(ctx context.Context) error {
	began := time.Now()
	for attempt := 0; ; attempt++ {
		err := s.open(ctx)
		if !isPassing(err) || time.Since(began) > s.config.RetryFor || !s.pause(ctx, attempt) {
			return err
		}
		if s.pool != nil {
			s.pool.Close()
			s.pool = nil
		}
	}
}

func (s *Store) open(ctx context.Context) error {
	var err error
	if s.pool, err = s.newPool(ctx); err != nil {
		return err
	}
	return s.openSchema(ctx)
}

// Describe names the database without its password.
func (s *Settings) Describe() string {
	c, err := parseURL(s)
	if err != nil {
		return "PostgreSQL"
	}
	return fmt.Sprintf("PostgreSQL database %s on %s, schema %s", c.ConnConfig.Database, c.ConnConfig.Host, s.Schema)
}

// sql returns a statement after it has replaced the word relay by the schema.
func (s *Store) sql(text string) string { return strings.ReplaceAll(text, "relay.", s.prefix) }

// Close stores the updates that were accepted, and closes the connections. Transactions that did not wait for the disk
// are on disk then.
func (s *Store) Close() error {
	var err error
	s.closeOnce.Do(func() {
		close(s.closed)
		<-s.lanes.ended
		if s.unsynced.Load() {
			ctx, cancel := context.WithTimeout(context.Background(), statementTimeout)
			defer cancel()
			err = s.Probe(ctx)
		}
		s.members.leave(s)
		s.pool.Close()
	})
	return err
}

// ServerTime implements store.TimeTeller.
func (s *Store) ServerTime(ctx context.Context) (at time.Time, err error) {
	if err := s.queryRow(ctx, "SELECT clock_timestamp()", nil, &at); err != nil {
		return at, fmt.Errorf("read the time of the database: %w", err)
	}
	return at, nil
}

// Probe implements store.Prober. It makes a durable write beside the orders.
func (s *Store) Probe(ctx context.Context) error {
	_, err := s.exec(ctx, `INSERT INTO relay.meta (name, value) VALUES ('probed', now()::text)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value`)
	if err != nil {
		return fmt.Errorf("probe: %w", err)
	}
	return nil
}

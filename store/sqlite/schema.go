package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"syscall"
)

// applicationID marks the file as ours (PRAGMA application_id): "aprl".
const applicationID = 0x6170726c

// migrations bring a file from each version to the next. What has been released
// is never changed: a change is a new one.
func migrations() []string {
	return []string{`
		-- IDs are bytes: order IDs may be any.
		CREATE TABLE orders (
			id        BLOB PRIMARY KEY NOT NULL,
			record    BLOB NOT NULL,
			due       INTEGER,            -- Unix nanoseconds; NULL when nothing ever is
			next      INTEGER,            -- when it may be claimed: due, or the end of its lease
			claimed   INTEGER,            -- the now of the Claim that leased it; NULL without
			pending   INTEGER NOT NULL,   -- how many of its approvals are
			exhausted INTEGER NOT NULL    -- 1 with a callback that was given up
		);
		CREATE INDEX orders_due ON orders (due) WHERE due IS NOT NULL;
		CREATE INDEX orders_next ON orders (next) WHERE next IS NOT NULL;
		CREATE INDEX orders_pending ON orders (id) WHERE pending > 0;
		CREATE INDEX orders_exhausted ON orders (id) WHERE exhausted = 1;
		-- One row for each pending approval, so that the oldest is found at once,
		CREATE TABLE pending (
			workflow TEXT NOT NULL, since INTEGER NOT NULL, approval TEXT NOT NULL,
			PRIMARY KEY (workflow, since, approval)
		) WITHOUT ROWID;
		-- and their number, so that nobody has to count them.
		CREATE TABLE counts (workflow TEXT PRIMARY KEY NOT NULL, pending INTEGER NOT NULL) WITHOUT ROWID;
		CREATE TABLE dead_letters (
			id       INTEGER PRIMARY KEY AUTOINCREMENT,
			source   TEXT NOT NULL,
			reason   TEXT NOT NULL,
			at       INTEGER NOT NULL,
			redrives INTEGER NOT NULL,
			sealed   BLOB NOT NULL -- body and metadata
		);`, `
		-- Since when an order has had a pending approval, its oldest one; NULL without.
		ALTER TABLE orders ADD COLUMN since INTEGER;
		CREATE INDEX pending_approval ON pending (approval);
		UPDATE orders SET since = (SELECT min(p.since) FROM json_each(CAST(record AS TEXT), '$.order.approvals') a
			JOIN pending p ON p.approval = a.value ->> 'id') WHERE pending > 0 AND json_valid(CAST(record AS TEXT));
		UPDATE orders SET since = 0 WHERE pending > 0 AND since IS NULL; -- it cannot be read: look at it first
		DROP INDEX pending_approval;
		CREATE INDEX orders_since ON orders (since, id) WHERE since IS NOT NULL;
		-- 1 with an attempt that failed and is to be made again; of what was stored before, from its next update on.
		ALTER TABLE orders ADD COLUMN retrying INTEGER NOT NULL DEFAULT 0;
		CREATE INDEX orders_retrying ON orders (id) WHERE retrying = 1;`, `
		-- The code of the reason; unknown for the dead letters that were stored before.
		ALTER TABLE dead_letters ADD COLUMN reason_code TEXT NOT NULL DEFAULT 'unknown';`,
	}
}

// identify says which version of our schema the file has, 0 where it is new, or
// why it is not for us. It changes nothing.
func identify(ctx context.Context, c *sql.Conn) (version int, err error) {
	var application, objects int
	err = c.QueryRowContext(ctx, `SELECT (SELECT user_version FROM pragma_user_version), (SELECT application_id FROM pragma_application_id),
		(SELECT count(*) FROM sqlite_schema)`).Scan(&version, &application, &objects)
	if err != nil {
		return 0, fmt.Errorf("read what it is: %w", err)
	}
	fresh := version == 0 && application == 0 && objects == 0
	switch known := len(migrations()); {
	case application != applicationID && !fresh:
		return 0, errors.New("it is a database of another program")
	case version > known:
		return 0, fmt.Errorf("its schema has version %d, this program knows up to %d: it was written by a newer one", version, known)
	}
	return version, nil
}

// migrate brings the schema up to date, each step in a transaction of its own.
func migrate(ctx context.Context, c *sql.Conn, version int) error {
	for steps := migrations(); version < len(steps); version++ {
		script := fmt.Sprintf("BEGIN IMMEDIATE; %s; PRAGMA user_version = %d; PRAGMA application_id = %d; COMMIT", steps[version], version+1, applicationID)
		if _, err := c.ExecContext(ctx, script); err != nil {
			_, _ = c.ExecContext(ctx, "ROLLBACK")
			return fmt.Errorf("bring its schema to version %d: %w", version+1, err)
		}
	}
	return nil
}

// The queries that are made all the time. Each reads an index from one end, or
// the one row of each workflow, and never the orders themselves.
const (
	anyClaimable = "SELECT EXISTS (SELECT 1 FROM orders WHERE next <= ?)"
	claimable    = "SELECT id FROM orders WHERE next <= ? ORDER BY next LIMIT ?"
	byAge        = "SELECT id, record, since FROM orders WHERE since IS NOT NULL AND (since, id) > (?, ?)%s ORDER BY since, id LIMIT ?"
	totals       = `SELECT
		(SELECT count(*) FROM orders WHERE exhausted = 1),
		(SELECT count(*) FROM orders WHERE retrying = 1),
		(SELECT count(*) FROM dead_letters),
		(SELECT min(due) FROM orders WHERE due IS NOT NULL)`
	byWorkflow = `SELECT workflow, pending,
		(SELECT since FROM pending p WHERE p.workflow = counts.workflow ORDER BY since LIMIT 1) FROM counts`
)

// statements are the writer's, prepared on its connection.
type statements struct {
	get, put, remove, opened, ended, add, claimable, claim *sql.Stmt
}

func (s *statements) prepare(ctx context.Context, c *sql.Conn) error {
	for _, p := range []struct {
		to   **sql.Stmt
		text string
	}{
		{&s.get, "SELECT record FROM orders WHERE id = ?"},
		// An order that is due still is leased still; NULL is not <= anything.
		{&s.put, `INSERT INTO orders (id, record, due, next, pending, exhausted, since, retrying) VALUES (?1, ?2, ?3, ?3, ?4, ?5, ?6, ?7)
			ON CONFLICT (id) DO UPDATE SET record = ?2, due = ?3, pending = ?4, exhausted = ?5, since = ?6, retrying = ?7,
				next = CASE WHEN ?3 <= claimed THEN next ELSE ?3 END,
				claimed = CASE WHEN ?3 <= claimed THEN claimed END`},
		{&s.remove, "DELETE FROM orders WHERE id = ?"},
		{&s.opened, "INSERT OR IGNORE INTO pending (workflow, since, approval) VALUES (?, ?, ?)"},
		{&s.ended, "DELETE FROM pending WHERE workflow = ? AND since = ? AND approval = ?"},
		{&s.add, "INSERT INTO counts (workflow, pending) VALUES (?, ?) ON CONFLICT (workflow) DO UPDATE SET pending = pending + excluded.pending"},
		{&s.claimable, claimable},
		{&s.claim, "UPDATE orders SET next = ?, claimed = ? WHERE id = ?"},
	} {
		var err error
		if *p.to, err = c.PrepareContext(ctx, p.text); err != nil {
			return fmt.Errorf("prepare statement: %w", err)
		}
	}
	return nil
}

func (s *statements) close() error {
	var errs []error
	for _, st := range []*sql.Stmt{s.get, s.put, s.remove, s.opened, s.ended, s.add, s.claimable, s.claim} {
		if st != nil {
			errs = append(errs, st.Close())
		}
	}
	return errors.Join(errs...)
}

// acquire takes the lock that keeps a second process away. It goes with the
// process, however that ends.
func acquire(path string) (*os.File, error) {
	f, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, fmt.Errorf("lock store: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("store %s is in use by another process: one SQLite file has one approval-relay", path)
		}
		return nil, fmt.Errorf("lock store %s: %w", path, err)
	}
	return f, nil
}

package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"syscall"
)

// applicationID identifies a file of this program (PRAGMA application_id): "aprl".
const applicationID = 0x6170726c

// importID is the application ID while a migration fills the file: "apri". No version of the program starts on it.
const importID = 0x61707269

// movedID is the application ID after a migration has moved everything out of the file: "aprm". Every version of the
// program refuses to start on it.
const movedID = 0x6170726d

// schemaMigrations returns the scripts that update the schema from each version to the next. A script never changes: every
// change of the schema is a new script, with a file of the schema that it leads to in testdata/schemas.
// TestSchemasNeverChange holds that.
func schemaMigrations() []string {
	return []string{`
		-- The IDs are bytes, because an order ID is any text.
		CREATE TABLE orders (
			id        BLOB PRIMARY KEY NOT NULL,
			record    BLOB NOT NULL,
			due       INTEGER,            -- Unix nanoseconds; NULL if nothing will be due
			next      INTEGER,            -- when a Claim may return it: due, or the end of its lease
			claimed   INTEGER,            -- the now of the Claim that leased it; NULL if it is not leased
			pending   INTEGER NOT NULL,   -- number of pending approvals
			exhausted INTEGER NOT NULL    -- 1 if a callback is exhausted
		);
		CREATE INDEX orders_due ON orders (due) WHERE due IS NOT NULL;
		CREATE INDEX orders_next ON orders (next) WHERE next IS NOT NULL;
		CREATE INDEX orders_pending ON orders (id) WHERE pending > 0;
		CREATE INDEX orders_exhausted ON orders (id) WHERE exhausted = 1;
		-- One row per pending approval: the first row of a workflow is the oldest.
		CREATE TABLE pending (
			workflow TEXT NOT NULL, since INTEGER NOT NULL, approval TEXT NOT NULL,
			PRIMARY KEY (workflow, since, approval)
		) WITHOUT ROWID;
		-- The number of rows per workflow in the table pending.
		CREATE TABLE counts (workflow TEXT PRIMARY KEY NOT NULL, pending INTEGER NOT NULL) WITHOUT ROWID;
		CREATE TABLE dead_letters (
			id       INTEGER PRIMARY KEY AUTOINCREMENT,
			source   TEXT NOT NULL,
			reason   TEXT NOT NULL,
			at       INTEGER NOT NULL,
			redrives INTEGER NOT NULL,
			sealed   BLOB NOT NULL -- body and metadata
		);`, `
		-- When the oldest pending approval of an order was requested; NULL if it has none pending.
		ALTER TABLE orders ADD COLUMN since INTEGER;
		CREATE INDEX pending_approval ON pending (approval);
		UPDATE orders SET since = (SELECT min(p.since) FROM json_each(CAST(record AS TEXT), '$.order.approvals') a
			JOIN pending p ON p.approval = a.value ->> 'id') WHERE pending > 0 AND json_valid(CAST(record AS TEXT));
		UPDATE orders SET since = 0 WHERE pending > 0 AND since IS NULL; -- unreadable records come first in the list
		DROP INDEX pending_approval;
		CREATE INDEX orders_since ON orders (since, id) WHERE since IS NOT NULL;
		-- 1 if a failed attempt will be retried. An order that was stored before gets it with its next update.
		ALTER TABLE orders ADD COLUMN retrying INTEGER NOT NULL DEFAULT 0;
		CREATE INDEX orders_retrying ON orders (id) WHERE retrying = 1;`, `
		-- The code of the reason. Dead letters that were stored before have the code unknown.
		ALTER TABLE dead_letters ADD COLUMN reason_code TEXT NOT NULL DEFAULT 'unknown';`, `
		-- Dead letters are listed and counted by this index alone: the table has their bodies too, before the last column.
		CREATE INDEX dead_letter_heads ON dead_letters (id, source, reason_code, reason, at, redrives);`, `
		-- The IDs of the keys that have sealed records of this file.
		CREATE TABLE seal_keys (id TEXT PRIMARY KEY NOT NULL) WITHOUT ROWID;`, `
		-- What operators have switched off at run time. The empty workflow stands for all.
		CREATE TABLE controls (
			workflow TEXT PRIMARY KEY NOT NULL,
			mode     TEXT NOT NULL,
			principal TEXT NOT NULL,
			claimed  TEXT NOT NULL,
			reason   TEXT NOT NULL,
			since    INTEGER NOT NULL -- Unix nanoseconds
		) WITHOUT ROWID;`,
		addAttention,
		addOwed,
		addUnderWay,
		joinPending,
		joinPendingByID,
	}
}

// addAttention is the script to version 7: it replaces two columns by a set of states.
const addAttention = `
		-- The column attention has the states that need attention, as a store.StateSet: 1 exhausted, 2 retrying,
		-- 4 undeliverable, 8 unanswered. It was exhausted before, with the same 1. The column retrying is not used any more:
		-- to drop it would write the whole table again.
		UPDATE orders SET exhausted = exhausted | 2 WHERE retrying = 1;
		DROP INDEX orders_exhausted;
		DROP INDEX orders_retrying;
		ALTER TABLE orders RENAME COLUMN exhausted TO attention;
		UPDATE orders SET attention = attention | 4 WHERE pending > 0 AND json_valid(CAST(record AS TEXT))
			AND EXISTS (SELECT 1 FROM json_each(CAST(record AS TEXT), '$.order.approvals') a
				WHERE a.value ->> 'status' = 'pending' AND a.value ->> 'undeliverable');
		UPDATE orders SET attention = attention | 8 WHERE instr(record, CAST('"too_late"' AS BLOB)) > 0
			AND json_valid(CAST(record AS TEXT))
			AND EXISTS (SELECT 1 FROM json_each(CAST(record AS TEXT), '$.order.approvals') a
				WHERE a.value ->> '$.callback.state' = 'too_late'
				AND a.value ->> 'status' IN ('approved', 'rejected', 'returned', 'timed_out'));
		CREATE INDEX orders_attention ON orders (id, attention) WHERE attention > 0;`

// addOwed is the script to version 8: it adds the table of owed answers, and fills it from the records. The times in records
// are in UTC, with up to nine digits after the point.
const addOwed = `
		-- The oldest owed answer of an order in a workflow, see approval.OwedAnswer.
		CREATE TABLE owed (
			id       BLOB NOT NULL,
			workflow TEXT NOT NULL,
			since    INTEGER NOT NULL, -- Unix nanoseconds
			PRIMARY KEY (id, workflow)
		) WITHOUT ROWID;
		CREATE INDEX owed_since ON owed (workflow, since);
		INSERT INTO owed SELECT id, workflow, min(unixepoch(since) * 1000000000
				+ CAST(substr(rtrim(substr(since, 21), 'Z') || '000000000', 1, 9) AS INTEGER))
			FROM (SELECT o.id, a.value ->> 'workflow' workflow, a.value ->> '$.callback.owed_at' since
				FROM orders o, json_each(iif(json_valid(CAST(o.record AS TEXT)), CAST(o.record AS TEXT), '{}'),
					'$.order.approvals') a
				WHERE instr(o.record, CAST('"owed"' AS BLOB)) > 0
					AND a.value ->> '$.callback.state' = 'owed' AND a.value ->> 'status' <> 'superseded'
					AND (a.value ->> '$.callback.running' IS NOT 1
						OR a.value ->> '$.callback.last_error' <> '' OR a.value ->> '$.callback.held_since' <> ''))
			WHERE since IS NOT NULL GROUP BY id, workflow;`

// addUnderWay is the script to version 9: orders under way have an index of their own, and the index of due times is
// gone.
const addUnderWay = `
		-- 1 if an action is under way, see approval.Order.IsUnderWay. A record that only looks so is found out at the start.
		ALTER TABLE orders ADD COLUMN under_way INTEGER NOT NULL DEFAULT 0;
		UPDATE orders SET under_way = 1 WHERE due IS NOT NULL AND instr(record, CAST('"running":true' AS BLOB)) > 0;
		-- An action comes and goes within a moment, so that its part of the index stays small, and its pages are written again
		-- and again in the same commits.
		DROP INDEX orders_due;
		DROP INDEX orders_next;
		CREATE INDEX orders_next ON orders (under_way, next) WHERE next IS NOT NULL;
		CREATE INDEX orders_claimed ON orders (due) WHERE claimed IS NOT NULL;`

// joinPending is the script to version 10: orders by age are in the table pending too, and its rows are counted in memory.
// While few approvals are pending, all of them are on one page, so that a commit writes two pages less.
const joinPending = `
		DROP TABLE counts;
		-- A row whose workflow is the BLOB x'00' has an order with the age of its oldest pending approval, in the place of an
		-- approval.
		INSERT INTO pending (workflow, since, approval) SELECT x'00', since, id FROM orders WHERE since IS NOT NULL;
		DROP INDEX orders_since;`

// joinPendingByID is the script to version 11: orders with pending approvals are in the table pending by their IDs too, in
// place of an index with a page of its own in most commits.
const joinPendingByID = `
		-- A row whose workflow is the BLOB x'01' has an order in the place of an approval, and no age.
		INSERT INTO pending (workflow, since, approval) SELECT x'01', 0, id FROM orders WHERE pending > 0;
		DROP INDEX orders_pending;`

// The frequent queries. Each of them reads the first entries of an index, or one row per workflow. Only the lists read
// orders.
const (
	anyClaimable = `SELECT EXISTS (SELECT 1 FROM orders WHERE next <= ?1 AND under_way = 0)
		OR EXISTS (SELECT 1 FROM orders WHERE next <= ?1 AND under_way = 1)`
	claimable = `SELECT id, next FROM orders WHERE next <= ?1 AND under_way = 0
		UNION ALL SELECT id, next FROM orders WHERE next <= ?1 AND under_way = 1 ORDER BY next LIMIT ?2`
	byAge = `SELECT o.id, o.record, p.since FROM pending p JOIN orders o ON o.id = p.approval
		WHERE p.workflow = x'00' AND (p.since, p.approval) > (?, ?) ORDER BY p.since, p.approval LIMIT ?`
	byID        = "SELECT id, record, NULL FROM orders WHERE id > ? ORDER BY id LIMIT ?"
	pendingByID = `SELECT o.id, o.record, NULL FROM pending p JOIN orders o ON o.id = p.approval
		WHERE p.workflow = x'01' AND p.since = 0 AND p.approval > ? ORDER BY p.approval LIMIT ?`
	// byState has the index's name, because SQLite would rather read the larger index of all IDs.
	byState = `SELECT id, record, NULL FROM orders INDEXED BY orders_attention
		WHERE id > ? AND attention > 0 AND attention & ? <> 0 ORDER BY id LIMIT ?`
	attentionCounts = `SELECT
		count(*) FILTER (WHERE attention & 1),
		count(*) FILTER (WHERE attention & 2),
		count(*) FILTER (WHERE attention & 4),
		count(*) FILTER (WHERE attention & 8) FROM orders WHERE attention > 0`
	totals = `SELECT
		(SELECT count(*) FROM dead_letters),
		(SELECT min(next) FROM orders WHERE next IS NOT NULL AND under_way = 0),
		(SELECT min(next) FROM orders WHERE next IS NOT NULL AND under_way = 1),
		(SELECT min(due) FROM orders WHERE claimed IS NOT NULL)`
	// byWorkflow finds each workflow by the one before it. Texts are smaller than BLOBs.
	byWorkflow = `WITH RECURSIVE found (workflow) AS (
			SELECT (SELECT min(workflow) FROM pending WHERE workflow < x'00')
			UNION ALL SELECT (SELECT min(p.workflow) FROM pending p WHERE p.workflow > found.workflow AND p.workflow < x'00')
				FROM found WHERE workflow IS NOT NULL
		) SELECT workflow, (SELECT since FROM pending p WHERE p.workflow = found.workflow ORDER BY since LIMIT 1)
			FROM found WHERE workflow IS NOT NULL`
	countPending   = "SELECT workflow, count(*) FROM pending WHERE workflow < x'00' GROUP BY workflow"
	owedByWorkflow = "SELECT workflow, count(*) FROM owed GROUP BY workflow"
	oldestOwed     = "SELECT since FROM owed WHERE workflow = ? ORDER BY since LIMIT ?"
)

// statements are the prepared statements of the writer's connection.
type statements struct {
	begin, commit, rollback                                *statement
	find, row, insert, setRecord, setTimes, setAll, remove *statement
	opened, ended, openedOrder, endedOrder                 *statement
	owed, paid, claimable, claim                           *statement
}

// all has each statement with its text.
func (s *statements) all() map[**statement]string {
	return map[**statement]string{
		&s.begin:    "BEGIN IMMEDIATE",
		&s.commit:   "COMMIT",
		&s.rollback: "ROLLBACK",
		&s.find:     "SELECT rowid, record FROM orders WHERE id = ?",
		&s.row:      "SELECT due, next, claimed, under_way, pending, attention, since FROM orders WHERE rowid = ?",
		&s.insert: `INSERT INTO orders (id, record, due, next, claimed, under_way, pending, attention, since)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		&s.setRecord: "UPDATE orders SET record = ? WHERE rowid = ?",
		&s.setTimes:  "UPDATE orders SET record = ?, due = ?, next = ?, claimed = ?, under_way = ? WHERE rowid = ?",
		&s.setAll: `UPDATE orders SET record = ?, due = ?, next = ?, claimed = ?, under_way = ?, pending = ?,
			attention = ?, since = ? WHERE rowid = ?`,
		&s.remove: "DELETE FROM orders WHERE rowid = ?",
		&s.opened: "INSERT OR IGNORE INTO pending (workflow, since, approval) VALUES (?, ?, ?)",
		&s.ended:  "DELETE FROM pending WHERE workflow = ? AND since = ? AND approval = ?",
		&s.openedOrder: `INSERT OR IGNORE INTO pending (workflow, since, approval)
			VALUES (?, ?, ?), (x'00', ?, ?), (x'01', 0, ?)`,
		&s.endedOrder: `DELETE FROM pending WHERE (workflow = ? AND since = ? AND approval = ?)
			OR (workflow = x'00' AND since = ? AND approval = ?) OR (workflow = x'01' AND since = 0 AND approval = ?)`,
		&s.owed: `INSERT INTO owed (id, workflow, since) VALUES (?, ?, ?)
			ON CONFLICT (id, workflow) DO UPDATE SET since = excluded.since`,
		&s.paid:      "DELETE FROM owed WHERE id = ? AND workflow = ?",
		&s.claimable: claimable,
		&s.claim:     "UPDATE orders SET next = ?, claimed = ? WHERE id = ?",
	}
}

func (s *statements) prepareAll(ctx context.Context, c *sql.Conn) (err error) {
	for to, text := range s.all() {
		if *to, err = prepare(ctx, c, text); err != nil {
			return err
		}
	}
	return nil
}

func (s *statements) closeAll() error {
	var errs []error
	for st := range s.all() {
		errs = append(errs, (*st).close())
	}
	return errors.Join(errs...)
}

// acquireLock takes the lock that excludes a second process. The operating system releases it when the process ends, in
// whatever way.
func acquireLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, fmt.Errorf("lock store: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			const text = "store %s is in use by another process: a SQLite file admits one approval-relay at a time: " +
				"stop the other, or use a copy that `approval-relay backup` makes"
			return nil, fmt.Errorf(text, path)
		}
		return nil, fmt.Errorf("lock store %s: %w", path, err)
	}
	return f, nil
}

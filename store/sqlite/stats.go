package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// Stats implements store.Store: a row a workflow, a look at the ends of two
// indexes, and the count of the few that were given up.
func (s *Store) Stats(ctx context.Context) (store.Stats, error) {
	out := store.Stats{Workflows: map[string]store.WorkflowStats{}}
	var due sql.NullInt64
	err := s.reads.QueryRowContext(ctx, `SELECT
		(SELECT count(*) FROM orders WHERE exhausted = 1),
		(SELECT count(*) FROM dead_letters),
		(SELECT min(due) FROM orders WHERE due IS NOT NULL)`).Scan(&out.Exhausted, &out.DeadLetters, &due)
	if err != nil {
		return out, fmt.Errorf("read counts: %w", err)
	}
	out.OldestDue = unix(due)
	rows, err := s.reads.QueryContext(ctx, `SELECT workflow, pending,
		(SELECT since FROM pending p WHERE p.workflow = counts.workflow ORDER BY since LIMIT 1) FROM counts`)
	if err != nil {
		return out, fmt.Errorf("read counts: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var w store.WorkflowStats
		var oldest sql.NullInt64
		if err := rows.Scan(&name, &w.Pending, &oldest); err != nil {
			return out, fmt.Errorf("read counts: %w", err)
		}
		w.Oldest = unix(oldest)
		if w.Pending > 0 {
			out.Workflows[name] = w
		}
	}
	return out, rows.Err()
}

func unix(n sql.NullInt64) time.Time {
	if !n.Valid {
		return time.Time{}
	}
	return time.Unix(0, n.Int64).UTC()
}

// sealedLetter is the part of a dead letter that may hold secrets.
type sealedLetter struct {
	Body     []byte            `json:"body"`
	Metadata map[string]string `json:"metadata"`
}

// letterSeal is the associated data of sealed dead letters.
const letterSeal = "dead letter"

// PutDeadLetter implements store.DeadLetters. It writes beside the writer of
// orders: SQLite lets one of them at a time.
func (s *Store) PutDeadLetter(ctx context.Context, d store.DeadLetter) (string, error) {
	text, err := json.Marshal(sealedLetter{d.Body, d.Metadata})
	if err != nil {
		return "", fmt.Errorf("put dead letter: %w", err)
	}
	sealed, err := s.config.Sealer.Seal(text, letterSeal)
	if err != nil {
		return "", fmt.Errorf("put dead letter: %w", err)
	}
	res, err := s.reads.ExecContext(ctx, "INSERT INTO dead_letters (source, reason, at, redrives, sealed) VALUES (?, ?, ?, ?, ?)",
		d.Source, d.Reason, d.At.UnixNano(), d.Redrives, sealed)
	if err != nil {
		return "", fmt.Errorf("put dead letter: %w", err)
	}
	id, err := res.LastInsertId()
	return store.LetterID(id), err
}

// ListDeadLetters implements store.DeadLetters.
func (s *Store) ListDeadLetters(ctx context.Context, after string, limit int) ([]store.DeadLetter, error) {
	from, err := number(after)
	if err != nil {
		return nil, err
	}
	rows, err := s.reads.QueryContext(ctx, "SELECT id, source, reason, at, redrives, sealed FROM dead_letters WHERE id > ? ORDER BY id LIMIT ?", from, limit)
	if err != nil {
		return nil, fmt.Errorf("list dead letters: %w", err)
	}
	defer rows.Close()
	var out []store.DeadLetter
	for rows.Next() {
		var d store.DeadLetter
		var id, at int64
		var sealed []byte
		if err := rows.Scan(&id, &d.Source, &d.Reason, &at, &d.Redrives, &sealed); err != nil {
			return nil, fmt.Errorf("list dead letters: %w", err)
		}
		d.ID, d.At = store.LetterID(id), time.Unix(0, at).UTC()
		if err := s.openLetter(&d, sealed); err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, rows.Err()
}

func (s *Store) openLetter(d *store.DeadLetter, sealed []byte) error {
	text, err := s.config.Sealer.Open(sealed, letterSeal)
	if err != nil {
		return fmt.Errorf("open dead letter %s: %w", d.ID, err)
	}
	var l sealedLetter
	if err := json.Unmarshal(text, &l); err != nil {
		return fmt.Errorf("read dead letter %s: %w", d.ID, err)
	}
	d.Body, d.Metadata = l.Body, l.Metadata
	return nil
}

// TakeDeadLetter implements store.DeadLetters.
func (s *Store) TakeDeadLetter(ctx context.Context, id string) error {
	n, err := number(id)
	if err != nil {
		return err
	}
	res, err := s.reads.ExecContext(ctx, "DELETE FROM dead_letters WHERE id = ?", n)
	if err != nil {
		return fmt.Errorf("take dead letter %s: %w", id, err)
	}
	if gone, err := res.RowsAffected(); err != nil || gone == 0 {
		return errors.Join(err, fmt.Errorf("dead letter %s: %w", id, approval.ErrNotFound))
	}
	return nil
}

func number(id string) (int64, error) {
	if id == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return 0, approval.Invalid("id", "is no ID of a dead letter")
	}
	return n, nil
}

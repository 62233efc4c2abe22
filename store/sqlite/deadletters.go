package sqlite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// sealedContent is the part of a dead letter that may contain secrets.
type sealedContent struct {
	Body     []byte            `json:"body"`
	Metadata map[string]string `json:"metadata"`
}

// sealPurpose is the associated data of the sealed part of dead letters.
const sealPurpose = "dead letter"

const (
	insertDeadLetter = `INSERT INTO dead_letters (source, reason_code, reason, at, redrives, sealed)
		VALUES (?, ?, ?, ?, ?, ?)`
	selectDeadLetters = `SELECT id, source, reason_code, reason, at, redrives, sealed FROM dead_letters
		WHERE id > ? ORDER BY id LIMIT ?`
)

// PutDeadLetter implements store.DeadLetters.
func (s *Store) PutDeadLetter(ctx context.Context, d store.DeadLetter) (string, error) {
	text, err := json.Marshal(sealedContent{d.Body, d.Metadata})
	if err != nil {
		return "", fmt.Errorf("put dead letter: %w", err)
	}
	sealed, err := s.config.Sealer.Seal(text, sealPurpose)
	if err != nil {
		return "", fmt.Errorf("put dead letter: %w", err)
	}
	var id int64
	err = s.submit(ctx, singleStep(func(ctx context.Context) error {
		res, err := s.conn.ExecContext(ctx, insertDeadLetter,
			d.Source, string(d.ReasonCode.OrUnknown()), d.Reason, toNanos(d.At), d.Redrives, sealed)
		if err != nil {
			return err
		}
		id, err = res.LastInsertId()
		return err
	}))
	if err != nil {
		return "", fmt.Errorf("put dead letter: %w", err)
	}
	return store.FormatDeadLetterID(id), nil
}

// ListDeadLetters implements store.DeadLetters.
func (s *Store) ListDeadLetters(ctx context.Context, after string, limit int) ([]store.DeadLetter, error) {
	var from int64
	if after != "" {
		var err error
		if from, err = store.ParseDeadLetterID(after); err != nil {
			return nil, err
		}
	}
	rows, err := s.reads.QueryContext(ctx, selectDeadLetters, from, limit)
	if err != nil {
		return nil, fmt.Errorf("list dead letters: %w", err)
	}
	defer rows.Close()
	var out []store.DeadLetter
	var unreadable []error
	for rows.Next() {
		var d store.DeadLetter
		var id, at int64
		var sealed []byte
		if err := rows.Scan(&id, &d.Source, &d.ReasonCode, &d.Reason, &at, &d.Redrives, &sealed); err != nil {
			return nil, fmt.Errorf("list dead letters: %w", err)
		}
		d.ID, d.At = store.FormatDeadLetterID(id), time.Unix(0, at).UTC()
		if err := s.unseal(&d, sealed); err != nil {
			unreadable = append(unreadable, err)
			continue
		}
		out = append(out, d)
	}
	return out, errors.Join(append(unreadable, rows.Err())...)
}

func (s *Store) unseal(d *store.DeadLetter, sealed []byte) error {
	text, err := s.config.Sealer.Open(sealed, sealPurpose)
	if err != nil {
		return fmt.Errorf("open dead letter %s: %w", d.ID, err)
	}
	var l sealedContent
	if err := json.Unmarshal(text, &l); err != nil {
		return fmt.Errorf("read dead letter %s: %w", d.ID, err)
	}
	d.Body, d.Metadata = l.Body, l.Metadata
	return nil
}

// DeleteDeadLetter implements store.DeadLetters.
func (s *Store) DeleteDeadLetter(ctx context.Context, id string) error {
	n, err := store.ParseDeadLetterID(id)
	if err != nil {
		return err
	}
	var gone int64
	err = s.submit(ctx, singleStep(func(ctx context.Context) error {
		res, err := s.conn.ExecContext(ctx, "DELETE FROM dead_letters WHERE id = ?", n)
		if err != nil {
			return err
		}
		gone, err = res.RowsAffected()
		return err
	}))
	if err == nil && gone == 0 {
		err = fmt.Errorf("dead letter %s: %w", id, approval.ErrNotFound)
	}
	return err
}

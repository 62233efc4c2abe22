package sqlite

import (
	"context"
	"database/sql"
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
	selectDeadLetters = `SELECT id, source, reason_code, reason, at, redrives
		FROM dead_letters INDEXED BY dead_letter_heads WHERE id > ? ORDER BY id LIMIT ?`
	selectDeadLetter = `SELECT id, source, reason_code, reason, at, redrives, sealed FROM dead_letters WHERE id = ?`
	markDeadLetter   = `UPDATE dead_letters SET reason_code = ?, reason = ?, redrives = ? WHERE id = ?`
	deleteDeadLetter = `DELETE FROM dead_letters WHERE id = ?`
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
	for rows.Next() {
		d, err := scanDeadLetter(rows)
		if err != nil {
			return nil, fmt.Errorf("list dead letters: %w", err)
		}
		out = append(out, d)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list dead letters: %w", err)
	}
	return out, nil
}

// scanDeadLetter reads a dead letter from the columns of a row. Further columns go to more.
func scanDeadLetter(row interface{ Scan(into ...any) error }, more ...any) (store.DeadLetter, error) {
	var d store.DeadLetter
	var id, at int64
	into := append([]any{&id, &d.Source, &d.ReasonCode, &d.Reason, &at, &d.Redrives}, more...)
	if err := row.Scan(into...); err != nil {
		return store.DeadLetter{}, err
	}
	d.ID = store.FormatDeadLetterID(id)
	d.At = time.Unix(0, at).UTC()
	return d, nil
}

// GetDeadLetter implements store.DeadLetters.
func (s *Store) GetDeadLetter(ctx context.Context, id string) (store.DeadLetter, error) {
	n, err := store.ParseDeadLetterID(id)
	if err != nil {
		return store.DeadLetter{}, err
	}
	var sealed []byte
	d, err := scanDeadLetter(s.reads.QueryRowContext(ctx, selectDeadLetter, n), &sealed)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return store.DeadLetter{}, fmt.Errorf("dead letter %s: %w", id, approval.ErrNotFound)
	case err != nil:
		return store.DeadLetter{}, fmt.Errorf("read dead letter %s: %w", id, err)
	}
	err = s.unseal(&d, sealed)
	return d, err
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

// MarkDeadLetter implements store.DeadLetters.
func (s *Store) MarkDeadLetter(ctx context.Context, d store.DeadLetter) error {
	n, err := store.ParseDeadLetterID(d.ID)
	if err != nil {
		return err
	}
	return s.changeDeadLetter(ctx, d.ID, markDeadLetter, string(d.ReasonCode.OrUnknown()), d.Reason, d.Redrives, n)
}

// DeleteDeadLetter implements store.DeadLetters.
func (s *Store) DeleteDeadLetter(ctx context.Context, id string) error {
	n, err := store.ParseDeadLetterID(id)
	if err != nil {
		return err
	}
	return s.changeDeadLetter(ctx, id, deleteDeadLetter, n)
}

// changeDeadLetter runs a statement that changes the row of a dead letter.
func (s *Store) changeDeadLetter(ctx context.Context, id, statement string, values ...any) error {
	var changed int64
	err := s.submit(ctx, singleStep(func(ctx context.Context) error {
		res, err := s.conn.ExecContext(ctx, statement, values...)
		if err != nil {
			return err
		}
		changed, err = res.RowsAffected()
		return err
	}))
	if err == nil && changed == 0 {
		err = fmt.Errorf("dead letter %s: %w", id, approval.ErrNotFound)
	}
	return err
}

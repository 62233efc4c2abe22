package postgres

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

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
	insertDeadLetter = `INSERT INTO relay.dead_letters (put, source, reason_code, reason, at, redrives, sealed)
		VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (put) DO UPDATE SET put = excluded.put RETURNING id`
	selectDeadLetters = `SELECT id, source, reason_code, reason, at, redrives, NULL::bytea
		FROM relay.dead_letters WHERE id > $1 ORDER BY id LIMIT $2`
	selectDeadLetter = `SELECT id, source, reason_code, reason, at, redrives, sealed FROM relay.dead_letters WHERE id = $1`
	markDeadLetter   = `UPDATE relay.dead_letters SET reason_code = $2, reason = $3, redrives = $4 WHERE id = $1`
	deleteDeadLetter = `DELETE FROM relay.dead_letters WHERE id = $1`
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
	put := make([]byte, 16)
	_, _ = rand.Read(put) // never fails, see crypto/rand
	var id int64
	err = s.queryRow(ctx, insertDeadLetter, []any{
		put, d.Source, string(d.ReasonCode.OrUnknown()), []byte(d.Reason), store.ToNanos(d.At), d.Redrives, sealed,
	}, &id)
	if err != nil {
		return "", fmt.Errorf("put dead letter: %w", err)
	}
	return store.FormatDeadLetterID(id), nil
}

// deadLetterRow is a row of the table of dead letters.
type deadLetterRow struct {
	store.DeadLetter

	sealed []byte
}

func scanDeadLetter(row pgx.CollectableRow) (r deadLetterRow, err error) {
	var id, at int64
	var reason []byte
	err = row.Scan(&id, &r.Source, &r.ReasonCode, &reason, &at, &r.Redrives, &r.sealed)
	r.ID = store.FormatDeadLetterID(id)
	r.Reason = string(reason)
	r.At = time.Unix(0, at).UTC()
	return r, err
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
	rows, err := queryAll(ctx, s, scanDeadLetter, selectDeadLetters, from, max(limit, 0))
	if err != nil {
		return nil, fmt.Errorf("list dead letters: %w", err)
	}
	var out []store.DeadLetter
	for _, r := range rows {
		out = append(out, r.DeadLetter)
	}
	return out, nil
}

// GetDeadLetter implements store.DeadLetters.
func (s *Store) GetDeadLetter(ctx context.Context, id string) (store.DeadLetter, error) {
	n, err := store.ParseDeadLetterID(id)
	if err != nil {
		return store.DeadLetter{}, err
	}
	rows, err := queryAll(ctx, s, scanDeadLetter, selectDeadLetter, n)
	switch {
	case err != nil:
		return store.DeadLetter{}, fmt.Errorf("read dead letter %s: %w", id, err)
	case len(rows) == 0:
		return store.DeadLetter{}, fmt.Errorf("dead letter %s: %w", id, approval.ErrNotFound)
	}
	d := rows[0].DeadLetter
	text, err := s.config.Sealer.Open(rows[0].sealed, sealPurpose)
	if err != nil {
		return d, fmt.Errorf("open dead letter %s: %w", id, err)
	}
	var content sealedContent
	if err := json.Unmarshal(text, &content); err != nil {
		return d, fmt.Errorf("read dead letter %s: %w", id, err)
	}
	d.Body, d.Metadata = content.Body, content.Metadata
	return d, nil
}

// MarkDeadLetter implements store.DeadLetters.
func (s *Store) MarkDeadLetter(ctx context.Context, d store.DeadLetter) error {
	n, err := store.ParseDeadLetterID(d.ID)
	if err != nil {
		return err
	}
	rows, err := s.exec(ctx, markDeadLetter, n, string(d.ReasonCode.OrUnknown()), []byte(d.Reason), d.Redrives)
	if err == nil && rows == 0 {
		err = approval.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("mark dead letter %s: %w", d.ID, err)
	}
	return nil
}

// DeleteDeadLetter implements store.DeadLetters.
func (s *Store) DeleteDeadLetter(ctx context.Context, id string) error {
	n, err := store.ParseDeadLetterID(id)
	if err != nil {
		return err
	}
	removed, err := s.remove(ctx, deleteDeadLetter, n)
	if err == nil && !removed {
		err = approval.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("delete dead letter %s: %w", id, err)
	}
	return nil
}

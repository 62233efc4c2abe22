package postgres

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/approval-relay/approval-relay/store"
)

const putWorker = `WITH kept AS (INSERT INTO relay.workers (id, seen, state) VALUES ($1, now(), $2)
		ON CONFLICT (id) DO UPDATE SET seen = excluded.seen, state = excluded.state)
	SELECT id, state FROM relay.workers WHERE state IS NOT NULL AND id <> $1`

// KeepWorker implements store.WorkerRegister.
func (s *Store) KeepWorker(ctx context.Context, w store.Worker) ([]store.Worker, error) {
	text, err := json.Marshal(w)
	if err != nil {
		return nil, fmt.Errorf("store the state of this worker: %w", err)
	}
	others, err := queryAll(ctx, s, func(row pgx.CollectableRow) (other store.Worker, err error) {
		var id []byte
		var state string
		if err := row.Scan(&id, &state); err != nil {
			return other, err
		}
		_ = json.Unmarshal([]byte(state), &other) // a state that cannot be read confirms nothing
		other.ID = string(id)
		return other, nil
	}, putWorker, []byte(w.ID), string(text))
	if err != nil {
		return nil, fmt.Errorf("store the state of this worker: %w", err)
	}
	return append([]store.Worker{w}, others...), nil
}

// RemoveWorker implements store.WorkerRegister.
func (s *Store) RemoveWorker(ctx context.Context, id string) error {
	if _, err := s.exec(ctx, "DELETE FROM relay.workers WHERE id = $1", []byte(id)); err != nil {
		return fmt.Errorf("remove the state of a worker: %w", err)
	}
	return nil
}

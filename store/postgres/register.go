package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/approval-relay/approval-relay/store"
)

// workerPrefix begins the names of workers in the table meta.
const workerPrefix = "worker "

const keepWorker = `WITH kept AS (INSERT INTO relay.meta (name, value) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value)
	SELECT name, value FROM relay.meta WHERE starts_with(name, 'worker ') AND name <> $1`

// KeepWorker implements store.WorkerRegister.
func (s *Store) KeepWorker(ctx context.Context, w store.Worker) ([]store.Worker, error) {
	text, err := json.Marshal(w)
	if err != nil {
		return nil, fmt.Errorf("store the state of this worker: %w", err)
	}
	others, err := queryAll(ctx, s, func(row pgx.CollectableRow) (other store.Worker, err error) {
		var name, value string
		if err := row.Scan(&name, &value); err != nil {
			return other, err
		}
		_ = json.Unmarshal([]byte(value), &other) // a state that cannot be read confirms nothing
		other.ID = strings.TrimPrefix(name, workerPrefix)
		return other, nil
	}, keepWorker, workerPrefix+w.ID, string(text))
	if err != nil {
		return nil, fmt.Errorf("store the state of this worker: %w", err)
	}
	return append([]store.Worker{w}, others...), nil
}

// RemoveWorker implements store.WorkerRegister.
func (s *Store) RemoveWorker(ctx context.Context, id string) error {
	if _, err := s.exec(ctx, "DELETE FROM relay.meta WHERE name = $1", workerPrefix+id); err != nil {
		return fmt.Errorf("remove the state of a worker: %w", err)
	}
	return nil
}

package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// KeyIDs implements store.KeyRegister.
func (s *Store) KeyIDs(ctx context.Context) ([]string, error) {
	ids, err := queryAll(ctx, s, pgx.RowTo[string], `SELECT id FROM relay.seal_keys ORDER BY id COLLATE "C"`)
	if err != nil {
		return nil, fmt.Errorf("read the keys of the store: %w", err)
	}
	return ids, nil
}

// AddKeyID implements store.KeyRegister.
func (s *Store) AddKeyID(ctx context.Context, id string) error {
	if _, err := s.exec(ctx, "INSERT INTO relay.seal_keys (id) VALUES ($1) ON CONFLICT DO NOTHING", id); err != nil {
		return fmt.Errorf("add key %s to the keys of the store: %w", id, err)
	}
	return nil
}

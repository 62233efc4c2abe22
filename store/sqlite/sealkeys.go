package sqlite

import (
	"context"
	"fmt"
)

// KeyIDs implements store.KeyRegister.
func (s *Store) KeyIDs(ctx context.Context) ([]string, error) {
	rows, err := s.reads.QueryContext(ctx, "SELECT id FROM seal_keys ORDER BY id")
	if err != nil {
		return nil, fmt.Errorf("read the keys of the store: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var ids []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("read the keys of the store: %w", err)
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the keys of the store: %w", err)
	}
	return ids, nil
}

// AddKeyID implements store.KeyRegister.
func (s *Store) AddKeyID(ctx context.Context, id string) error {
	err := s.submit(ctx, singleStep(func(ctx context.Context) error {
		_, err := s.conn.ExecContext(ctx, "INSERT OR IGNORE INTO seal_keys (id) VALUES (?)", id)
		return err
	}))
	if err != nil {
		return fmt.Errorf("add key %s to the keys of the store: %w", id, err)
	}
	return nil
}

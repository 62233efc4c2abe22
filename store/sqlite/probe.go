package sqlite

import (
	"context"
	"fmt"
)

// Probe implements store.Prober. It makes a durable commit without a change. The commit fails in the same
// cases as an update: on a full disk, or if the disk is gone.
func (s *Store) Probe(ctx context.Context) error {
	err := s.submit(ctx, singleStep(func(ctx context.Context) error {
		// SQLite writes the page although the value is the same.
		_, err := s.conn.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", len(schemaMigrations())))
		return err
	}))
	if err != nil {
		return fmt.Errorf("probe: %w", err)
	}
	return nil
}

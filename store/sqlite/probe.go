package sqlite

import (
	"context"
	"fmt"
)

// Probe makes a durable commit that changes nothing: it fails where the next
// update most likely would, on a full disk or one that is gone.
func (s *Store) Probe(ctx context.Context) error {
	err := s.write(ctx, simple(func(ctx context.Context) error {
		_, err := s.conn.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", len(migrations()))) // written although it is the same
		return err
	}))
	if err != nil {
		return fmt.Errorf("probe: %w", err)
	}
	return nil
}

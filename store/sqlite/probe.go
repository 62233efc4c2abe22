package sqlite

import (
	"context"
	"fmt"
)

// Probe makes a durable commit that changes nothing: it fails where the next
// update most likely would, on a full disk or one that is gone.
func (s *Store) Probe(ctx context.Context) error {
	err := s.write(ctx, func(ctx context.Context) (outcome, error) {
		_, err := s.conn.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", len(migrations()))) // written although it is the same
		return outcome{}, err
	})
	if err != nil {
		return fmt.Errorf("probe: %w", err)
	}
	return nil
}

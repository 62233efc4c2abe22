package sqlite

import (
	"context"
	"fmt"
	"time"
)

// Claim implements store.Store. It writes only where something is due.
func (s *Store) Claim(ctx context.Context, now time.Time, limit int, lease time.Duration) ([]string, error) {
	var due bool
	err := s.reads.QueryRowContext(ctx, anyClaimable, nanos(now)).Scan(&due)
	if err != nil {
		return nil, fmt.Errorf("claim due orders: %w", err)
	}
	if !due {
		return nil, nil
	}
	var ids []string
	err = s.write(ctx, simple(func(ctx context.Context) error {
		var err error
		ids, err = s.claim(ctx, now, limit, lease)
		return err
	}))
	if err != nil {
		return nil, fmt.Errorf("claim due orders: %w", err)
	}
	return ids, nil
}

// claim leases the orders within the writer's transaction.
func (s *Store) claim(ctx context.Context, now time.Time, limit int, lease time.Duration) ([]string, error) {
	rows, err := s.stmts.claimable.QueryContext(ctx, nanos(now), max(limit, 0))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var ids []string
	for rows.Next() {
		var id []byte
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, string(id))
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	for _, id := range ids {
		if _, err := s.stmts.claim.ExecContext(ctx, nanos(now.Add(lease)), nanos(now), []byte(id)); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

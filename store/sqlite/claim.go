package sqlite

import (
	"context"
	"fmt"
	"time"
)

// Claim implements store.Store. It writes only if an order is due.
func (s *Store) Claim(ctx context.Context, now time.Time, limit int, lease time.Duration) ([]string, error) {
	var due bool
	err := s.reads.QueryRowContext(ctx, anyClaimable, toNanos(now)).Scan(&due)
	if err != nil {
		return nil, fmt.Errorf("claim due orders: %w", err)
	}
	if !due {
		return nil, nil
	}
	var ids []string
	err = s.submit(ctx, claim(func(ctx context.Context) error {
		var err error
		ids, err = s.leaseDue(ctx, now, limit, lease)
		return err
	}))
	if err != nil {
		return nil, fmt.Errorf("claim due orders: %w", err)
	}
	return ids, nil
}

// claim is the operation of Claim. It is not synced: the leases end with the process anyway.
type claim func(context.Context) error

func (claim) orderID() string                  { return "" }
func (claim) needsSync() bool                  { return false }
func (claim) canWait() bool                    { return false }
func (claim) load(context.Context) error       { return nil }
func (claim) compute() outcome                 { return outcome{} }
func (f claim) save(ctx context.Context) error { return f(ctx) }
func (claim) committed()                       {}

// leaseDue leases due orders within the writer's transaction.
func (s *Store) leaseDue(ctx context.Context, now time.Time, limit int, lease time.Duration) ([]string, error) {
	rows, err := s.stmts.claimable.QueryContext(ctx, toNanos(now), max(limit, 0))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var ids []string
	for rows.Next() {
		var id []byte
		var next int64
		if err := rows.Scan(&id, &next); err != nil {
			return nil, err
		}
		ids = append(ids, string(id))
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	for _, id := range ids {
		s.recent.forgetRow(id)
		if _, err := s.stmts.claim.ExecContext(ctx, toNanos(now.Add(lease)), toNanos(now), []byte(id)); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

package sqlite

import (
	"context"
	"database/sql/driver"
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
	err = s.submit(ctx, claim(func(context.Context) error {
		var err error
		ids, err = s.leaseDue(now, limit, lease)
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
func (s *Store) leaseDue(now time.Time, limit int, lease time.Duration) (ids []string, err error) {
	err = s.stmts.claimable.query(func(row []driver.Value) {
		id, _ := row[0].([]byte)
		ids = append(ids, string(id))
	}, toNanos(now), int64(max(limit, 0)))
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		s.recent.forgetRow(id)
		if _, err := s.stmts.claim.exec(toNanos(now.Add(lease)), toNanos(now), []byte(id)); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

package postgres

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/approval-relay/approval-relay/store"
)

// claimDue leases due orders. Other workers skip the rows that it has locked. It need not wait for the disk: if the claim is
// lost, the orders are claimed again.
const claimDue = `WITH due AS (SELECT id, next FROM relay.orders WHERE next <= $1 ORDER BY next LIMIT $2 FOR UPDATE SKIP LOCKED)
	UPDATE relay.orders o SET next = $3, claimed = $1 FROM due WHERE o.id = due.id
	RETURNING o.id, due.next, set_config('synchronous_commit', 'off', true)`

// claimed is an order that was claimed.
type claimed struct {
	id   []byte
	next int64 // before the claim
}

// Claim implements store.Store.
func (s *Store) Claim(ctx context.Context, now time.Time, limit int, lease time.Duration) ([]string, error) {
	if limit <= 0 {
		return nil, nil
	}
	if err := s.members.refresh(ctx, s); err != nil {
		return nil, fmt.Errorf("claim due orders: %w", err)
	}
	orders, err := queryAll(ctx, s, func(row pgx.CollectableRow) (c claimed, err error) {
		return c, row.Scan(&c.id, &c.next, nil)
	}, claimDue, store.ToNanos(now), limit, store.ToNanos(now.Add(lease)))
	if err != nil {
		return nil, fmt.Errorf("claim due orders: %w", err)
	}
	slices.SortStableFunc(orders, func(a, b claimed) int { return cmp.Compare(a.next, b.next) })
	var ids []string
	for _, c := range orders {
		ids = append(ids, string(c.id))
	}
	return ids, nil
}

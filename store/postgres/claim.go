package postgres

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
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

// claims are the claims of this process whose leases have not ended.
type claims struct {
	mu   sync.Mutex
	made []madeClaim // the oldest first
}

// madeClaim is a claim: its now is in the column claimed of the rows that it has leased.
type madeClaim struct{ now, until time.Time }

// add adds a claim, and forgets the claims whose leases have ended.
func (c *claims) add(now, until time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ended := 0
	for ended < len(c.made) && c.made[ended].until.Before(now) {
		ended++
	}
	c.made = append(c.made[ended:], madeClaim{now, until})
}

// take returns the now of each claim, and forgets all.
func (c *claims) take() []int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	var times []int64
	for _, m := range c.made {
		times = append(times, store.ToNanos(m.now))
	}
	c.made = nil
	return times
}

// returnLeased ends leases. A row that another transaction has locked is being updated, which ends its lease.
const returnLeased = `WITH leased AS (SELECT id FROM relay.orders WHERE claimed = ANY($1) FOR UPDATE SKIP LOCKED)
	UPDATE relay.orders o SET next = $2, claimed = NULL FROM leased WHERE o.id = leased.id`

// ReturnClaims implements store.ClaimReturner.
func (s *Store) ReturnClaims(ctx context.Context, now time.Time) error {
	made := s.claims.take()
	if len(made) == 0 {
		return nil
	}
	if _, err := s.exec(ctx, returnLeased, made, store.ToNanos(now)); err != nil {
		return fmt.Errorf("return claimed orders: %w", err)
	}
	return nil
}

// listDueBy has each order in a single part: an order that is leased is due before its next.
const listDueBy = `SELECT id FROM relay.orders WHERE next <= $1
	UNION ALL SELECT id FROM relay.orders WHERE due <= $1 AND claimed IS NOT NULL AND next > $1`

// ListDueBy implements store.DueLister.
func (s *Store) ListDueBy(ctx context.Context, until time.Time) ([]string, error) {
	ids, err := queryAll(ctx, s, func(row pgx.CollectableRow) (string, error) {
		var id []byte
		err := row.Scan(&id)
		return string(id), err
	}, listDueBy, store.ToNanos(until))
	if err != nil {
		return nil, fmt.Errorf("list due orders: %w", err)
	}
	return ids, nil
}

// Claim implements store.Store.
func (s *Store) Claim(ctx context.Context, now time.Time, limit int, lease time.Duration) ([]string, error) {
	if limit <= 0 {
		return nil, nil
	}
	if err := s.members.refresh(ctx, s); err != nil {
		return nil, fmt.Errorf("claim due orders: %w", err)
	}
	s.claims.add(now, now.Add(lease))
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

package sqlite

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/approval-relay/approval-relay/store"
)

// leases are held in memory: there is no other process, and what the next one
// must know of is in the records.
type leases struct {
	mu   sync.Mutex
	held map[string]store.Lease // by order ID
}

// updated tells that a stored update left the order with that Due.
func (l *leases) updated(orderID string, due time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held[orderID].After(due) == (store.Lease{}) {
		delete(l.held, orderID)
	}
}

// Claim implements store.Store. It keeps other claims out while it reads. An
// update that is stored meanwhile is no matter: the writer tells of it
// afterwards, and ends the lease.
func (s *Store) Claim(ctx context.Context, now time.Time, limit int, lease time.Duration) ([]string, error) {
	s.leases.mu.Lock()
	defer s.leases.mu.Unlock()
	held := s.leases.held
	for id, l := range held {
		if !l.Holds(now) {
			delete(held, id)
		}
	}
	rows, err := s.reads.QueryContext(ctx, "SELECT id FROM orders WHERE due <= ? ORDER BY due LIMIT ?", nanos(now), limit+len(held))
	if err != nil {
		return nil, fmt.Errorf("claim due orders: %w", err)
	}
	defer rows.Close()
	var ids []string
	for len(ids) < limit && rows.Next() {
		var id []byte
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("claim due orders: %w", err)
		}
		if _, leased := held[string(id)]; !leased {
			ids = append(ids, string(id))
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("claim due orders: %w", err)
	}
	for _, id := range ids {
		held[id] = store.Lease{At: now, Until: now.Add(lease)}
	}
	return ids, nil
}

package sqlite

import (
	"context"
	"fmt"
	"time"
)

// releaseClaims ends the leases of claims. It runs when the file is opened: the process that had claimed the orders has
// ended, and they must not wait for the end of its leases. A leased order is due, so that the index of due orders is used.
const releaseClaims = "UPDATE orders SET next = due, claimed = NULL WHERE due <= ? AND claimed IS NOT NULL"

const selectDueBy = "SELECT id FROM orders WHERE due <= ?"

// ListDueBy implements store.OrphanLister. The lock of the file admits one process at a time, so that actions in
// progress right after Open belong to a process that has ended.
func (s *Store) ListDueBy(ctx context.Context, until time.Time) ([]string, error) {
	rows, err := s.reads.QueryContext(ctx, selectDueBy, toNanos(until))
	if err != nil {
		return nil, fmt.Errorf("list due orders: %w", err)
	}
	defer rows.Close()
	var ids []string
	for rows.Next() {
		var id []byte
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("list due orders: %w", err)
		}
		ids = append(ids, string(id))
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list due orders: %w", err)
	}
	return ids, nil
}

package sqlite

import (
	"context"
	"fmt"
	"time"
)

const dueBy = "SELECT id FROM orders WHERE due <= ?"

// ListDueBy returns the IDs of all orders that are due until then, leased or not.
// The process that opened the file is the only one: what is under way in these
// orders right after that was begun by one that is dead.
func (s *Store) ListDueBy(ctx context.Context, until time.Time) ([]string, error) {
	rows, err := s.reads.QueryContext(ctx, dueBy, nanos(until))
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

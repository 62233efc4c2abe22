package sqlite

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// releaseClaims ends the leases of claims. It runs when the file is opened: the process that had claimed the orders has
// ended, and they must not wait for the end of its leases.
const releaseClaims = "UPDATE orders SET next = due, claimed = NULL WHERE claimed IS NOT NULL"

const (
	selectUnderWay = "SELECT id FROM orders WHERE under_way = 1 AND next IS NOT NULL"
	// selectDueBy has each order in a single part: an order that is leased is due before its next.
	selectDueBy = `SELECT id FROM orders WHERE next <= ?1 AND under_way = 0
		UNION ALL SELECT id FROM orders WHERE next <= ?1 AND under_way = 1
		UNION ALL SELECT id FROM orders WHERE due <= ?1 AND claimed IS NOT NULL AND next > ?1`
)

// ListUnderWay implements store.OrphanLister. The lock of the file admits one process at a time, so that actions in
// progress right after Open belong to a process that has ended.
func (s *Store) ListUnderWay(ctx context.Context) ([]string, error) {
	ids, err := s.listIDs(ctx, selectUnderWay)
	if err != nil {
		return nil, fmt.Errorf("list orders under way: %w", err)
	}
	return ids, nil
}

// ListDueBy implements store.DueLister.
func (s *Store) ListDueBy(ctx context.Context, until time.Time) ([]string, error) {
	ids, err := s.listIDs(ctx, selectDueBy, toNanos(until))
	if err != nil {
		return nil, fmt.Errorf("list due orders: %w", err)
	}
	return ids, nil
}

func (s *Store) listIDs(ctx context.Context, query string, args ...any) (ids []string, err error) {
	rows, err := s.reads.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var id []byte
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, string(id))
	}
	return ids, rows.Err()
}

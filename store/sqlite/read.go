package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// Get implements store.Store.
func (s *Store) Get(ctx context.Context, orderID string) (*approval.Order, error) {
	select {
	case <-s.closed:
		return nil, errClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	default:
	}
	if o := s.recent.read(orderID); o != nil {
		return o, nil
	}
	var record []byte
	err := s.reads.QueryRowContext(ctx, "SELECT record FROM orders WHERE id = ?", []byte(orderID)).Scan(&record)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("order %q: %w", orderID, approval.ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("read order %q: %w", orderID, err)
	}
	return store.Decode(orderID, record, s.config.Sealer)
}

// List implements store.Store.
func (s *Store) List(ctx context.Context, q store.Query) (orders []*approval.Order, next string, err error) {
	where := "id > ?"
	if q.Pending {
		where += " AND pending > 0"
	}
	if q.Exhausted {
		where += " AND exhausted = 1"
	}
	query := "SELECT id, record FROM orders WHERE " + where + " ORDER BY id LIMIT ?"
	rows, err := s.reads.QueryContext(ctx, query, []byte(q.After), q.Size()+1)
	if err != nil {
		return nil, "", fmt.Errorf("list orders: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		if len(orders) == q.Size() {
			return orders, orders[len(orders)-1].ID, nil
		}
		var id, record []byte
		if err := rows.Scan(&id, &record); err != nil {
			return nil, "", fmt.Errorf("list orders: %w", err)
		}
		o, err := store.Decode(string(id), record, s.config.Sealer)
		if err != nil { // Get says why
			o = &approval.Order{ID: string(id)}
		}
		orders = append(orders, o)
	}
	if err := rows.Err(); err != nil {
		return nil, "", fmt.Errorf("list orders: %w", err)
	}
	return orders, "", nil
}

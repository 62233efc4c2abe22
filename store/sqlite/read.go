package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// mayRead returns an error if the store is closed or the context has ended: a read that begins does not watch either.
func (s *Store) mayRead(ctx context.Context) error {
	select {
	case <-s.closed:
		return errClosed
	case <-ctx.Done():
		return ctx.Err()
	default:
		return nil
	}
}

// Get implements store.Store.
func (s *Store) Get(ctx context.Context, orderID string) (*approval.Order, error) {
	if err := s.mayRead(ctx); err != nil {
		return nil, err
	}
	if o := s.recent.copyDurable(orderID); o != nil {
		return o, nil
	}
	var record []byte
	// A read of one row ends by itself. For a context that can end, the driver would start a goroutine.
	err := s.selectRecord.QueryRowContext(context.WithoutCancel(ctx), []byte(orderID)).Scan(&record)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("order %q: %w", orderID, approval.ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("read order %q: %w", orderID, err)
	}
	return store.Decode(orderID, record, s.config.Sealer)
}

// selectMany returns the SQL that reads at most store.MaxMany records. The parameters without an ID are NULL.
func selectMany() string {
	return "SELECT id, record FROM orders WHERE id IN (?" + strings.Repeat(", ?", store.MaxMany-1) + ")"
}

// GetMany implements store.ManyGetter.
func (s *Store) GetMany(ctx context.Context, orderIDs []string) (map[string]*approval.Order, error) {
	if err := s.mayRead(ctx); err != nil {
		return nil, err
	}
	ids := make([]any, store.MaxMany)
	for i, id := range orderIDs {
		ids[i] = []byte(id)
	}
	rows, err := s.selectRecords.QueryContext(context.WithoutCancel(ctx), ids...)
	if err != nil {
		return nil, fmt.Errorf("read orders: %w", err)
	}
	defer rows.Close()
	orders := make(map[string]*approval.Order, len(orderIDs))
	for rows.Next() {
		var id, record sql.RawBytes // without a copy: they are valid until the next row
		if err := rows.Scan(&id, &record); err != nil {
			return nil, fmt.Errorf("read orders: %w", err)
		}
		if o, err := store.Decode(string(id), record, s.config.Sealer); err == nil {
			orders[o.ID] = o
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read orders: %w", err)
	}
	return orders, nil
}

// listQuery returns the SQL of a list, and its arguments except the limit.
func listQuery(q store.OrderQuery) (query string, args []any, err error) {
	after := []byte(q.After)
	switch set := q.State.Set(); {
	case q.ByAge:
		after, err := store.ParseAgeCursor(q.After)
		return byAge, []any{toNanos(after.Since), []byte(after.OrderID)}, err
	case set != 0:
		return byState, []any{after, set}, nil
	case q.State == store.StatePending:
		return pendingByID, []any{after}, nil
	}
	return byID, []any{after}, nil
}

// List implements store.Store.
func (s *Store) List(ctx context.Context, q store.OrderQuery) (orders []*approval.Order, next string, err error) {
	query, args, err := listQuery(q)
	if err != nil {
		return nil, "", err
	}
	rows, err := s.reads.QueryContext(ctx, query, append(args, q.PageSize()+1)...)
	if err != nil {
		return nil, "", fmt.Errorf("list orders: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		if len(orders) == q.PageSize() {
			return orders, next, nil
		}
		var id, record []byte
		var since sql.NullInt64
		if err := rows.Scan(&id, &record, &since); err != nil {
			return nil, "", fmt.Errorf("list orders: %w", err)
		}
		if next = string(id); q.ByAge {
			next = store.AgeCursor{Since: fromNanos(since), OrderID: string(id)}.String()
		}
		o, err := store.Decode(string(id), record, s.config.Sealer)
		if err != nil { // Get returns it
			o = &approval.Order{ID: string(id)}
		}
		orders = append(orders, o)
	}
	if err := rows.Err(); err != nil {
		return nil, "", fmt.Errorf("list orders: %w", err)
	}
	return orders, "", nil
}

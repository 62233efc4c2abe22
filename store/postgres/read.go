package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// Get implements store.Store.
func (s *Store) Get(ctx context.Context, orderID string) (*approval.Order, error) {
	var record []byte
	err := s.queryRow(ctx, "SELECT record FROM relay.orders WHERE id = $1", []any{[]byte(orderID)}, &record)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, fmt.Errorf("order %q: %w", orderID, approval.ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("read order %q: %w", orderID, err)
	}
	return store.Decode(orderID, record, s.config.Sealer)
}

// GetMany implements store.ManyGetter.
func (s *Store) GetMany(ctx context.Context, orderIDs []string) (map[string]*approval.Order, error) {
	ids := make([][]byte, len(orderIDs))
	for i, id := range orderIDs {
		ids[i] = []byte(id)
	}
	rows, err := queryAll(ctx, s, func(row pgx.CollectableRow) (r listedRow, err error) {
		return r, row.Scan(&r.id, &r.record)
	}, "SELECT id, record FROM relay.orders WHERE id = ANY($1)", ids)
	if err != nil {
		return nil, fmt.Errorf("read orders: %w", err)
	}
	orders := make(map[string]*approval.Order, len(rows))
	for _, row := range rows {
		if o, err := store.Decode(string(row.id), row.record, s.config.Sealer); err == nil {
			orders[o.ID] = o
		}
	}
	return orders, nil
}

// GetRecent implements store.RecentGetter.
func (s *Store) GetRecent(ctx context.Context, orderID string) (*approval.Order, error) {
	row := s.lanes.recent.find(orderID)
	switch {
	case row.order != nil:
		return row.order.Clone(), nil
	case row.version != 0:
		return store.Decode(orderID, row.record, s.config.Sealer)
	}
	return s.Get(ctx, orderID)
}

// The queries of lists. Each of them reads the first entries of an index.
const (
	byAge = `SELECT id, record, since FROM relay.orders
		WHERE since IS NOT NULL AND (since, id) > ($1, $2) ORDER BY since, id LIMIT $3`
	byID        = "SELECT id, record, 0::bigint FROM relay.orders WHERE id > $1 ORDER BY id LIMIT $2"
	pendingByID = "SELECT id, record, 0::bigint FROM relay.orders WHERE id > $1 AND since IS NOT NULL ORDER BY id LIMIT $2"
	byState     = `SELECT id, record, 0::bigint FROM relay.orders
		WHERE id > $1 AND attention > 0 AND attention & $2::smallint <> 0 ORDER BY id LIMIT $3`
)

// listQuery returns the statement of a list, and its arguments except the limit.
func listQuery(q store.OrderQuery) (query string, args []any, err error) {
	after := []byte(q.After)
	switch set := q.State.Set(); {
	case q.ByAge:
		after, err := store.ParseAgeCursor(q.After)
		return byAge, []any{store.ToNanos(after.Since), []byte(after.OrderID)}, err
	case set != 0:
		return byState, []any{after, int16(set)}, nil
	case q.State == store.StatePending:
		return pendingByID, []any{after}, nil
	}
	return byID, []any{after}, nil
}

// listedRow is a row of a list.
type listedRow struct {
	id, record []byte
	since      int64
}

// List implements store.Store.
func (s *Store) List(ctx context.Context, q store.OrderQuery) (orders []*approval.Order, next string, err error) {
	query, args, err := listQuery(q)
	if err != nil {
		return nil, "", err
	}
	rows, err := queryAll(ctx, s, func(row pgx.CollectableRow) (r listedRow, err error) {
		return r, row.Scan(&r.id, &r.record, &r.since)
	}, query, append(args, q.PageSize()+1)...)
	if err != nil {
		return nil, "", fmt.Errorf("list orders: %w", err)
	}
	for i, row := range rows {
		if i == q.PageSize() {
			return orders, next, nil
		}
		id := string(row.id)
		if next = id; q.ByAge {
			next = store.AgeCursor{Since: store.FromNanos(row.since), OrderID: id}.String()
		}
		o, err := store.Decode(id, row.record, s.config.Sealer)
		if err != nil { // Get returns it
			o = &approval.Order{ID: id}
		}
		orders = append(orders, o)
	}
	return orders, "", nil
}

package dynamodb

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// List implements store.Store. For a page, it reads that many keys from each shard of an index, and then the records of
// the first of them. A page before the last may be shorter than the limit, or empty.
func (s *Store) List(ctx context.Context, q store.OrderQuery) (orders []*approval.Order, next string, err error) {
	rows, cursor, err := s.listRows(ctx, q)
	if err != nil {
		return nil, "", err
	}
	if len(rows) > q.PageSize() {
		rows = rows[:q.PageSize()]
		next = cursor(rows[len(rows)-1])
	}
	items, err := s.getItems(ctx, rows)
	if err != nil {
		return nil, "", fmt.Errorf("list orders: %w", err)
	}
	for _, i := range items {
		o, _, err := s.decodeOrder(orderIDOf(i), i)
		if err != nil { // Get returns it
			o = &approval.Order{ID: orderIDOf(i)}
		}
		if isListed(q, i, o) {
			orders = append(orders, o)
		}
	}
	return orders, next, nil
}

// listRows returns the next index rows in the order of the list, and the function that returns the position of a row.
// If there is a further page, the result has a row more than the page.
func (s *Store) listRows(ctx context.Context, q store.OrderQuery) (rows []item, cursor func(item) string, err error) {
	if q.ByAge {
		return s.listRowsByAge(ctx, q)
	}
	shards, err := s.allShards(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("list orders: %w", err)
	}
	l := indexQuery{index: "orders", partitions: shards, limit: q.PageSize() + 1}
	switch set := q.State.Set(); {
	case set != 0:
		l.index = "exhausted"
		l.partitions = statePartitions(set, shards)
	case q.State == store.StatePending:
		l.index = "pending"
	}
	if q.After != "" {
		l.where = "order_id > :after"
		l.values = item{":after": bytesAttr(prefixOf([]byte(q.After), maxSortKey))}
	}
	if rows, err = s.queryIndex(ctx, l); err != nil {
		return nil, nil, fmt.Errorf("list orders: %w", err)
	}
	slices.SortFunc(rows, func(a, b item) int { return bytes.Compare(getBytes(a, "order_id"), getBytes(b, "order_id")) })
	return rows[:min(len(rows), q.PageSize()+1)], orderIDOf, nil
}

func (s *Store) listRowsByAge(ctx context.Context, q store.OrderQuery) (rows []item, cursor func(item) string, err error) {
	after, err := store.ParseAgeCursor(q.After)
	if err != nil {
		return nil, nil, err
	}
	shards, err := s.allShards(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("list orders: %w", err)
	}
	rows, err = s.queryIndex(ctx, indexQuery{
		index:      "age",
		partitions: shards,
		where:      "waits_since >= :after",
		values:     item{":after": bytesAttr(encodeAge(after))},
		limit:      q.PageSize() + 2, // the first row may be the position itself
	})
	if err != nil {
		return nil, nil, fmt.Errorf("list orders: %w", err)
	}
	rows = slices.DeleteFunc(rows, func(r item) bool { return ageCursorOf(r).Compare(after) <= 0 })
	slices.SortFunc(rows, func(a, b item) int { return ageCursorOf(a).Compare(ageCursorOf(b)) })
	return rows[:min(len(rows), q.PageSize()+1)], func(r item) string { return ageCursorOf(r).String() }, nil
}

// maxBatchGet is the largest number of items that a call reads.
const maxBatchGet = 100

// getItems reads the current items of index rows, in the same order. Items that no longer exist are missing.
func (s *Store) getItems(ctx context.Context, rows []item) ([]item, error) {
	parts := make([]map[string]item, (len(rows)+maxBatchGet-1)/maxBatchGet)
	var group errgroup.Group
	group.SetLimit(4)
	for i := range parts {
		group.Go(func() (err error) {
			parts[i], err = s.getBatch(ctx, rows[i*maxBatchGet:min(len(rows), (i+1)*maxBatchGet)])
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var items []item
	for i, row := range rows {
		if got, ok := parts[i/maxBatchGet][getString(row, "pk")]; ok {
			items = append(items, got)
		}
	}
	return items, nil
}

// getBatch reads items, and returns them by their partition key. DynamoDB may leave some unprocessed, beyond 16 MB or
// because of throttling; getBatch reads them with the next call.
func (s *Store) getBatch(ctx context.Context, rows []item) (map[string]item, error) {
	keys := make([]map[string]types.AttributeValue, 0, len(rows))
	for _, r := range rows {
		keys = append(keys, item{"pk": r["pk"], "sk": r["sk"]})
	}
	out := map[string]item{}
	for attempt := 1; len(keys) > 0; attempt++ {
		before := len(keys)
		err := s.withRetries(ctx, func(ctx context.Context) error {
			got, err := s.client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{
				RequestItems: map[string]types.KeysAndAttributes{s.config.Table: {Keys: keys, ConsistentRead: aws.Bool(true)}},
			})
			if err != nil {
				return err
			}
			for _, i := range got.Responses[s.config.Table] {
				out[getString(i, "pk")] = i
			}
			keys = got.UnprocessedKeys[s.config.Table].Keys
			return nil
		})
		switch {
		case err != nil:
			return nil, err
		case len(keys) < before:
			attempt = 0
		case attempt == maxAttempts:
			return nil, fmt.Errorf("%d items stayed unprocessed %d times: the table is throttled", len(keys), attempt)
		default:
			if err := waitBeforeRetry(ctx, attempt); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

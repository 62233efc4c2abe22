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

// List implements store.Store. A page reads the keys of as many orders in each shard
// of an index, and the records of those that come first. A page may have fewer orders than
// was asked for, and none, before the end.
func (s *Store) List(ctx context.Context, q store.Query) (orders []*approval.Order, next string, err error) {
	rows, place, err := s.page(ctx, q)
	if err != nil {
		return nil, "", err
	}
	if len(rows) > q.PageSize() {
		rows = rows[:q.PageSize()]
		next = place(rows[len(rows)-1])
	}
	items, err := s.getAll(ctx, rows)
	if err != nil {
		return nil, "", fmt.Errorf("list orders: %w", err)
	}
	for _, i := range items {
		o, err := s.decode(orderOf(i), i)
		if err != nil { // Get says why
			o = &approval.Order{ID: orderOf(i)}
		}
		_, pending := i["pending_shard"]
		_, exhausted := i["exhausted_shard"]
		if ((q.Pending || q.ByAge) && !pending) || (q.Exhausted && !exhausted) { // the index lags behind, or is of one of the two
			continue
		}
		orders = append(orders, o)
	}
	return orders, next, nil
}

// page returns the rows of an index that come next, one more than a page has where
// there are more, and how their places are written.
func (s *Store) page(ctx context.Context, q store.Query) (rows []item, place func(item) string, err error) {
	if q.ByAge {
		return s.pageByAge(ctx, q)
	}
	l := lookup{index: "orders", limit: q.PageSize() + 1}
	switch {
	case q.Exhausted:
		l.index = "exhausted"
	case q.Pending:
		l.index = "pending"
	}
	if q.After != "" {
		l.where, l.values = "order_id > :after", item{":after": blob(head([]byte(q.After), maxKey))}
	}
	if rows, err = s.rows(ctx, l); err != nil {
		return nil, nil, fmt.Errorf("list orders: %w", err)
	}
	slices.SortFunc(rows, func(a, b item) int { return bytes.Compare(bin(a, "order_id"), bin(b, "order_id")) })
	return rows[:min(len(rows), q.PageSize()+1)], orderOf, nil
}

func (s *Store) pageByAge(ctx context.Context, q store.Query) (rows []item, place func(item) string, err error) {
	after, err := store.ParseAgeCursor(q.After)
	if err != nil {
		return nil, nil, err
	}
	rows, err = s.rows(ctx, lookup{
		index:  "age",
		where:  "waits_since >= :after",
		values: item{":after": blob(ageKey(after))},
		limit:  q.PageSize() + 2, // its own place is one
	})
	if err != nil {
		return nil, nil, fmt.Errorf("list orders: %w", err)
	}
	rows = slices.DeleteFunc(rows, func(r item) bool { return !after.Before(ageOf(r)) })
	slices.SortFunc(rows, func(a, b item) int {
		switch x, y := ageOf(a), ageOf(b); {
		case x.Before(y):
			return -1
		case y.Before(x):
			return 1
		}
		return 0
	})
	return rows[:min(len(rows), q.PageSize()+1)], func(r item) string { return ageOf(r).String() }, nil
}

// perBatch is how many items one call reads.
const perBatch = 100

// getAll reads the items of the rows as they are now, in the same order. Those that
// are gone are missing.
func (s *Store) getAll(ctx context.Context, rows []item) ([]item, error) {
	parts := make([]map[string]item, (len(rows)+perBatch-1)/perBatch)
	var group errgroup.Group
	group.SetLimit(4)
	for i := range parts {
		group.Go(func() (err error) {
			parts[i], err = s.getBatch(ctx, rows[i*perBatch:min(len(rows), (i+1)*perBatch)])
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var out []item
	for i, row := range rows {
		if got, ok := parts[i/perBatch][str(row, "pk")]; ok {
			out = append(out, got)
		}
	}
	return out, nil
}

// getBatch reads items by pk. What DynamoDB leaves over, 16 MB a call or being
// throttled, is asked for again.
func (s *Store) getBatch(ctx context.Context, rows []item) (map[string]item, error) {
	keys := make([]map[string]types.AttributeValue, 0, len(rows))
	for _, r := range rows {
		keys = append(keys, item{"pk": r["pk"], "sk": r["sk"]})
	}
	out := map[string]item{}
	for try := 1; len(keys) > 0; try++ {
		before := len(keys)
		err := s.call(ctx, func(ctx context.Context) error {
			got, err := s.client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{
				RequestItems: map[string]types.KeysAndAttributes{s.config.Table: {Keys: keys, ConsistentRead: aws.Bool(true)}},
			})
			if err != nil {
				return err
			}
			for _, i := range got.Responses[s.config.Table] {
				out[str(i, "pk")] = i
			}
			keys = got.UnprocessedKeys[s.config.Table].Keys
			return nil
		})
		switch {
		case err != nil:
			return nil, err
		case len(keys) < before:
			try = 0
		case try == attempts:
			return nil, fmt.Errorf("%d items were left over %d times: the table is throttled", len(keys), try)
		default:
			if err := pause(ctx, try); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

package dynamodb

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"
)

// maxConcurrent bounds the concurrent calls of a Claim.
const maxConcurrent = 32

// Claim implements store.Store. It finds orders that may be due in an index, and leases each by a write with the
// condition that it is due.
func (s *Store) Claim(ctx context.Context, now time.Time, limit int, lease time.Duration) ([]string, error) {
	if limit <= 0 {
		return nil, ctx.Err()
	}
	candidates, err := s.queryIndex(ctx, indexQuery{
		index:  "due",
		where:  "next_at <= :now",
		values: item{":now": numberAttr(toNanos(now))},
		limit:  limit,
	})
	if err != nil {
		return nil, fmt.Errorf("claim due orders: %w", err)
	}
	slices.SortStableFunc(candidates, compareNext)
	c := claim{
		store: s,
		id:    newWriteID(),
		now:   now,
		until: now.Add(lease),
	}
	var leased []item
	for len(candidates) > 0 && len(leased) < limit {
		n := min(limit-len(leased), maxConcurrent, len(candidates))
		part, err := c.leaseRows(ctx, candidates[:n])
		leased = append(leased, part...)
		candidates = candidates[n:]
		if err != nil && len(leased) == 0 {
			return nil, fmt.Errorf("claim due orders: %w", err)
		}
		if err != nil { // the leased orders are returned, the others stay due
			break
		}
		if len(part) < n/2 { // another process claims the same rows
			rand.Shuffle(len(candidates), func(i, j int) { candidates[i], candidates[j] = candidates[j], candidates[i] })
		}
	}
	slices.SortStableFunc(leased, compareNext)
	var ids []string
	for _, row := range leased {
		ids = append(ids, orderIDOf(row))
	}
	return ids, nil
}

func compareNext(a, b item) int { return cmp.Compare(getNumber(a, "next_at"), getNumber(b, "next_at")) }

// claim is a call of Claim.
type claim struct {
	store      *Store
	id         []byte
	now, until time.Time
}

// leaseRows leases the orders of index rows, and returns the rows of the orders that it leased.
func (c claim) leaseRows(ctx context.Context, rows []item) ([]item, error) {
	leased := make([]bool, len(rows))
	var group errgroup.Group
	for i, row := range rows {
		group.Go(func() error {
			var err error
			leased[i], err = c.leaseRow(ctx, row)
			return err
		})
	}
	err := group.Wait()
	var out []item
	for i, row := range rows {
		if leased[i] {
			out = append(out, row)
		}
	}
	return out, err
}

// leaseRow reports whether it leased the order of an index row.
func (c claim) leaseRow(ctx context.Context, row item) (bool, error) {
	startedAt := time.Now()
	err := c.store.withRetries(ctx, func(ctx context.Context) error {
		_, err := c.store.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName:           &c.store.config.Table,
			Key:                 item{"pk": row["pk"], "sk": row["sk"]},
			UpdateExpression:    aws.String("SET next_at = :until, claimed_at = :now, lease_id = :id"),
			ConditionExpression: aws.String("next_at <= :now"),
			ExpressionAttributeValues: item{
				":until": numberAttr(toNanos(c.until)),
				":now":   numberAttr(toNanos(c.now)),
				":id":    bytesAttr(c.id),
			},
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		})
		return asConflict(err)
	})
	if conflict, ok := errors.AsType[*conflictError](err); ok {
		// It is this claim's lease if the answer of an earlier attempt was lost.
		return string(getBytes(conflict.current, "lease_id")) == string(c.id), nil
	}
	c.store.recent.forget(orderIDOf(row))
	c.store.observeCommit(startedAt, err)
	return err == nil, err
}

// indexQuery is a query of an index.
type indexQuery struct {
	index, where string
	partitions   []string // nil for all shards
	values       item
	limit        int // rows per partition
}

// queryIndex returns the rows of the partitions.
func (s *Store) queryIndex(ctx context.Context, q indexQuery) ([]item, error) {
	partitions := q.partitions
	if partitions == nil {
		partitions = allShards()
	}
	parts := make([][]item, len(partitions))
	var group errgroup.Group
	for i, partition := range partitions {
		group.Go(func() (err error) {
			parts[i], err = s.queryIndexPartition(ctx, q, partition)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return slices.Concat(parts...), nil
}

func (s *Store) queryIndexPartition(ctx context.Context, q indexQuery, partition string) (rows []item, err error) {
	x := tableIndexes()[slices.IndexFunc(tableIndexes(), func(x tableIndex) bool { return x.name == q.index })]
	where := x.partition + " = :shard"
	if q.where != "" {
		where += " AND " + q.where
	}
	values := item{":shard": stringAttr(partition)}
	maps.Copy(values, q.values)
	var from item
	for {
		err := s.withRetries(ctx, func(ctx context.Context) error {
			page, err := s.client.Query(ctx, &dynamodb.QueryInput{
				TableName:                 &s.config.Table,
				IndexName:                 &q.index,
				KeyConditionExpression:    &where,
				ExpressionAttributeValues: values,
				Limit:                     aws.Int32(int32(q.limit - len(rows))),
				ExclusiveStartKey:         from,
			})
			if err == nil {
				rows = append(rows, page.Items...)
				from = page.LastEvaluatedKey
			}
			return err
		})
		if err != nil || len(from) == 0 || len(rows) >= q.limit {
			return rows, err
		}
	}
}

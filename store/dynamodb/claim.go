package dynamodb

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"
)

// atOnce bounds the calls that one Claim or List has under way.
const atOnce = 32

// Claim implements store.Store. The index says what may be due; a write with the
// condition that it is, leases it.
func (s *Store) Claim(ctx context.Context, now time.Time, limit int, lease time.Duration) ([]string, error) {
	if limit <= 0 {
		return nil, ctx.Err()
	}
	may, err := s.rows(ctx, lookup{
		index:  "due",
		where:  "next_at <= :now",
		values: item{":now": number(nanos(now))},
		limit:  limit,
	})
	if err != nil {
		return nil, fmt.Errorf("claim due orders: %w", err)
	}
	slices.SortStableFunc(may, byNext)
	c := claim{
		store: s,
		id:    newID(),
		now:   now,
		until: now.Add(lease),
	}
	var got []item
	for len(may) > 0 && len(got) < limit {
		n := min(limit-len(got), atOnce, len(may))
		part, err := c.all(ctx, may[:n])
		got, may = append(got, part...), may[n:]
		if err != nil && len(got) == 0 {
			return nil, fmt.Errorf("claim due orders: %w", err)
		}
		if err != nil { // what was leased is handed out, the rest is still due
			break
		}
		if len(part) < n/2 { // another process is at the same place
			rand.Shuffle(len(may), func(i, j int) { may[i], may[j] = may[j], may[i] }) //nolint:gosec // it keeps no secret
		}
	}
	slices.SortStableFunc(got, byNext)
	var ids []string
	for _, row := range got {
		ids = append(ids, orderOf(row))
	}
	return ids, nil
}

func byNext(a, b item) int { return cmp.Compare(integer(a, "next_at"), integer(b, "next_at")) }

// claim is one Claim.
type claim struct {
	store      *Store
	id         []byte
	now, until time.Time
}

// all leases what is due of the rows, and returns those rows.
func (c claim) all(ctx context.Context, rows []item) ([]item, error) {
	ours := make([]bool, len(rows))
	var group errgroup.Group
	for i, row := range rows {
		group.Go(func() error {
			var err error
			ours[i], err = c.one(ctx, row)
			return err
		})
	}
	err := group.Wait()
	var out []item
	for i, row := range rows {
		if ours[i] {
			out = append(out, row)
		}
	}
	return out, err
}

func (c claim) one(ctx context.Context, row item) (bool, error) {
	began := time.Now()
	err := c.store.call(ctx, func(ctx context.Context) error {
		_, err := c.store.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName: &c.store.config.Table, Key: item{"pk": row["pk"], "sk": row["sk"]},
			UpdateExpression:    aws.String("SET next_at = :until, claimed_at = :now, lease_id = :id"),
			ConditionExpression: aws.String("next_at <= :now"),
			ExpressionAttributeValues: item{
				":until": number(nanos(c.until)), ":now": number(nanos(c.now)), ":id": blob(c.id),
			},
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		})
		return lost(err)
	})
	other, isLost := errors.AsType[*lostError](err)
	if isLost {
		return string(bin(other.now, "lease_id")) == string(c.id), nil // ours, if the answer was lost
	}
	c.store.observed(began, err)
	return err == nil, err
}

// lookup asks every shard of an index.
type lookup struct {
	index, where string
	values       item
	limit        int // rows of each shard
}

// rows returns the rows of all shards.
func (s *Store) rows(ctx context.Context, l lookup) ([]item, error) {
	parts := make([][]item, shards)
	var group errgroup.Group
	for i := range shards {
		group.Go(func() (err error) {
			parts[i], err = s.shardRows(ctx, l, i)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return slices.Concat(parts...), nil
}

func (s *Store) shardRows(ctx context.Context, l lookup, shard int) (out []item, err error) {
	x := indexes()[slices.IndexFunc(indexes(), func(x index) bool { return x.name == l.index })]
	where := x.partition + " = :shard"
	if l.where != "" {
		where += " AND " + l.where
	}
	values := item{":shard": text(strconv.Itoa(shard))}
	maps.Copy(values, l.values)
	var from item
	for {
		err := s.call(ctx, func(ctx context.Context) error {
			page, err := s.client.Query(ctx, &dynamodb.QueryInput{
				TableName:                 &s.config.Table,
				IndexName:                 &l.index,
				KeyConditionExpression:    &where,
				ExpressionAttributeValues: values,
				Limit:                     aws.Int32(int32(l.limit - len(out))),
				ExclusiveStartKey:         from,
			})
			if err == nil {
				out, from = append(out, page.Items...), page.LastEvaluatedKey
			}
			return err
		})
		if err != nil || len(from) == 0 || len(out) >= l.limit {
			return out, err
		}
	}
}

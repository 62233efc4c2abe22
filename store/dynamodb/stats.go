package dynamodb

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"golang.org/x/sync/errgroup"

	"github.com/approval-relay/approval-relay/store"
)

// Stats implements store.Store: the items of counts, a look at the beginning of the
// pending of each workflow, and at that of the index of due times. What other processes
// store meanwhile may be in one and not yet in another. OldestDue is that of the
// orders which come first in that index: an order that is leased stands there at
// the end of its lease.
func (s *Store) Stats(ctx context.Context) (store.Stats, error) {
	out := store.Stats{Workflows: map[string]store.WorkflowStats{}}
	counts, err := s.counts(ctx)
	if err != nil {
		return out, fmt.Errorf("read counts: %w", err)
	}
	out.Exhausted, out.Retrying, out.DeadLetters = int(counts["exhausted"]), int(counts["retrying"]), int(counts["letters"])
	if out.OldestDue, err = s.oldestDue(ctx); err != nil {
		return out, fmt.Errorf("read counts: %w", err)
	}
	for name, n := range counts {
		workflow, ok := strings.CutPrefix(name, countPending)
		if !ok || n <= 0 {
			continue
		}
		oldest, err := s.oldest(ctx, workflow)
		if err != nil {
			return out, fmt.Errorf("read counts: %w", err)
		}
		out.Workflows[workflow] = store.WorkflowStats{Pending: int(n), Oldest: oldest}
	}
	return out, nil
}

// counts adds up the shares.
func (s *Store) counts(ctx context.Context) (map[string]int64, error) {
	var keys []item
	for i := range countShards {
		keys = append(keys, countKey(i))
	}
	items, err := s.getAll(ctx, keys)
	sum := map[string]int64{}
	for _, i := range items {
		for name := range i {
			sum[name] += integer(i, name)
		}
	}
	return sum, err
}

// dueRows is how many rows of each shard are looked at for OldestDue.
const dueRows = 10

func (s *Store) oldestDue(ctx context.Context) (oldest time.Time, err error) {
	parts := make([][]item, shards)
	var group errgroup.Group
	for i := range shards {
		group.Go(func() error {
			return s.call(ctx, func(ctx context.Context) error {
				page, err := s.client.Query(ctx, &dynamodb.QueryInput{
					TableName: &s.config.Table, IndexName: aws.String("due"), KeyConditionExpression: aws.String("due_shard = :shard"),
					ExpressionAttributeValues: item{":shard": text(strconv.Itoa(i))}, Limit: aws.Int32(dueRows),
				})
				if err == nil {
					parts[i] = page.Items
				}
				return err
			})
		})
	}
	err = group.Wait()
	for _, rows := range parts {
		for _, r := range rows {
			if due := unix(integer(r, "due_at")); oldest.IsZero() || due.Before(oldest) {
				oldest = due
			}
		}
	}
	return oldest, err
}

// oldest returns since when a workflow has waited longest.
func (s *Store) oldest(ctx context.Context, workflow string) (oldest time.Time, err error) {
	ends := make([]time.Time, pendingShards)
	var group errgroup.Group
	for i := range pendingShards {
		group.Go(func() error {
			return s.call(ctx, func(ctx context.Context) error {
				page, err := s.client.Query(ctx, &dynamodb.QueryInput{
					TableName:                 &s.config.Table,
					KeyConditionExpression:    aws.String("pk = :pk"),
					Limit:                     aws.Int32(1),
					ConsistentRead:            aws.Bool(true),
					ExpressionAttributeValues: item{":pk": text(pendingPartition(strconv.Itoa(i), workflow))},
				})
				if err == nil && len(page.Items) > 0 {
					ends[i] = sinceOf(str(page.Items[0], "sk"))
				}
				return err
			})
		})
	}
	err = group.Wait()
	for _, t := range ends {
		if !t.IsZero() && (oldest.IsZero() || t.Before(oldest)) {
			oldest = t
		}
	}
	return oldest, err
}

// sinceOf reads the time in the sort key of a pending.
func sinceOf(sk string) time.Time {
	text, _, _ := strings.Cut(sk, "#")
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return unix(int64(n ^ 1<<63)) // as sortable has it
}

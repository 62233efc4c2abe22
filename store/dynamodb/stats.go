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

// Stats implements store.Store. It reads the items with the counts, the first pending approvals of each workflow,
// the first rows of the index by due time, and the owed answers. An update of another process may already be in some of them and not yet in
// others.
//
// OldestDue is the earliest due time among the first rows of that index. The index is sorted by the time of the next
// claim, so a leased order is at the end of its lease there.
func (s *Store) Stats(ctx context.Context) (store.Stats, error) {
	out := store.Stats{Workflows: map[string]store.WorkflowStats{}}
	counts, err := s.sumCounts(ctx)
	if err != nil {
		return out, fmt.Errorf("read counts: %w", err)
	}
	out.Exhausted = int(counts["exhausted"])
	out.Retrying = int(counts["retrying"])
	out.Undeliverable = int(counts["undeliverable"])
	out.Unanswered = int(counts["unanswered"])
	out.DeadLetters = int(counts["letters"])
	if out.OldestDue, err = s.oldestDue(ctx); err != nil {
		return out, fmt.Errorf("read counts: %w", err)
	}
	if err := s.boundCounts(ctx, &out); err != nil {
		return out, fmt.Errorf("read counts: %w", err)
	}
	if err := s.countOwed(ctx, &out); err != nil {
		return out, fmt.Errorf("read counts: %w", err)
	}
	for name, n := range counts {
		workflow, ok := strings.CutPrefix(name, pendingPrefix)
		if !ok || n <= 0 {
			continue
		}
		oldest, err := s.oldestPending(ctx, workflow)
		if err != nil {
			return out, fmt.Errorf("read counts: %w", err)
		}
		out.Workflows[workflow] = store.WorkflowStats{Pending: int(n), Oldest: oldest}
	}
	return out, nil
}

// sumCounts returns each count, as the sum of all shards.
func (s *Store) sumCounts(ctx context.Context) (map[string]int64, error) {
	var keys []item
	for i := range countShards {
		keys = append(keys, countKey(i))
	}
	items, err := s.getItems(ctx, keys)
	sum := map[string]int64{}
	for _, i := range items {
		for name := range i {
			sum[name] += getNumber(i, name)
		}
	}
	return sum, err
}

// dueRows is the number of rows that are read from each shard for OldestDue.
const dueRows = 10

func (s *Store) oldestDue(ctx context.Context) (oldest time.Time, err error) {
	parts := make([][]item, shards)
	var group errgroup.Group
	for i := range shards {
		group.Go(func() error {
			return s.withRetries(ctx, func(ctx context.Context) error {
				page, err := s.client.Query(ctx, &dynamodb.QueryInput{
					TableName:                 &s.config.Table,
					IndexName:                 aws.String("due"),
					KeyConditionExpression:    aws.String("due_shard = :shard"),
					ExpressionAttributeValues: item{":shard": stringAttr(strconv.Itoa(i))},
					Limit:                     aws.Int32(dueRows),
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
			if due := fromNanos(getNumber(r, "due_at")); oldest.IsZero() || due.Before(oldest) {
				oldest = due
			}
		}
	}
	return oldest, err
}

// oldestPending returns when the oldest pending approval of a workflow was requested.
func (s *Store) oldestPending(ctx context.Context, workflow string) (oldest time.Time, err error) {
	ends := make([]time.Time, pendingShards)
	var group errgroup.Group
	for i := range pendingShards {
		group.Go(func() error {
			return s.withRetries(ctx, func(ctx context.Context) error {
				page, err := s.client.Query(ctx, &dynamodb.QueryInput{
					TableName:                 &s.config.Table,
					KeyConditionExpression:    aws.String("pk = :pk"),
					Limit:                     aws.Int32(1),
					ConsistentRead:            aws.Bool(true),
					ExpressionAttributeValues: item{":pk": stringAttr(pendingPartition(strconv.Itoa(i), workflow))},
				})
				if err == nil && len(page.Items) > 0 {
					ends[i] = parseSortableTime(getString(page.Items[0], "sk"))
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

// parseSortableTime returns the time at the beginning of a sort key. It is the inverse of sortableTime.
func parseSortableTime(sk string) time.Time {
	text, _, _ := strings.Cut(sk, "#")
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return fromNanos(int64(n ^ 1<<63))
}

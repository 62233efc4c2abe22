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

// Stats implements store.Store. It reads the totals that all workers store every few seconds, and the first rows
// of some indexes. An update of another process may already be in some of them and not yet in others.
//
// OldestDue is the earliest due time among the first rows of the index by due time.
func (s *Store) Stats(ctx context.Context) (store.Stats, error) {
	out := store.Stats{Workflows: map[string]store.WorkflowStats{}}
	counted, err := s.sumCounts(ctx)
	if err != nil {
		return out, fmt.Errorf("read counts: %w", err)
	}
	out.Exhausted = int(max(counted["exhausted"], 0))
	out.Retrying = int(max(counted["retrying"], 0))
	out.Undeliverable = int(counted["undeliverable"])
	out.Unanswered = int(counted["unanswered"])
	out.DeadLetters = int(max(counted["letters"], 0))
	if out.OldestDue, err = s.oldestDue(ctx); err != nil {
		return out, fmt.Errorf("read counts: %w", err)
	}
	if err := s.boundCounts(ctx, &out); err != nil {
		return out, fmt.Errorf("read counts: %w", err)
	}
	if err := s.countOwed(ctx, &out); err != nil {
		return out, fmt.Errorf("read counts: %w", err)
	}
	if !counted.hasPending() { // an idle worker saves the calls
		return out, nil
	}
	if err := s.countWaiting(ctx, counted, &out); err != nil {
		return out, fmt.Errorf("read counts: %w", err)
	}
	return out, nil
}

// dueRows is the number of rows that are read from each shard for OldestDue. A lease of version 1 changes the order of rows.
const dueRows = 10

func (s *Store) oldestDue(ctx context.Context) (oldest time.Time, err error) {
	shards, err := s.allShards(ctx)
	if err != nil {
		return oldest, err
	}
	parts := make([][]item, len(shards))
	var group errgroup.Group
	group.SetLimit(maxConcurrent)
	for i, shard := range shards {
		group.Go(func() error {
			return s.withRetries(ctx, func(ctx context.Context) error {
				page, err := s.client.Query(ctx, &dynamodb.QueryInput{
					TableName:                 &s.config.Table,
					IndexName:                 aws.String("due"),
					KeyConditionExpression:    aws.String("due_shard = :shard"),
					ExpressionAttributeValues: item{":shard": stringAttr(shard)},
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
			due := fromNanos(min(getNumber(r, "due_at"), getNumber(r, "next_at")))
			if oldest.IsZero() || due.Before(oldest) {
				oldest = due
			}
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

package dynamodb

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// The orders in a state that needs attention are in the index "exhausted". Its name is from a version that had the
// exhausted orders only. The item of such an order has the set of its states in the attribute "attention". An outage of a
// target makes many orders retry, so the orders that only retry are in partitions of their own.

// retryingPrefix is the prefix of the partitions with the orders that only retry.
const retryingPrefix = "r"

// setStates adds the set of states of an order, and its place in the index, to its item.
func setStates(i item, o *approval.Order, shard string) {
	set := store.StatesOf(o)
	if set == 0 {
		return
	}
	partition := shard
	if set == store.InRetrying {
		partition = retryingPrefix + partition
	}
	i["exhausted_shard"] = stringAttr(partition)
	i["attention"] = numberAttr(int64(set))
}

// statePartitions returns the partitions of the index with the orders in a set of states.
func statePartitions(set store.StateSet, shards []string) []string {
	partitions := slices.Clone(shards)
	if set&store.InRetrying != 0 {
		for _, shard := range shards {
			partitions = append(partitions, retryingPrefix+shard)
		}
	}
	return partitions
}

// countedStates returns the states in which a stored order is counted. An item of an older version has no set: of its
// order, only the exhausted and the retrying callbacks are counted.
func countedStates(before item, o *approval.Order) store.StateSet {
	if _, ok := before["attention"]; ok {
		return store.StateSet(getNumber(before, "attention"))
	}
	if before == nil {
		return 0
	}
	return store.StatesOf(o) & (store.InExhausted | store.InRetrying)
}

// stateCount is the name of the count of a state.
type stateCount struct {
	member store.StateSet
	name   string
}

func stateCounts() []stateCount {
	return []stateCount{
		{store.InExhausted, "exhausted"},
		{store.InRetrying, "retrying"},
		{store.InUndeliverable, "undeliverable"},
		{store.InUnanswered, "unanswered"},
	}
}

// countStates adds the difference between two sets of states to the counts.
func (c *change) countStates(old, current store.StateSet) {
	for _, s := range stateCounts() {
		switch {
		case old&s.member == current&s.member:
		case current&s.member != 0:
			c.counts.add(s.name, 1)
		default:
			c.counts.add(s.name, -1)
		}
	}
}

// maxCounted is the largest count that is compared with the index.
const maxCounted = 1000

// boundCounts makes the counts of undeliverable and unanswered orders no larger than the number of orders in the index: a
// worker that was killed may not have stored that it took an order out of it.
func (s *Store) boundCounts(ctx context.Context, out *store.Stats) error {
	largest := max(out.Undeliverable, out.Unanswered)
	out.Undeliverable = max(out.Undeliverable, 0)
	out.Unanswered = max(out.Unanswered, 0)
	if largest <= 0 || largest > maxCounted {
		return nil
	}
	shards, err := s.allShards(ctx)
	if err != nil {
		return err
	}
	found := make([]int, len(shards))
	var group errgroup.Group
	group.SetLimit(maxConcurrent)
	for i, partition := range shards {
		group.Go(func() error {
			return s.withRetries(ctx, func(ctx context.Context) error {
				page, err := s.client.Query(ctx, &dynamodb.QueryInput{
					TableName:                 &s.config.Table,
					IndexName:                 aws.String("exhausted"),
					Select:                    types.SelectCount,
					KeyConditionExpression:    aws.String("exhausted_shard = :partition"),
					ExpressionAttributeValues: item{":partition": stringAttr(partition)},
					Limit:                     aws.Int32(int32(largest)),
				})
				if err == nil {
					found[i] = int(page.Count)
				}
				return err
			})
		})
	}
	err = group.Wait()
	sum := 0
	for _, n := range found {
		sum += n
	}
	out.Undeliverable = min(out.Undeliverable, sum)
	out.Unanswered = min(out.Unanswered, sum)
	return err
}

// storedStates returns the states of an item. An older version stored exhausted orders only.
func storedStates(i item) store.StateSet {
	if _, ok := i["attention"]; ok {
		return store.StateSet(getNumber(i, "attention"))
	}
	if _, ok := i["exhausted_shard"]; ok {
		return store.InExhausted
	}
	return 0
}

// isListed reports whether the order of an item is one of those that a query lists: an index may lag behind.
func isListed(q store.OrderQuery, i item, o *approval.Order) bool {
	if q.ByAge || q.State == store.StatePending {
		_, isPending := i["pending_shard"]
		return isPending
	}
	set := q.State.Set()
	if set == 0 {
		return true
	}
	states := store.StatesOf(o)
	if o.IsEmpty() { // its record cannot be read
		states = storedStates(i)
	}
	return states&set != 0
}

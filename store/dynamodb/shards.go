package dynamodb

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// A partition takes 1,000 write units a second, and the index by due time cannot be split further by DynamoDB, because its
// newest rows are always next to each other. So each index has as many shards as the table needs. Their number is in an
// item of the table, and it only grows: by the setting, or when the workers write so much that the partitions become warm.
// The rows of an order are in the shard that its item names, until the order is written again.

const (
	// firstShards is the number of shards of a new table.
	firstShards = 8
	// MaxShards bounds the number of shards, because every reader of an index asks them all.
	MaxShards = 512
	// warmUnits is the number of index writes a second in a shard at which the number of shards grows.
	warmUnits = 500
)

// indexLoad counts the writes in the index by due time that were wanted since the last beat, each with all of its attempts
// once. While the shards are too few, most attempts are throttled, and the writes that succeed do not show how many shards
// are needed.
type indexLoad struct {
	units atomic.Int64
	since time.Time // used by the beats only
	warm  float64   // the load of a shard at which the number of shards grows
}

// growShards stores a larger number of shards if the settings or the load ask for it.
func (s *Store) growShards(ctx context.Context) error {
	m := s.members
	m.mu.Lock()
	current, workers := m.shards, len(m.alive)
	m.mu.Unlock()
	now := time.Now()
	wanted := max(current.read, min(s.config.Shards, MaxShards))
	units := s.load.units.Swap(0)
	if passed := now.Sub(s.load.since).Seconds(); !s.load.since.IsZero() && passed > 1 {
		for fleet := float64(units) / passed * float64(workers); fleet > s.load.warm*float64(wanted) && wanted < MaxShards; {
			wanted = min(2*wanted, MaxShards)
		}
	}
	s.load.since = now
	if wanted == current.read {
		return nil
	}
	grown := itemKey(membersPartition, shardsKey)
	grown["shards"] = numberAttr(int64(wanted))
	grown["before"] = numberAttr(int64(current.write(now)))
	err := s.withRetries(ctx, func(ctx context.Context) error {
		_, err := s.client.PutItem(ctx, &dynamodb.PutItemInput{
			TableName:                 &s.config.Table,
			Item:                      grown,
			ConditionExpression:       aws.String("attribute_not_exists(pk) OR shards < :wanted"),
			ExpressionAttributeValues: item{":wanted": numberAttr(int64(wanted))},
		})
		return asConflict(err)
	})
	if _, isGrown := errors.AsType[*conflictError](err); isGrown { // by another worker
		return nil
	}
	return err
}

// shardNames returns the names of n shards.
func shardNames(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = strconv.Itoa(i)
	}
	return names
}

// allShards returns the names of the shards that a reader of an index asks.
func (s *Store) allShards(ctx context.Context) ([]string, error) {
	n, err := s.readShards(ctx)
	return shardNames(n), err
}

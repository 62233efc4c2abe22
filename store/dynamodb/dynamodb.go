// Package dynamodb keeps orders in a single DynamoDB table, for many processes at once. An order is an item, and every
// write of it has the condition that the item is still as it was read. Due orders are found in an index with a few
// partitions. A conditional write on the item decides which process leases an order, so that an index that lags behind
// costs only time.
package dynamodb

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/approval-relay/approval-relay/store"
)

// Config configures a Store. The region and the endpoint of its settings are those of AWS already.
type Config struct {
	Settings
	// AWS is the configuration of the SDK. Its retryer is not used: only the store can find out whether a write without
	// an answer was applied.
	AWS    aws.Config
	Sealer store.Sealer
	// Limits are those of each compressed record; all zero means those of DynamoDB.
	Limits store.RecordLimits
	// Observe is called after every write. It may be nil.
	Observe func(Commit)
	// Import also opens a table that a migration has not completed.
	Import bool
	// Moved also opens a table that a migration has moved to another store, so that it can be read.
	Moved bool
}

// Commit describes a write.
type Commit struct {
	Took time.Duration // all attempts together
	Err  error
}

// Store implements store.Store and store.DeadLetters.
type Store struct {
	config Config
	client API
	locks  orderLocks
	recent *recentItems

	importing bool // the table is marked as incomplete
}

// Open checks the table, or creates it if the Config asks for that. It refuses a table of another program or of a newer
// version.
func Open(ctx context.Context, c Config) (*Store, error) {
	if c.Limits == (store.RecordLimits{}) {
		c.Limits = recordLimits()
	}
	s := &Store{
		config: c,
		locks:  orderLocks{locks: map[string]*orderLock{}},
		recent: newRecentItems(recentBytes),
	}
	s.client = dynamodb.NewFromConfig(c.AWS, func(o *dynamodb.Options) { o.Retryer = aws.NopRetryer{} })
	err := errors.New("a sealer for the task tokens is missing")
	if c.Sealer != nil {
		err = s.openTable(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("open store, table %q: %w", c.Table, err)
	}
	return s, nil
}

// Close does nothing, because every update is stored already.
func (*Store) Close() error { return nil }

// Probe implements store.Prober. It writes an item that belongs to no order.
func (s *Store) Probe(ctx context.Context) error {
	err := s.withRetries(ctx, func(ctx context.Context) error {
		_, err := s.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName:                 &s.config.Table,
			Key:                       itemKey("meta", "probe"),
			UpdateExpression:          aws.String("SET probed_at = :now"),
			ExpressionAttributeValues: item{":now": numberAttr(time.Now().UnixNano())},
		})
		return err
	})
	if err != nil {
		return fmt.Errorf("probe: %w", err)
	}
	return nil
}

// item is an item of the table, or some of its attributes.
type item = map[string]types.AttributeValue

// observeCommit calls the observer after a write. A write whose caller has left is no failure of the store.
func (s *Store) observeCommit(since time.Time, err error) {
	if s.config.Observe != nil && !errors.Is(err, context.Canceled) {
		s.config.Observe(Commit{Took: time.Since(since), Err: err})
	}
}

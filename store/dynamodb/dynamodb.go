// Package dynamodb keeps orders in one DynamoDB table, for many processes at
// once. An order is one item, and every write of it has the condition that it is
// still as it was read. What is due is found in an index that has a few
// partitions; whose it is, is decided by a conditional write on the item, so that an
// index that lags behind costs time and nothing else.
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

// Config says where and how.
type Config struct {
	// AWS is the SDK's configuration. Its retryer is not used: whether a write whose
	// answer was lost is ours, only the store can tell.
	AWS    aws.Config
	Table  string
	Create bool // make the table where there is none
	Sealer store.Sealer
	// Observe is told of every write; nil is fine.
	Observe func(Commit)
}

// Commit is what is told of a write.
type Commit struct {
	Took time.Duration // with the attempts that were needed
	Err  error
}

// Store implements store.Store and store.DeadLetters.
type Store struct {
	config Config
	client API
	turns  turns
}

// Open looks at the table, makes it if that is asked for, and refuses one that is
// not ours or has been made by a newer program.
func Open(ctx context.Context, c Config) (*Store, error) {
	s := &Store{config: c, turns: turns{waiting: map[string]*turn{}}}
	s.client = dynamodb.NewFromConfig(c.AWS, func(o *dynamodb.Options) { o.Retryer = aws.NopRetryer{} })
	err := errors.New("there is nothing to seal tokens with")
	if c.Sealer != nil {
		err = s.open(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("open store, table %q: %w", c.Table, err)
	}
	return s, nil
}

// Close does nothing: there is nothing that is not stored.
func (*Store) Close() error { return nil }

// Probe makes a durable write that changes nothing of any order.
func (s *Store) Probe(ctx context.Context) error {
	err := s.call(ctx, func(ctx context.Context) error {
		_, err := s.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName: &s.config.Table, Key: key("meta", "probe"), UpdateExpression: aws.String("SET probed_at = :now"),
			ExpressionAttributeValues: item{":now": number(time.Now().UnixNano())},
		})
		return err
	})
	if err != nil {
		return fmt.Errorf("probe: %w", err)
	}
	return nil
}

// item is an item, or a part of one.
type item = map[string]types.AttributeValue

// observed tells of a write.
func (s *Store) observed(since time.Time, err error) {
	if s.config.Observe != nil {
		s.config.Observe(Commit{Took: time.Since(since), Err: err})
	}
}

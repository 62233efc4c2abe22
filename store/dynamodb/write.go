package dynamodb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// lostError says that an item was not as it had been read.
type lostError struct{ now item }

// Error says so.
func (*lostError) Error() string { return "it has changed meanwhile" }

// write stores a change, if the order is as it was read: by one write of its item, or
// in a transaction with what counts it. A repeated attempt cannot count twice: its
// condition on the order fails then.
func (s *Store) write(ctx context.Context, c *change) error {
	err := s.call(ctx, func(ctx context.Context) error {
		if len(c.counts)+len(c.ended)+len(c.opened) > 0 {
			return s.transact(ctx, c)
		}
		return s.alone(ctx, c)
	})
	lost, ok := errors.AsType[*lostError](err)
	if ok && c.isIn(lost.now) {
		return nil // an attempt of ours, and its answer was lost
	}
	return err
}

// isIn says whether the change is among the last writes of an item.
func (c *change) isIn(now item) bool {
	for id := range slices.Chunk(bin(now, "last_writes"), idSize) {
		if bytes.Equal(id, c.id) {
			return true
		}
	}
	return false
}

// condition is that the order is as it was read: neither written nor claimed since.
func (c *change) condition() (string, item) {
	if c.before == nil {
		return "attribute_not_exists(pk)", nil
	}
	values := item{":writes": c.before["last_writes"]}
	if lease, ok := c.before["lease_id"]; ok {
		values[":lease"] = lease
		return "last_writes = :writes AND lease_id = :lease", values
	}
	return "last_writes = :writes AND attribute_not_exists(lease_id)", values
}

func (s *Store) alone(ctx context.Context, c *change) error {
	condition, values := c.condition()
	var err error
	if c.item == nil {
		_, err = s.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
			TableName:                           &s.config.Table,
			Key:                                 orderKey(c.orderID),
			ConditionExpression:                 &condition,
			ExpressionAttributeValues:           values,
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		})
	} else {
		_, err = s.client.PutItem(ctx, &dynamodb.PutItemInput{
			TableName:                           &s.config.Table,
			Item:                                c.item,
			ConditionExpression:                 &condition,
			ExpressionAttributeValues:           values,
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		})
	}
	return lost(err)
}

func (s *Store) transact(ctx context.Context, c *change) error {
	condition, values := c.condition()
	var order types.TransactWriteItem
	if c.item == nil {
		order.Delete = &types.Delete{
			TableName:                           &s.config.Table,
			Key:                                 orderKey(c.orderID),
			ConditionExpression:                 &condition,
			ExpressionAttributeValues:           values,
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		}
	} else {
		order.Put = &types.Put{
			TableName:                           &s.config.Table,
			Item:                                c.item,
			ConditionExpression:                 &condition,
			ExpressionAttributeValues:           values,
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		}
	}
	items := []types.TransactWriteItem{order} // its place is the first
	for _, k := range c.ended {
		items = append(items, types.TransactWriteItem{Delete: &types.Delete{TableName: &s.config.Table, Key: k}})
	}
	for _, k := range c.opened {
		items = append(items, types.TransactWriteItem{Put: &types.Put{TableName: &s.config.Table, Item: k}})
	}
	return s.transaction(ctx, append(items, s.counting(c.counts)...))
}

// transaction writes all of the items or none. The condition is the first one's.
func (s *Store) transaction(ctx context.Context, items []types.TransactWriteItem) error {
	_, err := s.client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: items})
	return lost(err)
}

// counting adds to one of the items that hold the counts.
func (s *Store) counting(counts map[string]int64) []types.TransactWriteItem {
	if len(counts) == 0 {
		return nil
	}
	names, values := map[string]string{}, item{}
	var adds []string
	for i, name := range slices.Sorted(maps.Keys(counts)) {
		n, v := fmt.Sprint("#n", i), fmt.Sprint(":v", i)
		names[n], values[v] = name, number(counts[name])
		adds = append(adds, n+" "+v)
	}
	drawn := rand.IntN(countShards) //nolint:gosec // it keeps no secret
	return []types.TransactWriteItem{{Update: &types.Update{
		TableName: &s.config.Table, Key: countKey(drawn), UpdateExpression: aws.String("ADD " + strings.Join(adds, ", ")),
		ExpressionAttributeNames: names, ExpressionAttributeValues: values,
	}}}
}

func countKey(shard int) item { return key(fmt.Sprint("count#", shard), "count") }

// lost makes of a condition that failed a lostError with the item as it is.
func lost(err error) error {
	if failed, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		return &local{&lostError{present(failed.Item)}}
	}
	if cancelled, ok := errors.AsType[*types.TransactionCanceledException](err); ok && len(cancelled.CancellationReasons) > 0 {
		if r := cancelled.CancellationReasons[0]; aws.ToString(r.Code) == "ConditionalCheckFailed" {
			return &local{&lostError{present(r.Item)}}
		}
	}
	return err
}

// present is nil for an item that is not there.
func present(i item) item {
	if len(i) == 0 {
		return nil
	}
	return i
}

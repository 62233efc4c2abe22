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

// conflictError is the error of a write whose item had changed since it was read.
type conflictError struct {
	current item // nil if the item does not exist
}

// Error implements error.
func (*conflictError) Error() string { return "the item has changed since it was read" }

// writeChange stores a change if the order is still as it was read. It writes the item alone, or in a transaction with
// the counts. A repeated attempt never counts twice, because its condition on the order fails.
func (s *Store) writeChange(ctx context.Context, c *change) error {
	err := s.withRetries(ctx, func(ctx context.Context) error {
		if len(c.counts)+len(c.ended)+len(c.opened) > 0 {
			return s.writeTransaction(ctx, c)
		}
		return s.writeItem(ctx, c)
	})
	conflict, ok := errors.AsType[*conflictError](err)
	if ok && c.isAppliedTo(conflict.current) {
		return nil // an earlier attempt succeeded, and its answer was lost
	}
	return err
}

// isAppliedTo reports whether the change is among the last writes of an item.
func (c *change) isAppliedTo(current item) bool {
	for id := range slices.Chunk(getBytes(current, "last_writes"), idSize) {
		if bytes.Equal(id, c.id) {
			return true
		}
	}
	return false
}

// writeCondition returns the condition that the order is as it was read: neither written nor claimed since.
func (c *change) writeCondition() (string, item) {
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

func (s *Store) writeItem(ctx context.Context, c *change) error {
	condition, values := c.writeCondition()
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
	return asConflict(err)
}

func (s *Store) writeTransaction(ctx context.Context, c *change) error {
	condition, values := c.writeCondition()
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
	items := []types.TransactWriteItem{order} // the first item, see transactItems
	for _, k := range c.ended {
		items = append(items, types.TransactWriteItem{Delete: &types.Delete{TableName: &s.config.Table, Key: k}})
	}
	for _, k := range c.opened {
		items = append(items, types.TransactWriteItem{Put: &types.Put{TableName: &s.config.Table, Item: k}})
	}
	return s.transactItems(ctx, append(items, s.countUpdate(c.counts)...))
}

// transactItems writes all of the items, or none of them. Only the condition of the first item may fail.
func (s *Store) transactItems(ctx context.Context, items []types.TransactWriteItem) error {
	_, err := s.client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: items})
	return asConflict(err)
}

// countUpdate returns the write that adds to a random item of the counts.
func (s *Store) countUpdate(counts map[string]int64) []types.TransactWriteItem {
	if len(counts) == 0 {
		return nil
	}
	names, values := map[string]string{}, item{}
	var adds []string
	for i, name := range slices.Sorted(maps.Keys(counts)) {
		nameRef := fmt.Sprint("#n", i)
		valueRef := fmt.Sprint(":v", i)
		names[nameRef] = name
		values[valueRef] = numberAttr(counts[name])
		adds = append(adds, nameRef+" "+valueRef)
	}
	shard := rand.IntN(countShards) //nolint:gosec // it is not a secret
	return []types.TransactWriteItem{{Update: &types.Update{
		TableName:                 &s.config.Table,
		Key:                       countKey(shard),
		UpdateExpression:          aws.String("ADD " + strings.Join(adds, ", ")),
		ExpressionAttributeNames:  names,
		ExpressionAttributeValues: values,
	}}}
}

func countKey(shard int) item { return itemKey(fmt.Sprint("count#", shard), "count") }

// asConflict makes of a condition that failed a lostError with the item as it is.
func asConflict(err error) error {
	if failed, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		return &localError{&conflictError{nilIfEmpty(failed.Item)}}
	}
	cancelled, ok := errors.AsType[*types.TransactionCanceledException](err)
	if !ok || len(cancelled.CancellationReasons) == 0 {
		return err
	}
	if r := cancelled.CancellationReasons[0]; aws.ToString(r.Code) == "ConditionalCheckFailed" {
		return &localError{&conflictError{nilIfEmpty(r.Item)}}
	}
	return err
}

// nilIfEmpty returns nil for an item that does not exist.
func nilIfEmpty(i item) item {
	if len(i) == 0 {
		return nil
	}
	return i
}

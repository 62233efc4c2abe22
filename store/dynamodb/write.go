package dynamodb

import (
	"bytes"
	"context"
	"errors"
	"slices"

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

// writeChange stores a change if the order is still as it was read. If the answer of an attempt is lost, the next
// attempt fails its condition, and the IDs of the last writes tell whether the first was applied.
//
// The items of owed answers that the order gets are put before it is written, and the items that it loses are deleted
// after it. If the process ends between the two, a superfluous item is left.
func (s *Store) writeChange(ctx context.Context, c *change) error {
	for _, i := range c.opened {
		if err := s.putItem(ctx, i); err != nil {
			return err
		}
	}
	err := s.withRetries(ctx, func(ctx context.Context) error { return s.writeItem(ctx, c) })
	conflict, isConflict := errors.AsType[*conflictError](err)
	if isConflict && c.isAppliedTo(conflict.current) {
		err = nil // an earlier attempt succeeded, and its answer was lost
	}
	switch {
	case err == nil:
		s.tally.add(c.counts)
		s.deleteAll(ctx, c.ended)
	case isConflict:
		kept := owedItems(conflict.current)
		s.deleteAll(ctx, slices.DeleteFunc(c.opened, func(i item) bool { return kept[keyText(i)] != nil }))
	}
	return err
}

// putItem puts an item, whether it exists or not.
func (s *Store) putItem(ctx context.Context, i item) error {
	return s.withRetries(ctx, func(ctx context.Context) error {
		_, err := s.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.config.Table, Item: i})
		return err
	})
}

// deleteAll deletes items that are not needed any more. The order is stored already, and the recount deletes leftovers.
func (s *Store) deleteAll(ctx context.Context, keys []item) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), attemptTimeout)
	defer cancel()
	for _, k := range keys {
		_ = s.deleteItem(ctx, itemKey(getString(k, "pk"), getString(k, "sk")))
	}
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

// writeCondition returns the condition that the order is as it was read.
func (c *change) writeCondition() (string, item) {
	if c.before == nil {
		return "attribute_not_exists(pk)", nil
	}
	return "last_writes = :writes", item{":writes": c.before["last_writes"]}
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

// transactItems writes all of the items, or none of them. Only the condition of the first item may fail.
func (s *Store) transactItems(ctx context.Context, items []types.TransactWriteItem) error {
	_, err := s.client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: items})
	return asConflict(err)
}

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

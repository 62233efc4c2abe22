package dynamodb

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// KeyIDs implements store.KeyRegister. The IDs are a set in an item that belongs to no order.
func (s *Store) KeyIDs(ctx context.Context) ([]string, error) {
	got, err := s.getItem(ctx, itemKey("meta", "keys"))
	if err != nil {
		return nil, fmt.Errorf("read the keys of the store: %w", err)
	}
	set, _ := got["key_ids"].(*types.AttributeValueMemberSS)
	if set == nil {
		return nil, nil
	}
	return slices.Sorted(slices.Values(set.Value)), nil
}

// AddKeyID implements store.KeyRegister. Workers that add their keys at the same time do not undo each other.
func (s *Store) AddKeyID(ctx context.Context, id string) error {
	err := s.withRetries(ctx, func(ctx context.Context) error {
		_, err := s.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName:                 &s.config.Table,
			Key:                       itemKey("meta", "keys"),
			UpdateExpression:          aws.String("ADD key_ids :id"),
			ExpressionAttributeValues: item{":id": &types.AttributeValueMemberSS{Value: []string{id}}},
		})
		return err
	})
	if err != nil {
		return fmt.Errorf("add key %s to the keys of the store: %w", id, err)
	}
	return nil
}

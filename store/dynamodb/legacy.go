package dynamodb

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Version 1 of the schema wrote each order in a transaction with one of 16 items with counts and with items of its pending
// approvals, and it wrote the lease of a claim into the item of the order. A worker of this version that starts adds the
// counts to the base and raises the version of the schema, so that no worker of an older version starts from then on.
// Workers of an older version that still run go on until they end: every write has a condition on the item of its order, in
// both versions, so that no update is lost. They refuse the orders whose records have become binary, for a time. The
// recounts add their later counts, and correct the rest. The items of pending approvals are deleted with the next write of
// their order.

const (
	legacyVersion       = 1
	legacyCountShards   = 16
	legacyPendingShards = 4
	legacyOwedShards    = 4
)

// legacyPendingKeys returns the keys of the items of pending approvals that version 1 has put for an order.
func legacyPendingKeys(before item, orderID string, pending map[string]workflowPending) []item {
	if before == nil || getNumber(before, "item_version") >= itemVersion {
		return nil
	}
	hash := sha256.Sum256([]byte(orderID))
	var keys []item
	for _, workflow := range slices.Sorted(maps.Keys(pending)) {
		partition := pendingPrefix + shardOf(orderID, legacyPendingShards) + "#" + workflow
		keys = append(keys, itemKey(partition, fmt.Sprintf("%s#%x", sortableTime(pending[workflow].oldest), hash[:16])))
	}
	return keys
}

// cutPending returns the workflow in the name of a count.
func cutPending(name string) (workflow string, ok bool) {
	return strings.CutPrefix(name, pendingPrefix)
}

// foldLegacyCounts adds the counts of version 1 to the base and deletes their items.
func (s *Store) foldLegacyCounts(ctx context.Context) error {
	for shard := range legacyCountShards {
		for isDone := false; !isDone; {
			var err error
			if isDone, err = s.foldLegacyCount(ctx, itemKey(fmt.Sprint("count#", shard), "count")); err != nil {
				return err
			}
		}
	}
	return nil
}

// foldLegacyCount adds an item of counts to the base. It reports whether the item is gone.
func (s *Store) foldLegacyCount(ctx context.Context, key item) (isGone bool, err error) {
	i, err := s.getItem(ctx, key)
	if err != nil || i == nil {
		return err == nil, err
	}
	base, err := s.getItem(ctx, itemKey(talliesPartition, baseKey))
	if err != nil {
		return false, err
	}
	whole := counts{}
	names, values := map[string]string{}, item{}
	var conditions []string
	for n, name := range slices.Sorted(maps.Keys(i)) {
		if name == "pk" || name == "sk" {
			continue
		}
		whole.add(name, getNumber(i, name))
		if len(conditions) == 50 { // the length is limited; the recount finds a change of the others
			continue
		}
		names[fmt.Sprint("#n", n)] = name
		values[fmt.Sprint(":v", n)] = i[name]
		conditions = append(conditions, fmt.Sprintf("#n%d = :v%d", n, n))
	}
	remove := &types.Delete{TableName: &s.config.Table, Key: key}
	if len(conditions) > 0 {
		remove.ConditionExpression = aws.String(strings.Join(conditions, " AND "))
		remove.ExpressionAttributeNames = names
		remove.ExpressionAttributeValues = values
	}
	put := s.basePut(base, whole, nil)
	err = s.withRetries(ctx, func(ctx context.Context) error {
		return s.transactItems(ctx, []types.TransactWriteItem{{Put: put}, {Delete: remove}})
	})
	if isConditionFailed(err) {
		return false, nil
	}
	return err == nil, err
}

// upgrade brings a table of version 1 to this version.
func (s *Store) upgrade(ctx context.Context) error {
	if err := s.foldLegacyCounts(ctx); err != nil {
		return err
	}
	err := s.withRetries(ctx, func(ctx context.Context) error {
		_, err := s.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName:           &s.config.Table,
			Key:                 itemKey("meta", "schema"),
			UpdateExpression:    aws.String("SET schema_version = :version, upgraded_at = :now"),
			ConditionExpression: aws.String("schema_version = :old"),
			ExpressionAttributeValues: item{
				":version": numberAttr(schemaVersion),
				":old":     numberAttr(legacyVersion),
				":now":     numberAttr(time.Now().UnixNano()),
			},
		})
		return asConflict(err)
	})
	if _, isUpgraded := errors.AsType[*conflictError](err); isUpgraded { // by another worker
		return nil
	}
	return err
}

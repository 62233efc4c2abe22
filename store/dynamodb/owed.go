package dynamodb

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// The oldest owed answer of an order in a workflow has an item of its own, see approval.OwedAnswer. The item of the
// order has the same in the attribute "owed". The item of an answer is put before the order is written and deleted
// after it, so that a process that is killed between the two leaves a superfluous item and never lacks one. The recount
// deletes what is too many.

const (
	owedPrefix = "owed#"
	// maxOwed bounds the items of an order.
	maxOwed = 8
	// owedRead is the number of items that Stats reads.
	owedRead = 1000
)

// owedSince returns when the oldest answer of each workflow became owed, in Unix nanoseconds. Of many workflows it has those
// that wait for longest.
func owedSince(o *approval.Order) map[string]int64 {
	all := o.OwedAnswers()
	slices.SortStableFunc(all, func(x, y approval.OwedAnswer) int { return x.Since.Compare(y.Since) })
	out := map[string]int64{}
	for _, w := range all[:min(len(all), maxOwed)] {
		out[w.Workflow] = toNanos(w.Since)
	}
	return out
}

// setOwed adds the owed answers of an order to its item.
func setOwed(i item, o *approval.Order) {
	owed := owedSince(o)
	if len(owed) == 0 {
		return
	}
	times := item{}
	for workflow, since := range owed {
		times[owedPrefix+workflow] = numberAttr(since)
	}
	i["owed"] = &types.AttributeValueMemberM{Value: times}
}

// owedItems returns the items for the owed answers that the item of an order has, by their keys.
func owedItems(order item) map[string]item {
	attribute, ok := order["owed"].(*types.AttributeValueMemberM)
	if !ok {
		return nil
	}
	partition := owedPrefix + getString(order, "order_shard")
	if getNumber(order, "item_version") < itemVersion {
		partition = owedPrefix + shardOf(orderIDOf(order), legacyOwedShards)
	}
	out := map[string]item{}
	for name := range attribute.Value {
		workflow := strings.TrimPrefix(name, owedPrefix)
		hash := sha256.Sum256([]byte(orderIDOf(order) + "\x00" + workflow))
		since := fromNanos(getNumber(attribute.Value, name))
		i := itemKey(partition, fmt.Sprintf("%s#%x", sortableTime(since), hash[:16]))
		out[keyText(i)] = i
		i["workflow"] = stringAttr(workflow)
		i["order"] = stringAttr(orderIDOf(order))
	}
	return out
}

// changeOwed adds the differences between the owed answers of the item before and of the item after.
func (c *change) changeOwed(after item) {
	old, current := owedItems(c.before), owedItems(after)
	for _, key := range slices.Sorted(maps.Keys(old)) {
		if current[key] == nil {
			c.ended = append(c.ended, itemKey(getString(old[key], "pk"), getString(old[key], "sk")))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(current)) {
		if old[key] == nil {
			c.opened = append(c.opened, current[key])
		}
	}
}

// countOwed adds the owed answers to the counts. It reads the oldest of each shard: a thousand in all.
func (s *Store) countOwed(ctx context.Context, out *store.Stats) error {
	shards, err := s.allShards(ctx)
	if err != nil {
		return err
	}
	parts := make([][]item, len(shards))
	var group errgroup.Group
	group.SetLimit(maxConcurrent)
	for i, shard := range shards {
		group.Go(func() error {
			return s.withRetries(ctx, func(ctx context.Context) error {
				page, err := s.client.Query(ctx, &dynamodb.QueryInput{
					TableName:                 &s.config.Table,
					KeyConditionExpression:    aws.String("pk = :pk"),
					Limit:                     aws.Int32(int32(owedRead / len(shards))),
					ExpressionAttributeValues: item{":pk": stringAttr(owedPrefix + shard)},
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
			out.AddOwed(approval.OwedAnswer{Workflow: getString(r, "workflow"), Since: parseSortableTime(getString(r, "sk"))})
		}
	}
	return err
}

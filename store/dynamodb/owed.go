package dynamodb

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// The oldest owed answer of an order in a workflow has an item of its own, see approval.OwedAnswer. The item of the order
// has the same in the attribute "owed", so that a change removes exactly the items that are there: a worker of an older
// version leaves both as they are, and the next worker that changes the order mends them.

const (
	owedPrefix = "owed#"
	// owedShards is the number of partitions for the owed answers.
	owedShards = 4
	// maxOwed bounds the items of an order, because a transaction is bounded.
	maxOwed = 8
	// owedRead is the number of items that Stats reads from each partition.
	owedRead = 250
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

// storedOwed returns the owed answers of an order that have items.
func storedOwed(before item) map[string]int64 {
	attribute, ok := before["owed"].(*types.AttributeValueMemberM)
	if !ok {
		return nil
	}
	out := map[string]int64{}
	for name := range attribute.Value {
		out[strings.TrimPrefix(name, owedPrefix)] = getNumber(attribute.Value, name)
	}
	return out
}

// changeOwed adds the differences between two states of an order to the items of owed answers.
func (c *change) changeOwed(old, current map[string]int64) {
	for _, workflow := range slices.Sorted(maps.Keys(old)) {
		if since, isOwed := current[workflow]; !isOwed || since != old[workflow] {
			c.ended = append(c.ended, c.owedKey(workflow, old[workflow]))
		}
	}
	for _, workflow := range slices.Sorted(maps.Keys(current)) {
		if since, wasOwed := old[workflow]; !wasOwed || since != current[workflow] {
			i := c.owedKey(workflow, current[workflow])
			i["workflow"] = stringAttr(workflow)
			c.opened = append(c.opened, i)
		}
	}
}

// owedKey returns the key of the item for an owed answer of this order.
func (c *change) owedKey(workflow string, since int64) item {
	hash := sha256.Sum256([]byte(c.orderID + "\x00" + workflow))
	return itemKey(owedPrefix+shardOf(c.orderID, owedShards), fmt.Sprintf("%s#%x", sortableTime(fromNanos(since)), hash[:16]))
}

// countOwed adds the owed answers to the counts. It reads the oldest of each partition: a thousand in all.
func (s *Store) countOwed(ctx context.Context, out *store.Stats) error {
	parts := make([][]item, owedShards)
	var group errgroup.Group
	for i := range owedShards {
		group.Go(func() error {
			return s.withRetries(ctx, func(ctx context.Context) error {
				page, err := s.client.Query(ctx, &dynamodb.QueryInput{
					TableName:                 &s.config.Table,
					KeyConditionExpression:    aws.String("pk = :pk"),
					Limit:                     aws.Int32(owedRead),
					ConsistentRead:            aws.Bool(true),
					ExpressionAttributeValues: item{":pk": stringAttr(owedPrefix + strconv.Itoa(i))},
				})
				if err == nil {
					parts[i] = page.Items
				}
				return err
			})
		})
	}
	err := group.Wait()
	for _, rows := range parts {
		for _, r := range rows {
			out.AddOwed(approval.OwedAnswer{Workflow: getString(r, "workflow"), Since: parseSortableTime(getString(r, "sk"))})
		}
	}
	return err
}

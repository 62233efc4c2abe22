package upkeep_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsdynamodb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/upkeep"
)

// rawTable changes the items of a table without the store.
type rawTable struct {
	client *awsdynamodb.Client
	name   string
}

type rawItem = map[string]types.AttributeValue

func text(value string) types.AttributeValue { return &types.AttributeValueMemberS{Value: value} }

// each calls f with the key of every item whose partition key begins with the prefix.
func (r rawTable) each(ctx context.Context, prefix string, f func(key rawItem) error) error {
	out, err := r.client.Scan(ctx, &awsdynamodb.ScanInput{TableName: &r.name})
	if err != nil {
		return err
	}
	for _, i := range out.Items {
		pk, _ := i["pk"].(*types.AttributeValueMemberS)
		if !strings.HasPrefix(pk.Value, prefix) {
			continue
		}
		if err := f(rawItem{"pk": i["pk"], "sk": i["sk"]}); err != nil {
			return err
		}
	}
	return nil
}

// update returns a damage that updates every item of a kind.
func update(prefix, expression string, values rawItem) func(context.Context, rawTable) error {
	return func(ctx context.Context, r rawTable) error {
		return r.each(ctx, prefix, func(key rawItem) error {
			_, err := r.client.UpdateItem(ctx, &awsdynamodb.UpdateItemInput{
				TableName:                 &r.name,
				Key:                       key,
				UpdateExpression:          &expression,
				ExpressionAttributeValues: values,
			})
			return err
		})
	}
}

// remove returns a damage that deletes every item of a kind.
func remove(prefix string) func(context.Context, rawTable) error {
	return func(ctx context.Context, r rawTable) error {
		return r.each(ctx, prefix, func(key rawItem) error {
			_, err := r.client.DeleteItem(ctx, &awsdynamodb.DeleteItemInput{TableName: &r.name, Key: key})
			return err
		})
	}
}

// put returns a damage that adds an item.
func put(i rawItem) func(context.Context, rawTable) error {
	return func(ctx context.Context, r rawTable) error {
		_, err := r.client.PutItem(ctx, &awsdynamodb.PutItemInput{TableName: &r.name, Item: i})
		return err
	}
}

// TestCheckFindsAndFixesATable spoils what follows from the records of a table, a kind at a time. The check finds it, and
// a fix makes a worker see the same as before.
func TestCheckFindsAndFixesATable(t *testing.T) {
	t.Parallel()
	ring := keys.NewRing(start)
	name := fmt.Sprint("t-", rand.Uint64())
	s, err := openTable(t, name, ring, true)
	require.NoError(t, err)
	fill(t, s, rand.New(rand.NewPCG(7, 8)))
	requireSound(t, s)
	want := contentOf(t, s)
	raw := rawTable{awsdynamodb.NewFromConfig(server.Config()), name}
	number := func(n string) rawItem { return rawItem{":n": &types.AttributeValueMemberN{Value: n}} }
	for _, damage := range []struct {
		name  string
		spoil func(context.Context, rawTable) error
		fault string
	}{
		{"a time", update("order#", "SET due_at = :n, next_at = :n", number("1")), "the attributes due_at, next_at are not those"},
		{"no time", update("order#", "REMOVE due_shard, due_at, next_at", nil), "due_at"},
		{"age", update("order#", "SET waits_since = :b", rawItem{":b": &types.AttributeValueMemberB{Value: []byte("x")}}), "waits_since"},
		{"not pending", update("order#", "REMOVE pending_shard, waits_since", nil), "pending_shard"},
		{"states", update("order#", "REMOVE exhausted_shard, attention", nil), "exhausted_shard"},
		{"the index of all", update("order#", "REMOVE order_shard", nil), "order_shard"},
		{"foreign answers", put(rawItem{"pk": text("owed#0"), "sk": text("00000000000000000001#00")}), "1 too many, 0 missing"},
		{"owed answers", remove("owed#"), "the items of owed answers"},
		{"a part of no dead letter", put(rawItem{"pk": text("letter#77"), "sk": text("01")}), "1 parts belong to no dead letter"},
		{"counts", remove("tallies"), "the count "},
		{"wrong counts", put(rawItem{
			"pk": text("tallies"),
			"sk": text("another"),
			"net": &types.AttributeValueMemberM{Value: rawItem{
				"pending#payments": &types.AttributeValueMemberN{Value: "77"},
				"pending#gone":     &types.AttributeValueMemberN{Value: "3"},
				"letters":          &types.AttributeValueMemberN{Value: "-5"},
			}},
		}), `the count "pending#gone" is 3 instead of 0`},
		{"counts of version 1", put(rawItem{
			"pk":           text("count#0"),
			"sk":           text("count"),
			"pending#gone": &types.AttributeValueMemberN{Value: "2"},
		}), `the count "pending#gone" is 2 instead of 0`},
	} {
		require.NoError(t, damage.spoil(t.Context(), raw), damage.name)
		for _, fix := range []bool{false, true} {
			var texts string
			require.NoError(t, upkeep.Check(t.Context(), s, fix, func(f store.Fault) {
				require.Equal(t, fix, f.Fixed, damage.name)
				require.False(t, f.Lost, damage.name)
				texts += f.Text + "\n"
			}))
			require.Contains(t, texts, damage.fault, damage.name)
		}
		requireSound(t, s)
		require.Equal(t, want, contentOf(t, s), damage.name)
	}

	_, err = raw.client.UpdateItem(t.Context(), &awsdynamodb.UpdateItemInput{
		TableName:                 &name,
		Key:                       anOrder(t, raw),
		UpdateExpression:          aws.String("SET order_record = :b"),
		ExpressionAttributeValues: rawItem{":b": &types.AttributeValueMemberB{Value: []byte("damaged")}},
	})
	require.NoError(t, err)
	lost := 0
	require.NoError(t, upkeep.Check(t.Context(), s, true, func(f store.Fault) {
		require.True(t, f.Lost)
		require.False(t, f.Fixed)
		lost++
	}))
	require.Equal(t, 1, lost, "a record that cannot be read is reported, and left")
}

// anOrder returns the key of an order.
func anOrder(t *testing.T, r rawTable) (found rawItem) {
	t.Helper()
	require.NoError(t, r.each(t.Context(), "order#", func(key rawItem) error {
		found = key
		return nil
	}))
	require.NotNil(t, found)
	return found
}

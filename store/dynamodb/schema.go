package dynamodb

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// schemaVersion is the form of the table. A program refuses a newer one.
const schemaVersion = 1

// index is a global secondary index. All are sparse: an item without the
// attribute of its partition is not in it.
type index struct {
	name, partition, sort string
	kind                  types.ScalarAttributeType
	with                  []string // attributes beside the keys
}

// indexes are those of the table. deploy/terraform makes the same.
func indexes() []index {
	return []index{
		{"due", "due_shard", "next_at", types.ScalarAttributeTypeN, []string{"due_at"}},
		{"orders", "order_shard", "order_id", types.ScalarAttributeTypeB, nil},
		{"pending", "pending_shard", "order_id", types.ScalarAttributeTypeB, nil},
		{"age", "pending_shard", "waits_since", types.ScalarAttributeTypeB, nil},
		{"exhausted", "exhausted_shard", "order_id", types.ScalarAttributeTypeB, nil},
	}
}

func (s *Store) open(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute) // a new table takes some seconds
	defer cancel()
	table, err := s.describe(ctx)
	if _, missing := errors.AsType[*types.ResourceNotFoundException](err); missing && s.config.Create {
		if err = s.create(ctx); err == nil {
			table, err = s.describe(ctx)
		}
	} else if missing {
		return errors.New("there is none: make it (deploy/terraform does), or set store.dynamodb.create")
	}
	if err != nil {
		return err
	}
	if err := fits(table); err != nil {
		return err
	}
	return s.identify(ctx)
}

func (s *Store) describe(ctx context.Context) (*types.TableDescription, error) {
	var table *types.TableDescription
	err := s.call(ctx, func(ctx context.Context) error {
		out, err := s.client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &s.config.Table})
		if err == nil {
			table = out.Table
		}
		return err
	})
	return table, err
}

// fits says what the table lacks.
func fits(t *types.TableDescription) error {
	if name := keyNames(t.KeySchema); name != "pk,sk" {
		return fmt.Errorf("it is not for approval-relay: its key is %s, not pk,sk", name)
	}
	have := map[string]string{}
	for _, g := range t.GlobalSecondaryIndexes {
		have[aws.ToString(g.IndexName)] = keyNames(g.KeySchema)
	}
	for _, x := range indexes() {
		switch got, ok := have[x.name]; {
		case !ok:
			return fmt.Errorf("it has no index %s (%s,%s)", x.name, x.partition, x.sort)
		case got != x.partition+","+x.sort:
			return fmt.Errorf("the key of its index %s is %s, not %s,%s", x.name, got, x.partition, x.sort)
		}
	}
	return nil
}

func keyNames(schema []types.KeySchemaElement) string {
	var partition, sort string
	for _, k := range schema {
		if k.KeyType == types.KeyTypeHash {
			partition = aws.ToString(k.AttributeName)
		} else {
			sort = "," + aws.ToString(k.AttributeName)
		}
	}
	return partition + sort
}

// identify reads the version of the table, and marks a new one as ours.
func (s *Store) identify(ctx context.Context) error {
	got, err := s.get(ctx, key("meta", "schema"))
	if err != nil {
		return err
	}
	if got == nil {
		err := s.call(ctx, func(ctx context.Context) error {
			_, err := s.client.PutItem(ctx, &dynamodb.PutItemInput{
				TableName: &s.config.Table, ConditionExpression: aws.String("attribute_not_exists(pk)"),
				Item: item{"pk": text("meta"), "sk": text("schema"), "schema_version": number(schemaVersion)},
			})
			return err
		})
		if _, another := errors.AsType[*types.ConditionalCheckFailedException](err); another { // or we, and the answer was lost
			return nil
		}
		return err
	}
	if v := integer(got, "schema_version"); v != schemaVersion {
		return fmt.Errorf("its schema has version %d, this program knows %d: it was made by another release", v, schemaVersion)
	}
	return nil
}

// create makes the table, paid by request, and waits until it can be used. Another
// process may do so at the same time.
func (s *Store) create(ctx context.Context) error {
	in := &dynamodb.CreateTableInput{
		TableName: &s.config.Table, BillingMode: types.BillingModePayPerRequest,
		KeySchema:            keySchema("pk", "sk"),
		AttributeDefinitions: []types.AttributeDefinition{attribute("pk", "S"), attribute("sk", "S")},
	}
	known := map[string]bool{}
	for _, x := range indexes() {
		p := &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly}
		if x.with != nil {
			p = &types.Projection{ProjectionType: types.ProjectionTypeInclude, NonKeyAttributes: x.with}
		}
		in.GlobalSecondaryIndexes = append(in.GlobalSecondaryIndexes, types.GlobalSecondaryIndex{
			IndexName: &x.name, KeySchema: keySchema(x.partition, x.sort), Projection: p,
		})
		for _, a := range []types.AttributeDefinition{attribute(x.partition, "S"), attribute(x.sort, x.kind)} {
			if !known[*a.AttributeName] {
				known[*a.AttributeName] = true
				in.AttributeDefinitions = append(in.AttributeDefinitions, a)
			}
		}
	}
	err := s.call(ctx, func(ctx context.Context) error {
		_, err := s.client.CreateTable(ctx, in)
		return err
	})
	if _, exists := errors.AsType[*types.ResourceInUseException](err); err != nil && !exists {
		return err
	}
	return dynamodb.NewTableExistsWaiter(s.client, func(o *dynamodb.TableExistsWaiterOptions) {
		o.MinDelay, o.MaxDelay = 100*time.Millisecond, 5*time.Second
	}).Wait(ctx, &dynamodb.DescribeTableInput{TableName: &s.config.Table}, time.Minute)
}

func keySchema(partition, sort string) []types.KeySchemaElement {
	return []types.KeySchemaElement{
		{AttributeName: &partition, KeyType: types.KeyTypeHash}, {AttributeName: &sort, KeyType: types.KeyTypeRange},
	}
}

func attribute(name string, kind types.ScalarAttributeType) types.AttributeDefinition {
	return types.AttributeDefinition{AttributeName: &name, AttributeType: kind}
}

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

// schemaVersion is the version of the table's schema. A program refuses newer versions, and raises older versions, see
// legacy.go.
const schemaVersion = 2

// importVersion is the version of the schema while a migration fills the table. No version of the program starts on it.
const importVersion = -1

// movedVersion is the version of the schema after a migration has moved everything out of the table. Every version of
// the program refuses to start on it.
const movedVersion = -2

// tableIndex is a global secondary index. All indexes are sparse: they contain only the items with the attribute of the
// partition key.
type tableIndex struct {
	name, partition, sort string
	kind                  types.ScalarAttributeType
	projected             []string // further attributes, beside the keys
}

// tableIndexes returns the indexes of the table. The table in deploy/terraform has the same.
func tableIndexes() []tableIndex {
	return []tableIndex{
		{"due", "due_shard", "next_at", types.ScalarAttributeTypeN, []string{"due_at"}},
		{"orders", "order_shard", "order_id", types.ScalarAttributeTypeB, nil},
		{"pending", "pending_shard", "order_id", types.ScalarAttributeTypeB, nil},
		{"age", "pending_shard", "waits_since", types.ScalarAttributeTypeB, nil},
		{"exhausted", "exhausted_shard", "order_id", types.ScalarAttributeTypeB, nil},
	}
}

func (s *Store) openTable(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute) // a new table takes some seconds
	defer cancel()
	table, err := s.describeTable(ctx)
	if _, missing := errors.AsType[*types.ResourceNotFoundException](err); missing && s.config.Create {
		if err = s.createTable(ctx); err == nil {
			table, err = s.describeTable(ctx)
		}
	} else if missing {
		return errors.New("it does not exist: create it (see deploy/terraform), or set store.dynamodb.create")
	}
	if err != nil {
		return err
	}
	if err := checkSchema(table); err != nil {
		return err
	}
	if err := s.checkVersion(ctx); err != nil {
		return err
	}
	_, err = s.readShards(ctx)
	return err
}

func (s *Store) describeTable(ctx context.Context) (*types.TableDescription, error) {
	var table *types.TableDescription
	err := s.withRetries(ctx, func(ctx context.Context) error {
		out, err := s.client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &s.config.Table})
		if err == nil && out.Table == nil {
			err = errors.New("the description of the table is empty")
		}
		if err == nil {
			table = out.Table
		}
		return err
	})
	return table, err
}

// checkSchema returns an error if the table lacks a key or an index.
func checkSchema(t *types.TableDescription) error {
	if name := keyNames(t.KeySchema); name != "pk,sk" {
		return fmt.Errorf("it is not a table of approval-relay: its key is %s, not pk,sk", name)
	}
	have := map[string]string{}
	for _, g := range t.GlobalSecondaryIndexes {
		have[aws.ToString(g.IndexName)] = keyNames(g.KeySchema)
	}
	for _, x := range tableIndexes() {
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

// checkVersion checks the version of the schema, and stores it in a new table.
func (s *Store) checkVersion(ctx context.Context) error {
	got, err := s.getItem(ctx, itemKey("meta", "schema"))
	if err != nil {
		return err
	}
	if got == nil {
		err := s.withRetries(ctx, func(ctx context.Context) error {
			_, err := s.client.PutItem(ctx, &dynamodb.PutItemInput{
				TableName:           &s.config.Table,
				ConditionExpression: aws.String("attribute_not_exists(pk)"),
				Item: item{
					"pk":             stringAttr("meta"),
					"sk":             stringAttr("schema"),
					"schema_version": numberAttr(schemaVersion),
				},
			})
			return err
		})
		// Another process stored it, or an earlier attempt did and its answer was lost.
		if _, exists := errors.AsType[*types.ConditionalCheckFailedException](err); exists {
			return nil
		}
		return err
	}
	switch v := getNumber(got, "schema_version"); {
	case v == importVersion && s.config.Import:
		s.importing = true
	case v == movedVersion && s.config.Moved:
		return nil
	case v == movedVersion:
		return store.ErrMoved
	case v == importVersion:
		return errIncomplete
	case v == legacyVersion && s.config.KeepVersion:
		return nil
	case v == legacyVersion:
		return s.upgrade(ctx)
	case v != schemaVersion:
		return fmt.Errorf("its schema has version %d, this program knows version %d: another release created it",
			v, schemaVersion)
	}
	return nil
}

// createTable creates the table, billed by request, and waits until it is active. Several processes may do so at the
// same time.
func (s *Store) createTable(ctx context.Context) error {
	in := &dynamodb.CreateTableInput{
		TableName:   &s.config.Table,
		BillingMode: types.BillingModePayPerRequest,
		KeySchema:   keySchema("pk", "sk"),
		AttributeDefinitions: []types.AttributeDefinition{
			attributeDefinition("pk", "S"),
			attributeDefinition("sk", "S"),
		},
	}
	known := map[string]bool{}
	for _, x := range tableIndexes() {
		p := &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly}
		if x.projected != nil {
			p = &types.Projection{ProjectionType: types.ProjectionTypeInclude, NonKeyAttributes: x.projected}
		}
		in.GlobalSecondaryIndexes = append(in.GlobalSecondaryIndexes, types.GlobalSecondaryIndex{
			IndexName:  &x.name,
			KeySchema:  keySchema(x.partition, x.sort),
			Projection: p,
		})
		partition := attributeDefinition(x.partition, "S")
		sort := attributeDefinition(x.sort, x.kind)
		for _, a := range []types.AttributeDefinition{partition, sort} {
			if !known[*a.AttributeName] {
				known[*a.AttributeName] = true
				in.AttributeDefinitions = append(in.AttributeDefinitions, a)
			}
		}
	}
	err := s.withRetries(ctx, func(ctx context.Context) error {
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
		{AttributeName: &partition, KeyType: types.KeyTypeHash},
		{AttributeName: &sort, KeyType: types.KeyTypeRange},
	}
}

func attributeDefinition(name string, kind types.ScalarAttributeType) types.AttributeDefinition {
	return types.AttributeDefinition{AttributeName: &name, AttributeType: kind}
}

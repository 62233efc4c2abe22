package dynamodb

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/store/storetest"
)

// TestOpenRefuses opens unsuitable tables. The error names the fault, and the table does not change.
func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	good := open(t, Config{})
	table := func(in *dynamodb.CreateTableInput) string {
		in.TableName, in.BillingMode = aws.String(newTable()), types.BillingModePayPerRequest
		_, err := good.client.CreateTable(t.Context(), in)
		require.NoError(t, err)
		return *in.TableName
	}
	foreign := table(&dynamodb.CreateTableInput{
		KeySchema:            keySchema("id", "at"),
		AttributeDefinitions: []types.AttributeDefinition{attributeDefinition("id", "S"), attributeDefinition("at", "S")},
	})
	bare := table(&dynamodb.CreateTableInput{
		KeySchema:            keySchema("pk", "sk"),
		AttributeDefinitions: []types.AttributeDefinition{attributeDefinition("pk", "S"), attributeDefinition("sk", "S")},
	})
	newer := open(t, Config{}).config.Table
	_, err := good.client.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName: &newer, Key: itemKey("meta", "schema"), UpdateExpression: aws.String("SET schema_version = :v"),
		ExpressionAttributeValues: item{":v": numberAttr(schemaVersion + 1)},
	})
	require.NoError(t, err)
	older := open(t, Config{}).config.Table
	_, err = good.client.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName: &older, Key: itemKey("meta", "schema"), UpdateExpression: aws.String("SET schema_version = :v"),
		ExpressionAttributeValues: item{":v": numberAttr(0)},
	})
	require.NoError(t, err)
	for table, want := range map[string]string{
		"there-is-none": "it does not exist: create it (see deploy/terraform), or set store.dynamodb.create",
		foreign:         "it is not a table of approval-relay: its key is id,at, not pk,sk",
		bare:            "it has no index due (due_shard,next_at)",
		older:           "its schema has version 0, this program knows version 2",
		newer:           "its schema has version 3, this program knows version 2",
	} {
		c := Config{AWS: server.Config(), Settings: Settings{Table: table}, Sealer: keys.NewRing(time.Now())}
		_, err := Open(t.Context(), c)
		require.ErrorContains(t, err, `open store, table "`+table+`": `+want)
	}
	_, err = Open(t.Context(), Config{AWS: server.Config(), Settings: Settings{Table: newer}})
	require.ErrorContains(t, err, "a sealer for the task tokens is missing")
}

func TestProbe(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	require.NoError(t, s.Probe(t.Context()))
	s.config.Table = "there-is-none"
	require.ErrorContains(t, s.Probe(t.Context()), "ResourceNotFoundException")
}

// TestTerraformCreatesSameTable compares the tables in deploy/terraform with the table that Open creates.
func TestTerraformCreatesSameTable(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"table.tf", "table/main.tf"} {
		b, err := os.ReadFile("../../deploy/terraform/" + file)
		require.NoError(t, err)
		requireSameTable(t, b)
	}
}

func requireSameTable(t *testing.T, b []byte) {
	t.Helper()
	for _, x := range tableIndexes() {
		with := "[]"
		if len(x.projected) > 0 {
			with = fmt.Sprintf("[%q]", x.projected[0])
		}
		entry := fmt.Sprintf(`\b%s += \{ partition = %q, sort = %q, with = \%s \}`, x.name, x.partition, x.sort, with)
		require.Regexp(t, entry, string(b))
		require.Contains(t, string(b), x.partition+` = "S"`)
		require.Contains(t, string(b), fmt.Sprintf("%s = %q", x.sort, x.kind))
	}
	require.Equal(t, len(tableIndexes()), strings.Count(string(b), "{ partition = "))
}

// The store is not a store.OrphanLister: a worker that starts must not take actions of other workers for actions of a
// process that has ended.
func TestOptionalInterfaces(t *testing.T) {
	t.Parallel()
	storetest.RequireOptional(t, &Store{}, storetest.Optional{
		Prober:         true,
		KeyRegister:    true,
		Restored:       true,
		Owner:          true,
		RecentGetter:   true,
		WorkerRegister: true,
	})
}

func TestKeyRegister(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	storetest.TestKeyRegister(t, s, func() store.KeyRegister { return open(t, Config{Settings: s.config.Settings}) })
}

func TestControls(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	storetest.TestControlKeeper(t, s, func() store.ControlKeeper { return open(t, Config{Settings: s.config.Settings}) })
}

// The SDK makes no calls of its own, although AWS_ENABLE_ENDPOINT_DISCOVERY asks for them.
func TestNoEndpointDiscovery(t *testing.T) {
	t.Parallel()
	asks := awsconfig.EnvConfig{EnableEndpointDiscovery: aws.EndpointDiscoveryEnabled}
	c := newClient(Config{AWS: aws.Config{ConfigSources: []any{asks}}})
	require.Equal(t, aws.EndpointDiscoveryDisabled, c.Options().EndpointDiscovery.EnableEndpointDiscovery)
}

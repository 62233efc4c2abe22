package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/approval-relay/approval-relay/store/dynamodb/dynamodbtest"
	"github.com/approval-relay/approval-relay/test/emulator"
	"github.com/approval-relay/approval-relay/test/internal/overlay"
)

// dynamodbServer is DynamoDB Local in place of the SQLite file, with a proxy in front of it.
type dynamodbServer struct {
	server *dynamodbtest.Server
	proxy  *toxiproxy.Proxy
}

const tableName = "ledger"

// startDynamoDB starts DynamoDB Local, or skips the test if it is missing.
func startDynamoDB(t *testing.T) *dynamodbServer {
	t.Helper()
	server, err := dynamodbtest.Start(t.Context())
	if errors.Is(err, dynamodbtest.ErrMissing) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	return &dynamodbServer{server: server, proxy: startDatabaseProxy(t, strings.TrimPrefix(server.URL, "http://"))}
}

func (s *dynamodbServer) setting() string {
	return fmt.Sprintf("{dynamodb: {table: %s, create: true, endpoint: %q}}", tableName, "http://"+s.proxy.Listen)
}

func (s *dynamodbServer) network() *toxiproxy.Proxy { return s.proxy }

// isLeftByKill implements database. A worker that is killed loses its last counts, and may leave items of owed answers. The
// recount of every hour corrects both. An item that is missing would be a fault.
func (s *dynamodbServer) isLeftByKill(line string) bool {
	isOwed := strings.HasPrefix(line, "the items of owed answers are not those of the records: ")
	return strings.HasPrefix(line, "the count ") || isOwed && strings.HasSuffix(line, " too many, 0 missing\n")
}

// readTables reads the content of all items.
func (s *dynamodbServer) readTables(places map[string]string) error {
	ctx := context.Background()
	pages := dynamodb.NewScanPaginator(dynamodb.NewFromConfig(s.server.Config()), &dynamodb.ScanInput{
		TableName: aws.String(tableName),
	})
	var content bytes.Buffer
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, item := range page.Items {
			addContent(&content, &types.AttributeValueMemberM{Value: item})
		}
	}
	if content.Len() == 0 {
		return errors.New("the table is empty")
	}
	places["the table"] = content.String()
	return nil
}

// addContent adds the texts and bytes of an attribute.
func addContent(to *bytes.Buffer, value types.AttributeValue) {
	switch v := value.(type) {
	case *types.AttributeValueMemberM:
		for name, one := range v.Value {
			to.WriteString(name + "\n")
			addContent(to, one)
		}
	case *types.AttributeValueMemberB:
		to.Write(v.Value)
	case *types.AttributeValueMemberS:
		to.WriteString(v.Value)
	default:
		fmt.Fprintf(to, "%+v", v)
	}
	to.WriteByte('\n')
}

// TestKilledOnDynamoDB runs many approvals through three workers on a table. Workers are killed, and the connections to
// the table, to the queues and to Step Functions break.
func TestKilledOnDynamoDB(t *testing.T) {
	s := startDynamoDB(t)
	binary, err := buildImpatient()
	if err != nil {
		t.Fatal(err)
	}
	v := runOnDynamoDB(t, s, binary, stepFaults, chooseSize(5000, 150), chooseSize(800, 24), chooseSize(40, 4))
	reportViolations(t, v)
}

func runOnDynamoDB(t *testing.T, s *dynamodbServer, binary string, faults emulator.Faults, approvals, stories, kills int) violations {
	t.Helper()
	w := newWorld(t, binary, settings{database: s, members: 3})
	w.aws.SQS.SetFaults(queueFaults)
	w.aws.StepFunctions.SetFaults(faults)
	all := planScenarios(approvals, w.aws.StepFunctions)
	w.addStories(stories)
	return w.runThrough(all, disturbance{kills: kills, badNetwork: true})
}

// dynamodbMutants lists the faults that only several workers on a table show.
func dynamodbMutants() []mutant {
	edit := func(name, before, after string) mutant {
		return mutant{name, append(impatientEdits(), overlay.Edit{File: "store/dynamodb/write.go", Old: before, New: after})}
	}
	return []mutant{
		edit("a worker overwrites another worker's item", `return "last_writes = :writes", item{":writes": c.before["last_writes"]}`,
			`return "attribute_exists(pk)", nil`),
	}
}

func runDynamoDBStorm(t *testing.T, binary string) violations {
	slow := stepFaults
	slow.Latency = 200 * time.Millisecond
	return runOnDynamoDB(t, startDynamoDB(t), binary, slow, 200, 2*len(storyKinds()), 6)
}

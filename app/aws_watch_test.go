package app

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/codepipeline"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/middleware"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/envelope"
	"github.com/approval-relay/approval-relay/metrics"
	"github.com/approval-relay/approval-relay/outbound"
	"github.com/approval-relay/approval-relay/s3"
)

// watchedCalls are the calls that outbound.ObserveCalls reported.
type watchedCalls struct {
	*metrics.Metrics
	mu         sync.Mutex
	operations []string
}

func (w *watchedCalls) AWSCalled(operation, result string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.operations = append(w.operations, operation)
	w.Metrics.AWSCalled(operation, result)
}

// A client of the SDK calls each operation, and outbound.ObserveCalls reports it by the name that the metrics know, so
// that it is not counted as "other".
func TestAWSOperationsAreNamedAsWatched(t *testing.T) {
	t.Parallel()
	denies := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
	}))
	t.Cleanup(denies.Close)
	registry := prometheus.NewRegistry()
	watched := &watchedCalls{Metrics: metrics.New(registry, metrics.Config{AWSOperations: AWSOperations()})}
	clients := clientsOf(watched.AWSCalled, aws.Config{
		Region:       "us-east-1",
		BaseEndpoint: &denies.URL,
		Credentials:  credentials.NewStaticCredentialsProvider("a", "b", ""),
		Retryer:      func() aws.Retryer { return aws.NopRetryer{} },
		APIOptions:   []func(*middleware.Stack) error{outbound.ObserveCalls(watched)},
	})
	for _, operation := range AWSOperations() {
		id, method, _ := strings.Cut(operation, ".")
		require.Contains(t, clients, id, "add the service's client to this test")
		callMethod(t, clients[id], method)
	}
	require.Equal(t, AWSOperations(), watched.operations)

	families, err := registry.Gather()
	require.NoError(t, err)
	denied := map[string]float64{}
	for _, family := range families {
		if family.GetName() != "approval_relay_aws_calls_total" {
			continue
		}
		for _, series := range family.GetMetric() {
			if labels := series.GetLabel(); labels[1].GetValue() == "denied" {
				denied[labels[0].GetValue()] = series.GetCounter().GetValue()
			}
		}
	}
	require.ElementsMatch(t, AWSOperations(), keysOf(denied))
	for operation, calls := range denied {
		require.InDelta(t, 1, calls, 0, operation)
	}
}

// clientsOf returns a client of each service, by its ID. The client of S3 is our own: called is its observer.
func clientsOf(called func(operation, result string), c aws.Config) map[string]any {
	reader := s3.NewReader(s3.Config{AWS: c, Buckets: []string{"bucket"}, Called: called})
	files := s3.NewFiles(s3.FilesConfig{AWS: c, Buckets: []string{"bucket"}, Now: time.Now, Called: called})
	return map[string]any{
		"S3":                   bucketClient{reader, files},
		codepipeline.ServiceID: codepipeline.NewFromConfig(c),
		dynamodb.ServiceID:     dynamodb.NewFromConfig(c),
		eventbridge.ServiceID:  eventbridge.NewFromConfig(c),
		kms.ServiceID:          kms.NewFromConfig(c),
		lambda.ServiceID:       lambda.NewFromConfig(c),
		"SecretsManager":       secretsmanager.NewFromConfig(c), // the ID without its space
		sesv2.ServiceID:        sesv2.NewFromConfig(c),
		sfn.ServiceID:          sfn.NewFromConfig(c),
		sns.ServiceID:          sns.NewFromConfig(c),
		sqs.ServiceID:          sqs.NewFromConfig(c),
		sts.ServiceID:          sts.NewFromConfig(c),
	}
}

// bucketClient has the methods of our client of S3 in the form of the SDK's methods.
type bucketClient struct {
	reader *s3.Reader
	files  *s3.Files
}

// HeadObject reads the facts about an object.
func (c bucketClient) HeadObject(ctx context.Context, _ *struct{}) (any, error) {
	_, err := c.files.Address(ctx, s3.File{Bucket: "bucket", Key: "key"})
	if err == nil {
		return nil, nil
	}
	return nil, fmt.Errorf("StatusCode: 403: %w", err)
}

// GetObject reads an object.
func (c bucketClient) GetObject(ctx context.Context, _ *struct{}) (any, error) {
	_, err := c.reader.Load(ctx, envelope.Pointer{Bucket: "bucket", Key: "key"})
	if err == nil {
		return nil, nil
	}
	return nil, fmt.Errorf("StatusCode: 403: %w", err)
}

// callMethod calls a method of a client with an input that has every required field.
func callMethod(t *testing.T, client any, name string) {
	t.Helper()
	method := reflect.ValueOf(client).MethodByName(name)
	require.True(t, method.IsValid(), name)
	input := reflect.New(method.Type().In(1).Elem())
	fill(input.Elem(), 6)
	result := method.Call([]reflect.Value{reflect.ValueOf(t.Context()), input})
	err, _ := result[1].Interface().(error)
	require.ErrorContains(t, err, "StatusCode: 403", name)
}

// fill sets the exported fields of a struct, down to a depth.
func fill(v reflect.Value, depth int) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Pointer:
		if v.Type() != reflect.TypeFor[*time.Time]() && depth > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(v.Elem(), depth-1)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 0, 0))
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i), depth)
			}
		}
	}
}

package awsjson_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/awsjson"
)

// server answers requests and keeps them.
type server struct {
	answer   func(r *http.Request) (*http.Response, error)
	requests []*http.Request
	bodies   []string
}

// Do implements awsjson.HTTPClient.
func (s *server) Do(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
	}
	s.requests, s.bodies = append(s.requests, r), append(s.bodies, string(body))
	if s.answer == nil {
		return answer(http.StatusOK, "{}"), nil
	}
	return s.answer(r)
}

// answer returns a response of AWS. The pairs are headers.
func answer(status int, body string, pairs ...string) *http.Response {
	h := http.Header{"Content-Type": {"application/x-amz-json-1.0"}, "X-Amzn-Requestid": {"request-1"}}
	h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	for i := 0; i < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
	}
	return &http.Response{
		StatusCode:    status,
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        h,
		Body:          io.NopCloser(strings.NewReader(body)),
		ContentLength: int64(len(body)),
	}
}

// static are credentials that do not expire.
func static(accountID string) aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{
			AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "verysecretkey", SessionToken: "session", AccountID: accountID,
			Source: "test",
		}, nil
	})
}

func config(s *server) aws.Config {
	return aws.Config{Region: "eu-central-1", Credentials: static(""), HTTPClient: s}
}

// call is an operation, called by awsjson and by the SDK.
type call struct {
	name string
	body string
	ours *awsjson.Operation
	sdk  func(context.Context) error
}

func (c call) do(ctx context.Context) error {
	return c.ours.Do(ctx, awsjson.Call{Body: []byte(c.body), Read: func([]byte) error { return nil }})
}

// operations returns an operation of each service.
func operations(t *testing.T, c aws.Config) []call {
	t.Helper()
	return []call{stepFunctions(t, c), putItem(t, c)}
}

func stepFunctions(t *testing.T, c aws.Config) call {
	t.Helper()
	client := sfn.NewFromConfig(c)
	send := func(ctx context.Context, token string, options func(*sfn.Options)) error {
		_, err := client.SendTaskSuccess(ctx, &sfn.SendTaskSuccessInput{
			TaskToken: &token, Output: aws.String(`{"a":1}`),
		}, options)
		return err
	}
	ours, err := awsjson.NewOperation(awsjson.Config{
		AWS: c, HTTPClient: c.HTTPClient, ServiceID: sfn.ServiceID, Name: "SendTaskSuccess",
		Call: func(ctx context.Context, with awsjson.Options) error {
			return send(ctx, "-", func(o *sfn.Options) {
				o.HTTPClient, o.Credentials, o.Retryer, o.APIOptions = with.HTTPClient, with.Credentials, aws.NopRetryer{}, nil
			})
		},
	})
	require.NoError(t, err)
	return call{
		"SendTaskSuccess", `{"output":"{\"a\":1}","taskToken":"secret token"}`, ours,
		func(ctx context.Context) error {
			return send(ctx, "secret token", func(o *sfn.Options) { o.Retryer = aws.NopRetryer{} })
		},
	}
}

func putItem(t *testing.T, c aws.Config) call {
	t.Helper()
	client := dynamodb.NewFromConfig(c)
	put := func(ctx context.Context, id string, options func(*dynamodb.Options)) error {
		_, err := client.PutItem(ctx, &dynamodb.PutItemInput{
			TableName: aws.String("table"),
			Item:      map[string]types.AttributeValue{"id": &types.AttributeValueMemberS{Value: id}},
		}, options)
		return err
	}
	ours, err := awsjson.NewOperation(awsjson.Config{
		AWS: c, HTTPClient: c.HTTPClient, ServiceID: dynamodb.ServiceID, Name: "PutItem",
		Call: func(ctx context.Context, with awsjson.Options) error {
			return put(ctx, "-", func(o *dynamodb.Options) {
				o.HTTPClient, o.Credentials, o.Retryer, o.APIOptions = with.HTTPClient, with.Credentials, aws.NopRetryer{}, nil
			})
		},
	})
	require.NoError(t, err)
	return call{
		"PutItem", `{"Item":{"id":{"S":"secret item"}},"TableName":"table"}`, ours,
		func(ctx context.Context) error {
			return put(ctx, "secret item", func(o *dynamodb.Options) { o.Retryer = aws.NopRetryer{} })
		},
	}
}

// always returns a client that always gets this response.
func always(status int, body string, pairs ...string) *server {
	return &server{answer: func(*http.Request) (*http.Response, error) { return answer(status, body, pairs...), nil }}
}

// broken returns a body whose reading fails after the text.
func broken(text string) io.ReadCloser {
	return io.NopCloser(io.MultiReader(bytes.NewReader([]byte(text)), failingReader{}))
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

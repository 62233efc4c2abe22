package app

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/test/emulator"
)

// queueApp is an App with a queue of requests that reads large messages from a bucket.
type queueApp struct {
	*reloadedApp
	client *awssqs.Client
	queue  string
}

func startQueueApp(t *testing.T, s3 http.Handler) *queueApp {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", "x")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "canary-secret")
	world, err := emulator.Start()
	require.NoError(t, err)
	t.Cleanup(func() { _ = world.Close() })
	bucket := httptest.NewServer(s3)
	t.Cleanup(bucket.Close)
	url := world.URL()
	client := awssqs.NewFromConfig(aws.Config{
		Region:       "eu-west-1",
		Credentials:  credentials.NewStaticCredentialsProvider("x", "x", ""),
		BaseEndpoint: &url,
	})
	out, err := client.CreateQueue(t.Context(), &awssqs.CreateQueueInput{QueueName: aws.String("requests")})
	require.NoError(t, err)
	r := startReloadedApp(t, fmt.Sprintf(`
aws: {region: eu-west-1, endpoint: %q}
workflows:
  orders:
    requests: {sqs: {queue: requests, visibility: 2s, s3_payloads: {buckets: [large], endpoint: %q}}}
`, url, bucket.URL))
	return &queueApp{reloadedApp: r, client: client, queue: *out.QueueUrl}
}

// send puts a message on the queue.
func (a *queueApp) send(t *testing.T, body string, attributes map[string]string) {
	t.Helper()
	in := &awssqs.SendMessageInput{QueueUrl: &a.queue, MessageBody: &body, MessageAttributes: map[string]types.MessageAttributeValue{}}
	for name, value := range attributes {
		in.MessageAttributes[name] = types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(value)}
	}
	_, err := a.client.SendMessage(t.Context(), in)
	require.NoError(t, err)
}

// get reads from the operator's API.
func (a *queueApp) get(t *testing.T, path string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.operator+path, nil)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+reloadToken)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(text)
}

// waitForOrder waits until an order is pending.
func (a *queueApp) waitForOrder(t *testing.T, id string) {
	t.Helper()
	require.Eventually(t, func() bool {
		status, text := a.get(t, "/v1/orders/"+id)
		return status == http.StatusOK && strings.Contains(text, `"status":"pending"`)
	}, time.Minute, 10*time.Millisecond, "order %s", id)
}

// waitForDeadLetter waits until there are n dead letters, and returns the reason of the latest.
func (a *queueApp) waitForDeadLetter(t *testing.T, n int) string {
	t.Helper()
	var list struct {
		DeadLetters []struct{ Reason string } `json:"deadLetters"`
	}
	require.Eventually(t, func() bool {
		_, text := a.get(t, "/v1/deadletters")
		return json.Unmarshal([]byte(text), &list) == nil && len(list.DeadLetters) == n
	}, time.Minute, 10*time.Millisecond, "%d dead letters", n)
	reasons := make([]string, 0, n)
	for _, d := range list.DeadLetters {
		reasons = append(reasons, d.Reason)
	}
	return strings.Join(reasons, "\n")
}

// The messages that other people's systems put on a queue become approvals, or dead letters with a reason that helps.
func TestMessagesOfOtherSystems(t *testing.T) {
	const token = "AQCEAAAAKgAAAAMAAAAAAAAAAXk+canary/Zs8="
	var calls atomic.Int32
	objects := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case calls.Add(1) == 1:
			w.WriteHeader(http.StatusServiceUnavailable) // it is read again
		case r.URL.Path == "/large/b03530d9":
			_, _ = io.WriteString(w, `{"orderId":"S3-1","taskToken":"`+token+`","ballast":"`+strings.Repeat("x", 500_000)+`"}`)
		default:
			w.WriteHeader(http.StatusForbidden)
		}
	})
	a := startQueueApp(t, objects)
	quote := func(text string) string { b, _ := json.Marshal(text); return string(b) }
	inSNS := func(body string) string {
		return `{"Type":"Notification","MessageId":"m","TopicArn":"arn:aws:sns:eu-west-1:111122223333:approvals","Message":` + quote(body) + `}`
	}
	for id, body := range map[string]string{
		"SNS-1":  inSNS(`{"orderId":"SNS-1","taskToken":"` + token + `"}`),
		"EB-1":   inSNS(`{"detail-type":"Approval","source":"orders","detail":{"orderId":"EB-1","taskToken":"` + token + `"}}`),
		"DOCS-1": `{"Input":{"orderId":"DOCS-1"},"TaskToken":"` + token + `"}`,
		"TF-1":   `{"orderId":"TF-1","state_machine_token":"` + token + `"}`,
		"R-1":    `{"token":"` + token + `","requestId":"R-1"}`,
		"BODY-1": `{"body":{"taskToken":"` + token + `","orderId":"BODY-1"}}`,
		"S3-1":   `["software.amazon.payloadoffloading.PayloadS3Pointer",{"s3BucketName":"large","s3Key":"b03530d9"}]`,
	} {
		a.send(t, body, nil)
		a.waitForOrder(t, id)
	}
	require.EqualValues(t, 2, calls.Load(), "S3 is asked again after a temporary error")
	a.send(t, `{"orderId":"ATTR-1","total":5}`, map[string]string{"TaskToken": token})
	a.waitForOrder(t, "ATTR-1")
	a.send(t, "Task for orderId 7 is check", map[string]string{"TaskToken": token, "orderId": "ATTR-7"})
	a.waitForOrder(t, "ATTR-7")

	refused := []struct{ body, reason string }{
		{`{"task_token":"` + token + `"}`, "order: is missing; the message has task_token; looked for in body.orderId (also orderID"},
		{`{"MessageTitle":"Waiting","TaskToken":"` + token + `"}`, "the message has MessageTitle, TaskToken"},
		{`{"orderId":"A-1","taskToken":"` + strings.ReplaceAll(token, "+", " ") + `"}`, "token: is not a token: it has a space where a + was"},
		{`["a.PayloadS3Pointer",{"s3BucketName":"large","s3Key":"canary-key"}]`, "AccessDenied for the bucket large"},
		{`["a.PayloadS3Pointer",{"s3BucketName":"secrets","s3Key":"canary-key"}]`, "the bucket secrets is not one of"},
		{"Task for orderId 7 is check", "body: is not JSON"},
	}
	for i, c := range refused {
		a.send(t, c.body, nil)
		reasons := a.waitForDeadLetter(t, i+1)
		require.Contains(t, reasons, c.reason)
		require.NotContains(t, reasons, "canary")
	}
	require.NotContains(t, a.log.String(), "canary", "neither a token nor a key is in the log")
	status, text := a.get(t, "/v1/orders/A-1")
	require.Equal(t, http.StatusNotFound, status, text)
}

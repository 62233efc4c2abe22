package payloads

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/codepipeline"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	codepipelinetarget "github.com/approval-relay/approval-relay/callback/codepipeline"
	"github.com/approval-relay/approval-relay/callback/httptarget"
	lambdatarget "github.com/approval-relay/approval-relay/callback/lambda"
	"github.com/approval-relay/approval-relay/callback/sqstarget"
	"github.com/approval-relay/approval-relay/callback/stepfunctions"
	eventbridgechannel "github.com/approval-relay/approval-relay/notify/eventbridge"
	"github.com/approval-relay/approval-relay/notify/post"
	snschannel "github.com/approval-relay/approval-relay/notify/sns"
	webhookchannel "github.com/approval-relay/approval-relay/notify/webhook"
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/webhook"
)

// signingSecret signs the payloads of the page.
const signingSecret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"

// signingKey signs them too. Receivers know publicKey.
const (
	signingKey = "whsk_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXowMTIzNDU="
	publicKey  = "whpk_d72O8L9NlCPzaBsB+LW0z98O5p+zVqd2JYnxtlzcq2M="
)

// httpRequest is a request that the program sent.
type httpRequest struct {
	Method string
	Path   string
	Header http.Header
	Body   []byte
}

// receive runs send against a receiver and returns the request that arrived.
func receive(t *testing.T, send func(url string) error) httpRequest {
	t.Helper()
	var got httpRequest
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = httpRequest{r.Method, r.URL.Path, r.Header, body}
	}))
	defer server.Close()
	require.NoError(t, send(server.URL))
	return got
}

func signer(t *testing.T) *webhook.Signer {
	t.Helper()
	s, err := webhook.NewSigner([]string{signingSecret}, []string{signingKey})
	require.NoError(t, err)
	return s
}

// sendWebhook sends a message through a channel of the kind webhook.
func sendWebhook(t *testing.T, m approval.Message, now time.Time) httpRequest {
	t.Helper()
	return receive(t, func(url string) error {
		c, err := webhookchannel.NewChannel(webhookchannel.Config{
			Signer: signer(t),
			Config: post.Config{
				URL:           secret.New(url + "/approvals"),
				AllowInternal: true,
				Now:           func() time.Time { return now },
			},
		})
		require.NoError(t, err)
		return c.Notify(t.Context(), m)
	})
}

// sendCallback answers a workflow with a callback URL. The receiver of the test is shown as orders.example.com, and the
// body is signed again as it is shown.
func sendCallback(t *testing.T, a approval.Answer, now time.Time) httpRequest {
	t.Helper()
	var receiver string
	got := receive(t, func(url string) error {
		receiver = url
		a.Token = approval.NewToken(url + "/resume/9f2c")
		target := httptarget.NewTarget(httptarget.Config{
			Settings: httptarget.Settings{AllowHTTP: true, AllowInternal: true},
			Signer:   signer(t),
			Now:      func() time.Time { return now },
		})
		return target.Deliver(t.Context(), a)
	})
	require.Contains(t, string(got.Body), receiver)
	got.Body = bytes.ReplaceAll(got.Body, []byte(receiver), []byte("https://orders.example.com"))
	maps.Copy(got.Header, signer(t).Sign(a.ApprovalID, now, got.Body))
	return got
}

// text shows a request as the page does.
func (r httpRequest) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", r.Method, r.Path)
	for _, name := range []string{
		"Content-Type", "User-Agent", "Webhook-Id", "Webhook-Timestamp", "Webhook-Signature", "Idempotency-Key",
	} {
		if v := r.Header.Get(name); v != "" {
			fmt.Fprintf(&b, "%s: %s\n", strings.ToLower(name), v)
		}
	}
	return b.String() + "\n" + indent(r.Body)
}

// indent returns JSON in lines.
func indent(text []byte) string {
	var b bytes.Buffer
	if err := json.Indent(&b, text, "", "  "); err != nil {
		panic(err) // the program sent it as JSON
	}
	return b.String()
}

// awsAPI records the inputs of AWS calls.
type awsAPI struct {
	lambdatarget.API // for its heartbeat
	calls            []awsCall
}

type awsCall struct {
	name  string
	input any
}

func (a *awsAPI) add(name string, input any) { a.calls = append(a.calls, awsCall{name, input}) }

func (a *awsAPI) Publish(_ context.Context, in *sns.PublishInput, _ ...func(*sns.Options)) (*sns.PublishOutput, error) {
	a.add("Publish", in)
	return &sns.PublishOutput{}, nil
}

// PutEvents records the only event of the call.
func (a *awsAPI) PutEvents(
	_ context.Context, in *eventbridge.PutEventsInput, _ ...func(*eventbridge.Options),
) (*eventbridge.PutEventsOutput, error) {
	a.add("PutEvents", in.Entries[0])
	return &eventbridge.PutEventsOutput{}, nil
}

func (a *awsAPI) GetQueueUrl(
	context.Context, *sqs.GetQueueUrlInput, ...func(*sqs.Options),
) (*sqs.GetQueueUrlOutput, error) {
	return nil, errors.New("the queue has a URL")
}

func (a *awsAPI) SendMessage(
	_ context.Context, in *sqs.SendMessageInput, _ ...func(*sqs.Options),
) (*sqs.SendMessageOutput, error) {
	a.add("SendMessage", in)
	return &sqs.SendMessageOutput{}, nil
}

func (a *awsAPI) SendTaskSuccess(
	_ context.Context, in *sfn.SendTaskSuccessInput, _ ...func(*sfn.Options),
) (*sfn.SendTaskSuccessOutput, error) {
	a.add("SendTaskSuccess", in)
	return &sfn.SendTaskSuccessOutput{}, nil
}

func (a *awsAPI) SendTaskFailure(
	_ context.Context, in *sfn.SendTaskFailureInput, _ ...func(*sfn.Options),
) (*sfn.SendTaskFailureOutput, error) {
	a.add("SendTaskFailure", in)
	return &sfn.SendTaskFailureOutput{}, nil
}

func (a *awsAPI) SendTaskHeartbeat(
	_ context.Context, in *sfn.SendTaskHeartbeatInput, _ ...func(*sfn.Options),
) (*sfn.SendTaskHeartbeatOutput, error) {
	a.add("SendTaskHeartbeat", in)
	return &sfn.SendTaskHeartbeatOutput{}, nil
}

func (a *awsAPI) SendDurableExecutionCallbackSuccess(
	_ context.Context, in *lambda.SendDurableExecutionCallbackSuccessInput, _ ...func(*lambda.Options),
) (*lambda.SendDurableExecutionCallbackSuccessOutput, error) {
	a.add("SendDurableExecutionCallbackSuccess", in)
	return &lambda.SendDurableExecutionCallbackSuccessOutput{}, nil
}

func (a *awsAPI) SendDurableExecutionCallbackFailure(
	_ context.Context, in *lambda.SendDurableExecutionCallbackFailureInput, _ ...func(*lambda.Options),
) (*lambda.SendDurableExecutionCallbackFailureOutput, error) {
	a.add("SendDurableExecutionCallbackFailure", in)
	return &lambda.SendDurableExecutionCallbackFailureOutput{}, nil
}

func (a *awsAPI) PutApprovalResult(
	_ context.Context, in *codepipeline.PutApprovalResultInput, _ ...func(*codepipeline.Options),
) (*codepipeline.PutApprovalResultOutput, error) {
	a.add("PutApprovalResult", in)
	return &codepipeline.PutApprovalResultOutput{}, nil
}

// unlimited is no rate limit.
type unlimited struct{}

func (unlimited) Wait(context.Context) error { return nil }

// publish publishes a message to an SNS topic.
func publish(t *testing.T, m approval.Message) awsCall {
	t.Helper()
	api := &awsAPI{}
	c, err := snschannel.NewChannel(api, snschannel.Config{
		Settings: snschannel.Settings{Topic: "arn:aws:sns:eu-west-1:111122223333:approvals"},
	})
	require.NoError(t, err)
	require.NoError(t, c.Notify(t.Context(), m))
	return api.calls[0]
}

// putEvent puts a message on an event bus.
func putEvent(t *testing.T, m approval.Message) awsCall {
	t.Helper()
	api := &awsAPI{}
	c, err := eventbridgechannel.NewChannel(api, eventbridgechannel.Config{
		Settings: eventbridgechannel.Settings{Bus: "arn:aws:events:eu-west-1:111122223333:event-bus/approvals"},
	})
	require.NoError(t, err)
	require.NoError(t, c.Notify(t.Context(), m))
	return api.calls[0]
}

// answerQueue answers by a message to a FIFO queue.
func answerQueue(t *testing.T, a approval.Answer) awsCall {
	t.Helper()
	api := &awsAPI{}
	a.Token = approval.NewToken("claims:C-17")
	target := sqstarget.NewTarget(api, sqstarget.Config{
		Settings: sqstarget.Settings{Queues: map[string]string{
			"claims": "https://sqs.eu-west-1.amazonaws.com/111122223333/claim-answers.fifo",
		}},
		Limit: unlimited{},
	})
	require.NoError(t, target.Deliver(t.Context(), a))
	return api.calls[0]
}

// answerStepFunctions answers a task.
func answerStepFunctions(t *testing.T, a approval.Answer) awsCall {
	t.Helper()
	api := &awsAPI{}
	target := stepfunctions.NewTarget(api, stepfunctions.Config{
		Limits: &stepfunctions.Limits{Success: unlimited{}, Failure: unlimited{}},
	})
	require.NoError(t, target.Deliver(t.Context(), a))
	return api.calls[0]
}

// answerLambda answers a durable function.
func answerLambda(t *testing.T, a approval.Answer) awsCall {
	t.Helper()
	api := &awsAPI{}
	require.NoError(t, lambdatarget.NewTarget(api, lambdatarget.Config{Limit: unlimited{}}).Deliver(t.Context(), a))
	return api.calls[0]
}

// answerCodePipeline answers a manual approval action.
func answerCodePipeline(t *testing.T, a approval.Answer) awsCall {
	t.Helper()
	api := &awsAPI{}
	a.Token = approval.NewToken("release/Production/Approve/4f3c7d2a")
	require.NoError(t, codepipelinetarget.NewTarget(api, codepipelinetarget.Config{Limit: unlimited{}}).Deliver(t.Context(), a))
	return api.calls[0]
}

// text shows the members of an input that are set.
func (c awsCall) text(t *testing.T) string {
	t.Helper()
	encoded, err := json.Marshal(c.input)
	require.NoError(t, err)
	var members map[string]any
	require.NoError(t, json.Unmarshal(encoded, &members))
	var b strings.Builder
	b.WriteString(c.name + "\n")
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if v := prune(members[name]); v != nil {
			fmt.Fprintf(&b, "%s: %s\n", name, showValue(v))
		}
	}
	return strings.TrimSpace(b.String())
}

// prune removes members that are not set, and decodes JSON in bytes.
func prune(v any) any {
	switch x := v.(type) {
	case map[string]any:
		for name, inner := range x {
			if x[name] = prune(inner); x[name] == nil {
				delete(x, name)
			}
		}
		return x
	case string:
		if raw, err := base64.StdEncoding.DecodeString(x); err == nil && json.Valid(raw) {
			return string(raw)
		}
		return x
	}
	return nil // null, false, and no number or list is sent
}

// showValue shows a text without quotes, JSON in a text decoded, and other values as JSON.
func showValue(v any) string {
	if text, ok := v.(string); ok {
		if json.Valid([]byte(text)) {
			return indent([]byte(text))
		}
		return text
	}
	encoded, _ := json.Marshal(v) // it was decoded from JSON
	return indent(encoded)
}

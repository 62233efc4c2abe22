package main

import (
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awscredentials "github.com/aws/aws-sdk-go-v2/credentials"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/tracing/tracingtest"
)

const collectorSecret = "canary-collector-0123456789"

// traced writes the configuration with a collector in it.
func (p place) traced(t *testing.T, endpoint, extra string) string {
	t.Helper()
	path := p.file(t, true, extra)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	text = fmt.Appendf(text, "\ntracing: {otlp: {endpoint: %q, headers: {x-collector-key: %s}}, sample_ratio: 1}\n", endpoint, collectorSecret)
	require.NoError(t, os.WriteFile(path, text, 0o600))
	return path
}

// fromStepFunctions sends a request as Step Functions does with X-Ray switched on.
func (p place) fromStepFunctions(t *testing.T, body, header string) {
	t.Helper()
	client := awssqs.New(awssqs.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(p.aws.URL()), Credentials: awscredentials.NewStaticCredentialsProvider("a", "b", ""),
	})
	queue, err := client.GetQueueUrl(t.Context(), &awssqs.GetQueueUrlInput{QueueName: aws.String("requests")})
	require.NoError(t, err)
	_, err = client.SendMessage(t.Context(), &awssqs.SendMessageInput{
		QueueUrl: queue.QueueUrl, MessageBody: aws.String(body),
		MessageSystemAttributes: map[string]types.MessageSystemAttributeValue{
			"AWSTraceHeader": {DataType: aws.String("String"), StringValue: aws.String(header)},
		},
	})
	require.NoError(t, err)
}

func names(spans []tracingtest.Span) []string {
	var out []string
	for _, s := range spans {
		out = append(out, s.Name)
	}
	return out
}

// One trace leads from the state machine's task over request, store, notification
// and decision to the callback, although the process that was asked is not the one
// that answered, and the decision came in a trace of its own.
func TestOneTrace(t *testing.T) {
	t.Parallel()
	header, err := os.ReadFile("testdata/xray_step_functions.txt")
	require.NoError(t, err)
	const trace, parent = "67f2a1c43b7e0d5c9a8f4e2176c0b93d", "4d1f6c2b8e3a9057"
	const theirs = "0af7651916cd43dd8448eb211c80319c"

	spans := tracingtest.StartCollector()
	defer spans.Close()
	p := newPlace(t)
	file := p.traced(t, spans.URL, "")
	r := p.start(t, file)
	order, token := "o-"+name(t), p.aws.StepFunctions.OpenTask(time.Hour, 0)
	p.fromStepFunctions(t, fmt.Sprintf(`{"orderId":%q,"taskToken":%q,"amount":"payload-canary"}`, order, token), string(header))
	r.pending(t, order)
	r.link(t, order) // it was told
	require.NoError(t, r.stop())
	require.Subset(t, names(spans.SpansOf(trace)), []string{"request-orders", "order.requested", "notify log", "order.told"}, "sent before it ended")
	first := r

	r = p.start(t, file)
	got := do(t, "POST", r.operator+"/v1/orders/"+order+"/decisions", decideBody("d-1", order, "approve", `,"comment":"comment-canary"`),
		"Authorization", "Bearer "+programSecret, "Traceparent", "00-"+theirs+"-b7ad6b7169203331-01")
	require.Equal(t, http.StatusOK, got.status, got.text)
	answered(t, r, token, order, "approve")
	eventually(t, "delivered", func() bool { return r.order(t, order).Approvals[0].Callback.State == api.CallbackDelivered })
	var metrics string
	delivered := regexp.MustCompile(`approval_relay_callback_delivery_seconds_bucket\{[^}]*\} [1-9]`)
	eventually(t, "the delivery is counted", func() bool { // after its end is in the store
		metrics = do(t, "GET", r.operator+"/metrics", "", "Authorization", "Bearer "+operatorSecret, "Accept", "application/openmetrics-text; version=1.0.0").text
		return delivered.MatchString(metrics)
	})
	plain := do(t, "GET", r.operator+"/metrics", "", "Authorization", "Bearer "+operatorSecret).text
	require.NoError(t, r.stop())

	all := spans.SpansOf(trace)
	require.Subset(t, names(all), []string{
		"request-orders", "order.requested", "notify log", "order.told", "order.decided", "call_back stepfunctions", "order.callback_attempt",
	})
	require.Empty(t, spans.SpansOf(theirs), "a decision makes no spans in a trace that is not its order's")
	byID := map[string]tracingtest.Span{}
	for _, s := range all {
		byID[s.ID] = s
	}
	for _, s := range all {
		require.LessOrEqual(t, s.Began, s.Ended)
		require.Equal(t, "approval-relay", s.Service)
		require.False(t, s.Failed, "%s: %s", s.Name, s.Error)
		if s.Name == "request-orders" {
			require.Equal(t, parent, s.Parent, "the task's own")
			continue
		}
		require.Contains(t, byID, s.Parent, "%s hangs in the air", s.Name)
		require.Equal(t, order, s.Attributes["order_id"], s.Name)
	}
	decided := all[slices.Index(names(all), "order.decided")]
	require.Equal(t, []string{theirs}, decided.Links)
	require.Equal(t, "api", decided.Attributes["via"])
	require.Equal(t, "request-orders", byID[decided.Parent].Name)

	for _, l := range []*running{first, r} {
		require.Contains(t, l.log.String(), "trace_id="+trace)
	}
	for _, series := range []string{"approval_decision_seconds", "callback_delivery_seconds", "handler_duration_seconds"} {
		require.Regexp(t, `approval_relay_`+series+`_bucket\{[^}]*\} \d+ # \{trace_id="`+trace+`"\}`, metrics)
	}
	require.NotContains(t, plain, trace, "the old format has no exemplars")
	noSecretSpans(t, spans, token, "payload-canary", "comment-canary", boss)
}

// noSecretSpans looks for what must never be exported in all that was.
func noSecretSpans(t *testing.T, c *tracingtest.Collector, more ...string) {
	t.Helper()
	raw, headers, paths := c.Received()
	require.NotEmpty(t, raw)
	for _, secret := range append(more, operatorSecret, programSecret, hubSecret, crmSecret, signingSecret, collectorSecret, "/a/") {
		require.NotContains(t, string(raw), secret)
	}
	require.Empty(t, taskToken(string(raw)), "a task token")
	for i, h := range headers {
		require.Equal(t, collectorSecret, h.Get("X-Collector-Key"))
		require.Equal(t, "/v1/traces", paths[i])
	}
}

// An HTTP callback gets the trace along; a failing attempt says so, without its URL.
// Where the request has no trace, one begins here, and a deadline that passes is in it.
func TestTraceOfFailures(t *testing.T) {
	t.Parallel()
	spans := tracingtest.StartCollector()
	defer spans.Close()
	p := newPlace(t)
	heard := make(chan http.Header, 10)
	p.calls.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		heard <- r.Header.Clone()
		if len(heard) == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	r := p.start(t, p.traced(t, spans.URL, "deadline: 1s"))
	order := "o-" + name(t)
	got := r.program(t, "/v1/requests", fmt.Sprintf(`{"orderId":%q,"callbackUrl":%q}`, order, p.calls.URL+"/secret-path"))
	require.Equal(t, http.StatusAccepted, got.status, got.text)
	eventually(t, "delivered", func() bool { return r.order(t, order).Approvals[0].Callback.State == api.CallbackDelivered })
	trace := r.order(t, order).Approvals[0].Traceparent[3:35]
	require.NoError(t, r.stop())

	all := spans.SpansOf(trace)
	require.Subset(t, names(all), []string{"request-orders-http", "order.requested", "order.timed_out", "call_back http"})
	require.Empty(t, all[slices.Index(names(all), "request-orders-http")].Parent)
	var attempts []tracingtest.Span
	for _, s := range all {
		if s.Name == "call_back http" {
			attempts = append(attempts, s)
		}
	}
	require.Len(t, attempts, 2)
	require.True(t, attempts[0].Failed)
	require.Contains(t, attempts[0].Error, "503")
	require.False(t, attempts[1].Failed)
	for _, a := range attempts {
		require.Equal(t, "00-"+trace+"-"+a.ID+"-01", (<-heard).Get("Traceparent"))
	}
	noSecretSpans(t, spans, "secret-path", strings.TrimPrefix(p.calls.URL, "http://"))
}

// A collector that refuses costs spans, counted and said once; nothing waits for it.
func TestCollectorAway(t *testing.T) {
	t.Parallel()
	spans := tracingtest.StartCollector()
	defer spans.Close()
	spans.SetFailing(true)
	p := newPlace(t)
	r := p.start(t, p.traced(t, spans.URL, ""))
	order, token := "o-"+name(t), p.aws.StepFunctions.OpenTask(time.Hour, 0)
	require.Equal(t, http.StatusAccepted, r.program(t, "/v1/requests", fmt.Sprintf(`{"orderId":%q,"taskToken":%q}`, order, token)).status)
	require.Equal(t, http.StatusOK, r.program(t, "/v1/orders/"+order+"/decisions", decideBody("d", order, "approve", "")).status)
	answered(t, r, token, order, "approve")
	eventually(t, "dropped spans counted", func() bool {
		text := do(t, "GET", r.operator+"/metrics", "", "Authorization", "Bearer "+operatorSecret).text
		return strings.Contains(text, `approval_relay_trace_spans_total{result="dropped"} `) && !strings.Contains(text, `approval_relay_trace_spans_total{result="dropped"} 0`)
	})
	require.NoError(t, r.stop())
	require.Equal(t, 1, strings.Count(r.log.String(), "export of spans"))
	require.NotContains(t, r.log.String(), spans.URL)
	require.NotContains(t, r.log.String(), collectorSecret)
}

package outbound_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go/middleware"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/outbound"
)

// recorder is an Observer that records its calls.
type recorder struct {
	mu    sync.Mutex
	calls []string
	skew  time.Duration
}

func (r *recorder) AWSCalled(operation, result string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, operation+" "+result)
}

func (r *recorder) ClockSkew(skew, _ time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.skew = skew
}

func newConfig(r *recorder, url string) aws.Config {
	return aws.Config{
		Region: "us-east-1", BaseEndpoint: &url, Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
		Retryer:    func() aws.Retryer { return aws.NopRetryer{} },
		APIOptions: []func(*middleware.Stack) error{outbound.ObserveCalls(r)},
	}
}

// Each result of a call, with a real client of the SDK.
func TestObserveCalls(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status     int
		code, want string
	}{
		"ok": {http.StatusOK, "", "ok"}, "throttled": {http.StatusBadRequest, "ThrottlingException", "throttled"},
		"throttled as 503": {http.StatusServiceUnavailable, "Throttling", "throttled"},
		"429":              {http.StatusTooManyRequests, "X", "throttled"},
		"denied":           {http.StatusBadRequest, "AccessDeniedException", "denied"},
		"no such key":      {http.StatusForbidden, "X", "denied"},
		"expired":          {http.StatusBadRequest, "ExpiredTokenException", "denied"},
		"closed":           {http.StatusBadRequest, "TaskTimedOut", "refused"},
		"5xx":              {http.StatusInternalServerError, "InternalFailure", "failed"},
		"unreadable":       {http.StatusOK, "{", "failed"},
		"broken":           {0, "", "failed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if tc.status == 0 {
					panic(http.ErrAbortHandler)
				}
				w.Header().Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
				w.Header().Set("Content-Type", "application/x-amz-json-1.0")
				w.WriteHeader(tc.status)
				if tc.status != http.StatusOK {
					fmt.Fprintf(w, `{"__type": %q}`, tc.code)
				} else {
					fmt.Fprint(w, "{}"[len(tc.code):])
				}
			}))
			defer server.Close()
			h := &recorder{}
			_, err := sfn.NewFromConfig(newConfig(h, server.URL)).SendTaskSuccess(t.Context(),
				&sfn.SendTaskSuccessInput{TaskToken: aws.String("t"), Output: aws.String("{}")})
			require.Equal(t, tc.want == "ok", err == nil, "%v", err)
			require.Equal(t, []string{"SFN.SendTaskSuccess " + tc.want}, h.calls)
			if tc.status != 0 {
				require.InDelta(t, time.Hour.Seconds(), h.skew.Seconds(), 5)
			}
		})
	}
}

// Missing credentials count as refused credentials. A call that we cancel is not reported.
func TestObserveUnsentCalls(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer server.Close()
	h := &recorder{}
	c := newConfig(h, server.URL)
	c.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{}, fmt.Errorf("none")
	})
	_, err := sqs.NewFromConfig(c).GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("q")})
	require.Error(t, err)
	require.Equal(t, []string{"SQS.GetQueueUrl denied"}, h.calls)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = sqs.NewFromConfig(newConfig(h, server.URL)).ReceiveMessage(ctx,
		&sqs.ReceiveMessageInput{QueueUrl: &server.URL})
	require.ErrorIs(t, err, context.Canceled)
	require.Len(t, h.calls, 1)
}

func TestSetTrace(t *testing.T) {
	t.Parallel()
	header := http.Header{}
	outbound.SetTrace(t.Context(), header)
	require.Empty(t, header)
	outbound.SetTrace(outbound.WithTrace(t.Context(), "w"), header)
	require.Equal(t, "w", header.Get("traceparent"))
}

// A middleware that would never run is not passed over in silence.
func TestObserverOfOptions(t *testing.T) {
	t.Parallel()
	h := &recorder{}
	other := func(stack *middleware.Stack) error {
		return stack.Build.Add(middleware.BuildMiddlewareFunc("Other", nil), middleware.After)
	}
	observe := outbound.ObserveCalls(h)
	_, err := outbound.ObserverOf([]func(*middleware.Stack) error{observe, other}, "SFN", "SendTaskSuccess")
	require.Error(t, err)
	none, err := outbound.ObserverOf(nil, "SFN", "SendTaskSuccess")
	require.NoError(t, err)
	o, err := outbound.ObserverOf([]func(*middleware.Stack) error{observe}, "SFN", "SendTaskSuccess")
	require.NoError(t, err)
	for _, c := range []outbound.CallObserver{none, o} {
		call := c.Begin()
		call.Signed()
		call.Answered(&http.Response{StatusCode: http.StatusOK, Header: http.Header{}})
		call.End(nil)
	}
	require.Equal(t, []string{"SFN.SendTaskSuccess ok"}, h.calls)
}

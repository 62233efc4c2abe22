package lambda_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/callback"
	"github.com/approval-relay/approval-relay/callback/lambda"
	"github.com/approval-relay/approval-relay/test/emulator"
)

func start(t *testing.T) (*emulator.Server, *lambda.Target) {
	t.Helper()
	s, err := emulator.Start()
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	client := sdk.New(sdk.Options{Region: "us-east-1", BaseEndpoint: aws.String(s.URL()),
		Credentials: credentials.NewStaticCredentialsProvider("x", "x", "")})
	return s, lambda.NewTarget(client, lambda.Config{Limit: rate.NewLimiter(1000, 1000)})
}

func answer(id string, status approval.Status, change ...func(*approval.Answer)) approval.Answer {
	a := approval.Answer{
		OrderID:    "A-1",
		ApprovalID: "0123",
		Workflow:   "orders",
		Token:      approval.NewToken(id),
		Status:     status,
		ClosedAt:   time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC),
		Votes: []approval.Vote{{
			DecisionID: "d",
			Outcome:    approval.Approve,
			By:         "ann@example.com",
			Comment:    "fine",
		}},
	}
	if status == approval.Rejected {
		a.Votes[0].Outcome = approval.Reject
	}
	for _, f := range change {
		f(&a)
	}
	return a
}

func TestDeliver(t *testing.T) {
	t.Parallel()
	s, target := start(t)
	for _, c := range []struct {
		status approval.Status
		change func(*approval.Answer)
		error  string
	}{
		{approval.Approved, nil, ""}, {approval.Rejected, nil, "ApprovalDenied"},
		{approval.Rejected, func(a *approval.Answer) { a.RejectAsSuccess = true }, ""},
		{approval.TimedOut, func(a *approval.Answer) { a.Votes, a.Reason = nil, "nobody decided" }, "ApprovalTimedOut"},
		{approval.Cancelled, nil, "ApprovalCancelled"}, {approval.Superseded, nil, "ApprovalSuperseded"},
	} {
		id := s.Lambda.Callbacks.OpenTask(time.Hour, 0)
		a := answer(id, c.status)
		if c.change != nil {
			c.change(&a)
		}
		require.NoError(t, target.Deliver(t.Context(), a))
		task, _ := s.Lambda.Callbacks.FindTask(id)
		text := task.Output + task.Cause
		require.Equal(t, c.error, task.Error)
		require.Equal(t, c.error == "", task.State == emulator.TaskSucceeded)
		var body map[string]any
		require.NoError(t, json.Unmarshal([]byte(text), &body))
		require.Equal(t, "A-1", body["orderId"])
		require.Equal(t, string(c.status), body["status"])
		require.ErrorIs(t, target.Deliver(t.Context(), a), approval.ErrClosed, "once")
	}
}

func TestHeartbeat(t *testing.T) {
	t.Parallel()
	s, target := start(t)
	id := s.Lambda.Callbacks.OpenTask(time.Hour, time.Hour)
	a := answer(id, approval.Pending)
	require.NoError(t, target.Heartbeat(t.Context(), a))
	task, _ := s.Lambda.Callbacks.FindTask(id)
	require.Equal(t, 1, task.Heartbeats)
	s.Lambda.Callbacks.AbortTask(id)
	require.ErrorIs(t, target.Heartbeat(t.Context(), a), approval.ErrClosed)
}

// Every step fails twice: not applied, and applied with a lost response.
func TestFailures(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		faults  emulator.Faults
		maybe   bool
		applied int
	}{
		"throttled":         {emulator.Faults{Throttle: 1}, false, 0},
		"down":              {emulator.Faults{Fail: 1}, true, 0},
		"the reply is lost": {emulator.Faults{LoseReply: 1}, true, 1},
	} {
		s, target := start(t)
		id := s.Lambda.Callbacks.OpenTask(time.Hour, 0)
		s.Lambda.Callbacks.SetFaults(c.faults)
		r := approval.ResultOf(target.Deliver(t.Context(), answer(id, approval.Approved)))
		require.Equal(t, approval.ResultFailed, r.Kind, name)
		require.Equal(t, c.maybe, r.MaybeApplied, name)
		task, _ := s.Lambda.Callbacks.FindTask(id)
		require.Equal(t, c.applied, task.Effective, name)
		require.NotContains(t, r.Reason, id[:40], name)
		require.LessOrEqual(t, task.Calls, 1, "one attempt")
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	s, target := start(t)
	for name, a := range map[string]approval.Answer{
		"no callback ID":  answer("", approval.Approved),
		"too long":        answer(strings.Repeat("x", 1025), approval.Approved),
		"pending":         answer("x", approval.Pending),
		"not one of ours": answer("unknown", approval.Approved),
		"output too large": answer("x", approval.Approved,
			func(a *approval.Answer) { a.Output = map[string]any{"x": strings.Repeat("y", 300_000)} }),
	} {
		require.True(t, approval.IsPermanent(target.Deliver(t.Context(), a)), name)
	}
	id := s.Lambda.Callbacks.OpenTask(time.Hour, 0)
	long := answer(id, approval.Rejected,
		func(a *approval.Answer) { a.Votes[0].Comment = strings.Repeat("\x01", 100_000) })
	require.NoError(t, target.Deliver(t.Context(), long), "a comment is cut")
}

func TestRateLimitRefuses(t *testing.T) {
	t.Parallel()
	target := lambda.NewTarget(struct{ lambda.API }{},
		lambda.Config{Limit: rate.NewLimiter(0, 0), Timeout: time.Millisecond})
	r := approval.ResultOf(target.Deliver(context.Background(), answer("x", approval.Approved)))
	require.Equal(t, approval.ResultNotMade, r.Kind)
	require.False(t, r.MaybeApplied)
}

// A region that does not know a callback is no evidence that the function stopped waiting: a heartbeat must not cancel
// the approval.
func TestAnUnknownCallbackIsNotClosed(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Amzn-Errortype", "ResourceNotFoundException")
		w.WriteHeader(http.StatusNotFound)
	}))
	defer server.Close()
	client := sdk.New(sdk.Options{Region: "us-east-1", BaseEndpoint: aws.String(server.URL),
		Credentials: credentials.NewStaticCredentialsProvider("x", "x", "")})
	target := lambda.NewTarget(client, lambda.Config{Limit: rate.NewLimiter(1000, 1000)})
	for _, call := range []func(context.Context, approval.Answer) error{target.Heartbeat, target.Deliver} {
		r := approval.ResultOf(call(t.Context(), answer("x", approval.Approved)))
		require.Equal(t, approval.ResultRefused, r.Kind)
		require.Equal(t, approval.NamedReasonCode("ResourceNotFoundException"), r.ReasonCode)
	}
}

// countingAPI counts the answers that it gets.
type countingAPI struct {
	lambda.API
	calls int
}

func (c *countingAPI) SendDurableExecutionCallbackSuccess(
	context.Context, *sdk.SendDurableExecutionCallbackSuccessInput, ...func(*sdk.Options),
) (*sdk.SendDurableExecutionCallbackSuccessOutput, error) {
	c.calls++
	return &sdk.SendDurableExecutionCallbackSuccessOutput{}, nil
}

// A callback ID has at most 1024 characters. A longer one is refused without a call, and with a code that names it.
func TestLengthOfCallbackID(t *testing.T) {
	t.Parallel()
	for length, want := range map[int]approval.Result{
		0:    {Kind: approval.ResultRefused, ReasonCode: approval.ReasonInvalidToken},
		1:    {Kind: approval.ResultOK},
		1024: {Kind: approval.ResultOK},
		1025: {Kind: approval.ResultRefused, ReasonCode: approval.ReasonInvalidToken},
	} {
		api := &countingAPI{}
		target := lambda.NewTarget(api, lambda.Config{Limit: rate.NewLimiter(1000, 1000)})
		got := approval.ResultOf(target.Deliver(t.Context(), answer(strings.Repeat("x", length), approval.Approved)))
		got.Reason = ""
		require.Equal(t, want, got, length)
		require.Equal(t, want.Kind == approval.ResultOK, api.calls == 1, length)
	}
}

// A callback ID that was changed on its way is refused before people decide.
func TestValidateToken(t *testing.T) {
	t.Parallel()
	var target callback.TokenTarget = lambda.NewTarget(nil, lambda.Config{})
	require.NoError(t, target.ValidateToken("QWxhZGRpbjpvcGVu+c2VzYW1l/w=="))
	require.ErrorContains(t, target.ValidateToken("QWxhZGRpbjpvcGVu c2VzYW1l/w=="), "space where a + was")
}

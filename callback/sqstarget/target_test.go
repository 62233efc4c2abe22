package sqstarget_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/callback"
	"github.com/approval-relay/approval-relay/callback/sqstarget"
	"github.com/approval-relay/approval-relay/outbound"
	"github.com/approval-relay/approval-relay/setup"
)

var update = flag.Bool("update", false, "write the golden files again")

// newTarget returns a target that calls an endpoint.
func newTarget(url string, settings sqstarget.Settings, timeout time.Duration) *sqstarget.Target {
	settings.SetDefaults(setup.Common{Region: "us-east-1"})
	client := sqs.New(sqs.Options{
		Region:       "us-east-1",
		BaseEndpoint: aws.String(url),
		Credentials:  credentials.NewStaticCredentialsProvider("x", "very-s3cret-key", ""),
	})
	return sqstarget.NewTarget(client, sqstarget.Config{
		Settings: settings,
		Limit:    rate.NewLimiter(1000, 1000),
		Timeout:  timeout,
	})
}

// newAnswer returns an answer to a token.
func newAnswer(token string, status approval.Status) approval.Answer {
	return approval.Answer{
		OrderID:    "A-1",
		ApprovalID: "0123456789abcdef0123456789abcdef",
		Workflow:   "orders",
		Step:       "finance",
		Token:      approval.NewToken(token),
		Status:     status,
		Reason:     "nobody decided",
		ClosedAt:   time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC),
		Output:     map[string]any{"team": "a"},
		Votes: []approval.Vote{{
			DecisionID: "d",
			Outcome:    approval.Reject,
			By:         "ann@example.com",
			At:         time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC),
			Comment:    "<too> dear\x01",
		}},
	}
}

// single are the settings of a target with a single queue.
func single(queue string) sqstarget.Settings {
	return sqstarget.Settings{Queues: map[string]string{"answers": queue}}
}

func TestDeliver(t *testing.T) {
	t.Parallel()
	for _, status := range []approval.Status{
		approval.Approved, approval.Rejected, approval.TimedOut, approval.Cancelled, approval.Superseded,
	} {
		s := startSQS(t, "answers")
		a := newAnswer("C-17", status)
		if status == approval.Approved {
			a.Votes[0].Outcome = approval.Approve
		}
		require.NoError(t, newTarget(s.url, single("answers"), 0).Deliver(t.Context(), a))
		require.Len(t, s.messagesIn("answers"), 1)
		got := s.messagesIn("answers")[0]
		require.Equal(t, map[string]string{
			"type":       "approval.answer",
			"workflow":   "orders",
			"status":     string(status),
			"approvalId": a.ApprovalID,
		}, got.attributes)
		require.Empty(t, got.group)
		require.Empty(t, got.dedupe)
		require.Equal(t, map[string]any{"team": "a"}, a.Output, "the answer is not changed")
		compareGolden(t, "good_"+string(status)+".json", got.body)
	}
}

// compareGolden compares a text with a golden file.
func compareGolden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile("testdata/"+name, []byte(got+"\n"), 0o600))
	}
	want, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	require.Equal(t, string(want), got+"\n")
}

// A token chooses among the queues of the settings, and cannot name any other.
func TestChoice(t *testing.T) {
	t.Parallel()
	s := startSQS(t, "orders", "claims", "secret")
	two := sqstarget.Settings{Queues: map[string]string{"orders": s.queueURL("orders"), "claims": "claims"}}
	withDefault := two
	withDefault.Default = "claims"
	for _, c := range []struct {
		settings    sqstarget.Settings
		token       string
		queue       string // empty if the token is refused
		correlation string
	}{
		{two, "orders:C-1", "orders", "C-1"},
		{two, "claims:C-1:2", "claims", "C-1:2"},
		{two, "orders:claims:C-1", "orders", "claims:C-1"},
		{two, "C-1", "", ""},
		{two, "secret:C-1", "", ""},
		{two, "orders:", "", ""},
		{withDefault, "C-1", "claims", "C-1"},
		{withDefault, "orders:C-1", "orders", "C-1"},
		{withDefault, "secret:C-1", "claims", "secret:C-1"},
		{withDefault, s.queueURL("secret"), "claims", s.queueURL("secret")},
		{withDefault, "", "", ""},
	} {
		before := len(s.messagesIn(c.queue))
		target := newTarget(s.url, c.settings, 0)
		require.Equal(t, c.queue == "", target.ValidateToken(c.token) != nil, "refused when the request arrives: %s", c.token)
		err := target.Deliver(t.Context(), newAnswer(c.token, approval.Approved))
		if c.queue == "" {
			require.True(t, approval.IsPermanent(err), c.token)
			require.Equal(t, approval.ReasonInvalidToken, approval.ReasonCodeOf(err), c.token)
			require.NotContains(t, err.Error(), "C-1")
			continue
		}
		require.NoError(t, err, c.token)
		messages := s.messagesIn(c.queue)
		require.Len(t, messages, before+1, c.token)
		var body struct{ CallbackID string }
		require.NoError(t, json.Unmarshal([]byte(messages[before].body), &body))
		require.Equal(t, c.correlation, body.CallbackID, c.token)
	}
	require.Empty(t, s.messagesIn("secret"))
}

// In a FIFO queue, the answers of an order are a group, and a repeated answer is discarded.
func TestFIFO(t *testing.T) {
	t.Parallel()
	s := startSQS(t, "answers.fifo")
	target := newTarget(s.url, single("answers.fifo"), 0)
	a := newAnswer("C-1", approval.Approved)
	for range 2 {
		require.NoError(t, target.Deliver(t.Context(), a))
	}
	require.Equal(t, 1, s.calls["GetQueueUrl"], "asked once")
	require.Len(t, s.messagesIn("answers.fifo"), 1)
	got := s.messagesIn("answers.fifo")[0]
	require.Equal(t, "A-1", got.group)
	require.Equal(t, a.ApprovalID, got.dedupe)

	groups := map[string]bool{}
	for _, orderID := range []string{"Bestellung für Zoë", "a b", strings.Repeat("x", 129), "\x01"} {
		a.OrderID, a.ApprovalID = orderID, fmt.Sprintf("%x", orderID[:1])
		require.NoError(t, target.Deliver(t.Context(), a), orderID)
		messages := s.messagesIn("answers.fifo")
		groups[messages[len(messages)-1].group] = true
	}
	require.Len(t, groups, 4)
}

// Characters that SQS refuses arrive as escapes of JSON, also in an answer of the greatest length.
func TestHostileTexts(t *testing.T) {
	t.Parallel()
	s := startSQS(t, "answers")
	target := newTarget(s.url, single("answers"), 0)
	a := newAnswer("C-\x00\uffff\u2028<", approval.Rejected)
	a.OrderID = "A\uFFFE\r\n"
	a.Votes[0].Comment = strings.Repeat("\uFFFF\x01\"", 100_000)
	require.NoError(t, target.Deliver(t.Context(), a))
	got := s.messagesIn("answers")[0].body
	require.LessOrEqual(t, len(got), sqstarget.MaxBody)
	require.Greater(t, len(got), sqstarget.MaxBody/2, "the comment is cut, not removed")
	var body struct {
		OrderID    string
		CallbackID string
		Comment    string
	}
	require.NoError(t, json.Unmarshal([]byte(got), &body))
	require.Equal(t, a.OrderID, body.OrderID)
	require.Equal(t, a.Token.Reveal(), body.CallbackID)
	require.True(t, strings.HasPrefix(a.Votes[0].Comment, strings.TrimSuffix(body.Comment, "…")))
}

func TestErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		code   string
		older  string
		kind   approval.ResultKind
		maybe  bool
		reason approval.ReasonCode
	}{
		{400, "InvalidMessageContents", "", approval.ResultRefused, false, "invalid_message_contents"},
		{400, "InvalidParameterValue", "", approval.ResultRefused, false, "invalid_parameter_value"},
		{400, "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", approval.ResultFailed, false, "http_400"},
		{400, "UnsupportedOperation", "", approval.ResultFailed, false, "http_400"},
		{403, "AccessDenied", "AccessDenied", approval.ResultFailed, false, approval.ReasonDenied},
		{400, "KmsAccessDenied", "KMS.AccessDeniedException", approval.ResultFailed, false, approval.ReasonDenied},
		{400, "KmsThrottled", "KMS.ThrottlingException", approval.ResultFailed, false, approval.ReasonThrottled},
		{400, "RequestThrottled", "RequestThrottled", approval.ResultFailed, false, approval.ReasonThrottled},
		{400, "InvalidClientTokenId", "", approval.ResultFailed, false, approval.ReasonDenied},
		{500, "InternalError", "", approval.ResultFailed, true, "http_500"},
		{503, "ServiceUnavailable", "", approval.ResultFailed, true, "http_503"},
	} {
		s := startSQS(t, "answers")
		s.answer = func(w http.ResponseWriter, _ *http.Request) {
			writeError(w, c.status, c.code, c.older, "for ann@example.com, C-s3cret")
		}
		err := newTarget(s.url, single("answers"), 0).Deliver(t.Context(), newAnswer("C-s3cret", approval.Approved))
		r := approval.ResultOf(err)
		require.Equal(t, c.kind, r.Kind, c.code)
		require.Equal(t, c.maybe, r.MaybeApplied, c.code)
		require.Equal(t, c.reason, r.ReasonCode, c.code)
		require.Equal(t, 1, s.calls["SendMessage"], c.code)
		require.True(t, strings.HasPrefix(r.Reason, `send the answer to the queue for order "A-1": `), r.Reason)
		require.NotContains(t, r.Reason, "ann@")
		require.NotContains(t, r.Reason, "s3cret")
	}
}

// A queue that does not exist is retried: an operator may create it. Nothing was sent, so nothing was applied.
func TestUnknownQueue(t *testing.T) {
	t.Parallel()
	for _, settings := range []sqstarget.Settings{single("missing"), single("http://localhost/111122223333/missing")} {
		s := startSQS(t, "answers")
		r := approval.ResultOf(newTarget(s.url, settings, 0).Deliver(t.Context(), newAnswer("C-1", approval.Approved)))
		require.Equal(t, approval.ResultFailed, r.Kind)
		require.False(t, r.MaybeApplied)
		require.Contains(t, r.Reason, "NonExistentQueue")
	}
}

// A lost answer of GetQueueUrl leaves the answer unsent. A lost answer of SendMessage does not.
func TestNoAnswer(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	defer close(hang)
	s := startSQS(t, "answers")
	s.answer = func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	}
	a := newAnswer("C-1", approval.Approved)
	err := newTarget(s.url, single(s.queueURL("answers")), 50*time.Millisecond).Deliver(t.Context(), a)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.True(t, approval.ResultOf(err).MaybeApplied)
	require.True(t, outbound.IsEndpointFailure(err))

	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	for _, queue := range []string{"answers", "http://localhost/111122223333/answers"} {
		err = newTarget("http://"+l.Addr().String(), single(queue), 0).Deliver(t.Context(), a)
		r := approval.ResultOf(err)
		require.Equal(t, approval.ResultFailed, r.Kind)
		require.False(t, r.MaybeApplied)
		require.True(t, outbound.IsEndpointFailure(err))
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	s := startSQS(t, "answers")
	target := newTarget(s.url, single("answers"), 0)
	require.True(t, approval.IsPermanent(target.Deliver(t.Context(), newAnswer("C-1", approval.Pending))))
	large := newAnswer("C-1", approval.Approved)
	large.Output = map[string]any{"x": strings.Repeat("\uFFFF", 80_000)}
	err := target.Deliver(t.Context(), large)
	require.True(t, approval.IsPermanent(err))
	require.ErrorIs(t, err, callback.ErrTooLong)
	require.Empty(t, s.calls, "nothing is sent")
}

// The trace of an approval goes on at the receiver.
func TestTrace(t *testing.T) {
	t.Parallel()
	s := startSQS(t, "answers")
	const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	ctx := outbound.WithTrace(t.Context(), trace)
	require.NoError(t, newTarget(s.url, single("answers"), 0).Deliver(ctx, newAnswer("C-1", approval.Approved)))
	require.Equal(t, trace, s.messagesIn("answers")[0].attributes["traceparent"])
}

func TestNoSlotInTime(t *testing.T) {
	t.Parallel()
	target := sqstarget.NewTarget(struct{ sqstarget.API }{}, sqstarget.Config{
		Settings: sqstarget.Settings{Queues: map[string]string{"a": "http://localhost/1/a"}, Default: "a"},
		Limit:    rate.NewLimiter(0, 0),
		Timeout:  time.Millisecond,
	})
	r := approval.ResultOf(target.Deliver(t.Context(), newAnswer("C-1", approval.Approved)))
	require.Equal(t, approval.ResultNotMade, r.Kind)
	require.False(t, r.MaybeApplied)
}

func FuzzDeliver(f *testing.F) {
	f.Add("C-1", "A-1", "fine", "orders")
	f.Add("answers:\x00", "\uFFFE", "\xff\uFFFF", "w")
	s := startSQS(f, "answers.fifo")
	target := newTarget(s.url, single("answers.fifo"), 0)
	f.Fuzz(func(t *testing.T, token, orderID, comment, _ string) {
		if token == "" || token == "answers:" || orderID == "" {
			return
		}
		a := newAnswer(strings.ToValidUTF8(token, ""), approval.Rejected)
		if a.Token.Reveal() == "" || a.Token.Reveal() == "answers:" {
			return
		}
		a.OrderID, a.Votes[0].Comment = orderID, comment
		if err := target.Deliver(t.Context(), a); err != nil {
			t.Error(err)
		}
	})
}

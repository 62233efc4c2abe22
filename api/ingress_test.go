package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/metadata"
)

func anybody(*http.Request, []byte) error { return nil }

// The status of an answer is the fate of the message, for every class of error. Temporary errors are described in
// general terms.
func TestStatusIsTheFateOfTheMessage(t *testing.T) {
	t.Parallel()
	type want struct {
		status int
		detail string
	}
	refused := func(code approval.VerdictCode) error {
		return approval.Permanent(
			fmt.Errorf("decide: %w", approval.Verdict{Code: code, ApprovalID: "a-1", Status: approval.Approved}.Err()),
		)
	}
	const again = "the store did not answer the request; send it again"
	for name, c := range map[string]struct {
		err  error
		want want
	}{
		"a field":       {fmt.Errorf("handle: %w", approval.InvalidField("order", "is missing")), want{422, "order: is missing"}},
		"another fault": {approval.Permanent(errors.New("not a decision")), want{422, "not a decision"}},
		"not found":     {fmt.Errorf("show: %w", approval.ErrNotFound), want{404, "show: not found"}},
		"the store":     {errors.New("/var/lib/relay.db: disk full"), want{503, again}},
		"too long":      {fmt.Errorf("update: %w", context.DeadlineExceeded), want{503, "the request took too long; send it again"}},
		"conflict": {
			refused(approval.VerdictConflict),
			want{409, "decision refused (conflict): the approval already has a different decision"},
		},
		"late":        {refused(approval.VerdictLate), want{409, ""}},
		"superseded":  {refused(approval.VerdictSuperseded), want{409, ""}},
		"ambiguous":   {refused(approval.VerdictAmbiguous), want{409, ""}},
		"unknown":     {refused(approval.VerdictUnknown), want{404, ""}},
		"no approver": {refused(approval.VerdictNotApprover), want{403, ""}},
		"requester":   {refused(approval.VerdictRequester), want{403, ""}},
		"assurance":   {refused(approval.VerdictAssurance), want{403, ""}},
		"source":      {refused(approval.VerdictSource), want{403, ""}},
		"overflow": {
			refused(approval.VerdictOverflow),
			want{503, "decision refused (overflow): too many decisions already wait for a request of this order"},
		},
		"a full order": {
			fmt.Errorf("update: %w", approval.OrderFull("it has %d approvals", 1000)),
			want{503, "the order is full: it has 1000 approvals"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := NewIngress()
			consume(t, in, "t", func(*message.Message) error { return c.err })
			got := send(t, in.MessageHandler(fixedTopic("t"), SourcePolicy{Check: anybody, SignedID: true}), "POST", "/x", `{}`)
			require.Equal(t, c.want.status, got.StatusCode)
			require.Equal(t, "application/problem+json", got.Header.Get("Content-Type"))
			require.Equal(t, "no-store", got.Header.Get("Cache-Control"))
			require.Equal(t, http.StatusText(c.want.status), got.problem.Title)
			if c.want.detail != "" {
				require.Equal(t, c.want.detail, got.problem.Detail)
			}
			require.NotContains(t, got.text, "relay.db")
			require.Equal(t, c.want.status == http.StatusServiceUnavailable, got.Header.Get("Retry-After") != "")
			if _, refused := errors.AsType[*approval.RefusalError](c.err); refused && c.want.status != http.StatusServiceUnavailable {
				require.NotEmpty(t, got.problem.Verdict)
				require.Equal(t, "a-1", got.problem.ApprovalID)
				require.Equal(t, approval.Approved, got.problem.ApprovalStatus)
			}
		})
	}
}

func TestAnswersOfSuccess(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body   any
		status int
		text   string
	}{
		"a request": {
			handlers.Accepted{OrderID: "A-1", ApprovalID: "a", Status: approval.Pending},
			202,
			`{"orderId":"A-1","approvalId":"a","status":"pending"}` + "\n",
		},
		"a decision": {
			handlers.Decided{OrderID: "A-1", Verdict: approval.VerdictDecided},
			200,
			`{"orderId":"A-1","verdict":"decided"}` + "\n",
		},
		"one that waits": {
			handlers.Decided{OrderID: "A-1", Verdict: approval.VerdictWaiting},
			202,
			`{"orderId":"A-1","verdict":"waiting"}` + "\n",
		},
		"nothing to be said": {nil, 204, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := NewIngress()
			consume(t, in, "t", func(m *message.Message) error { handlers.Reply(m, c.body); return nil })
			got := send(t, in.MessageHandler(fixedTopic("t"), SourcePolicy{Check: anybody, SignedID: true}), "POST", "/x", `{}`)
			require.Equal(t, c.status, got.StatusCode)
			require.Equal(t, c.text, got.text)
		})
	}
}

// A refusal because of a missing field names both.
func TestRefusalWithAField(t *testing.T) {
	t.Parallel()
	in := NewIngress()
	refusal := approval.Verdict{Code: approval.VerdictNotApprover}.Err()
	consume(t, in, "t", func(*message.Message) error {
		return approval.Permanent(fmt.Errorf("%w; %w", refusal, approval.InvalidField("by", "is missing")))
	})
	got := send(t, in.MessageHandler(fixedTopic("t"), SourcePolicy{}), "POST", "/x", `{}`)
	require.Equal(t, http.StatusForbidden, got.StatusCode)
	require.Equal(t, refusal.Error()+"; by: is missing", got.problem.Detail)
	require.Equal(t, "by", got.problem.Field)
	require.Equal(t, approval.VerdictNotApprover, got.problem.Verdict)
}

// A request with a wrong signature or body does not become a message.
func TestWhatNeverBecomesAMessage(t *testing.T) {
	t.Parallel()
	wrong := func(*http.Request, []byte) error { return errors.New("signature of key 3 does not match") }
	for name, c := range map[string]struct {
		body   io.Reader
		check  Check
		status int
		detail string
	}{
		"a wrong signature": {strings.NewReader(`{}`), wrong, 401, "the credential or signature is missing or wrong"},
		"a body too large":  {strings.NewReader(strings.Repeat("x", MaxBody+1)), anybody, 413, "the body is larger than 1048576 bytes"},
		"a body cut off": {
			io.MultiReader(strings.NewReader(`{"a"`), iotest.ErrReader(io.ErrUnexpectedEOF)),
			anybody,
			400,
			"the body could not be read",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := NewIngress()
			consume(t, in, "t", func(*message.Message) error { t.Error("became a message"); return nil })
			got := sendFrom(t, in.MessageHandler(fixedTopic("t"), SourcePolicy{Check: c.check, SignedID: true}), "POST", "/x", c.body)
			require.Equal(t, c.status, got.StatusCode)
			require.Equal(t, c.detail, got.problem.Detail)
			require.Equal(t, c.status == 401, got.Header.Get("WWW-Authenticate") != "")
		})
	}
	got := send(
		t,
		NewIngress().MessageHandler(func(*http.Request) (string, error) { return "", &notFoundError{"workflow"} }, SourcePolicy{}),
		"POST",
		"/x",
		"{}",
	)
	require.Equal(t, http.StatusNotFound, got.StatusCode)
	require.Equal(t, "no such workflow", got.problem.Detail)
}

// The largest body is accepted. The message has the headers without credentials.
func TestWhatAMessageIsMadeOf(t *testing.T) {
	t.Parallel()
	in := NewIngress()
	var got *message.Message
	consume(t, in, "t", func(m *message.Message) error { got = m; return nil })
	mux := http.NewServeMux()
	mux.Handle("POST /v1/orders/{orderId}/decisions", in.MessageHandler(fixedTopic("t"), SourcePolicy{Check: anybody, SignedID: true}))
	body := strings.Repeat("x", MaxBody)
	require.Equal(t, 204, send(t, mux, "POST", "/v1/orders/A%2F1/decisions", body,
		"Authorization", "Bearer secret", "Cookie", "secret", "X-Event", "decision", "Webhook-Id", "w-1").StatusCode)
	require.Equal(t, body, string(got.Payload))
	require.Equal(t, message.Metadata{
		metadata.OrderID:               "A/1",
		metadata.DeliveryID:            "w-1",
		metadata.Header + "x-event":    "decision",
		metadata.Header + "webhook-id": "w-1",
	}, got.Metadata)
}

// If a sender goes away, its message is handled to the end.
func TestASenderThatGoesAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		in := NewIngress()
		ended := make(chan error, 1)
		consume(t, in, "t", func(*message.Message) error {
			time.Sleep(time.Second)
			ended <- nil
			return nil
		})
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		fate := in.deliver(ctx, "t", message.NewMessage("m", nil))
		require.ErrorIs(t, fate.Err, context.DeadlineExceeded)
		require.NoError(t, <-ended)
		require.NoError(t, in.Close())
	})
}

// Without a subscriber a request waits, but not longer than its sender.
func TestNobodyListens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		in := NewIngress()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, in.deliver(ctx, "t", message.NewMessage("m", nil)).Err, context.DeadlineExceeded)
	})
}

func TestAClosedIngressSaysTryAgain(t *testing.T) {
	t.Parallel()
	in := NewIngress()
	consume(t, in, "t", func(*message.Message) error { return nil })
	require.NoError(t, in.Close())
	require.NoError(t, in.Close(), "again")
	got := send(t, in.MessageHandler(fixedTopic("t"), SourcePolicy{Check: anybody, SignedID: true}), "POST", "/x", `{}`)
	require.Equal(t, http.StatusServiceUnavailable, got.StatusCode)
	require.Equal(t, "2", got.Header.Get("Retry-After"))
}

// A message that has not reached its handler at the shutdown is returned, and its sender is told to send it again.
func TestAMessageOnItsWayWhenItCloses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, end := range []func(*Ingress, context.CancelFunc){
			func(in *Ingress, _ context.CancelFunc) { require.NoError(t, in.Close()) },
			func(_ *Ingress, cancel context.CancelFunc) { cancel() },
		} {
			in := NewIngress()
			ctx, cancel := context.WithCancel(t.Context())
			_, err := in.Subscribe(ctx, "t") // nobody reads
			require.NoError(t, err)
			fate := make(chan handlers.Fate)
			go func() { fate <- in.deliver(t.Context(), "t", message.NewMessage("m", nil)) }()
			synctest.Wait()
			end(in, cancel)
			require.ErrorIs(t, (<-fate).Err, errClosing)
			cancel()
			require.NoError(t, in.Close())
		}
	})
}

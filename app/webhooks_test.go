package app

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/approval"
	bodies "github.com/approval-relay/approval-relay/body"
	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/expression"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/metadata"
	"github.com/approval-relay/approval-relay/webhook"
)

// snsSays verifies nothing: webhook's own tests do.
type snsSays struct {
	m   webhook.SNSMessage
	err error
}

func (s snsSays) Open(context.Context, time.Time, []byte) (webhook.SNSMessage, error) {
	return s.m, s.err
}

func TestSNSOverHTTP(t *testing.T) {
	t.Parallel()
	var confirmed []string
	var failing error
	open := func(s snsSays) ([]byte, map[string]string, error) {
		confirm := func(_ context.Context, topic, token string) error {
			confirmed = append(confirmed, topic+" "+token)
			return failing
		}
		log := slog.New(slog.DiscardHandler)
		return openSNS(s, confirm, log, time.Now)(t.Context(), nil)
	}
	at := time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)
	body, meta, err := open(snsSays{m: webhook.SNSMessage{Type: webhook.SNSNotification, ID: "id-1", Message: `{"x":1}`, Timestamp: at}})
	require.NoError(t, err)
	require.JSONEq(t, `{"x":1}`, string(body))
	require.Equal(t, map[string]string{metadata.SNSMessageID: "id-1", metadata.SentAt: "2026-03-02T09:30:00Z"}, meta)

	for _, kind := range []string{webhook.SNSConfirmation, webhook.SNSUnsubscribed} {
		body, _, err = open(snsSays{m: webhook.SNSMessage{Type: kind, TopicARN: "arn", Token: "token"}})
		require.NoError(t, err)
		require.Nil(t, body, "it is no decision")
	}
	require.Equal(t, []string{"arn token"}, confirmed)
	failing = errors.New("throttled")
	_, _, err = open(snsSays{m: webhook.SNSMessage{Type: webhook.SNSConfirmation}})
	require.ErrorIs(t, err, failing, "SNS sends it again")

	for err, refused := range map[error]bool{fmt.Errorf("x: %w", webhook.ErrMismatch): true, webhook.ErrStale: true, errors.New("no route to host"): false} {
		_, _, got := open(snsSays{err: err})
		require.ErrorIs(t, got, err)
		require.Equal(t, refused, errors.Is(got, api.InvalidCredential(err)) || fmt.Sprintf("%T", got) == fmt.Sprintf("%T", api.InvalidCredential(err)))
	}
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	require.Nil(t, rateLimit(config.Webhook{}))
	turn := rateLimit(config.Webhook{Rate: 0.001, Burst: 2})
	for range 2 {
		_, ok := turn()
		require.True(t, ok)
	}
	wait, ok := turn()
	require.False(t, ok)
	require.Greater(t, wait, time.Minute)
	again, _ := turn()
	require.InDelta(t, wait.Seconds(), again.Seconds(), 500, "one that is refused takes no turn")
}

// examples are examples of docs/webhooks.md that read fields in places of their own: a configuration with a body as its
// sender writes it, signed as it signs, and the decision in it. TestPresets has the senders that need no fields.
var examples = map[string]struct {
	body string // file
	sign func(body []byte) http.Header
	want handlers.Decided
	by   string
	out  approval.Outcome
}{
	"jira": {
		"../webhook/preset/testdata/jira/approve.json",
		func(b []byte) http.Header {
			return http.Header{"X-Hub-Signature": {"sha256=" + hex.EncodeToString(mac(b))}}
		},
		handlers.Decided{OrderID: "A-77"}, "5b10a2844c20165700ede21g", approval.Approve,
	},
	"form": {
		"testdata/webhooks/good_form.txt",
		func([]byte) http.Header {
			return http.Header{"Authorization": {"Bearer " + exampleSecret}, "Content-Type": {"application/x-www-form-urlencoded"}}
		},
		handlers.Decided{OrderID: "A-1001"}, "grace@example.com", approval.Approve,
	},
}

// exampleSecret is base64, because some senders decode it.
const exampleSecret = "YW4gZXhhbXBsZSdzIHNlY3JldCBvZiBlbm91Z2ggYnl0ZXM="

func mac(body []byte) []byte {
	m := hmac.New(sha256.New, []byte(exampleSecret))
	m.Write(body)
	return m.Sum(nil)
}

// recorder keeps the decision instead of an order.
type recorder struct{ order approval.Order }

func (r *recorder) Update(_ context.Context, id string, f func(*approval.Order) error) error {
	r.order.ID = id
	return f(&r.order)
}

func (r *recorder) UpdateUnsynced(ctx context.Context, orderID string, f func(*approval.Order) error) error {
	return r.Update(ctx, orderID, f)
}

func (r *recorder) Get(context.Context, string) (*approval.Order, error) { return &r.order, nil }

func (*recorder) Reserve(handlers.Reservation) bool           { return true }
func (*recorder) Release(approval.Action)                     {}
func (*recorder) SetNextDue(string, time.Time)                {}
func (*recorder) ActionNotMade(approval.ActionKind)           {}
func (*recorder) Dispatch(context.Context, []approval.Action) {}
func (*recorder) Observe(context.Context, []approval.Event)   {}

func TestWebhookExamples(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/webhooks.md")
	require.NoError(t, err)
	configs := map[string]*config.Config{}
	for _, block := range regexp.MustCompile("(?s)```yaml\nwebhooks:\n.*?```").FindAllString(string(page), -1) {
		text := strings.TrimSuffix(strings.TrimPrefix(block, "```yaml\n"), "```")
		c, _, err := config.Parse("docs/webhooks.md", []byte(text), func(string) string { return exampleSecret })
		require.NoError(t, err, text)
		for name := range c.Webhooks {
			configs[name] = c
		}
	}
	for name, want := range examples {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := configs[name]
			require.NotNil(t, c, "it is in the docs")
			body, err := os.ReadFile(want.body)
			require.NoError(t, err)
			verifier := c.Compiled.Schemes[name].Verifier
			require.NoError(t, verifier.Verify(time.Now(), webhook.Request{Header: want.sign(body), Body: body}))
			require.Error(t, verifier.Verify(time.Now(), webhook.Request{Header: http.Header{}, Body: body}))

			fields := c.Compiled.Decisions[name]
			r := &recorder{}
			h := &handlers.Decision{
				Source: handlers.DecisionSource{Name: name, Via: approval.ViaWebhook, Fields: fields}, Decode: expression.DecodeJSON,
				Decider: &handlers.Decider{UnmatchedRetention: approval.UnmatchedRetention{WaitFor: time.Hour}, Transitions: &handlers.Transitions{
					Orders: r, Dispatch: r, Observer: r, Log: slog.New(slog.DiscardHandler), Now: time.Now, Lease: time.Minute,
				}},
			}
			scheme := c.Compiled.Schemes[name]
			_, format, err := bodies.Opener{Format: scheme.Body, CoversRequest: scheme.CoversRequest}.Open(want.sign(body), body)
			require.NoError(t, err)
			msg := message.NewMessage("1", body)
			msg.Metadata.Set(metadata.BodyFormat, string(format))
			for k, values := range want.sign(body) {
				msg.Metadata.Set(metadata.Header+strings.ToLower(k), values[0])
			}
			require.NoError(t, h.Handle(msg))
			require.Equal(t, want.want.OrderID, r.order.ID)
			require.Len(t, r.order.Unmatched, 1)
			d := r.order.Unmatched[0].Decision
			require.Equal(t, want.out, d.Outcome)
			require.Equal(t, want.by, d.By)

			// Sent again, by whoever saw it, it changes nothing.
			again := message.NewMessage("2", body)
			again.Metadata = msg.Metadata
			require.NoError(t, h.Handle(again))
			require.Len(t, r.order.Unmatched, 1)
		})
	}
}

// requestWith returns a request with this header Authorization, or without one.
func requestWith(authorization string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	return r
}

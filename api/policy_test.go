package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/inbound"

	"github.com/approval-relay/approval-relay/metadata"
)

// through sends a body under a policy, and returns the answer and the message.
func through(t *testing.T, policy SourcePolicy, body string) (reply, *message.Message) {
	t.Helper()
	in := NewIngress()
	var got *message.Message
	consume(t, in, "t", func(m *message.Message) error { got = m; return nil })
	return send(t, in.MessageHandler(fixedTopic("t"), policy), "POST", "/x", body, "X-Signature", "good", "Webhook-Id", "w-1"), got
}

func TestSourcePolicies(t *testing.T) {
	t.Parallel()
	resp, msg := through(t, SourcePolicy{}, "body")
	require.Equal(t, http.StatusNoContent, resp.StatusCode)
	require.Equal(t, "body", string(msg.Payload))

	open := func(payload []byte, err error) SourcePolicy {
		return SourcePolicy{OpenEnvelope: func(context.Context, []byte) ([]byte, map[string]string, error) {
			return payload, map[string]string{metadata.SNSMessageID: "id"}, err
		}}
	}
	resp, msg = through(t, open([]byte("inner"), nil), "envelope")
	require.Equal(t, http.StatusNoContent, resp.StatusCode)
	require.Equal(t, "inner", string(msg.Payload))
	require.Equal(t, "id", msg.Metadata.Get(metadata.SNSMessageID))
	resp, msg = through(t, open(nil, nil), "a confirmation")
	require.Equal(t, http.StatusNoContent, resp.StatusCode)
	require.Nil(t, msg)
	resp, _ = through(t, open(nil, InvalidCredential(errors.New("forged"))), "x")
	require.Equal(t, http.StatusUnauthorized, resp.StatusCode)
	resp, _ = through(t, open(nil, errors.New("no route to host")), "x")
	require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode, "it may pass")
	require.NoError(t, InvalidCredential(nil))

	_, msg = through(t, SourcePolicy{}, "body")
	require.Empty(t, msg.Metadata.Get(metadata.DeliveryID), "nobody vouches for it")
	_, msg = through(t, SourcePolicy{SignedID: true}, "body")
	require.Equal(t, "w-1", msg.Metadata.Get(metadata.DeliveryID))

	resp, _ = through(t, SourcePolicy{MaxBody: 3}, "body")
	require.Equal(t, http.StatusRequestEntityTooLarge, resp.StatusCode)
}

func TestRateLimitOfASource(t *testing.T) {
	t.Parallel()
	taken := 0
	policy := SourcePolicy{
		Check: func(r *http.Request, _ []byte) error {
			header := r.Header
			if header.Get("X-Signature") != "good" {
				return errors.New("forged")
			}
			return nil
		},
		RateLimit: func() (time.Duration, bool) { taken++; return 1500 * time.Millisecond, taken <= 1 },
	}
	in := NewIngress()
	consume(t, in, "t", func(*message.Message) error { return nil })
	h := in.MessageHandler(fixedTopic("t"), policy)
	for range 100 {
		require.Equal(t, http.StatusUnauthorized, send(t, h, "POST", "/x", "{}", "X-Signature", "forged").StatusCode)
	}
	require.Zero(t, taken, "others' requests take none of its turns")
	require.Equal(t, http.StatusNoContent, send(t, h, "POST", "/x", "{}", "X-Signature", "good").StatusCode)
	resp := send(t, h, "POST", "/x", "{}", "X-Signature", "good")
	require.Equal(t, http.StatusTooManyRequests, resp.StatusCode)
	require.Equal(t, "2", resp.Header.Get("Retry-After"))
	require.Contains(t, resp.text, "more requests than this source may send")
}

// The memory of all request bodies is bounded. Further requests get a temporary error.
func TestBudgetForBodies(t *testing.T) {
	t.Parallel()
	in := NewIngress()
	memory := inbound.NewBodies(3000, time.Now)
	arrived, answer := make(chan struct{}), make(chan struct{})
	consume(t, in, "t", func(*message.Message) error { arrived <- struct{}{}; <-answer; return nil })
	h := limitBodies("t", memory, in.MessageHandler(fixedTopic("t"), SourcePolicy{}))
	body := strings.Repeat("x", 1000)
	var waiting sync.WaitGroup
	for range 3 {
		waiting.Go(func() { assert.Equal(t, http.StatusNoContent, send(t, h, "POST", "/x", body).StatusCode) })
		<-arrived
	}
	resp := send(t, h, "POST", "/x", "y")
	require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	require.NotEmpty(t, resp.Header.Get("Retry-After"))
	close(answer)
	waiting.Wait()
	forged := limitBodies("t", memory, in.MessageHandler(fixedTopic("t"),
		SourcePolicy{Check: func(*http.Request, []byte) error { return errors.New("forged") }}))
	for range 10 {
		require.Equal(t, http.StatusUnauthorized, send(t, forged, "POST", "/x", body).StatusCode)
	}
	require.Zero(t, memory.Used(), "all of it is given back")
}

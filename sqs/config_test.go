package sqs_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/sqs"
)

func TestConfigNamesEveryFault(t *testing.T) {
	t.Parallel()
	require.NoError(t, sqs.Config{}.Validate())
	_, err := sqs.New(newFake(t), sqs.Config{
		Limits: sqs.Limits{
			Concurrency: -1,
			Pollers:     101,
			Visibility:  1500 * time.Millisecond,
		},
		WaitTime:       21 * time.Second,
		ExtendFraction: 1,
		DeleteLinger:   time.Hour,
		CloseTimeout:   -1,
		TopicARNs:      []string{"arn"},
	})
	require.Error(t, err)
	fields := []string{
		"concurrency", "pollers", "visibility", "WaitTime", "ExtendFraction", "DeleteLinger", "CloseTimeout", "TopicARNs",
	}
	for _, field := range fields {
		assert.ErrorContains(t, err, field+":")
	}
}

func TestExponentialBackoff(t *testing.T) {
	t.Parallel()
	longest := sqs.ExponentialBackoff(4*time.Second, 15*time.Minute, func() float64 { return 1 })
	var got []time.Duration
	for n := range 11 {
		got = append(got, longest(n)/time.Second)
	}
	assert.Equal(t, []time.Duration{4, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900}, got)
	for _, n := range []int{-1 << 63, -1, 1<<63 - 1} {
		assert.Contains(t, []time.Duration{4 * time.Second, 15 * time.Minute}, longest(n))
	}
	none := sqs.ExponentialBackoff(4*time.Second, 15*time.Minute, func() float64 { return 0 })
	assert.Zero(t, none(5), "full jitter")
}

// once is a body that cannot be read after it was closed.
type once struct {
	io.Reader
	closed bool
}

func (o *once) Close() error { o.closed = true; return nil }

func (o *once) Read(p []byte) (int, error) {
	if o.closed {
		return 0, io.ErrClosedPipe
	}
	return o.Reader.Read(p)
}

func TestBufferedBody(t *testing.T) {
	t.Parallel()
	var got, length string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got, length = string(body), r.Header.Get("Content-Length")
	}))
	defer server.Close()
	var inner *http.Request
	transport := sqs.BufferedBody(roundTrip(func(r *http.Request) (*http.Response, error) {
		inner = r
		return http.DefaultTransport.RoundTrip(r)
	}))
	body := &once{Reader: strings.NewReader("body")}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, body)
	require.NoError(t, err)
	response, err := transport.RoundTrip(r)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	assert.Equal(t, []string{"body", "4"}, []string{got, length})
	assert.True(t, body.closed)
	assert.NotSame(t, r, inner, "a round tripper does not change its request")
	again, err := inner.GetBody()
	require.NoError(t, err)
	replay, _ := io.ReadAll(again)
	assert.Equal(t, "body", string(replay))
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

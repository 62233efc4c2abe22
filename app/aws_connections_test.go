package app

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/metrics"
	"github.com/approval-relay/approval-relay/outbound"
	"github.com/approval-relay/approval-relay/setup"
)

// A burst of calls to AWS uses the connections of the burst before it. The SDK keeps 100 by default, and would open more than
// half of them again for each burst. On a busy machine net/http closes a few, see TestConnectionsAreKept.
func TestConnectionsToAWSAreKept(t *testing.T) {
	t.Parallel()
	m := metrics.New(prometheus.NewRegistry(), metrics.Config{AWSOperations: AWSOperations()})
	clients := newAWSClients(t.Context(), config.AWS{Region: "eu-central-1"}, awsObserver{Metrics: m}, slog.New(slog.DiscardHandler))
	var opened atomic.Int64
	clients.opened = func() { opened.Add(1) }
	cfg, err := clients.configFor(setup.AWS{})
	require.NoError(t, err)

	const burst = setup.DefaultConcurrency
	var together sync.WaitGroup
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		together.Done()
		together.Wait()
		w.WriteHeader(http.StatusNoContent)
	}))
	defer server.Close()
	const bursts = 6
	for range bursts {
		together.Add(burst)
		var calls sync.WaitGroup
		for range burst {
			calls.Go(func() {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, http.NoBody)
				if !assert.NoError(t, err) {
					return
				}
				resp, err := cfg.HTTPClient.Do(req)
				if assert.NoError(t, err) {
					outbound.CloseResponse(resp)
				}
			})
		}
		calls.Wait()
	}
	require.Less(t, opened.Load(), int64(bursts*burst/2))
}

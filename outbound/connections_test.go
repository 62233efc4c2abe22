package outbound_test

import (
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/outbound"
	"github.com/approval-relay/approval-relay/setup"
)

// meeting is a receiver that answers the calls of a burst when all of them are there.
type meeting struct {
	mu       sync.Mutex
	expected int
	waiting  []chan struct{}
	protocol atomic.Value
}

func (m *meeting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.protocol.Store(r.Proto)
	answer := make(chan struct{})
	m.mu.Lock()
	m.waiting = append(m.waiting, answer)
	if len(m.waiting) == m.expected {
		for _, c := range m.waiting {
			close(c)
		}
		m.waiting = nil
	}
	m.mu.Unlock()
	<-answer
	w.WriteHeader(http.StatusNoContent)
}

// callAtOnce makes so many calls at the same time.
func (m *meeting) callAtOnce(t *testing.T, client *http.Client, url string, calls int) {
	t.Helper()
	m.expected = calls
	var group sync.WaitGroup
	for range calls {
		group.Go(func() {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, http.NoBody)
			if !assert.NoError(t, err) {
				return
			}
			resp, err := client.Do(req)
			if assert.NoError(t, err) {
				outbound.CloseResponse(resp)
			}
		})
	}
	group.Wait()
}

// A burst of calls uses the connections of the burst before it, and at most as many are kept as there may be calls at once.
// The bounds leave room for connections that net/http closes after a call: it waits for the end of its own write for 50 ms
// only, which a busy machine exceeds.
func TestConnectionsAreKept(t *testing.T) {
	t.Parallel()
	const kept = 50
	m := &meeting{}
	server := httptest.NewServer(m)
	defer server.Close()
	var opened atomic.Int64
	client := outbound.NewClient(outbound.ClientConfig{
		AllowInternal: true,
		Connections:   setup.Connections{Kept: kept, Opened: func() { opened.Add(1) }},
	})
	for range 10 {
		m.callAtOnce(t, client, server.URL, kept)
	}
	require.Less(t, opened.Load(), int64(5*kept))
	require.Equal(t, "HTTP/1.1", m.protocol.Load())
	before := opened.Load()
	for range 3 {
		m.callAtOnce(t, client, server.URL, 2*kept)
	}
	require.GreaterOrEqual(t, opened.Load()-before, int64(3*kept), "the others of a larger burst are not kept")
}

// A receiver that speaks HTTP/2 gets it, through the guard, and a single connection serves a burst.
func TestHTTP2ThroughTheGuard(t *testing.T) {
	t.Parallel()
	m := &meeting{}
	server := httptest.NewUnstartedServer(m)
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	var opened atomic.Int64
	config := outbound.ClientConfig{
		AllowInternal: true,
		RootCAs:       roots,
		Connections:   setup.Connections{Kept: 50, Opened: func() { opened.Add(1) }},
	}
	client := outbound.NewClient(config)
	m.callAtOnce(t, client, server.URL, 1)
	m.callAtOnce(t, client, server.URL, 50)
	require.Equal(t, "HTTP/2.0", m.protocol.Load())
	require.EqualValues(t, 1, opened.Load())

	config.AllowInternal = false
	_, err := get(t.Context(), config, server.URL)
	require.ErrorIs(t, err, outbound.ErrForbiddenAddress)
	require.EqualValues(t, 1, opened.Load())
}

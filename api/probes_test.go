package api

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestHealthAndReadiness(t *testing.T) {
	t.Parallel()
	h, _, _ := site(t)
	require.Equal(t, "ok\n", send(t, h.OperatorHandler(), "GET", "/healthz", "").text)
	require.Equal(t, "ok\n", send(t, h.OperatorHandler(), "GET", "/readyz", "").text)

	h, _, _ = site(t, func(h *Endpoints) {
		h.Healthy = func() error { return errors.New("the sweeper hangs") }
		h.Ready = func(context.Context) error { return errors.New("going down") }
	})
	for path, text := range map[string]string{"/healthz": "the sweeper hangs\n", "/readyz": "going down\n"} {
		got := send(t, h.OperatorHandler(), "GET", path, "")
		require.Equal(t, http.StatusServiceUnavailable, got.StatusCode)
		require.Equal(t, text, got.text)
	}
}

// A store that hangs is not ready, and the probe gets its answer in time.
func TestReadinessOfAStoreThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &Endpoints{Ready: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}
		start := time.Now()
		require.Equal(t, http.StatusServiceUnavailable, send(t, h.readiness(), "GET", "/readyz", "").StatusCode)
		require.Equal(t, 3*time.Second, time.Since(start))
	})
}

func TestOpenMetrics(t *testing.T) {
	t.Parallel()
	h, _, _ := site(t, func(h *Endpoints) { h.OpenMetrics = true })
	require.Equal(t, "metrics", send(t, h.OperatorHandler(), "GET", "/metrics", "").text)
}

// The servers bound the connections of slow and hostile clients.
func TestServerIsBounded(t *testing.T) {
	t.Parallel()
	s := NewServer(http.NotFoundHandler(), log.New(io.Discard, "", 0))
	require.Positive(t, s.ReadHeaderTimeout)
	require.Positive(t, s.ReadTimeout)
	require.Positive(t, s.WriteTimeout)
	require.Positive(t, s.IdleTimeout)
	require.LessOrEqual(t, s.MaxHeaderBytes, 64<<10)
	require.Greater(t, s.WriteTimeout, 30*time.Second, "longer than a message may take")
}

// The recorder lets the page reach its connection.
func TestTheRecorderUnwraps(t *testing.T) {
	t.Parallel()
	under := httptest.NewRecorder()
	require.NoError(t, http.NewResponseController(&statusRecorder{ResponseWriter: under}).Flush())
	require.True(t, under.Flushed)
}

// A configuration that was not reloaded is answered with all its faults.
func TestReloadRefused(t *testing.T) {
	t.Parallel()
	h, _, _ := site(t, func(h *Endpoints) {
		h.Reload = func(context.Context) (Reloaded, error) {
			return Reloaded{}, &ReloadError{Message: "the configuration has faults", Faults: []string{"line 1: log.level: is wrong"}}
		}
	})
	got := send(t, h.OperatorHandler(), "POST", "/-/reload", "", "Authorization", "Bearer operator")
	require.Equal(t, http.StatusUnprocessableEntity, got.StatusCode)
	require.Equal(t, "the configuration has faults", got.problem.Detail)
	require.Equal(t, []string{"line 1: log.level: is wrong"}, got.problem.Faults)
}

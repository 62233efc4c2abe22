package main

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// The image's health check says what the worker says, without a credential.
func TestCheckHealth(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	r := p.start(t, p.file(t, true, ""))
	for _, args := range [][]string{nil, {"--ready"}} {
		status, out, errs := command(t, append([]string{"check", "health", "--url", r.operator + "/"}, args...)...)
		require.Equal(t, 0, status, errs)
		require.Equal(t, "ok\n", out)
	}
	require.NoError(t, r.stop())
	status, _, errs := command(t, "check", "health", "--url", r.operator)
	require.Equal(t, 1, status)
	require.Contains(t, errs, "check the worker")
}

func TestCheckHealthOfTheSick(t *testing.T) {
	t.Parallel()
	sick := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/readyz" {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write([]byte("the store takes no updates\x1b[2J\n"))
			return
		}
		http.Redirect(w, r, "/readyz?elsewhere", http.StatusFound)
	}))
	defer sick.Close()
	for _, args := range [][]string{nil, {"--ready"}} {
		status, out, errs := command(t, append([]string{"check", "health", "--url", sick.URL}, args...)...)
		require.Equal(t, 1, status)
		require.Empty(t, out)
		require.Contains(t, errs, "503 Service Unavailable: the store takes no updates�[2J")
	}
	status, _, errs := command(t, "check", "health", "--url", ":")
	require.Equal(t, 1, status)
	require.NotEmpty(t, errs)
}

package main

import (
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
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
	r.ops(t, 0, "pause", "--reason=upgrade")
	status, out, errs := command(t, "check", "health", "--url", r.operator, "--ready")
	require.Equal(t, 0, status, errs)
	require.Equal(t, "ok\nall workflows: paused, notifications and answers are held\n", out)
	require.NoError(t, r.stop())
	status, _, errs = command(t, "check", "health", "--url", r.operator)
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

// A worker with operator.tls is checked with its CA, or from within its own container without.
func TestCheckHealthOverTLS(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	ca := filepath.Join(t.TempDir(), "ca.crt")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	require.NoError(t, os.WriteFile(ca, block, 0o600))
	for want, args := range map[string][]string{
		"ok":                            {"--ca-file", ca},
		"ok\n":                          {"--insecure"},
		"certificate signed by unknown": nil,
		"is valid for":                  {"--ca-file", ca, "--server-name", "other.test"},
		"belong together":               {"--ca-file", ca, "--cert-file", ca},
		"read --ca-file":                {"--ca-file", ca + "x"},
	} {
		_, out, errs := command(t, append([]string{"check", "health", "--url", server.URL}, args...)...)
		require.Contains(t, out+errs, want, args)
	}
	status, _, errs := command(t, "requests", "--url", server.URL, "--token", "x", "--ca-file", ca+"x")
	require.Equal(t, 1, status)
	require.Contains(t, errs, "read --ca-file")
}

package app

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/refusal"
)

// refusalChannel is a recorder that hands over what is recorded.
type refusalChannel chan refusal.Refusal

func (c refusalChannel) RecordRefusal(_ context.Context, r refusal.Refusal) { c <- r }

// A client whose TLS does not fit is told nothing but an alert, so the operator learns the reason.
func TestRefusedHandshakes(t *testing.T) {
	t.Parallel()
	recorded := make(refusalChannel, 10)
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.TLS = &tls.Config{MinVersion: tls.VersionTLS12, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: x509.NewCertPool()}
	server.Config.ErrorLog = log.New(serverLog{"public", recorded, slog.New(slog.DiscardHandler)}, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	trusted := server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	own := tls.Certificate{Certificate: server.TLS.Certificates[0].Certificate, PrivateKey: server.TLS.Certificates[0].PrivateKey}
	plain, err := net.Dial("tcp", server.Listener.Addr().String()) //nolint:noctx // of a test
	require.NoError(t, err)
	require.NoError(t, plain.Close()) // a load balancer that looks whether the port is open: nothing is recorded

	for name, c := range map[string]struct {
		scheme string
		client *tls.Config
		code   refusal.Code
		detail string
	}{
		"no certificate": {"https", &tls.Config{RootCAs: trusted}, refusal.Missing, "has shown no certificate"},
		"certificate of a CA that is not configured": {"https", &tls.Config{
			RootCAs:              trusted,
			GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &own, nil },
		}, refusal.Mismatch, "no CA of tls.client_ca"},
		"http": {"http", nil, refusal.Malformed, "speaks http"},
		"old version": {"https", &tls.Config{
			RootCAs:    trusted,
			MinVersion: tls.VersionTLS10,
			MaxVersion: tls.VersionTLS11,
		}, refusal.Malformed, "tls.min_version"},
		"client without trust": {"https", &tls.Config{RootCAs: x509.NewCertPool()}, refusal.Incomplete, "does not trust"},
	} {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: c.client, DisableKeepAlives: true}}
		resp, err := client.Get(c.scheme + "://" + server.Listener.Addr().String()) //nolint:noctx // of a test
		if c.scheme == "https" {
			require.Error(t, err, name)
		}
		if err == nil {
			require.Equal(t, http.StatusBadRequest, resp.StatusCode, name)
			require.NoError(t, resp.Body.Close())
		}
		got := <-recorded
		require.Equal(t, c.code, got.Code, name)
		require.Contains(t, got.Detail, c.detail, name)
		require.Equal(t, "public", got.Source, name)
		require.Equal(t, "127.0.0.1", got.Remote, name)
		require.Zero(t, got.Status, name)
	}
	require.Empty(t, recorded)
}

// What package tls says of a handshake can have names out of a stranger's certificate, and is recorded in our words only.
func TestHandshakeReasonsQuoteNothing(t *testing.T) {
	t.Parallel()
	recorded := make(refusalChannel, 10)
	var lines strings.Builder
	s := serverLog{"api", recorded, slog.New(slog.NewTextHandler(&lines, nil))}
	for _, cause := range []string{
		`tls: failed to verify certificate: x509: certificate signed by unknown authority (possibly because of "x" while CANARY)`,
		`tls: failed to verify certificate: x509: certificate has expired or is not yet valid: CANARY`,
		`tls: failed to verify certificate: CANARY`, `remote error: CANARY`, `CANARY`,
	} {
		_, err := io.WriteString(s, "http: TLS handshake error from [::1]:4711: "+cause+"\n")
		require.NoError(t, err)
		got := <-recorded
		require.NotContains(t, got.Detail+got.Field, "CANARY")
		require.Equal(t, "::1", got.Remote)
	}
	require.Empty(t, lines.String())
	_, err := io.WriteString(s, "http: Accept error: too many open files; retrying in 5ms\n")
	require.NoError(t, err)
	require.Contains(t, lines.String(), "too many open files")
}

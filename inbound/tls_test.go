package inbound

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/setup"
)

// pair is a certificate with its key, in files.
type pair struct{ certificate, key string }

// makePair makes a certificate that signs itself.
func makePair(t *testing.T, name string) pair {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: name},
		NotAfter:              time.Now().Add(time.Hour),
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	require.NoError(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	p := pair{filepath.Join(t.TempDir(), "tls.crt"), filepath.Join(t.TempDir(), "tls.key")}
	require.NoError(t, os.WriteFile(p.certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(p.key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600))
	return p
}

// get asks a server that has this certificate, with the certificate of a client or none.
func get(t *testing.T, address, server string, client *pair) (string, error) {
	t.Helper()
	text, err := os.ReadFile(server)
	require.NoError(t, err)
	config := &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
	config.RootCAs.AppendCertsFromPEM(text)
	if client != nil {
		own, err := tls.LoadX509KeyPair(client.certificate, client.key)
		require.NoError(t, err)
		// Also if the server does not name its CA.
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &own, nil }
	}
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true, ForceAttemptHTTP2: true}}
	resp, err := c.Get("https://" + address) //nolint:noctx // of a test
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	return resp.Proto + " " + resp.Header.Get("X-Client"), nil
}

// Certificates are replaced while the listener runs, and certificates of clients are verified.
func TestTLSListener(t *testing.T) {
	t.Parallel()
	first, second, known, stranger := makePair(t, "1"), makePair(t, "2"), makePair(t, "known"), makePair(t, "stranger")
	var current TLS
	use := func(s TLSSettings) {
		t.Helper()
		s.SetDefaults(setup.Common{})
		apply, err := current.Prepare(&s)
		require.NoError(t, err)
		apply()
	}
	inner, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // of a test
	require.NoError(t, err)
	server := &http.Server{ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Client", "none")
		if len(r.TLS.VerifiedChains) > 0 {
			w.Header().Set("X-Client", r.TLS.PeerCertificates[0].Subject.CommonName)
		}
	})}
	go func() { _ = server.Serve(tls.NewListener(inner, current.Config())) }()
	t.Cleanup(func() { _ = server.Close() })
	address := inner.Addr().String()
	check := func(server pair, client *pair, want string) {
		t.Helper()
		got, err := get(t, address, server.certificate, client)
		if want == "" {
			require.Error(t, err, got)
			return
		}
		require.NoError(t, err)
		require.Equal(t, "HTTP/1.1 "+want, got)
	}

	use(TLSSettings{Certificate: first.certificate, Key: first.key})
	check(first, nil, "none")
	check(first, &known, "none") // nobody asked for it
	check(second, nil, "")

	use(TLSSettings{Certificate: second.certificate, Key: second.key, ClientCA: known.certificate, ClientAuth: "optional"})
	check(first, nil, "")
	check(second, nil, "none")
	check(second, &known, "known")
	check(second, &stranger, "")

	use(TLSSettings{Certificate: second.certificate, Key: second.key, ClientCA: known.certificate})
	check(second, nil, "")
	check(second, &known, "known")
	check(second, &stranger, "")

	_, err = current.Prepare(&TLSSettings{Certificate: first.certificate, Key: second.key})
	require.ErrorContains(t, err, "certificate: cannot be used with its key")
	check(second, &known, "known") // the former ones stay
}

func TestTLSSettings(t *testing.T) {
	t.Parallel()
	p := makePair(t, "x")
	for name, c := range map[string]struct {
		settings TLSSettings
		want     string // of a fault or warning
	}{
		"good":             {TLSSettings{Certificate: p.certificate, Key: p.key}, ""},
		"mTLS":             {TLSSettings{Certificate: p.certificate, Key: p.key, ClientCA: p.certificate}, ""},
		"no key":           {TLSSettings{Certificate: p.certificate}, "key: is missing"},
		"no certificate":   {TLSSettings{Key: p.key}, "certificate: is missing"},
		"another key":      {TLSSettings{Certificate: p.certificate, Key: makePair(t, "y").key}, "certificate: cannot be used with its key"},
		"no file":          {TLSSettings{Certificate: "/nowhere", Key: p.key}, "certificate: cannot be used"},
		"no CA":            {TLSSettings{Certificate: p.certificate, Key: p.key, ClientAuth: "required"}, "client_auth: is required, but client_ca names no CA"},
		"a CA for nothing": {TLSSettings{Certificate: p.certificate, Key: p.key, ClientCA: p.certificate, ClientAuth: "none"}, "client_auth: is none"},
		"an empty CA":      {TLSSettings{Certificate: p.certificate, Key: p.key, ClientCA: p.key}, "client_ca: has no certificate"},
		"an old version":   {TLSSettings{Certificate: p.certificate, Key: p.key, MinVersion: "1.0"}, "min_version: \"1.0\" is not one of"},
		"another word":     {TLSSettings{Certificate: p.certificate, Key: p.key, ClientAuth: "maybe"}, "client_auth: \"maybe\" is not one of"},
	} {
		c.settings.SetDefaults(setup.Common{})
		var found []string
		c.settings.Validate(setup.NewCheck("", func(path string, _ setup.Severity, message string) {
			found = append(found, fmt.Sprintf("%s: %s", path, message))
		}))
		if c.want == "" {
			require.Empty(t, found, name)
			continue
		}
		require.NotEmpty(t, found, name)
		require.Contains(t, fmt.Sprint(found), c.want, name)
	}
	require.NoError(t, os.Chmod(p.key, 0o644))
	var warned []string
	s := TLSSettings{Certificate: p.certificate, Key: p.key}
	s.SetDefaults(setup.Common{})
	s.Validate(setup.NewCheck("", func(path string, _ setup.Severity, message string) { warned = append(warned, path+": "+message) }))
	require.Len(t, warned, 1)
	require.Contains(t, warned[0], "key: can be read by every user")
}

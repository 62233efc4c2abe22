package outbound_test

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/outbound"
	"github.com/approval-relay/approval-relay/outbound/outboundtest"
)

// get makes a request as the channels and targets do, and returns its outcome.
func get(ctx context.Context, c outbound.ClientConfig, url string) (*http.Response, error) {
	var progress outbound.Progress
	req, err := http.NewRequestWithContext(progress.ObserveRequest(ctx), http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := outbound.Send(outbound.NewClient(c), req)
	if err != nil {
		return nil, progress.JudgeFailure(ctx, err)
	}
	outbound.CloseResponse(resp)
	return resp, nil
}

// internalAddresses are addresses that the guard refuses.
var internalAddresses = []string{
	"127.0.0.1",
	"::1",
	"169.254.169.254",
	"10.0.0.1",
	"172.16.0.1",
	"192.168.0.1",
	"100.64.0.1",
	"fd00::1",
	"fd00:ec2::254",
	"fe80::1",
	"::ffff:127.0.0.1", "0.0.0.0", "::", "64:ff9b::a00:1", "2002:7f00:1::", "224.0.0.1", "255.255.255.255",
}

// The guard checks the address that is dialled: the name in the URL looks harmless.
func TestGuardChecksDialledAddress(t *testing.T) {
	t.Parallel()
	for _, addr := range internalAddresses {
		_, err := get(t.Context(), outbound.ClientConfig{Resolver: outboundtest.NewResolver(addr)},
			"http://receiver.example.com/s3cret")
		if !errors.Is(err, outbound.ErrForbiddenAddress) || strings.Contains(err.Error(), addr) ||
			strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", addr, err)
		}
		if r := approval.ResultOf(err); r.Kind != approval.ResultFailed || r.MaybeApplied ||
			r.ReasonCode != approval.ReasonAddressForbidden {
			t.Errorf("%s: %+v", addr, r)
		}
		if outbound.NewGuard(outbound.ClientConfig{}).AllowsAddress(netip.AddrPortFrom(netip.MustParseAddr(addr), 443)) {
			t.Errorf("%s: AllowsAddress disagrees", addr)
		}
	}
}

// The guard is what stops the calls above: the same name is called when the guard allows its address.
func TestGuardAllows(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	port := netip.MustParseAddrPort(server.Listener.Addr().String()).Port()
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	for name, c := range map[string]struct {
		config  outbound.ClientConfig
		allowed bool
	}{
		"internal":     {outbound.ClientConfig{AllowInternal: true}, true},
		"prefix":       {outbound.ClientConfig{AllowedPrefixes: loopback}, true},
		"prefix, port": {outbound.ClientConfig{AllowedPrefixes: loopback, AllowedPorts: []uint16{443, port}}, true},
		"another port": {outbound.ClientConfig{AllowedPrefixes: loopback, AllowedPorts: []uint16{443}}, false},
		"another prefix": {outbound.ClientConfig{AllowedPrefixes: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}},
			false},
		"nothing": {outbound.ClientConfig{}, false},
	} {
		c.config.Resolver = outboundtest.NewResolver("127.0.0.1")
		_, err := get(t.Context(), c.config, strings.Replace(server.URL, "127.0.0.1", "receiver.example.com", 1))
		if (err == nil) != c.allowed || errors.Is(err, outbound.ErrForbiddenAddress) == c.allowed {
			t.Errorf("%s: %v", name, err)
		}
		guard := outbound.NewGuard(c.config)
		if got := guard.AllowsPort(port) && guard.AllowsAddress(netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port)); got != c.allowed {
			t.Errorf("%s: the guard itself allows: %t", name, got)
		}
	}
}

func TestClientFollowsNoRedirects(t *testing.T) {
	t.Parallel()
	inner := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("the redirect was followed")
	}))
	defer inner.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		outer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, inner.URL, status)
		}))
		resp, err := get(t.Context(), outbound.ClientConfig{AllowInternal: true}, outer.URL)
		outer.Close()
		if err != nil || resp.StatusCode != status {
			t.Errorf("%d: %v", status, err)
			continue
		}
		if err := outbound.JudgeStatus(resp, time.Now()); !approval.IsPermanent(err) {
			t.Errorf("%d: %v", status, err)
		}
	}
}

// Send authenticates by the user and password of a URL, as client.Do does, unless the request has a credential.
func TestSendAuthenticates(t *testing.T) {
	t.Parallel()
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = append(got, r.Header.Get("Authorization"), r.Header.Get("Accept-Encoding"))
	}))
	defer server.Close()
	client := outbound.NewClient(outbound.ClientConfig{AllowInternal: true})
	url := strings.Replace(server.URL, "http://", "http://user:p%40ss@", 1)
	for _, own := range []string{"", "Bearer x"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if own != "" {
			req.Header.Set("Authorization", own)
		}
		resp, err := outbound.Send(client, req)
		if err != nil {
			t.Fatal(err)
		}
		outbound.CloseResponse(resp)
	}
	want := []string{"Basic dXNlcjpwQHNz", "", "Bearer x", ""}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestClientUsesNoProxy(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("the proxy was called")
	}))
	defer proxy.Close()
	t.Setenv("HTTP_PROXY", proxy.URL) // net/http reads it once a process, and never for loopback addresses
	t.Setenv("HTTPS_PROXY", proxy.URL)
	_, err := get(t.Context(), outbound.ClientConfig{Resolver: outboundtest.NewResolver("10.0.0.1")},
		"http://receiver.example.com/")
	if !errors.Is(err, outbound.ErrForbiddenAddress) {
		t.Error(err)
	}
}

// A certificate that is not trusted, a failed TLS handshake and a refused connection are certainly not sent, for every type of
// error.
func TestJudgeFailureUnsent(t *testing.T) {
	t.Parallel()
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0)
	untrusted.StartTLS()
	defer untrusted.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	for name, url := range map[string]string{
		"untrusted certificate": untrusted.URL,
		"no TLS":                strings.Replace(plain.URL, "http:", "https:", 1),
		"connection refused":    closed.URL,
		"no such host":          "http://no-such-host.invalid/",
	} {
		_, err := get(t.Context(), outbound.ClientConfig{AllowInternal: true}, url+"/s3cret")
		if r := approval.ResultOf(err); r.Kind != approval.ResultFailed || r.MaybeApplied ||
			!outbound.IsEndpointFailure(err) || r.ReasonCode != approval.ReasonConnectionFailed {
			t.Errorf("%s: %+v", name, r)
		}
		if err == nil || !strings.HasPrefix(err.Error(), "not sent: ") || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Once the request may have been sent, its outcome is unknown.
func TestJudgeFailureMaybeApplied(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hang" {
			<-r.Context().Done()
		}
		panic(http.ErrAbortHandler)
	}))
	defer server.Close()
	// The timeout is longer than a busy machine takes to send the request.
	for path, timeout := range map[string]time.Duration{"/hang": 3 * time.Second, "/broken": time.Minute} {
		_, err := get(t.Context(), outbound.ClientConfig{AllowInternal: true, Timeout: timeout}, server.URL+path)
		if r := approval.ResultOf(err); r.Kind != approval.ResultFailed || !r.MaybeApplied ||
			!outbound.IsEndpointFailure(err) || r.ReasonCode != approval.ReasonNoAnswer {
			t.Errorf("%s: %+v", path, r)
		}
		if err == nil || !strings.HasPrefix(err.Error(), "no answer: ") || strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestJudgeStatusClosed(t *testing.T) {
	t.Parallel()
	gone := &http.Response{StatusCode: http.StatusGone}
	err := outbound.JudgeStatus(gone, time.Now(), http.StatusConflict, http.StatusGone)
	if !errors.Is(err, approval.ErrClosed) {
		t.Error(err)
	}
	if err := outbound.JudgeStatus(gone, time.Now()); !approval.IsPermanent(err) || errors.Is(err, approval.ErrClosed) {
		t.Error(err)
	}
}

package api

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/inbound"
)

// sendBy sends a request from an address.
func sendBy(t *testing.T, h http.Handler, address, method, path, body string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	r.RemoteAddr = address + ":4711"
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code == http.StatusTooManyRequests {
		require.NotEmpty(t, w.Header().Get("Retry-After"))
	}
	return w.Result()
}

// Wrong tokens are limited for the address that sends them: the right token of somebody who works there passes, and
// other addresses are not limited. Calls without a token are no guesses.
func TestGuessesOfTokens(t *testing.T) {
	t.Parallel()
	// In the bubble no time passes during the calls, so nobody gets another try meanwhile. So do the tests below.
	synctest.Test(t, func(t *testing.T) {
		h, _, _ := site(t, func(e *Endpoints) { e.Failures = inbound.NewFailures() })
		operator := h.OperatorHandler()
		try := func(address, token string) int {
			return sendBy(t, operator, address, "GET", "/v1/orders", "", "Authorization", "Bearer "+token).StatusCode
		}
		for range 100 {
			require.Equal(t, http.StatusUnauthorized, sendBy(t, operator, "192.0.2.1", "GET", "/v1/orders", "").StatusCode)
			require.Equal(t, http.StatusOK, try("192.0.2.1", "operator"))
		}
		for i := range inbound.Tokens().Burst {
			require.Equal(t, http.StatusUnauthorized, try("192.0.2.1", fmt.Sprint("guess", i)))
		}
		for range 100 {
			require.Equal(t, http.StatusTooManyRequests, try("192.0.2.1", "guess"))
		}
		require.Equal(t, http.StatusTooManyRequests, try("192.0.2.1", "api"), "it is not told from a guess there")
		require.Equal(t, http.StatusOK, try("192.0.2.1", "operator"))
		require.Equal(t, http.StatusOK, try("192.0.2.2", "operator"))
		require.Equal(t, http.StatusUnauthorized, try("192.0.2.2", "guess"))
	})
}

// Behind a trusted proxy, one client's guesses do not limit another client.
func TestGuessesBehindAProxy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, _, _ := site(t, func(e *Endpoints) {
			e.Failures = inbound.NewFailures()
			e.OperatorLimits.Proxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
		})
		operator := h.OperatorHandler()
		try := func(peer, client, token string) int {
			return sendBy(t, operator, peer, "GET", "/v1/orders", "", "Authorization", "Bearer "+token,
				"X-Forwarded-For", client).StatusCode
		}
		for range 2 * inbound.Tokens().Burst { // a client that goes on with an old token is no guesser
			try("10.0.0.1", "198.18.0.1, 203.0.113.9", "old")
		}
		require.Equal(t, http.StatusOK, try("10.0.0.2", "203.0.113.9", "operator"))
		for i := range 2 * inbound.Tokens().Burst {
			try("10.0.0.1", "198.18.0.1, 203.0.113.7", fmt.Sprint("guess", i))
		}
		require.Equal(t, http.StatusTooManyRequests, try("10.0.0.2", "203.0.113.7", "operator"), "through another proxy")
		require.Equal(t, http.StatusOK, try("10.0.0.1", "203.0.113.8", "operator"))
		for i := range 2 * inbound.Tokens().Burst { // a client that claims to be a proxy is one client
			try("192.0.2.1", fmt.Sprintf("203.0.113.%d", i), fmt.Sprint("guess", i))
		}
		require.Equal(t, http.StatusTooManyRequests, try("192.0.2.1", "203.0.113.200", "another"))
	})
}

// A source whose address is a flood's too is still admitted.
func TestForgedWebhooks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, _, _ := site(t, func(e *Endpoints) {
			e.Failures = inbound.NewFailures()
			e.Webhooks["other"] = SourcePolicy{Check: bearer("other")}
		})
		public := h.PublicHandler()
		post := func(path, token string) int {
			return sendBy(t, public, "192.0.2.1", "POST", path, "{}", "Authorization", "Bearer "+token).StatusCode
		}
		seen := map[int]int{}
		for range 150 {
			seen[post("/webhooks/erp", "forged")]++
		}
		require.Equal(t, map[int]int{http.StatusUnauthorized: 100, http.StatusTooManyRequests: 50}, seen)
		require.Equal(t, http.StatusOK, post("/webhooks/erp", "erp"))
		require.Equal(t, http.StatusUnauthorized, post("/webhooks/other", "forged"), "each source has its own limit")
	})
}

func TestForgedLinks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, _, _ := site(t, func(e *Endpoints) {
			e.Failures = inbound.NewFailures()
			e.IsLink = func(token string) bool { return token == "ours" }
			e.PublicLimits.Rate = inbound.NewRate(1e-6, 1) // nothing comes back during the test
		})
		public := h.PublicHandler()
		get := func(address, path string) int { return sendBy(t, public, address, "GET", path, "").StatusCode }
		limited := 0
		for range 200 {
			if get("192.0.2.1", "/a/forged") == http.StatusTooManyRequests {
				limited++
			}
		}
		require.Greater(t, limited, 100)
		require.Equal(t, http.StatusTooManyRequests, get("192.0.2.1", "/signin/forged"))
		require.Equal(t, http.StatusOK, get("192.0.2.1", "/a/ours"))
		require.Equal(t, http.StatusOK, get("192.0.2.2", "/a/forged"))
	})
}

// Button presses and sign-ins that fail are limited. A press with a right signature is admitted all the same; a sign-in
// is not, because each try is a call of ours to the provider.
func TestFailingHandlers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		status := http.StatusUnauthorized
		calls := 0
		h, _, _ := site(t, func(e *Endpoints) {
			e.Failures = inbound.NewFailures()
			e.SlackInteractions = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
			e.TeamsMessages = e.SlackInteractions
			e.SignIn = failingSignIn{&calls}
		})
		public := h.PublicHandler()
		for range 100 {
			require.Equal(t, http.StatusUnauthorized, sendBy(t, public, "192.0.2.1", "POST", "/slack/interactions", "x").StatusCode)
			require.Equal(t, http.StatusUnauthorized, sendBy(t, public, "192.0.2.1", "POST", "/teams/messages", "x").StatusCode)
			require.Equal(t, http.StatusServiceUnavailable, sendBy(t, public, "192.0.2.1", "GET", "/signin/callback", "").StatusCode)
		}
		require.Equal(t, http.StatusTooManyRequests, sendBy(t, public, "192.0.2.1", "POST", "/slack/interactions", "x").StatusCode)
		require.Equal(t, http.StatusTooManyRequests, sendBy(t, public, "192.0.2.1", "POST", "/teams/messages", "x").StatusCode)
		require.Equal(t, http.StatusTooManyRequests, sendBy(t, public, "192.0.2.1", "GET", "/signin/callback", "").StatusCode)
		require.Equal(t, 100, calls)
		require.Equal(t, http.StatusServiceUnavailable, sendBy(t, public, "192.0.2.2", "GET", "/signin/callback", "").StatusCode)
		status = http.StatusOK
		require.Equal(t, http.StatusOK, sendBy(t, public, "192.0.2.1", "POST", "/slack/interactions", "x").StatusCode)
	})
}

type failingSignIn struct{ calls *int }

func (failingSignIn) StartSignIn(http.ResponseWriter, *http.Request) {}
func (failingSignIn) SignOut(http.ResponseWriter, *http.Request)     {}
func (f failingSignIn) CompleteSignIn(w http.ResponseWriter, _ *http.Request) {
	*f.calls++
	w.WriteHeader(http.StatusServiceUnavailable)
}

// Above the rate of all requests, what proves nothing is refused; probes, links and signatures of ours are not.
func TestRateOfThePublicAddress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, _, _ := site(t, func(e *Endpoints) {
			e.PublicLimits.Rate = inbound.NewRate(1e-6, 1) // nothing comes back during the test
			e.IsLink = func(token string) bool { return token == "ours" }
		})
		public, operator := h.PublicHandler(), h.OperatorHandler()
		for range 100 {
			sendBy(t, public, "192.0.2.1", "GET", "/nothing", "")
		}
		for path, want := range map[string]int{
			"GET /nothing":       http.StatusTooManyRequests,
			"GET /openapi.json":  http.StatusTooManyRequests,
			"GET /a/forged":      http.StatusTooManyRequests,
			"GET /a/ours":        http.StatusOK,
			"GET /healthz":       http.StatusOK,
			"POST /webhooks/erp": http.StatusOK,
		} {
			method, path, _ := strings.Cut(path, " ")
			require.Equal(t, want, sendBy(t, public, "192.0.2.1", method, path, "{}", "Authorization", "Bearer erp").StatusCode, path)
		}
		require.Equal(t, http.StatusTooManyRequests,
			sendBy(t, public, "192.0.2.1", "POST", "/webhooks/erp", "{}", "Authorization", "Bearer forged").StatusCode)
		require.Equal(t, http.StatusNotFound, sendBy(t, public, "192.0.2.2", "GET", "/nothing", "").StatusCode, "another address")
		require.Equal(t, http.StatusOK,
			sendBy(t, operator, "192.0.2.1", "GET", "/v1/orders", "", "Authorization", "Bearer operator").StatusCode)
	})
}

// Paths are served as they stand or not at all: a redirect to the cleaned path would lead elsewhere behind a proxy that
// adds a prefix.
func TestPathsAreNotCleaned(t *testing.T) {
	t.Parallel()
	h, s, _ := site(t)
	public, operator := h.PublicHandler(), h.OperatorHandler()
	for _, path := range []string{
		"//healthz", "/./healthz", "/x/../healthz", "/..//healthz", "/healthz/.", "/healthz/..", "/a//x", "/a/./x",
		"//evil.example/..", "/a/..", "//", "/.",
	} {
		for _, side := range []http.Handler{public, operator} {
			for _, method := range []string{"GET", "POST"} {
				got := sendBy(t, side, "192.0.2.1", method, "http://relay"+path, "")
				require.Equal(t, http.StatusNotFound, got.StatusCode, "%s %s", method, path)
				require.Empty(t, got.Header.Get("Location"))
				require.Equal(t, "application/problem+json", got.Header.Get("Content-Type"))
			}
		}
	}
	for _, id := range []string{
		"A/1", "A%2F1", "A//1", "/A", "A/", "a/../b", "./x", "A#1", "A?1&x=2", "A 1", "ä", "订单-1", `a"b<c>`, "...",
	} {
		ask(t, s, id, time.Now().Add(time.Hour), func(r *approval.Request) { r.Asker = "api:shop" })
		got := sendBy(t, operator, "192.0.2.1", "GET", "/v1/orders/"+url.PathEscape(id), "", "Authorization", "Bearer operator")
		require.Equal(t, http.StatusOK, got.StatusCode, id)
	}
}

package signin_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/signin"
	"github.com/approval-relay/approval-relay/signin/signintest"
)

func (h *site) cookies(t *testing.T) map[string]string {
	t.Helper()
	base, err := url.Parse(h.url + "/")
	require.NoError(t, err)
	out := map[string]string{}
	for _, c := range h.client.Jar.Cookies(base) {
		out[c.Name] = c.Value
	}
	return out
}

// TestPendingCookieIsDeleted holds that the cookie with the link is deleted when the sign-in is complete.
func TestPendingCookieIsDeleted(t *testing.T) {
	t.Parallel()
	h := newSite(t, nil)
	h.get(t, h.url+"/signin/link-1")
	got := h.cookies(t)
	require.Contains(t, got, "approval_relay_session")
	require.NotContains(t, got, "approval_relay_signin")
}

// TestRedirectStaysOnOurSite holds that the redirect after a sign-in leads to a link of ours, whatever token was
// sent.
func TestRedirectStaysOnOurSite(t *testing.T) {
	t.Parallel()
	h := newSite(t, nil)
	for _, token := range []string{
		"..%2F..%2Felsewhere", "%2F%2Fevil.example", "x%2F..%2F..%2Felsewhere", "%5C%5Cevil.example", "x%3Fy",
		"%2E%2E%2Fsignin%2Fx",
	} {
		h.client = h.browser(t)
		h.client.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
			if strings.Contains(r.URL.Path, "callback") || strings.Contains(r.URL.Path, "authorize") {
				return nil
			}
			return http.ErrUseLastResponse
		}
		resp, err := h.client.Get(h.url + "/signin/" + token)
		require.NoError(t, err)
		_ = resp.Body.Close()
		at := resp.Header.Get("Location")
		ours := at == "" || strings.HasPrefix(at, h.url+"/a/") && !strings.Contains(at[len(h.url)+3:], "/")
		require.True(t, ours, "%s leads to %q", token, at)
	}
}

// TestAnotherAccount holds that an approver who signed in with the wrong account can choose another. Unless prompted,
// a provider signs in the same account again.
func TestAnotherAccount(t *testing.T) {
	t.Parallel()
	h := newSite(t, nil)
	h.client.CheckRedirect = func(*http.Request, []*http.Request) error { return nil }
	h.get(t, h.url+"/signin/link-1")
	h.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := h.client.Get(h.url + "/signin/link-1")
	require.NoError(t, err)
	_ = resp.Body.Close()
	to, err := url.Parse(resp.Header.Get("Location"))
	require.NoError(t, err)
	require.Equal(t, "select_account", to.Query().Get("prompt"))
}

// TestLookalikes holds that names with K (Kelvin sign), ſ or invisible characters are refused: people would take them
// for the name of another person.
func TestLookalikes(t *testing.T) {
	t.Parallel()
	h := newSite(t, nil)
	for _, name := range []string{
		"\u212aim@example.com", "bo\u017fs@example.com", "a\nb@example.com", "a\u202eb@example.com",
		strings.Repeat("x", 3000) + "@example.com",
	} {
		h.client = h.browser(t)
		h.provider.SignInAs(name)
		status, _ := h.get(t, h.url+"/signin/link-1")
		require.Equal(t, http.StatusForbidden, status, "%q", name)
		require.NotContains(t, h.cookies(t), "approval_relay_session")
	}
}

// TestUnreachableProviderIsNotCalledForEachApprover holds that a failed lookup is remembered for a while, and is
// logged once. Otherwise approvers would wait for each other.
func TestUnreachableProviderIsNotCalledForEachApprover(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	down := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		w.WriteHeader(http.StatusBadGateway)
	}))
	defer down.Close()
	h := newSite(t, func(c *signin.Config) { c.Settings.Issuer = down.URL })
	for range 5 {
		status, _ := h.get(t, h.url+"/signin/link-1")
		require.Equal(t, http.StatusServiceUnavailable, status)
	}
	require.EqualValues(t, 1, calls.Load())
	require.Equal(t, 1, strings.Count(h.log.String(), "level=WARN"), h.log.String())
	h.now = h.now.Add(time.Minute)
	h.get(t, h.url+"/signin/link-1")
	require.EqualValues(t, 2, calls.Load())
}

// TestIssuerOverTLS holds that identities from the provider travel over TLS, or stay on this machine.
func TestIssuerOverTLS(t *testing.T) {
	t.Parallel()
	for issuer, good := range map[string]bool{
		"https://accounts.example":           true,
		"http://127.0.0.1:5556":              true,
		"http://localhost:5556/dex":          true,
		"http://[::1]:5556":                  true,
		"http://accounts.example":            false,
		"http://10.0.0.1":                    false,
		"https://user:pass@accounts.example": false,
		"ftp://x":                            false,
	} {
		_, err := signin.New(signin.Config{Settings: signin.Settings{Issuer: issuer, ClientID: "x", ClientSecret: secret.New("x")}})
		require.Equal(t, good, err == nil, "%s: %v", issuer, err)
	}
}

// TestCookieAttributes holds that a cookie is sent to us only, over TLS, and is hidden from scripts.
func TestCookieAttributes(t *testing.T) {
	t.Parallel()
	h := newSite(t, func(c *signin.Config) { c.Base = &url.URL{Scheme: "https", Host: "relay.example", Path: "/approvals"} })
	h.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := h.client.Get(h.url + "/signin/link-1")
	require.NoError(t, err)
	_ = resp.Body.Close()
	require.Len(t, resp.Cookies(), 1)
	c := resp.Cookies()[0]
	require.True(t, c.Secure)
	require.True(t, c.HttpOnly)
	require.Equal(t, http.SameSiteLaxMode, c.SameSite)
	require.Equal(t, "/approvals/", c.Path)
	require.Equal(t, "__Secure-approval_relay_signin", c.Name)
	require.Equal(t, 600, c.MaxAge)
	require.Empty(t, c.Domain)
}

func FuzzCookie(f *testing.F) {
	ring, base := keys.NewRing(time.Now()), &url.URL{Scheme: "https", Host: "relay.example"}
	provider := signintest.Start()
	defer provider.Close()
	s, err := signin.New(signin.Config{
		Settings: signin.Settings{
			Issuer:       provider.URL,
			ClientID:     "x",
			ClientSecret: secret.New("x"),
		},
		Base: base,
		MAC:  ring,
		Now:  time.Now,
		Log:  slog.New(slog.DiscardHandler),
	})
	if err != nil {
		f.Fatal(err)
	}
	w := httptest.NewRecorder()
	s.StartSignIn(w, httptest.NewRequest(http.MethodGet, "/signin/link-1", nil))
	pending, _, _ := strings.Cut(strings.TrimPrefix(w.Header().Get("Set-Cookie"), "__Host-approval_relay_signin="), ";")
	for _, seed := range []string{pending, "", "..", "e30.YQ.YQ", "e30.e30.e30.e30", strings.Repeat("A", 5000)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		r := httptest.NewRequest(http.MethodGet, "/signin/callback?code=c&state=", nil)
		r.Header.Set("Cookie", "__Host-approval_relay_session="+value+"; __Host-approval_relay_signin="+value)
		if id, ok := s.SignedInApprover(r); ok {
			t.Errorf("signed in as %q", id)
		}
		w := httptest.NewRecorder()
		if s.CompleteSignIn(w, r); w.Code != http.StatusBadRequest {
			t.Errorf("%d", w.Code)
		}
	})
}

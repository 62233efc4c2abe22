package signin_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/session"
	"github.com/approval-relay/approval-relay/signin"
)

// post sends a form from a page of the site.
func (h *site) post(t *testing.T, url string, header ...string) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, url, nil)
	require.NoError(t, err)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := h.client.Do(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, resp.Header, string(b)
}

// TestSignOut holds that signing out ends the session itself: a copy of its cookie is worthless, also after a reload of
// the configuration. Other sessions go on, and the next sign-in asks for the account.
func TestSignOut(t *testing.T) {
	t.Parallel()
	var config signin.Config
	h := newSite(t, func(c *signin.Config) {
		c.Ended = new(session.Ended)
		c.ShowSignOut = func(w http.ResponseWriter, _ *http.Request, person string) {
			_, _ = w.Write([]byte("sign out " + person + "?"))
		}
		config = *c
	})
	h.get(t, h.url+"/signin/link-1")
	elsewhere := *h
	elsewhere.client = h.browser(t)
	elsewhere.get(t, h.url+"/signin/link-1")

	_, text := h.get(t, h.url+"/signin/out")
	require.Equal(t, "sign out Alan@example.com?", text)
	_, text = h.get(t, h.url+"/a/link-1")
	require.Equal(t, "Alan@example.com at link-1", text, "reading the page changes nothing")
	for _, header := range [][]string{{"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "cross-site"}} {
		status, _, _ := h.post(t, h.url+"/signin/out", header...)
		require.Equal(t, http.StatusForbidden, status)
	}
	_, text = h.get(t, h.url+"/a/link-1")
	require.Equal(t, "Alan@example.com at link-1", text, "another site cannot sign anybody out")

	thief := *h
	thief.client = &http.Client{Jar: &copyOf{h.client.Jar, h.cookieList(t)}}
	_, text = thief.get(t, h.url+"/a/link-1")
	require.Equal(t, "Alan@example.com at link-1", text)
	status, header, text := h.post(t, h.url+"/signin/out")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, text, "You are signed out")
	require.Equal(t, `"cache"`, header.Get("Clear-Site-Data"))
	require.NotContains(t, h.cookies(t), "approval_relay_session")
	for _, b := range []*site{h, &thief} {
		_, text = b.get(t, h.url+"/a/link-1")
		require.Equal(t, "nobody at link-1", text)
	}
	_, text = elsewhere.get(t, h.url+"/a/link-1")
	require.Equal(t, "Alan@example.com at link-1", text, "the session of another browser")

	reloaded, err := signin.New(config)
	require.NoError(t, err)
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for _, c := range thief.client.Jar.Cookies(nil) {
		r.AddCookie(c)
	}
	_, ok := reloaded.SignedInApprover(r)
	require.False(t, ok, "after a reload")

	h.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := h.client.Get(h.url + "/signin/link-1")
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Contains(t, resp.Header.Get("Location"), "prompt=select_account")
	_, text = h.get(t, h.url+"/signin/out")
	require.Contains(t, text, "You are not signed in")
}

// copyOf is a cookie jar with a copy of some cookies.
type copyOf struct {
	http.CookieJar
	list []*http.Cookie
}

func (c *copyOf) Cookies(*url.URL) []*http.Cookie { return c.list }

// cookieList returns the cookies that the browser sends.
func (h *site) cookieList(t *testing.T) []*http.Cookie {
	t.Helper()
	base, err := url.Parse(h.url + "/")
	require.NoError(t, err)
	return h.client.Jar.Cookies(base)
}

// TestSessionBelongsToItsProvider holds that a session ends when another provider or claim is configured: an ID means a
// person only together with them.
func TestSessionBelongsToItsProvider(t *testing.T) {
	t.Parallel()
	var config signin.Config
	h := newSite(t, func(c *signin.Config) { config = *c })
	h.get(t, h.url+"/signin/link-1")
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for _, c := range h.cookieList(t) {
		r.AddCookie(c)
	}
	for name, tc := range map[string]struct {
		change func(*signin.Settings)
		valid  bool
	}{
		"the same":         {func(*signin.Settings) {}, true},
		"another secret":   {func(s *signin.Settings) { s.ClientSecret = secret.New("new") }, true},
		"another provider": {func(s *signin.Settings) { s.Issuer = "https://other.example" }, false},
		"another claim":    {func(s *signin.Settings) { s.Claim = "sub" }, false},
		"another client":   {func(s *signin.Settings) { s.ClientID = "other" }, false},
		"more is required": {func(s *signin.Settings) { s.Require = map[string][]string{"hd": {"example.com"}} }, false},
		"less is believed": {func(s *signin.Settings) { s.TrustEmail = !s.TrustEmail }, false},
		"a stronger proof": {func(s *signin.Settings) { s.ACRValues = []string{"mfa"} }, false},
	} {
		c := config
		tc.change(&c.Settings)
		s, err := signin.New(c)
		require.NoError(t, err)
		_, ok := s.SignedInApprover(r)
		require.Equal(t, tc.valid, ok, name)
	}
}

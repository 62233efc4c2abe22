package signin_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/signin"
	"github.com/approval-relay/approval-relay/signin/signintest"
)

type secret struct{ s string }

func (s secret) Reveal() string { return s.s }

// house is a site whose page says who is signed in.
type house struct {
	provider *signintest.Provider
	url      string
	client   *http.Client
	now      time.Time
	log      strings.Builder
}

func newHouse(t *testing.T, change func(*signin.Config)) *house {
	t.Helper()
	h := &house{provider: signintest.Start(), now: time.Now()}
	t.Cleanup(h.provider.Close)
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	h.url = server.URL + "/prefix"
	base, err := url.Parse(h.url)
	require.NoError(t, err)
	h.provider.Redirect = h.url + "/signin/callback"
	h.provider.Claims = map[string]any{"email": "Alan@example.com", "email_verified": true}
	c := signin.Config{
		Issuer: h.provider.URL, ClientID: signintest.ClientID, ClientSecret: secret{signintest.ClientSecret}, Base: base, MAC: keys.NewRing(h.now),
		Now: func() time.Time { return h.now }, Log: slog.New(slog.NewTextHandler(&h.log, nil)),
	}
	if change != nil {
		change(&c)
	}
	s, err := signin.New(c)
	require.NoError(t, err)
	mux.HandleFunc("GET /prefix/signin/{token}", s.StartSignIn)
	mux.HandleFunc("GET /prefix/signin/callback", s.CompleteSignIn)
	mux.HandleFunc("GET /prefix/a/{token}", func(w http.ResponseWriter, r *http.Request) {
		who, ok := s.SignedInApprover(r)
		if !ok {
			who = "nobody"
		}
		_, _ = w.Write([]byte(who + " at " + r.PathValue("token")))
	})
	h.client = h.browser(t)
	return h
}

func (h *house) browser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	return &http.Client{Jar: jar}
}

func (h *house) get(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := h.client.Get(url)
	require.NoError(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(b)
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	_, text := h.get(t, h.url+"/a/link-1")
	require.Equal(t, "nobody at link-1", text)
	status, text := h.get(t, h.url+"/signin/link-1")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "Alan@example.com at link-1", text)
	_, text = h.get(t, h.url+"/a/link-2")
	require.Equal(t, "Alan@example.com at link-2", text)

	other := *h
	other.client = h.browser(t)
	_, text = other.get(t, h.url+"/a/link-1")
	require.Equal(t, "nobody at link-1", text, "it is that browser's")
	h.provider.Rotate()
	_, text = other.get(t, h.url+"/signin/link-1")
	require.Equal(t, "Alan@example.com at link-1", text, "with a key that is new")
	h.now = h.now.Add(signin.SessionTTL)
	_, text = h.get(t, h.url+"/a/link-1")
	require.Equal(t, "nobody at link-1", text)
	require.NotContains(t, h.log.String(), signintest.ClientSecret)
}

func TestWhoCannotSignIn(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*signintest.Provider)
		config func(*signin.Config)
		status int
		text   string
	}{
		"not verified": {func(p *signintest.Provider) { p.Claims = map[string]any{"email": "alan@example.com"} }, nil, 403, "has not verified your e-mail"},
		"says so in a text": {func(p *signintest.Provider) {
			p.Claims = map[string]any{"email": "alan@example.com", "email_verified": "true"}
		}, nil, 403, "has not verified"},
		"no address":         {func(p *signintest.Provider) { p.Claims = map[string]any{"email_verified": true} }, nil, 403, "does not say who you are"},
		"changed their mind": {func(p *signintest.Provider) { p.Deny = true }, nil, 403, "You were not signed in"},
		"another's nonce":    {func(p *signintest.Provider) { p.Claims["nonce"] = "another" }, nil, 403, "somebody else's request"},
		"for another client": {func(p *signintest.Provider) { p.Claims["aud"] = "another" }, nil, 503, "does not work right now"},
		"of another issuer":  {func(p *signintest.Provider) { p.Claims["iss"] = "https://evil.example" }, nil, 503, "does not work right now"},
		"too old":            {func(p *signintest.Provider) { p.Claims["exp"] = 1 }, nil, 503, "does not work right now"},
		"our secret is old":  {nil, func(c *signin.Config) { c.ClientSecret = secret{"old"} }, 503, "does not work right now"},
		"no provider":        {nil, func(c *signin.Config) { c.Issuer = "http://127.0.0.1:1" }, 503, "does not work right now"},
	} {
		h := newHouse(t, tc.config)
		if tc.change != nil {
			tc.change(h.provider)
		}
		status, text := h.get(t, h.url+"/signin/link-1")
		require.Equal(t, tc.status, status, name)
		require.Contains(t, text, tc.text, name)
		_, text = h.get(t, h.url+"/a/link-1")
		require.Equal(t, "nobody at link-1", text, name)
	}
	h := newHouse(t, func(c *signin.Config) { c.Claim = "preferred_username" })
	h.provider.Claims = map[string]any{"preferred_username": "alan"}
	_, text := h.get(t, h.url+"/signin/link-1")
	require.Equal(t, "alan at link-1", text)
}

// What comes back must have begun in that browser, a short while ago.
func TestForgedReturns(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	status, _ := h.get(t, h.url+"/signin/callback?code=x&state=y")
	require.Equal(t, http.StatusBadRequest, status, "it never began")

	h.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := h.client.Get(h.url + "/signin/link-1")
	require.NoError(t, err)
	_ = resp.Body.Close()
	at, err := h.client.Get(resp.Header.Get("Location"))
	require.NoError(t, err)
	_ = at.Body.Close()
	back := at.Header.Get("Location")
	status, _ = h.get(t, strings.Replace(back, "state=", "state=x", 1))
	require.Equal(t, http.StatusBadRequest, status, "another state")
	mine := h.client
	h.client = h.browser(t)
	status, _ = h.get(t, back)
	require.Equal(t, http.StatusBadRequest, status, "another browser")
	h.client, h.now = mine, h.now.Add(11*time.Minute)
	status, _ = h.get(t, back)
	require.Equal(t, http.StatusBadRequest, status, "too late")

	for _, value := range []string{"", "x", "a.b.c", "e30.YQ.YQ"} {
		r := httptest.NewRequest("GET", h.url+"/a/x", nil)
		r.AddCookie(&http.Cookie{Name: "approval_relay_session", Value: value})
		s, err := signin.New(signin.Config{Issuer: "https://x.example", ClientID: "x", ClientSecret: secret{"x"}, MAC: keys.NewRing(h.now), Now: time.Now})
		require.NoError(t, err)
		_, ok := s.SignedInApprover(r)
		require.False(t, ok, value)
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	_, err := signin.New(signin.Config{Issuer: "accounts.example"})
	require.EqualError(t, err, "issuer: is no https URL (http is for a provider on this machine)\nclient_id: is missing\nclient_secret: is missing")
}

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
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/signin"
	"github.com/approval-relay/approval-relay/signin/signintest"
)

// site is a web site with a page that shows who is signed in.
type site struct {
	provider *signintest.Provider
	url      string
	client   *http.Client
	now      time.Time
	log      strings.Builder
}

func newSite(t *testing.T, change func(*signin.Config)) *site {
	t.Helper()
	h := &site{provider: signintest.Start(), now: time.Now()}
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
		Settings: signin.Settings{
			Issuer:       h.provider.URL,
			ClientID:     signintest.ClientID,
			ClientSecret: secret.New(signintest.ClientSecret),
		},
		Base: base,
		MAC:  keys.NewRing(h.now),
		Now:  func() time.Time { return h.now },
		Log:  slog.New(slog.NewTextHandler(&h.log, nil)),
	}
	if change != nil {
		change(&c)
	}
	s, err := signin.New(c)
	require.NoError(t, err)
	mux.HandleFunc("GET /prefix/signin/{token}", s.StartSignIn)
	mux.HandleFunc("GET /prefix/signin/callback", s.CompleteSignIn)
	mux.HandleFunc("POST /prefix/signin/callback", s.CompleteSignIn)
	mux.HandleFunc("GET /prefix/signin/out", s.SignOut)
	mux.HandleFunc("POST /prefix/signin/out", s.SignOut)
	mux.HandleFunc("GET /prefix/a/{token}", func(w http.ResponseWriter, r *http.Request) {
		id, ok := s.SignedInApprover(r)
		if !ok {
			id = "nobody"
		}
		_, _ = w.Write([]byte(id + " at " + r.PathValue("token")))
	})
	h.client = h.browser(t)
	return h
}

func (h *site) browser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	return &http.Client{Jar: jar}
}

func (h *site) get(t *testing.T, url string) (int, string) {
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
	h := newSite(t, nil)
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
	require.Equal(t, "nobody at link-1", text, "the session belongs to the browser")
	h.provider.RotateKey()
	_, text = other.get(t, h.url+"/signin/link-1")
	require.Equal(t, "Alan@example.com at link-1", text, "with a new key")
	h.now = h.now.Add(signin.SessionTTL)
	_, text = h.get(t, h.url+"/a/link-1")
	require.Equal(t, "nobody at link-1", text)
	require.NotContains(t, h.log.String(), signintest.ClientSecret)
}

func TestRefusedSignIns(t *testing.T) {
	t.Parallel()
	claims := func(c map[string]any) func(*signintest.Provider) {
		return func(p *signintest.Provider) { p.Claims = c }
	}
	claim := func(name string, value any) func(*signintest.Provider) {
		return func(p *signintest.Provider) { p.Claims[name] = value }
	}
	const outage, misconfigured = "again in a minute", "not set up correctly"
	const unverified = "could not be verified"
	for name, tc := range map[string]struct {
		change func(*signintest.Provider)
		config func(*signin.Config)
		status int
		text   string
	}{
		"not verified":       {claims(map[string]any{"email": "alan@example.com"}), nil, 403, "has not verified your e-mail"},
		"no address":         {claims(map[string]any{"email_verified": true}), nil, 403, "does not state who you are"},
		"changed their mind": {func(p *signintest.Provider) { p.Deny = true }, nil, 403, "You were not signed in"},
		"another's nonce":    {claim("nonce", "another"), nil, 403, "the sign-in of somebody else"},
		"for another client": {claim("aud", "another"), nil, 403, unverified},
		"of another issuer":  {claim("iss", "https://evil.example"), nil, 403, unverified},
		"too old":            {claim("exp", 1), nil, 403, "is too old"},
		"our secret is old":  {nil, func(c *signin.Config) { c.Settings.ClientSecret = secret.New("old") }, 500, misconfigured},
		"no provider":        {nil, func(c *signin.Config) { c.Settings.Issuer = "http://127.0.0.1:1" }, 503, outage},
	} {
		h := newSite(t, tc.config)
		if tc.change != nil {
			tc.change(h.provider)
		}
		status, text := h.get(t, h.url+"/signin/link-1")
		require.Equal(t, tc.status, status, name)
		require.Contains(t, text, tc.text, name)
		_, text = h.get(t, h.url+"/a/link-1")
		require.Equal(t, "nobody at link-1", text, name)
	}
	h := newSite(t, func(c *signin.Config) { c.Settings.Claim = "preferred_username" })
	h.provider.Claims = map[string]any{"preferred_username": "alan"}
	_, text := h.get(t, h.url+"/signin/link-1")
	require.Equal(t, "alan at link-1", text)
}

// TestForgedCallbacks holds that a sign-in is completed only in the browser that started it, and within ten minutes.
func TestForgedCallbacks(t *testing.T) {
	t.Parallel()
	h := newSite(t, nil)
	status, _ := h.get(t, h.url+"/signin/callback?code=x&state=y")
	require.Equal(t, http.StatusBadRequest, status, "it was never started")

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
		r := httptest.NewRequest(http.MethodGet, h.url+"/a/x", nil)
		r.AddCookie(&http.Cookie{Name: "approval_relay_session", Value: value})
		s, err := signin.New(signin.Config{
			Settings: signin.Settings{
				Issuer:       "https://x.example",
				ClientID:     "x",
				ClientSecret: secret.New("x"),
			},
			MAC: keys.NewRing(h.now),
			Now: time.Now,
		})
		require.NoError(t, err)
		_, ok := s.SignedInApprover(r)
		require.False(t, ok, value)
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	_, err := signin.New(signin.Config{Settings: signin.Settings{Issuer: "accounts.example"}})
	require.EqualError(t, err, "issuer: must be an https URL (http is for a provider on this machine)\n"+
		"client_id: is missing\nclient_secret: is missing")
}

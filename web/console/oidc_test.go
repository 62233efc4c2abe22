package console_test

import (
	"encoding/base64"
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

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/refusal/recent"
	"github.com/approval-relay/approval-relay/role"
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/signin"
	"github.com/approval-relay/approval-relay/signin/signintest"
	"github.com/approval-relay/approval-relay/web/console"
)

// office is a console behind a prefix whose operators sign in at a provider.
type office struct {
	*world
	oidc *signintest.Provider
	url  string
}

func newOffice(t *testing.T) *office {
	t.Helper()
	w := &office{world: newWorld(t), oidc: signintest.Start()}
	t.Cleanup(w.oidc.Close)
	w.now = time.Now() // the provider's tokens are of now
	w.roles = role.Mapping{
		Values:    map[role.Role][]string{role.Viewer: {"staff"}, role.Operator: {"refund desk"}, role.Admin: {"sre"}},
		Workflows: map[string][]string{"refund desk": {"refunds"}},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/ops/console/", func(rw http.ResponseWriter, r *http.Request) { w.console.ServeHTTP(rw, r) })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	w.url = server.URL + "/ops"
	w.oidc.Redirect = w.url + "/console/oidc-callback"
	w.use(t, w.oidc)
	return w
}

// use makes the console with a provider.
func (w *office) use(t *testing.T, provider *signintest.Provider) {
	t.Helper()
	w.useSettings(t, provider, "groups", func(*signin.Settings) {})
}

func (w *office) useSettings(t *testing.T, provider *signintest.Provider, rolesClaim string, change func(*signin.Settings)) {
	t.Helper()
	base, err := url.Parse(w.url)
	require.NoError(t, err)
	settings := signin.Settings{
		Issuer:       provider.URL,
		ClientID:     signintest.ClientID,
		ClientSecret: secret.New(signintest.ClientSecret),
	}
	change(&settings)
	made, err := signin.NewOperators(signin.Config{
		Settings: settings,
		Base:     base,
		MAC:      w.ring,
		Now:      func() time.Time { return w.now },
		Log:      slog.New(slog.DiscardHandler),
		Refusals: w.refused,
	}, rolesClaim)
	require.NoError(t, err)
	w.provider = made
	w.build()
	made.SetMessages(w.console.ShowMessage)
}

// visitor is a browser. It follows the page of the sign-in as browsers follow the header Refresh.
type visitor struct {
	*http.Client
	t   *testing.T
	url string
}

func (w *office) visitor() *visitor {
	w.t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(w.t, err)
	return &visitor{&http.Client{Jar: jar}, w.t, w.url}
}

func (v *visitor) open(page string) (int, string) {
	v.t.Helper()
	resp, err := v.Get(v.url + "/console/" + page)
	require.NoError(v.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(v.t, err)
	return resp.StatusCode, string(text)
}

// person makes the provider sign in a person with groups.
func (w *office) person(email string, groups any) {
	w.oidc.Sign(signintest.Sample{Claims: map[string]any{
		"sub": "1", "email": email, "email_verified": true, "groups": groups,
	}}, nil)
}

func (w *office) lastRefusal() string {
	list := w.refused.Entries(recent.Query{})
	if len(list) == 0 {
		return ""
	}
	return list[0].Detail
}

// A person signs in with the roles of their groups, each for its workflows, and acts under their name.
func TestOperatorsSignInAtTheProvider(t *testing.T) {
	t.Parallel()
	w := newOffice(t)
	w.ask("A-1", 0, func(r *approval.Request) {
		r.Deadline, r.TaskExpires = w.now.Add(time.Hour), w.now.Add(2*time.Hour)
	})
	v := w.visitor()
	_, page := v.open("")
	require.Contains(t, page, `href="./oidc?next="`)

	w.person("ann@example.com", []string{"other", "staff", "refund desk"})
	status, page := v.open("oidc?next=order%3Fid%3DA-1")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, page, `href="./order?id=A-1"`)
	_, page = v.open("order?id=A-1")
	require.Contains(t, page, "ann@example.com")
	sent := form(t, page, "decide", "")
	sent.Set("reason", "because")
	sent.Set("act", "approve")
	resp, err := v.PostForm(w.url+"/console/decide", sent)
	require.NoError(t, err)
	resp.Body.Close()
	vote := w.order("A-1").Approvals[0].Votes[0]
	require.Equal(t, []string{"ann@example.com", "operator:ann@example.com"}, []string{vote.By, vote.Principal})

	w.roles.Values = map[role.Role][]string{role.Viewer: {"staff"}} // as a reload does
	w.use(t, w.oidc)
	_, page = v.open("order?id=A-1")
	require.Contains(t, page, "ann@example.com", "still a viewer")
	require.NotContains(t, page, `action="decide"`)
	w.roles.Values = map[role.Role][]string{role.Admin: {"sre"}}
	w.use(t, w.oidc)
	_, page = v.open("order?id=A-1")
	require.Contains(t, page, "Sign in with your account", "the session ends with its last role")
}

// A person without a role does not get in, and the operator finds out why.
func TestNoRoleNoSession(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		email  string
		groups any
		want   string
	}{
		"no group of ours":    {"eve@example.com", []string{"guests"}, "operator.oidc.roles"},
		"empty list":          {"eve@example.com", []string{}, "operator.oidc.roles"},
		"other case":          {"eve@example.com", []string{"SRE"}, "operator.oidc.roles"},
		"joined by a comma":   {"eve@example.com", "guests,sre", "operator.oidc.roles"},
		"no claim":            {"eve@example.com", nil, `no claim "groups" (operator.oidc.roles_claim)`},
		"an object":           {"eve@example.com", map[string]any{"sre": true}, "operator.oidc.roles"},
		"the name of a token": {"ada", []string{"sre"}, "could be taken for"},
	} {
		w := newOffice(t)
		claims := map[string]any{"sub": "1", "email": tc.email, "email_verified": true, "groups": tc.groups}
		if tc.groups == nil {
			delete(claims, "groups")
		}
		w.oidc.Sign(signintest.Sample{Claims: claims}, nil)
		v := w.visitor()
		status, _ := v.open("oidc")
		require.Equal(t, http.StatusForbidden, status, name)
		require.Contains(t, w.lastRefusal(), tc.want, name)
		_, page := v.open("dead-letters")
		require.Contains(t, page, "Sign in with your account", name)
	}
}

// A single group may come as a text.
func TestRoleFromAText(t *testing.T) {
	t.Parallel()
	w := newOffice(t)
	w.person("ann@example.com", "sre")
	v := w.visitor()
	v.open("oidc")
	_, page := v.open("refused")
	require.Contains(t, page, "Refused lately")
}

// A person cannot take the name of a token, whatever the claim of the name is.
func TestPersonWithTheNameOfAToken(t *testing.T) {
	t.Parallel()
	w := newOffice(t)
	w.tokens["ann@example.com"] = secret.New("a-token-of-an-address")
	w.build()
	w.person("ann@example.com", []string{"sre"})
	status, _ := w.visitor().open("oidc")
	require.Equal(t, http.StatusForbidden, status)
	require.Contains(t, w.lastRefusal(), "the name of the account is also that of a token")
}

// A sign-in ends only in the browser in which it began: an attacker who sends their own redirect gives the victim no
// session, and takes none.
func TestSignInOfAnotherBrowser(t *testing.T) {
	t.Parallel()
	w := newOffice(t)
	w.person("eve@example.com", []string{"sre"})
	eve, victim := w.visitor(), w.visitor()
	eve.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if strings.Contains(r.URL.Path, "oidc-callback") {
			return http.ErrUseLastResponse
		}
		return nil
	}
	resp, err := eve.Get(w.url + "/console/oidc")
	require.NoError(t, err)
	resp.Body.Close()
	back := resp.Header.Get("Location")
	require.Contains(t, back, "code=")
	resp, err = victim.Get(back)
	require.NoError(t, err)
	resp.Body.Close()
	require.Equal(t, http.StatusBadRequest, resp.StatusCode)
	_, page := victim.open("refused")
	require.Contains(t, page, "Sign in with your account")
}

// A session is bound to its kind, its provider and its signature.
func TestForgedPersonSessions(t *testing.T) {
	t.Parallel()
	w := newOffice(t)
	w.person("ann@example.com", []string{"staff"})
	v := w.visitor()
	v.open("oidc")
	at, err := url.Parse(w.url + "/console/")
	require.NoError(t, err)
	var cookie *http.Cookie
	for _, c := range v.Jar.Cookies(at) {
		if c.Name == "approval_relay_operator" {
			cookie = c
		}
	}
	require.NotNil(t, cookie)
	content, signature, _ := strings.Cut(cookie.Value, ".")
	decoded, err := base64.RawURLEncoding.DecodeString(content)
	require.NoError(t, err)
	isSignedIn := func(value string) bool {
		w.cookie = &http.Cookie{Name: cookie.Name, Value: value}
		resp, _ := w.get("refused")
		return resp.StatusCode == http.StatusOK
	}
	require.True(t, isSignedIn(cookie.Value))
	encode := base64.RawURLEncoding.EncodeToString
	for what, text := range map[string]string{
		"another role":   strings.Replace(string(decoded), "staff", "sre", 1),
		"another person": strings.Replace(string(decoded), "ann@", "bob@", 1),
		"a token's":      strings.Replace(string(decoded), "ann@example.com", "ada", 1),
	} {
		require.NotEqual(t, string(decoded), text, what)
		require.False(t, isSignedIn(encode([]byte(text))+"."+signature), what)
	}

	keyID, mac := w.ring.MAC("approval_relay_session", decoded) // as an approver's session is signed
	require.False(t, isSignedIn(content+"."+encode([]byte(keyID))+"."+encode(mac)))
	keyID, mac = w.ring.MAC("console-session", decoded)
	require.False(t, isSignedIn(content+"."+encode([]byte(keyID))+"."+encode(mac)))

	same := func(*signin.Settings) {}
	for what, change := range map[string]func(){
		"another claim of roles": func() { w.useSettings(t, w.oidc, "departments", same) },
		"another name of people": func() { w.useSettings(t, w.oidc, "groups", func(s *signin.Settings) { s.Claim = "sub" }) },
		"a second factor":        func() { w.useSettings(t, w.oidc, "groups", func(s *signin.Settings) { s.ACRValues = []string{"mfa"} }) },
	} {
		change()
		require.False(t, isSignedIn(cookie.Value), what)
		w.useSettings(t, w.oidc, "groups", func(s *signin.Settings) { s.ClientSecret = secret.New("rotated") })
		require.True(t, isSignedIn(cookie.Value), "nothing else has changed")
	}
	other := signintest.Start()
	t.Cleanup(other.Close)
	w.use(t, other)
	require.False(t, isSignedIn(cookie.Value), "the provider has changed")
	w.provider = nil
	w.build()
	require.False(t, isSignedIn(cookie.Value), "there is no provider any more")
}

// The path to return to is a page of the console, whoever wrote the link.
func TestSignInLeadsIntoTheConsole(t *testing.T) {
	t.Parallel()
	w := newOffice(t)
	w.person("ann@example.com", []string{"sre"})
	for _, next := range []string{"https://evil.example", "//evil.example", `\\evil.example`, "javascript:alert(1)", "signout"} {
		v := w.visitor()
		resp, err := v.Get(w.url + "/console/oidc?next=" + url.QueryEscape(next))
		require.NoError(t, err)
		resp.Body.Close()
		require.Equal(t, "0; url=./", resp.Header.Get("Refresh"), next)
	}
}

var _ console.Provider = (*signin.Operators)(nil)

package situations

import (
	"encoding/json"
	"fmt"
	"html"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/signin/signintest"
)

// signIn opens the link of an approval in a new browser, signs in with these claims, and returns the page at the end.
func (r *relay) signIn(provider *signintest.Provider, link string, claims map[string]any) (status int, page string) {
	r.Helper()
	provider.Sign(signintest.Sample{Claims: claims}, nil)
	jar, err := cookiejar.New(nil)
	require.NoError(r, err)
	client := &http.Client{Jar: jar}
	resp, err := client.Get(strings.Replace(link, "/a/", "/signin/", 1))
	require.NoError(r, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	require.NoError(r, err)
	return resp.StatusCode, string(text)
}

// linkOf asks for an order with one approver, and returns the link that the approver gets.
func (r *relay) linkOf(order, approver string) string {
	r.Helper()
	before := len(r.links())
	got := r.ask("orders", fmt.Sprintf(`{"orderId":%q,"taskToken":%q,"approvers":[%q]}`, order, r.token(), approver))
	require.Equal(r, http.StatusAccepted, got.status, got.text)
	r.eventually("there is a link", func() bool { return len(r.links()) > before })
	links := r.links()
	return links[len(links)-1]
}

func TestOIDCEmailVerified(t *testing.T) {
	t.Parallel()
	provider := signintest.Start()
	defer provider.Close()
	r := start(t, "oidc-email-verified", "@ISSUER@", provider.URL)
	provider.Redirect = r.public + "/signin/callback"
	claims := func(file string, changes map[string]any) map[string]any {
		var c map[string]any
		require.NoError(t, json.Unmarshal([]byte(r.read(file)), &c))
		delete(c, "iss")
		delete(c, "aud")
		maps.Copy(c, changes)
		return c
	}
	link := r.linkOf("O-1", "ann@example.com")
	status, page := r.signIn(provider, link, claims("jumpcloud-claims.json", nil))
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, page, "Approve", "the text true is true")

	for what, changes := range map[string]map[string]any{
		"not verified":    {"email_verified": "false"},
		"an odd value":    {"email_verified": "yes"},
		"another address": {"email": "eve@example.com"},
	} {
		status, page = r.signIn(provider, link, claims("jumpcloud-claims.json", changes))
		require.NotContains(t, page, `value="approve"`, "%s: %d", what, status)
	}

	status, page = r.signIn(provider, link, claims("entra-claims.json", map[string]any{"sub": "x"}))
	require.Equal(t, http.StatusForbidden, status, "an address that nobody has verified")
	require.NotContains(t, page, "in a minute")
	require.Contains(t, r.out.String(), "email_verified", "the log names the claim that was looked for")
	require.Contains(t, r.asOperator(http.MethodGet, "/v1/refused", "").text, "email_verified", "and so does the list")
}

func TestOIDCTrustedEmail(t *testing.T) {
	t.Parallel()
	provider := signintest.Start()
	defer provider.Close()
	r := start(t, "oidc-email-verified", "@ISSUER@", provider.URL, "client_id:", "trust_email: true, client_id:")
	provider.Redirect = r.public + "/signin/callback"
	link := r.linkOf("O-1", "ann@example.com")
	claims := map[string]any{"sub": "x", "email": "ann@example.com"}
	status, page := r.signIn(provider, link, claims)
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, page, "Approve")
	claims["email_verified"] = false
	status, _ = r.signIn(provider, link, claims)
	require.Equal(t, http.StatusForbidden, status, "what the provider denies is not trusted")
}

func TestOIDCIssuerTrailingSlash(t *testing.T) {
	t.Parallel()
	provider := signintest.Start()
	defer provider.Close()
	r := start(t, "oidc-issuer-trailing-slash", "@ISSUER@", provider.URL+"/")
	provider.Redirect = r.public + "/signin/callback"
	r.eventually("the log has both spellings before anybody signs in", func() bool {
		return strings.Contains(r.out.String(), provider.URL+"/") && strings.Contains(r.out.String(), provider.URL)
	})
	ready := r.call(http.MethodGet, r.operator+"/readyz", "")
	require.Equal(t, http.StatusOK, ready.status, "links and programs go on")
	r.eventually("readiness names it", func() bool {
		return strings.Contains(r.call(http.MethodGet, r.operator+"/readyz", "").text, "sign")
	})
	link := r.linkOf("O-1", "ann@example.com")
	status, page := r.signIn(provider, link, map[string]any{"sub": "x", "email": "ann@example.com", "email_verified": true})
	require.NotEqual(t, http.StatusOK, status)
	require.NotContains(t, page, "in a minute", "it will never work")
	out, err := r.command("check", "config", "--online", r.config).CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "issuer")
}

// What mail programs do to links decides nothing, and ends at a page that helps.
func TestMangledLinks(t *testing.T) {
	t.Parallel()
	r := start(t, "mangled-links")
	r.asked("A-1")
	r.eventually("there is a link", func() bool { return len(r.links()) > 0 })
	link := r.links()[0]
	browse := func(to string) answer { return r.call(http.MethodGet, to, "", "Accept", "text/html") }
	good := browse(link)
	require.Equal(t, http.StatusOK, good.status)
	for _, change := range r.lines("changes.txt") {
		to := link + change
		switch {
		case strings.HasPrefix(change, "?"):
			require.Equal(t, http.StatusOK, browse(to).status, change)
			continue
		case strings.HasPrefix(change, "(lower"):
			to = strings.ToLower(link)
		case strings.HasPrefix(change, "(cut"):
			to = link[:60]
		}
		got := browse(to)
		require.Equal(t, http.StatusNotFound, got.status, change)
		require.Contains(t, got.header.Get("Content-Type"), "text/html", change)
		require.Contains(t, html.UnescapeString(got.text), "link", change)
	}
	for _, path := range []string{"/", "/a/", "/nothing"} {
		got := browse(r.public + path)
		require.Equal(t, http.StatusNotFound, got.status, path)
		require.Contains(t, got.header.Get("Content-Type"), "text/html", path)
		got = r.call(http.MethodGet, r.public+path, "")
		require.Equal(t, "application/problem+json", got.header.Get("Content-Type"), "a program gets problem details")
	}
	require.Equal(t, "pending", string(r.pending("A-1").Status))

	nonce := regexp.MustCompile(`name="nonce" value="([^"]+)"`).FindStringSubmatch(good.text)
	require.NotNil(t, nonce)
	got := r.call(http.MethodPost, link, url.Values{"nonce": {html.UnescapeString(nonce[1])}, "outcome": {"approve"}}.Encode(),
		"Content-Type", "application/x-www-form-urlencoded", "Origin", r.public)
	require.Contains(t, []int{http.StatusOK, http.StatusSeeOther}, got.status)
	require.Equal(t, "approved", string(r.pending("A-1").Status))
}

package console_test

import (
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/remote"
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/web/console"
)

// signedInAs returns the name that the page shows, or the empty text.
func (w *world) signedInAs() string {
	w.t.Helper()
	_, page := w.get("")
	if _, rest, ok := strings.Cut(page, "<p><bdi>"); ok {
		name, _, _ := strings.Cut(rest, "</bdi>")
		return name
	}
	return ""
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, token := range []string{"", "x", adaToken + "x", adaToken[1:], "ada"} {
		if resp := w.signIn(token); resp.StatusCode != http.StatusForbidden || len(resp.Cookies()) > 0 || w.signedInAs() != "" {
			t.Errorf("%q: %d", token, resp.StatusCode)
		}
	}
	resp := w.signIn(" " + adaToken + "\n")
	if resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "./" || w.signedInAs() != "ada" {
		t.Errorf("%d %q %q", resp.StatusCode, resp.Header.Get("Location"), w.signedInAs())
	}
	c := w.cookie
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "" || c.Domain != "" || c.Secure || c.MaxAge != 8*60*60 {
		t.Errorf("%+v", c)
	}
	decoded, _ := base64.RawURLEncoding.DecodeString(strings.Split(c.Value, ".")[0])
	for _, text := range []string{c.Value, string(decoded)} {
		if strings.Contains(text, adaToken) {
			t.Error("the cookie holds the token")
		}
	}
	log := w.log.String()
	if strings.Contains(log, adaToken) || !strings.Contains(log, `msg="operator signed in" operator=ada`) {
		t.Error(log)
	}
	w.signIn(bobToken)
	if w.signedInAs() != "bob" {
		t.Error(w.signedInAs())
	}
}

// TestCookieOverTLS holds that the cookie of a browser that speaks TLS belongs to our host alone. The word of a client
// that no trusted proxy confirms changes nothing.
func TestCookieOverTLS(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*http.Request) *http.Request
		name   string
		path   string
	}{
		"http": {func(r *http.Request) *http.Request { return r }, "approval_relay_operator", ""},
		"TLS": {func(r *http.Request) *http.Request {
			r.TLS = &tls.ConnectionState{}
			return r
		}, "__Host-approval_relay_operator", "/"},
		"a trusted proxy with TLS": {func(r *http.Request) *http.Request {
			return r.WithContext(remote.WithTLS(r.Context()))
		}, "__Host-approval_relay_operator", "/"},
		"a client that claims it": {func(r *http.Request) *http.Request {
			r.Header.Set("X-Forwarded-Proto", "https")
			return r
		}, "approval_relay_operator", ""},
	} {
		w := newWorld(t)
		r := c.change(posted("signin", url.Values{"token": {adaToken}}.Encode()))
		cookies := w.do(r).Cookies()
		if len(cookies) != 1 || cookies[0].Name != c.name || cookies[0].Path != c.path || cookies[0].Secure != (c.path != "") ||
			!cookies[0].HttpOnly || cookies[0].Domain != "" {
			t.Errorf("%s: %+v", name, cookies)
			continue
		}
		page := httptest.NewRequest(http.MethodGet, "/console/", nil)
		page.AddCookie(cookies[0])
		if resp := w.do(c.change(page)); resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", name, resp.StatusCode)
		}
		page.AddCookie(cookies[0])
		if resp := w.do(c.change(page)); resp.StatusCode != http.StatusSeeOther {
			t.Errorf("%s: of two cookies, one counts", name)
		}
	}
}

// TestSessions holds that a session is invalid if it is expired or forged, or if its operator's token was changed.
func TestSessions(t *testing.T) {
	t.Parallel()
	flip := func(part int) func(*world) {
		return func(w *world) {
			parts := strings.Split(w.cookie.Value, ".")
			b, _ := base64.RawURLEncoding.DecodeString(parts[part])
			b[len(b)-3] ^= 1
			parts[part] = base64.RawURLEncoding.EncodeToString(b)
			w.cookie.Value = strings.Join(parts, ".")
		}
	}
	sealed := func(purpose, payload string) func(*world) {
		return func(w *world) {
			id, mac := w.ring.MAC(purpose, []byte(payload))
			e := base64.RawURLEncoding.EncodeToString
			w.cookie.Value = e([]byte(payload)) + "." + e([]byte(id)) + "." + e(mac)
		}
	}
	rotate := func(name, token string) func(*world) {
		return func(w *world) {
			if w.tokens[name] = secret.New(token); token == "" {
				delete(w.tokens, name)
			}
			w.build()
		}
	}
	payload := fmt.Sprintf(`{"name":"ada","id":"x","expires":%q}`, start.Add(time.Hour).Format(time.RFC3339))
	for name, c := range map[string]struct {
		then func(*world)
		in   bool
	}{
		"as it is":                {func(*world) {}, true},
		"just before eight hours": {func(w *world) { w.now = w.now.Add(8*time.Hour - time.Second) }, true},
		"after eight hours":       {func(w *world) { w.now = w.now.Add(8 * time.Hour) }, false},
		"after a restart":         {func(w *world) { w.build() }, true},
		"its keys were rotated":   {func(w *world) { w.ring = w.ring.Rotate(w.now); w.build() }, true},
		"its keys are others":     {func(w *world) { w.ring = keys.NewRing(w.now); w.build() }, false},
		"its token was rotated":   {rotate("ada", "another-token-0123456789"), false},
		"its token was removed":   {rotate("ada", ""), false},
		"its token is another's": {func(w *world) {
			w.tokens["bob"], w.tokens["ada"] = w.tokens["ada"], w.tokens["bob"]
			w.build()
		}, false},
		"another's token is gone":   {rotate("bob", ""), true},
		"its payload was changed":   {flip(0), false},
		"its key was changed":       {flip(1), false},
		"its signature was changed": {flip(2), false},
		"signed for something else": {sealed("console-form", payload), false},
		"signed without the token":  {sealed("console-session", payload), false},
		"no cookie":                 {func(w *world) { w.cookie = nil }, false},
		"an empty cookie":           {func(w *world) { w.cookie.Value = "" }, false},
		"no cookie of ours":         {func(w *world) { w.cookie.Value = "a.b.c" }, false},
		"two parts":                 {func(w *world) { w.cookie.Value = w.cookie.Value[:strings.LastIndex(w.cookie.Value, ".")] }, false},
	} {
		w := newWorld(t)
		w.signIn(adaToken)
		c.then(w)
		if got := w.signedInAs(); (got == "ada") != c.in || (got == "") == c.in {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// TestSignedOut holds that without a session every page leads to the sign-in form and back, and forms do nothing.
func TestSignedOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ask("A-1", time.Hour)
	for page, to := range map[string]string{
		"":                 "./signin",
		"exhausted":        "./signin?next=exhausted",
		"dead-letters":     "./signin?next=dead-letters",
		"order?id=A%2F1+x": "./signin?next=order%3Fid%3DA%252F1%2Bx",
		"?after=7":         "./signin?next=%3Fafter%3D7",
	} {
		resp, text := w.get(page)
		if resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != to || text != "" {
			t.Errorf("%s: %d %q", page, resp.StatusCode, resp.Header.Get("Location"))
		}
	}
	for _, page := range []string{"decide", "redrive", "signout"} {
		resp, text := w.post(page, url.Values{"order": {"QS0x"}, "act": {"cancel"}, "reason": {"x"}})
		if resp.StatusCode != http.StatusUnauthorized || strings.Contains(text, "A-1") {
			t.Errorf("%s: %d", page, resp.StatusCode)
		}
	}
	for next, to := range map[string]string{
		"order?id=A%2F1+x":      "./order?id=A%2F1+x",
		"exhausted":             "./exhausted",
		"?after=7":              "./?after=7",
		"":                      "./",
		"https://evil.example/": "./",
		"//evil.example/order":  "./",
		"/\\evil.example":       "./",
		"javascript:alert(1)":   "./",
		"signout":               "./",
		"../v1/orders":          "./",
		"order/../../x":         "./",
		"\nSet-Cookie: x":       "./",
	} {
		w.cookie = nil
		w.now = w.now.Add(time.Minute)
		_, page := w.get("signin?next=" + url.QueryEscape(next))
		sent := form(t, page, "signin", "")
		if strings.Contains(page, "evil") || strings.Contains(page, "javascript") {
			t.Error(page)
		}
		sent.Set("token", adaToken)
		if resp, _ := w.post("signin", sent); resp.Header.Get("Location") != to {
			t.Errorf("%q leads to %q", next, resp.Header.Get("Location"))
		}
		resp, _ := w.post("signin", url.Values{"token": {adaToken}, "next": {next}})
		if resp.Header.Get("Location") != to {
			t.Errorf("%q, sent by hand, leads to %q", next, resp.Header.Get("Location"))
		}
	}
}

func TestSignOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.signIn(adaToken)
	if resp, _ := w.post("signout", url.Values{"nonce": {"x"}}); resp.StatusCode != http.StatusConflict || len(resp.Cookies()) > 0 {
		t.Error(resp.StatusCode)
	}
	_, page := w.get("")
	resp, _ := w.post("signout", form(t, page, "signout", ""))
	deleted := len(resp.Cookies()) == 1 && resp.Cookies()[0].MaxAge < 0 && resp.Cookies()[0].Value == ""
	if resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "./signin" || !deleted ||
		resp.Header.Get("Clear-Site-Data") != `"cache"` {
		t.Errorf("%d %+v %v", resp.StatusCode, resp.Cookies(), resp.Header)
	}
}

// TestSignOutEndsTheSession holds that a copy of the cookie is worthless after its owner signed out, also after a reload
// of the configuration. Other sessions of the operator go on.
func TestSignOutEndsTheSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.signIn(adaToken)
	other := w.cookie
	w.cookie = nil
	w.signIn(adaToken)
	copied := *w.cookie
	_, page := w.get("")
	sent := form(t, page, "signout", "")
	w.post("signout", sent)
	for _, after := range []string{"signing out", "a reload"} {
		w.cookie = &copied
		if w.signedInAs() != "" {
			t.Errorf("the copy is valid after %s", after)
		}
		if resp, _ := w.post("signout", sent); resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("a form of the session is valid after %s: %d", after, resp.StatusCode)
		}
		w.cookie = other
		if w.signedInAs() != "ada" {
			t.Errorf("the other session ended with %s", after)
		}
		w.build()
	}
}

// TestSignInLimit holds that tokens cannot be guessed, and that an attacker does not stop operators at other
// addresses.
func TestSignInLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	try := func(address, token string) int {
		r := posted("signin", url.Values{"token": {token}}.Encode())
		r.RemoteAddr = address
		resp := w.do(r)
		if (resp.StatusCode == http.StatusTooManyRequests) != (resp.Header.Get("Retry-After") != "") {
			t.Error("Retry-After")
		}
		return resp.StatusCode
	}
	for range 50 { // right tokens are not counted
		if got := try("192.0.2.9:1", bobToken); got != http.StatusSeeOther {
			t.Errorf("bob: %d", got)
		}
	}
	for i := range 20 {
		for _, address := range []string{"192.0.2.1", "192.0.2.9"} {
			if got := try(fmt.Sprintf("%s:%d", address, 1000+i), fmt.Sprint("guess", i)); got != http.StatusForbidden {
				t.Errorf("guess %d: %d", i, got)
			}
		}
	}
	for _, token := range []string{"another", adaToken} {
		for _, address := range []string{"192.0.2.1:2000", "192.0.2.9:2000"} {
			if got := try(address, token); got != http.StatusTooManyRequests {
				t.Errorf("%d: the right token is answered like a wrong token", got)
			}
		}
	}
	if got := try("192.0.2.9:3000", bobToken); got != http.StatusSeeOther {
		t.Errorf("a token that was right from this address: %d", got)
	}
	if got := try("192.0.2.2:1000", adaToken); got != http.StatusSeeOther {
		t.Errorf("another address: %d", got)
	}
	w.now = w.now.Add(3 * time.Second)
	if got := try("192.0.2.1:1000", adaToken); got != http.StatusSeeOther {
		t.Errorf("later: %d", got)
	}
}

// TestOtherSites holds that a form of another site is refused, even with a valid nonce.
func TestOtherSites(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.signIn(adaToken)
	w.ask("A-1", time.Hour)
	_, page := w.get("order?id=A-1")
	sent := form(t, page, "decide", "")
	sent.Set("act", "approve")
	sent.Set("reason", "evil")
	for name, header := range map[string][2]string{
		"cross-site":     {"Sec-Fetch-Site", "cross-site"},
		"same-site":      {"Sec-Fetch-Site", "same-site"},
		"another origin": {"Origin", "https://evil.example"},
		"null":           {"Origin", "null"},
	} {
		for _, to := range []string{"decide", "redrive", "signout", "signin"} {
			r := httptest.NewRequest(http.MethodPost, "/console/"+to, strings.NewReader(sent.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set(header[0], header[1])
			if resp := w.do(r); resp.StatusCode != http.StatusForbidden {
				t.Errorf("%s to %s: %d", name, to, resp.StatusCode)
			}
		}
	}
	if n := len(w.order("A-1").Approvals[0].Votes); n > 0 || len(w.runs) > 0 {
		t.Error("the form changed something")
	}
}

func TestNewRefusesEmptyTokens(t *testing.T) {
	t.Parallel()
	_, err := console.New(console.Config{Operators: map[string]console.Operator{"ada": {Token: secret.New("")}}})
	if err == nil || !strings.Contains(err.Error(), `"ada" is empty`) {
		t.Error(err)
	}
}

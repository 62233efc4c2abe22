package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/notify/teams/teamstest"
	"github.com/approval-relay/approval-relay/signin/signintest"
)

// browser follows redirects and keeps cookies.
type browser struct {
	t *testing.T
	http.Client
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t, http.Client{Jar: jar, Timeout: 30 * time.Second}}
}

// loadPage returns the page at the end of all redirects, its address and its status.
func (b *browser) loadPage(do func() (*http.Response, error)) (page string, at *url.URL, status int) {
	b.t.Helper()
	resp, err := do()
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return string(text), resp.Request.URL, resp.StatusCode
}

var signInLink = regexp.MustCompile(`<a class="go" href="([^"]+)">Sign in to decide</a>`)

// TestSignIn carries an approval that requires sso. Its link shows the request without a form until the visitor has
// signed in, and only its approvers can decide.
func TestSignIn(t *testing.T) {
	t.Parallel()
	w, chat := newWorld(t), teamstest.StartWorkflow(t)
	oidc := signintest.Start()
	defer oidc.Close()
	oidc.Redirect = "http://" + w.public + "/signin/callback"
	w.startProgram(
		t,
		w.writePublicConfig(
			t,
			fmt.Sprintf(`oidc: {issuer: %q, client_id: %q, client_secret: %q}`, oidc.URL, signintest.ClientID, signintest.ClientSecret),
			fmt.Sprintf(`
workflows:
  orders: {requests: {sqs: {queue: orders}}, approvers: [ann@example.com, bob@example.com], notify: [mail], min_assurance: sso}
  room: {approvers: [ann@example.com, bob@example.com], notify: [chat]}
channels:
  mail: {webhook: {url: %q, secrets: [%q], allow_internal: true}}
  chat: {teams: {webhook_url: %q, allow_internal: true, audience: group}}
`, w.hooks.url, standardSecret, chat.URL)+w.stepFunctionsTarget(),
		),
	)

	s := w.requestApproval(t, "e2e-1")
	link, err := s.waitForLink(t.Context(), w, "ann@example.com")
	if err != nil {
		t.Fatal(err)
	}
	if status, text, err := s.decideByLink(t.Context(), w, "ann@example.com", "approve"); err != nil || status < 400 {
		t.Errorf("the link alone decides: %d %s %v", status, text, err)
	}
	b := newBrowser(t)
	signIn := func() string {
		page, at, _ := b.loadPage(func() (*http.Response, error) { return b.Get(link) })
		m := signInLink.FindStringSubmatch(page)
		if m == nil || strings.Contains(page, "<form") {
			t.Fatalf("%s", page)
		}
		to, err := at.Parse(m[1])
		if err != nil {
			t.Fatal(err)
		}
		page, at, status := b.loadPage(func() (*http.Response, error) { return b.Get(to.String()) })
		if at.String() != link || status != http.StatusOK {
			t.Fatalf("signing in ends at %s with %d: %s", at, status, page)
		}
		return page
	}
	page, _, status := b.loadPage(func() (*http.Response, error) {
		resp, err := b.Get("http://" + w.public + "/signin/callback?code=x&state=y")
		if err == nil && !strings.Contains(resp.Header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Error("a page without its policy")
		}
		return resp, err
	})
	if status != http.StatusBadRequest || !strings.Contains(page, "<h1 dir=\"auto\">Signing in took too long</h1>") {
		t.Errorf("%d: %s", status, page)
	}
	oidc.SignInAs("eve@example.com")
	if page := signIn(); !strings.Contains(page, "but this link is for somebody else") || strings.Contains(page, "<form") {
		t.Errorf("eve is shown %s", page)
	}
	oidc.SignInAs("Ann@Example.com") // as the provider spells the address
	page = signIn()
	form := url.Values{"outcome": {"approve"}, "comment": {"e2e"}}
	for _, m := range hiddenForm.FindAllStringSubmatch(page, -1) {
		form.Set(m[1], m[2])
	}
	page, _, status = b.loadPage(func() (*http.Response, error) { return b.PostForm(link, form) })
	if status != http.StatusOK || !strings.Contains(page, "was approved on") {
		t.Errorf("%d: %s", status, page)
	}
	w.checkDelivered(t, s)
	if v := s.readVotes(t, w); len(v) != 1 || v[0].Via != "sso" || !approval.SamePerson(v[0].DecidedBy, "ann@example.com") ||
		v[0].ShownDigest != form.Get("shown") {
		t.Errorf("%+v", v)
	}
	checkGroupCard(t, w, b, chat)
	checkSignOut(t, w, b, link)
	checkRefusedSignIn(t, w, oidc, link)
	if strings.Contains(w.logs.String(), signintest.ClientSecret) {
		t.Error("a secret is in the log")
	}
	checkShutdown(t, w)
}

// checkGroupCard lets a signed-in approver decide through the single card that a group gets. Its link alone does not
// decide. A second card tells the group who has decided, because a card cannot be edited.
func checkGroupCard(t *testing.T, w *world, signedIn *browser, chat *teamstest.Workflow) {
	t.Helper()
	s := &scenario{
		order:    "p-teams",
		workflow: "room",
		outcome:  "approve",
		token:    w.aws.StepFunctions.OpenTask(10*time.Minute, 0),
	}
	w.postToOperator(
		t,
		"/v1/requests?workflow=room",
		fmt.Sprintf(`{"orderId": %q, "taskToken": %q}`, s.order, s.token),
		http.StatusAccepted,
	)
	if !waitUntil(t, time.Minute, func() bool { return len(chat.Cards()) > 0 }) {
		t.Fatalf("no card\n%s", lastOf(w.logs.String()))
	}
	link := chat.Cards()[0].URL
	stranger := newBrowser(t)
	if page, _, _ := stranger.loadPage(func() (*http.Response, error) { return stranger.Get(link) }); strings.Contains(page, "<form") ||
		!strings.Contains(page, "Sign in to decide") {
		t.Errorf("%s", page)
	}
	page, _, _ := signedIn.loadPage(func() (*http.Response, error) { return signedIn.Get(link) })
	form := url.Values{"outcome": {"approve"}}
	for _, m := range hiddenForm.FindAllStringSubmatch(page, -1) {
		form.Set(m[1], m[2])
	}
	if page, _, _ := signedIn.loadPage(func() (*http.Response, error) { return signedIn.PostForm(link, form) }); !strings.Contains(
		page,
		"was approved on",
	) {
		t.Errorf("%s", page)
	}
	w.checkDelivered(t, s)
	if !waitUntil(t, time.Minute, func() bool { return len(chat.Cards()) > 1 }) {
		t.Fatalf("the group is not told that the request is decided\n%s", lastOf(w.logs.String()))
	}
	cards := chat.Cards()
	if len(cards) != 2 || !strings.Contains(cards[1].Text, "Ann@Example.com has decided") {
		t.Errorf("%d cards for a group, the last: %s", len(cards), cards[len(cards)-1].Text)
	}
}

// checkSignOut signs an approver out. A copy of the cookie is worthless from then on.
func checkSignOut(t *testing.T, w *world, b *browser, link string) {
	t.Helper()
	at, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	copied := newBrowser(t)
	copied.Jar.SetCookies(at, b.Jar.Cookies(at))
	const name = "You are signed in as"
	if page, _, _ := copied.loadPage(func() (*http.Response, error) { return copied.Get(link) }); !strings.Contains(page, name) {
		t.Fatalf("the copy is not signed in: %s", page)
	}
	out := "http://" + w.public + "/signin/out"
	if page, _, _ := b.loadPage(func() (*http.Response, error) { return b.Get(out) }); !strings.Contains(page, "<form method=\"post\">") {
		t.Errorf("no form to sign out: %s", page)
	}
	resp, err := b.PostForm(out, nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Clear-Site-Data") == "" {
		t.Errorf("signing out: %d %v", resp.StatusCode, resp.Header)
	}
	for whose, browser := range map[string]*browser{"their own": b, "the copied": copied} {
		if page, _, _ := browser.loadPage(func() (*http.Response, error) { return browser.Get(link) }); strings.Contains(page, name) {
			t.Errorf("%s session goes on: %s", whose, page)
		}
	}
}

// checkRefusedSignIn refuses an ID token of Entra ID. The operator learns which claim was looked for, and the names of
// those that the token has.
func checkRefusedSignIn(t *testing.T, w *world, oidc *signintest.Provider, link string) {
	t.Helper()
	oidc.Sign(signintest.Samples()["Entra ID"], nil)
	b := newBrowser(t)
	to := strings.Replace(link, "/a/", "/signin/", 1)
	page, _, status := b.loadPage(func() (*http.Response, error) { return b.Get(to) })
	if status != http.StatusForbidden || !strings.Contains(page, "has not verified your e-mail address") {
		t.Errorf("%d: %s", status, page)
	}
	_, text, err := w.callOnce(t.Context(), "GET", "http://"+w.operator+"/v1/refused?source=signin", bearerHeader(operatorToken), "")
	if err != nil || !strings.Contains(text, "no claim email_verified; it has: aio, aud, email") || strings.Contains(text, "ann@example.com") {
		t.Errorf("%s %v", text, err)
	}
}

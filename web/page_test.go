package web_test

import (
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/web"
)

var update = flag.Bool("update", false, "write the golden files again")

var (
	style = regexp.MustCompile(`(?s)<style>.*?</style>`)
	nonce = regexp.MustCompile(`name="(nonce|shown)" value="[^"]+"`)
)

// golden compares a page with its golden file. Style sheet and digests are left out.
func golden(t *testing.T, name, page string) {
	t.Helper()
	got := nonce.ReplaceAllString(style.ReplaceAllString(page, "<style></style>"), `name="$1" value="*"`)
	file := "testdata/" + name + ".html"
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s:\n%s", name, got)
	}
}

// decide records a decision of a person by a link, or of a source.
func (w *world) decide(by string, o approval.Outcome) {
	w.t.Helper()
	d := approval.Decision{
		ID:         by,
		ApprovalID: w.approval().ID,
		Outcome:    o,
		By:         by,
		Via:        approval.ViaLink,
		Source:     "link",
	}
	if source, ok := strings.CutPrefix(by, "source:"); ok {
		d.Via, d.Source = approval.ViaWebhook, source
	}
	if v, _, err := w.order.Decide(d, approval.UnmatchedRetention{}, approval.Environment{Now: w.now}); err != nil || !v.IsAccepted() {
		w.t.Fatal(v, err)
	}
	w.now = w.now.Add(2 * time.Hour)
}

func quorum(a *approval.Request) { a.Policy = approval.Policy{Kind: approval.PolicyQuorum, Quorum: 2} }

func TestStates(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ask    func(*approval.Request)
		then   func(*world)
		status int
		form   bool
	}{
		"good_pending": {nil, nil, 200, true},
		"good_pending_unnamed": {func(a *approval.Request) {
			a.Approvers, a.Details = nil, nil
			a.Title, a.Requester, a.Step = "", "", ""
		}, nil, 200, true},
		"good_pending_others": {quorum, func(w *world) { w.decide("barbara@example.com", approval.Approve) }, 200, true},
		"good_recorded":       {quorum, func(w *world) { w.decide("Alan@Example.com", approval.Approve) }, 200, false},
		"good_approved":       {nil, func(w *world) { w.decide("barbara@example.com", approval.Approve) }, 200, false},
		"good_rejected":       {nil, func(w *world) { w.decide("alan@example.com", approval.Reject) }, 200, false},
		"good_by_system": {func(a *approval.Request) {
			a.Approvers = append(a.Approvers, approval.Approver{ID: "source:erp", Nonce: "n4"})
		},
			func(w *world) { w.decide("source:erp", approval.Approve) }, 200, false},
		"good_timed_out": {nil, func(w *world) {
			w.now = w.now.Add(40 * time.Hour)
			w.order.Advance(approval.Environment{Now: w.now})
		}, 200, false},
		"good_timing_out": {nil, func(w *world) { w.now = w.approval().Deadline }, 200, false}, // the deadline is not recorded yet
		"good_cancelled":  {nil, func(w *world) { w.order.Cancel("", "op", "not needed", approval.Environment{Now: w.now}) }, 200, false},
		"good_superseded": {nil, func(w *world) {
			again := ask()
			again.Token = approval.NewToken("another")
			_, _, _ = w.order.AddRequest(again, approval.Environment{Now: w.now})
		}, 200, false},
		"good_assurance": {func(a *approval.Request) { a.MinAssurance = approval.AssuranceSSO }, nil, 200, false},
		"good_one_button": {nil, func(w *world) {
			c := w.links[token]
			c.Allowed = []approval.Outcome{approval.Reject}
			w.links[token] = c
		}, 200, true},
		"good_hostile": {func(a *approval.Request) {
			a.Title = "</h1><script>alert(1)</script>\u202elaeR"
			a.Details = []approval.Field{{
				Name:  `"><img src=x onerror=alert(1)>`,
				Value: "</dd></dl><form action=https://evil.example><button>Approve</button></form>\x00\x1b[1m",
			}}
			a.Requester = "javascript:alert(1)"
		}, nil, 200, true},
		"fail_invalid":     {nil, func(w *world) { delete(w.links, token) }, 404, false},
		"fail_expired":     {nil, func(w *world) { w.now = w.approval().Deadline.Add(24 * time.Hour) }, 410, false},
		"fail_revoked":     {nil, func(w *world) { w.approval().Approvers[0].Nonce = "other" }, 410, false},
		"fail_gone":        {nil, func(w *world) { w.getErr = fmt.Errorf("get: %w", approval.ErrNotFound) }, 410, false},
		"fail_unavailable": {nil, func(w *world) { w.getErr = errors.New("disk on fire") }, 503, false},
	} {
		w := newWorld(t, c.ask)
		if c.then != nil {
			c.then(w)
		}
		resp, page := w.get(token)
		golden(t, name, page)
		checkPage(t, name, page)
		if resp.StatusCode != c.status || strings.Contains(page, "<form method") != c.form {
			t.Errorf("%s: %d, with a form: %v", name, resp.StatusCode, !c.form)
		}
		want := map[int]string{
			200: "viewed",
			404: "refused",
			410: "refused",
			503: "failed",
		}[c.status]
		if len(w.events) != 1 || w.events[0] != want || w.decided != 0 {
			t.Errorf("%s: events %v, %d decisions", name, w.events, w.decided)
		}
		if (resp.Header.Get("Retry-After") != "") != (c.status == 503) {
			t.Errorf("%s: Retry-After %q", name, resp.Header.Get("Retry-After"))
		}
	}
}

// checkPage checks the rules for every page: it has a main, an h1, a title, a language and a label for each text
// field; it runs and loads nothing.
func checkPage(t *testing.T, name, page string) {
	t.Helper()
	for text, n := range map[string]int{
		"<main>":                     1,
		"<h1":                        1,
		`<html lang="en" dir="ltr">`: 1,
		"<title>":                    1,
		"<textarea":                  strings.Count(page, `<label for="comment"`),
	} {
		if strings.Count(page, text) != n {
			t.Errorf("%s: %d of %s", name, strings.Count(page, text), text)
		}
	}
	for _, bad := range []string{"<script", "<img", "src=", "href=", "action=", "onerror=a", "style=", "ZgotmplZ", token, "task-token"} {
		if strings.Contains(strings.ReplaceAll(page, "&lt;", ""), bad) && !strings.Contains(name, "hostile") {
			t.Errorf("%s holds %s", name, bad)
		}
	}
	for _, bad := range []string{"<script", "<img", "<form action", "\u202e", "\x00", "\x1b"} {
		if strings.Contains(page, bad) {
			t.Errorf("%s holds %q", name, bad)
		}
	}
}

func TestScannerDecidesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	before := fmt.Sprintf("%+v", *w.approval())
	for _, method := range []string{"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "POST"} {
		for _, headers := range []http.Header{
			{}, {"Sec-Purpose": {"prefetch;prerender"}}, {"Purpose": {"preview"}}, {"User-Agent": {"Slackbot-LinkExpanding 1.0"}},
			{"X-Http-Method-Override": {"POST"}}, {"Accept": {"application/json"}},
		} {
			r := httptest.NewRequest(method, "/a/"+token+"?outcome=approve&_method=POST", strings.NewReader("outcome=approve"))
			r.Header = headers.Clone()
			if method == "POST" {
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			}
			resp := w.do(r)
			want := map[string]int{"GET": 200, "HEAD": 200, "POST": 409}[method]
			if want == 0 {
				want = 405
			}
			if resp.StatusCode != want || (want == 405) != (resp.Header.Get("Allow") == "GET, HEAD, POST") {
				t.Errorf("%s %v: %d, Allow %q", method, headers, resp.StatusCode, resp.Header.Get("Allow"))
			}
		}
	}
	if w.decided != 0 || fmt.Sprintf("%+v", *w.approval()) != before {
		t.Errorf("%d decisions", w.decided)
	}
}

func TestHeadIsGetWithoutBody(t *testing.T) {
	t.Parallel()
	for _, tok := range []string{token, "other"} {
		w := newWorld(t, nil)
		get, page := w.get(tok)
		head := w.do(httptest.NewRequest(http.MethodHead, "/a/"+tok, nil))
		if b := body(t, head); b != "" || head.StatusCode != get.StatusCode {
			t.Errorf("%d %q", head.StatusCode, b)
		}
		if fmt.Sprint(head.Header) != fmt.Sprint(get.Header) || get.Header.Get("Content-Length") != fmt.Sprint(len(page)) {
			t.Errorf("%v\n%v", head.Header, get.Header)
		}
	}
}

func TestNewRefusesOrigin(t *testing.T) {
	t.Parallel()
	if _, err := web.New(web.Config{Origin: "approve.example.com/x"}); err == nil || !strings.HasPrefix(err.Error(), "origin: ") {
		t.Error(err)
	}
}

// TestLinkForGroup holds that a link in a message to a group shows the request, and accepts no decision.
func TestLinkForGroup(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.give("group", w.approval().ID, "")
	_, page := w.get("group")
	if !strings.Contains(page, "Only its approvers can decide") || strings.Contains(page, "<button") ||
		!strings.Contains(page, "480.00 EUR") {
		t.Error(page)
	}
	form := w.form(token, approval.Approve)
	if resp, _ := w.post("group", form); resp.StatusCode < 400 || w.decided != 0 {
		t.Errorf("%d, %d decisions", resp.StatusCode, w.decided)
	}
}

// signedIn is the approver who sent every request.
type signedIn string

func (s signedIn) SignedInApprover(*http.Request) (string, bool) { return string(s), s != "" }

// TestSignedIn holds that a sign-in adds to a weak link, and that only an approver can decide.
func TestSignedIn(t *testing.T) {
	t.Parallel()
	sso := func(a *approval.Request) { a.MinAssurance = approval.AssuranceSSO }
	unnamed := func(a *approval.Request) { a.Approvers = nil }
	for name, tc := range map[string]struct {
		id     string
		change func(*approval.Request)
		link   string // of "alan", or of the group
		form   bool
		signIn bool
		says   string
	}{
		"a link is not enough":    {"", sso, token, false, true, "Please sign in to decide"},
		"and signed in it is":     {"Alan@Example.com", sso, token, true, false, "Waiting for your decision"},
		"somebody else":           {"eve@example.com", sso, token, false, true, "but this link is for somebody else"},
		"another approver":        {"barbara@example.com", nil, token, false, true, "but this link is for somebody else"},
		"in a group, signed out":  {"", nil, "group", false, true, "Please sign in to decide"},
		"in a group, an approver": {"barbara@example.com", nil, "group", true, false, "Waiting for your decision"},
		"in a group, no approver": {"eve@example.com", nil, "group", false, true, "who is not an approver of this request"},
		"without named approvers": {"eve@example.com", unnamed, token, true, false, "Waiting for your decision"},
		"a link that is enough":   {"", nil, token, true, false, "Waiting for your decision"},
	} {
		w := newWorld(t, tc.change)
		w.give("group", w.approval().ID, "")
		w.page.Sessions = signedIn(tc.id)
		_, page := w.get(tc.link)
		offered := strings.Contains(page, `href="../signin/`+tc.link+`"`)
		if strings.Contains(page, "<form") != tc.form || offered != tc.signIn || !strings.Contains(page, tc.says) {
			t.Errorf("%s: %s", name, page)
		}
		if !tc.form {
			continue
		}
		resp, text := w.post(tc.link, w.form(tc.link, approval.Approve))
		if resp.StatusCode != http.StatusSeeOther {
			t.Errorf("%s: %d %s", name, resp.StatusCode, text)
			continue
		}
		v := w.approval().Votes[0]
		if tc.id != "" && (v.By != tc.id || v.Via != approval.ViaSSO || v.Source != "sso") || tc.id == "" && v.Via != approval.ViaLink {
			t.Errorf("%s: %+v", name, v)
		}
	}
}

// TestSignedInAsAnotherMeanwhile holds that a form that was shown to an approver is not accepted from another.
func TestSignedInAsAnotherMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(a *approval.Request) { a.MinAssurance = approval.AssuranceSSO })
	w.give("group", w.approval().ID, "")
	w.page.Sessions = signedIn("alan@example.com")
	form := w.form("group", approval.Approve)
	w.page.Sessions = signedIn("barbara@example.com")
	if resp, _ := w.post("group", form); resp.StatusCode != http.StatusConflict || w.decided != 0 {
		t.Errorf("%d, %d decisions", resp.StatusCode, w.decided)
	}
	w.page.Sessions = signedIn("")
	if resp, _ := w.post("group", form); resp.StatusCode < 400 || w.decided != 0 {
		t.Errorf("%d, %d decisions", resp.StatusCode, w.decided)
	}
}

package web_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

func TestDecide(t *testing.T) {
	t.Parallel()
	for _, outcome := range []approval.Outcome{approval.Approve, approval.Reject} {
		w := newWorld(t, nil)
		f := w.form(token, outcome)
		f.Set("comment", " fine\r\nby me \x1b")
		resp, _ := w.post(token, f)
		if resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "./"+token || w.last() != "submitted" {
			t.Fatalf("%d %v %v", resp.StatusCode, resp.Header, w.events)
		}
		at, err := url.Parse("https://approve.example.com/prefix/a/" + token)
		if err != nil {
			t.Fatal(err)
		}
		if to, err := at.Parse(resp.Header.Get("Location")); err != nil || to.String() != at.String() {
			t.Errorf("leads to %v, %v", to, err)
		}
		votes := w.approval().Votes
		if len(votes) != 1 {
			t.Fatalf("%+v", votes)
		}
		got := votes[0]
		if got.Outcome != outcome || got.By != "alan@example.com" || got.Via != approval.ViaLink || got.Source != "link" ||
			got.Comment != "fine\nby me \uFFFD" || !strings.HasPrefix(got.DecisionID, "link-") || len(got.DecisionID) != 21 {
			t.Errorf("%+v", got)
		}
		if got.ShownDigest != f.Get("shown") || len(got.ShownDigest) != 64 {
			t.Errorf("recorded %q, the page showed %q", got.ShownDigest, f.Get("shown"))
		}
	}
}

func TestSecondClick(t *testing.T) {
	t.Parallel()
	for _, policy := range []func(*approval.Request){nil, quorum} {
		w := newWorld(t, policy)
		yes, no, other := w.form(token, approval.Approve), w.form(token, approval.Reject), w.form("barbara", approval.Reject)
		for range 2 {
			if resp, _ := w.post(token, yes); resp.StatusCode != http.StatusSeeOther {
				t.Errorf("approve: %d", resp.StatusCode)
			}
		}
		resp, page := w.post(token, no)
		if resp.StatusCode != http.StatusConflict || !strings.Contains(page, "contradicts") || w.last() != "refused" {
			t.Errorf("reject: %d %s", resp.StatusCode, page)
		}
		if len(w.approval().Votes) != 1 || w.approval().Votes[0].Outcome != approval.Approve {
			t.Errorf("%+v", w.approval().Votes)
		}
		if policy == nil {
			golden(t, "fail_conflict", page)
			if resp, _ := w.post("barbara", other); resp.StatusCode != http.StatusConflict {
				t.Errorf("another's reject: %d", resp.StatusCode)
			}
		}
	}
}

func TestUnnamedApprover(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(a *approval.Request) { a.Approvers, a.Requester = nil, "" })
	if resp, _ := w.post(token, w.form(token, approval.Approve)); resp.StatusCode != http.StatusSeeOther {
		t.Errorf("%d", resp.StatusCode)
	}
	if v := w.approval().Votes; len(v) != 1 || v[0].By != "link holder" {
		t.Errorf("%+v", v)
	}
	if _, page := w.get(token); strings.Contains(page, "<form method") || !strings.Contains(page, "Somebody with the link") {
		t.Error(page)
	}
}

// TestUnnamedLinkInQuorum holds that a link that names no approver needs a sign-in in a quorum. Its holder may have
// voted by another link before, and would then hold two votes.
func TestUnnamedLinkInQuorum(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(a *approval.Request) {
		a.Approvers, a.Requester, a.Policy = nil, "", approval.Policy{Kind: approval.PolicyQuorum, Quorum: 2}
	})
	_, page := w.get(token)
	if strings.Contains(page, "<form") || strings.Contains(page, "signin/") ||
		!strings.Contains(page, "only from a person who has signed in") {
		t.Error(page)
	}
	w.page.Sessions = signedIn("")
	if _, page := w.get(token); strings.Contains(page, "<form") || !strings.Contains(page, "../signin/"+token) {
		t.Error(page)
	}
	for i, id := range []string{"alan@example.com", "barbara@example.com"} {
		w.page.Sessions = signedIn(id)
		resp, _ := w.post(token, w.form(token, approval.Approve))
		if resp.StatusCode != http.StatusSeeOther || len(w.approval().Votes) != i+1 {
			t.Errorf("%d: %+v", resp.StatusCode, w.approval().Votes)
		}
	}
	if w.approval().Status != approval.Approved {
		t.Error(w.approval().Status)
	}
}

// TestUnnamedLinkOfAKnownRequester holds that the requester, who may not decide, does not decide by a link that names
// nobody, also not by a link from before this rule. Somebody who has signed in may.
func TestUnnamedLinkOfAKnownRequester(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(a *approval.Request) { a.Approvers = nil })
	_, page := w.get(token)
	if strings.Contains(page, "<form") || !strings.Contains(page, "does not say who you are") {
		t.Error(page)
	}
	link := w.links[token]
	if len(link.Allowed) != 0 {
		t.Error(link.Allowed)
	}
	link.Allowed = []approval.Outcome{approval.Approve, approval.Reject}
	w.links[token] = link
	if _, page := w.get(token); strings.Contains(page, "<form") {
		t.Error(page)
	}
	resp, page := w.post(token, w.form(token, approval.Approve))
	if resp.StatusCode == http.StatusSeeOther || len(w.approval().Votes) != 0 {
		t.Errorf("%d %s", resp.StatusCode, page)
	}
	w.page.Sessions = signedIn("")
	if _, page := w.get(token); !strings.Contains(page, "../signin/"+token) {
		t.Error(page)
	}
	w.page.Sessions = signedIn("grace@example.com")
	if resp, _ := w.post(token, w.form(token, approval.Approve)); resp.StatusCode != http.StatusForbidden {
		t.Errorf("the requester: %d", resp.StatusCode)
	}
	w.page.Sessions = signedIn("alan@example.com")
	if resp, _ := w.post(token, w.form(token, approval.Approve)); resp.StatusCode != http.StatusSeeOther {
		t.Errorf("%d", resp.StatusCode)
	}
}

func TestFormIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(w *world, f url.Values)
		status int
		says   string
		form   bool // the form is shown again
	}{
		"no nonce":      {func(_ *world, f url.Values) { f.Del("nonce") }, 409, "open for too long", true},
		"garbled nonce": {func(_ *world, f url.Values) { f.Set("nonce", f.Get("nonce")+"x") }, 409, "open for too long", true},
		"other's nonce": {func(w *world, f url.Values) {
			f.Set("nonce", w.form("barbara", "approve").Get("nonce"))
		}, 409, "open for too long", true},
		"two nonces":         {func(_ *world, f url.Values) { f.Add("nonce", "x") }, 400, "cannot be read", false},
		"open for too long":  {func(w *world, _ url.Values) { w.now = w.now.Add(2 * time.Hour) }, 409, "open for too long", true},
		"request changed":    {func(w *world, _ url.Values) { w.approval().Details[0].Value = "4800.00 EUR" }, 409, "has changed", true},
		"changed, no hash":   {func(w *world, f url.Values) { w.approval().Title += "!"; f.Del("shown") }, 409, "open for too long", true},
		"no outcome":         {func(_ *world, f url.Values) { f.Del("choice") }, 400, "one of the buttons", true},
		"other outcome":      {func(_ *world, f url.Values) { f.Set("choice", "Approve") }, 400, "one of the buttons", true},
		"two outcomes":       {func(_ *world, f url.Values) { f.Add("choice", "reject") }, 400, "cannot be read", false},
		"outcome not in cap": {func(w *world, f url.Values) { onlyReject(w, f) }, 400, "one of the buttons", true},
		"huge body":          {func(_ *world, f url.Values) { f.Set("comment", strings.Repeat("x", 320<<10)) }, 413, "too long", false},
		"revoked meanwhile":  {func(w *world, _ url.Values) { w.approval().Approvers[0].Nonce = "other" }, 410, "no longer valid", false},
		"expired meanwhile":  {func(w *world, _ url.Values) { w.now = w.now.Add(72 * time.Hour) }, 410, "has expired", false},
		"store unavailable":  {func(w *world, _ url.Values) { w.getErr = errors.New("down") }, 503, "does not work right now", false},
	} {
		w := newWorld(t, nil)
		f := w.form(token, approval.Approve)
		f.Set("comment", `kept </textarea><script>alert(1)</script>`)
		c.change(w, f)
		resp, page := w.post(token, f)
		if resp.StatusCode != c.status || !strings.Contains(page, c.says) || strings.Contains(page, "<form method") != c.form {
			t.Errorf("%s: %d %s", name, resp.StatusCode, page)
		}
		checkPage(t, name, page)
		if c.form && !strings.Contains(page, "kept &lt;/textarea&gt;") && name != "long comment" {
			t.Errorf("%s loses the comment: %s", name, page)
		}
		if w.decided != 0 || w.last() == "submitted" {
			t.Errorf("%s: %d decisions, %v", name, w.decided, w.events)
		}
		if name == "request changed" {
			golden(t, "fail_changed", page)
			again := w.form(token, approval.Approve)
			if resp, _ := w.post(token, again); resp.StatusCode != http.StatusSeeOther {
				t.Errorf("the new form: %d", resp.StatusCode)
			}
		}
	}
}

// onlyReject limits the link to rejections, and puts a matching nonce into the form.
func onlyReject(w *world, f url.Values) {
	c := w.links[token]
	c.Allowed = []approval.Outcome{approval.Reject}
	w.links[token] = c
	f.Set("nonce", w.form(token, approval.Approve).Get("nonce"))
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		verdict approval.VerdictCode
		err     error
		status  int
		says    string
	}{
		{verdict: approval.VerdictDecided, status: 303},
		{verdict: approval.VerdictRecorded, status: 303},
		{verdict: approval.VerdictRepeated, status: 303},
		{verdict: approval.VerdictRequester, status: 403, says: "your own request"},
		{verdict: approval.VerdictAnonymous, status: 403, says: "does not say who you are"},
		{verdict: approval.VerdictNotApprover, status: 403, says: "cannot decide this"},
		{verdict: approval.VerdictAssurance, status: 403, says: "not enough"},
		{verdict: approval.VerdictSource, status: 403, says: "cannot decide this"},
		{verdict: approval.VerdictUnknown, status: 410, says: "no longer kept"},
		{verdict: approval.VerdictLate, status: 409, says: "closed before"},
		{verdict: approval.VerdictSuperseded, status: 409, says: "closed before"},
		{verdict: approval.VerdictConflict, status: 409, says: "contradicts"},
		{verdict: approval.VerdictOverflow, status: 409, says: "not recorded"},
		{err: errors.New("disk on fire"), status: 503, says: "not certain"},
		{err: fmt.Errorf("update: %w", &store.ReadOnlyError{}), status: 503, says: "Please try again in a few minutes."},
		{err: &store.ReadOnlyError{MayBeStored: true}, status: 503, says: "not certain"},
		{err: approval.InvalidField("by", "is bad"), status: 403, says: "cannot decide this"},
	} {
		w := newWorld(t, nil)
		f := w.form(token, approval.Approve)
		w.verdict, w.decideErr = c.verdict, c.err
		resp, page := w.post(token, f)
		if resp.StatusCode != c.status || !strings.Contains(page, c.says) || w.decided != 1 {
			t.Errorf("%s %v: %d %s", c.verdict, c.err, resp.StatusCode, page)
		}
		if (w.last() == "submitted") != (c.status == 303) || (w.last() == "failed") != (c.status == 503) {
			t.Errorf("%s %v: %v", c.verdict, c.err, w.events)
		}
	}
}

func TestLate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.now = w.approval().Deadline.Add(-time.Minute)
	f := w.form(token, approval.Approve)
	w.now = w.approval().Deadline
	resp, page := w.post(token, f)
	if resp.StatusCode != http.StatusConflict || !strings.Contains(page, "Timed out") || len(w.approval().Votes) != 0 {
		t.Errorf("%d %s", resp.StatusCode, page)
	}
	golden(t, "fail_late", page)
}

func TestCrossSite(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		header map[string]string
		status int
	}{
		"same origin":                {map[string]string{"Sec-Fetch-Site": "same-origin"}, 303},
		"typed in":                   {map[string]string{"Sec-Fetch-Site": "none"}, 303},
		"no headers, the nonce fits": {nil, 303},
		"old browser":                {map[string]string{"Origin": "https://internal:8080"}, 303},
		"behind a proxy":             {map[string]string{"Origin": "https://approve.example.com"}, 303},
		"cross-site":                 {map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		"same site, other host":      {map[string]string{"Sec-Fetch-Site": "same-site", "Origin": "https://evil.example.com"}, 403},
		"other origin":               {map[string]string{"Origin": "https://evil.example"}, 403},
		"sandboxed frame":            {map[string]string{"Origin": "null"}, 403},
		"garbled origin":             {map[string]string{"Origin": ":%zz"}, 403},
	} {
		w := newWorld(t, nil)
		r := browser(token, w.form(token, approval.Approve).Encode())
		r.Host = "internal:8080"
		r.Header.Del("Sec-Fetch-Site")
		for k, v := range c.header {
			r.Header.Set(k, v)
		}
		if resp := w.do(r); resp.StatusCode != c.status || (w.decided == 1) != (c.status == 303) {
			t.Errorf("%s: %d, %d decisions", name, resp.StatusCode, w.decided)
		}
	}
}

func TestContentType(t *testing.T) {
	t.Parallel()
	for kind, status := range map[string]int{
		"application/x-www-form-urlencoded":                303,
		"application/x-www-form-urlencoded; charset=UTF-8": 303,
		"":                                415,
		"text/plain":                      415,
		"application/json":                415,
		"multipart/form-data; boundary=x": 415,
		"application/x-www-form-urlencoded, text/plain": 415,
	} {
		w := newWorld(t, nil)
		r := browser(token, w.form(token, approval.Approve).Encode())
		r.Header.Set("Content-Type", kind)
		if resp := w.do(r); resp.StatusCode != status || (w.decided == 1) != (status == 303) {
			t.Errorf("%q: %d, %d decisions", kind, resp.StatusCode, w.decided)
		}
	}
}

// TestQueryDecidesNothing holds that the form is read from the body, and not from the query: a link can contain a
// query.
func TestQueryDecidesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	r := httptest.NewRequest(http.MethodPost, "/a/"+token+"?"+w.form(token, approval.Approve).Encode(), nil)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if resp := w.do(r); resp.StatusCode != http.StatusConflict || w.decided != 0 {
		t.Errorf("%d, %d decisions", resp.StatusCode, w.decided)
	}
}

// FuzzPost holds that only the page's own form decides, and that a text of the form that is shown again cannot break
// the page.
func FuzzPost(f *testing.F) {
	w := newWorld(f, nil)
	good := w.form(token, approval.Approve).Get("nonce")
	for _, seed := range []string{
		w.form(token, approval.Approve).Encode(), "", "%", "outcome=approve", "outcome=approve&nonce=x&shown=", "nonce=a&nonce=b", "a;b",
		"outcome=approve&nonce=&comment=%3C/textarea%3E%3Cscript%3E", "comment=%FF%00%E2%80%AE&outcome=reject",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, form string) {
		w := newWorld(t, nil)
		resp := w.do(browser(token, form))
		page := body(t, resp)
		sent, _ := url.ParseQuery(form)
		if w.decided > 0 && sent.Get("nonce") != good {
			t.Error("decided")
		}
		if resp.StatusCode >= 500 || strings.Contains(page, "<script") || strings.Count(page, "</textarea>") > 1 {
			t.Errorf("%d: %s", resp.StatusCode, page)
		}
	})
}

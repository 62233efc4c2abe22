package web_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/web"
)

// The methods of web.Acts run the domain. Passing on resolves a name to an approver with that name.
func (w *world) Ask(_ context.Context, _ string, act approval.Act, text string) (approval.ActResult, error) {
	v, _, err := w.order.Ask(act, text, approval.Environment{Now: w.now})
	return approval.ActResult{Verdict: v}, err
}

func (w *world) Answer(_ context.Context, _ string, act approval.Act, id, text string) (approval.ActResult, error) {
	v, _, err := w.order.Answer(act, id, text, approval.Environment{Now: w.now})
	return approval.ActResult{Verdict: v}, err
}

func (w *world) PassOn(_ context.Context, _ string, act approval.Act, to string) (approval.ActResult, error) {
	v, _, err := w.order.PassOn(act, []approval.Approver{{ID: to, Nonce: "n-" + to}}, approval.Environment{Now: w.now})
	return approval.ActResult{Verdict: v}, err
}

func (w *world) Decline(_ context.Context, _ string, act approval.Act) (approval.ActResult, error) {
	v, _, err := w.order.Decline(act, approval.Environment{Now: w.now})
	return approval.ActResult{Verdict: v}, err
}

func (w *world) Withdraw(_ context.Context, c approval.Capability, reason string) (approval.Verdict, error) {
	v, _ := w.order.Withdraw(c, reason, approval.Environment{Now: w.now})
	return v, nil
}

// OpenStatus implements web.StatusLinks: the links of requesters have names of their own.
func (w *world) OpenStatus(token string, now time.Time) (approval.Capability, error) {
	if name, ok := strings.CutPrefix(token, "status-"); ok {
		return w.links.OpenLink(name, now)
	}
	return approval.Capability{}, approval.ErrNotFound
}

const statusToken = "status-grace"

// newTalk returns a world in which the requester is told, and the request can be passed on to dora and to the requester.
func newTalk(t *testing.T, change ...func(*approval.Request)) *world {
	t.Helper()
	w := newWorld(t, func(r *approval.Request) {
		r.RequesterChannels = []string{"mail"}
		r.RequesterNonce = "n-grace"
		r.RequesterWithdraws = true
		r.RequesterAnswers = true
		r.PassOnTo = []string{"dora@example.com", "grace@example.com"}
		for _, f := range change {
			f(r)
		}
	})
	w.links["grace"] = w.order.RequesterCapability(w.approval())
	config := w.page.Config
	config.Acts, config.Status = w, w
	var err error
	if w.page, err = web.New(config); err != nil {
		t.Fatal(err)
	}
	return w
}

// actForm returns the form on a page whose button has the act, filled in.
func (w *world) actForm(path, act string, values ...string) url.Values {
	w.t.Helper()
	page := body(w.t, w.do(httptest.NewRequest(http.MethodGet, path, nil)))
	for _, f := range strings.Split(page, "<form ")[1:] {
		f, _, _ = strings.Cut(f, "</form>")
		if !strings.Contains(f, `name="act" value="`+act+`"`) {
			continue
		}
		out := url.Values{"act": {act}}
		for _, m := range hidden.FindAllStringSubmatch(f, -1) {
			out.Set(m[1], m[2])
		}
		for i := 0; i < len(values); i += 2 {
			out.Set(values[i], values[i+1])
		}
		return out
	}
	w.t.Fatalf("no form %s at %s", act, path)
	return nil
}

// send posts a form to a path as a browser does.
func (w *world) send(path string, f url.Values) (int, string) {
	w.t.Helper()
	r := browser("x", f.Encode())
	r.URL.Path = path
	resp := w.do(r)
	return resp.StatusCode, body(w.t, resp)
}

func requireStatus(t *testing.T, got int, page string, want int) {
	t.Helper()
	if got != want {
		t.Errorf("got %d, want %d: %s", got, want, style.ReplaceAllString(page, ""))
	}
}

// A question reaches the requester's page, its answer the page of the approver, and forms that were open before are refused.
func TestQuestionOnThePages(t *testing.T) {
	t.Parallel()
	w := newTalk(t)
	stale := w.form("barbara", approval.Approve)
	ask := w.actForm("/a/"+token, "ask", "text", "Why <b>now</b>?")
	status, page := w.send("/a/"+token, ask)
	requireStatus(t, status, page, http.StatusSeeOther)
	status, page = w.send("/a/"+token, ask) // the same form again
	requireStatus(t, status, page, http.StatusSeeOther)
	if n := len(w.approval().Questions); n != 1 {
		t.Fatalf("%d questions", n)
	}
	resp, _ := w.post("barbara", stale)
	requireStatus(t, resp.StatusCode, "", http.StatusConflict)

	answer := w.actForm("/s/"+statusToken, "answer", "text", "Because.")
	status, page = w.send("/s/"+statusToken, answer)
	requireStatus(t, status, page, http.StatusSeeOther)
	status, page = w.send("/s/"+statusToken, answer)
	requireStatus(t, status, page, http.StatusSeeOther) // the same answer again
	answer.Set("text", "No.")
	status, page = w.send("/s/"+statusToken, answer)
	requireStatus(t, status, page, http.StatusConflict)
	if got := w.approval().Questions[0].Answer; got != "Because." || w.decided != 0 {
		t.Errorf("answer %q, %d decisions", got, w.decided)
	}
	_, page = w.get("barbara")
	if !strings.Contains(page, "Why &lt;b&gt;now&lt;/b&gt;?") || !strings.Contains(page, "Because.") {
		t.Error(style.ReplaceAllString(page, ""))
	}
}

func TestPassOnAndDeclineOnThePage(t *testing.T) {
	t.Parallel()
	w := newTalk(t)
	_, page := w.get(token)
	if strings.Contains(page, `<option value="grace@example.com">`) {
		t.Error("the page offers to pass on to the requester")
	}
	for to, want := range map[string]int{
		"grace@example.com": 422, "Grace@Example.com": 422, "stranger@example.com": 422, "barbara@example.com": 422, "": 422,
	} {
		status, page := w.send("/a/"+token, w.actForm("/a/"+token, "pass_on", "to", to, "text", "please"))
		requireStatus(t, status, page, want)
	}
	status, page := w.send("/a/"+token, w.actForm("/a/"+token, "pass_on", "to", "dora@example.com", "text", " "))
	requireStatus(t, status, page, 422)
	passOn := w.actForm("/a/"+token, "pass_on", "to", "dora@example.com", "text", "you know more")
	status, page = w.send("/a/"+token, passOn)
	requireStatus(t, status, page, 200)
	if resp, _ := w.get(token); resp.StatusCode != http.StatusGone {
		t.Errorf("the link of whoever passed on: %d", resp.StatusCode)
	}
	status, page = w.send("/a/"+token, passOn)
	requireStatus(t, status, page, http.StatusGone)

	w.give("dora", w.approval().ID, "dora@example.com")
	if _, page := w.get("dora"); !strings.Contains(page, "alan@example.com has passed this on to you: you know more") {
		t.Error(style.ReplaceAllString(page, ""))
	}
	decline := w.actForm("/a/barbara", "decline", "text", "")
	status, page = w.send("/a/barbara", decline)
	requireStatus(t, status, page, http.StatusSeeOther)
	status, page = w.send("/a/barbara", decline)
	requireStatus(t, status, page, http.StatusSeeOther)
	if n := len(w.approval().Acts); n != 2 || w.decided != 0 {
		t.Errorf("%d acts, %d decisions", n, w.decided)
	}
}

// The requester withdraws with the box ticked and by the form of the page only: a scanner that follows links or posts to them
// withdraws nothing.
func TestWithdraw(t *testing.T) {
	t.Parallel()
	w := newTalk(t)
	good := w.actForm("/s/"+statusToken, "withdraw", "confirm", "yes", "text", "ordered twice")
	for name, change := range map[string]func(url.Values){
		"no nonce":        func(f url.Values) { f.Del("act_nonce") },
		"another nonce":   func(f url.Values) { f.Set("act_nonce", w.form(token, approval.Approve).Get("nonce")) },
		"not confirmed":   func(f url.Values) { f.Del("confirm") },
		"another act":     func(f url.Values) { f.Set("act", "decline") },
		"as a decision":   func(f url.Values) { f.Del("act"); f.Set("choice", "approve") },
		"both":            func(f url.Values) { f.Set("choice", "approve") },
		"confirmed twice": func(f url.Values) { f["confirm"] = []string{"yes", "yes"} },
	} {
		f := url.Values{}
		for k, v := range good {
			f[k] = append([]string{}, v...)
		}
		change(f)
		status, _ := w.send("/s/"+statusToken, f)
		if status < 400 || w.approval().Status != approval.Pending {
			t.Errorf("%s: %d, %s", name, status, w.approval().Status)
		}
	}
	status, page := w.send("/s/"+statusToken, good)
	requireStatus(t, status, page, http.StatusSeeOther)
	a := w.approval()
	event := w.order.History[len(w.order.History)-1]
	if a.Status != approval.Cancelled || a.Reason != "ordered twice" || event.By != "grace@example.com" {
		t.Errorf("%s %q by %q", a.Status, a.Reason, event.By)
	}
	status, page = w.send("/s/"+statusToken, good)
	requireStatus(t, status, page, http.StatusSeeOther) // repeated
	_, page = w.send("/s/"+statusToken, url.Values{"act": {"withdraw"}})
	if strings.Contains(page, `name="confirm"`) {
		t.Error("a closed request can be withdrawn")
	}
}

// Neither page opens the link of the other, and the page of the requester has no form that decides.
func TestLinksOfTheOtherPage(t *testing.T) {
	t.Parallel()
	w := newTalk(t)
	for _, path := range []string{"/a/" + statusToken, "/s/" + token, "/s/grace"} {
		resp := w.do(httptest.NewRequest(http.MethodGet, path, nil))
		if resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
		status, _ := w.send(path, w.form(token, approval.Approve))
		if status != http.StatusNotFound || w.decided != 0 {
			t.Errorf("%s: %d, %d decisions", path, status, w.decided)
		}
	}
	page := body(t, w.do(httptest.NewRequest(http.MethodGet, "/s/"+statusToken, nil)))
	if strings.Contains(page, `name="choice"`) || strings.Contains(page, `name="nonce"`) {
		t.Error(style.ReplaceAllString(page, ""))
	}
}

// The requester sees comments only if the workflow shows them.
func TestCommentsForTheRequester(t *testing.T) {
	t.Parallel()
	for _, shown := range []bool{false, true} {
		w := newTalk(t, func(r *approval.Request) { r.RequesterComments = shown })
		f := w.form(token, approval.Approve)
		f.Set("comment", "between us")
		w.post(token, f)
		page := body(t, w.do(httptest.NewRequest(http.MethodGet, "/s/"+statusToken, nil)))
		if strings.Contains(page, "between us") != shown || !strings.Contains(page, "alan@example.com") {
			t.Errorf("comments %t: %s", shown, style.ReplaceAllString(page, ""))
		}
	}
}

package console_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// decisionForm returns the form of an order's page, filled in.
func (w *world) decisionForm(order, act, reason string) url.Values {
	w.t.Helper()
	_, page := w.get("order?" + url.Values{"id": {order}}.Encode())
	f := form(w.t, page, "decide", "")
	f.Set("act", act)
	f.Set("reason", reason)
	return f
}

// TestOperatorDecides holds that a decision is recorded under the name of the signed-in operator, with its reason.
func TestOperatorDecides(t *testing.T) {
	t.Parallel()
	for act, status := range map[string]approval.Status{
		"approve": approval.Approved,
		"reject":  approval.Rejected,
		"cancel":  approval.Cancelled,
	} {
		w := newWorld(t)
		w.signIn(bobToken)
		id := "A/1\r\n?\u00e9"
		w.ask(id, time.Hour)
		f := w.decisionForm(id, act, " by phone\r\nwith \u202ehim ")
		f.Set("by", "somebody else")
		resp, _ := w.post("decide", f)
		to, _ := url.Parse(resp.Header.Get("Location"))
		if resp.StatusCode != http.StatusSeeOther || to.Path != "./order" || to.Query().Get("id") != id {
			t.Errorf("%s: %d %q", act, resp.StatusCode, resp.Header.Get("Location"))
		}
		a := w.order(id).Approvals[0]
		last := w.order(id).History[len(w.order(id).History)-1]
		reason := a.Reason
		if act != "cancel" {
			reason = a.Votes[0].Comment
			if a.Votes[0].By != "bob" || a.Votes[0].Via != approval.ViaOperator || a.Votes[0].Source != "operator" {
				t.Errorf("%s: %+v", act, a.Votes[0])
			}
		}
		if a.Status != status || reason != "by phone\nwith \uFFFDhim" || last.By != "bob" {
			t.Errorf("%s: %s, %q, %+v", act, a.Status, reason, last)
		}
		_, page := w.get("order?" + url.Values{"id": {id}}.Encode())
		if !strings.Contains(page, "by bob") && !strings.Contains(page, "bob approved") &&
			!strings.Contains(page, "bob rejected") {
			t.Error(style.ReplaceAllString(page, ""))
		}
	}
}

// TestRefusedForms holds that a refused form changes nothing, shows the cause, and keeps the typed reason.
func TestRefusedForms(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(w *world, f url.Values)
		status int
		says   string
	}{
		"no reason":      {func(_ *world, f url.Values) { f.Set("reason", " \r\n\t") }, 422, "Please give a reason"},
		"no button":      {func(_ *world, f url.Values) { f.Del("act") }, 400, "choose one of the buttons"},
		"another button": {func(_ *world, f url.Values) { f.Set("act", "delete") }, 400, "choose one of the buttons"},
		"no nonce":       {func(_ *world, f url.Values) { f.Del("nonce") }, 409, "no longer valid"},
		"a forged nonce": {func(_ *world, f url.Values) {
			f.Set("nonce", f.Get("nonce")[:len(f.Get("nonce"))-4]+"AAAA")
		}, 409, "no longer valid"},
		"another order":     {func(w *world, f url.Values) { w.ask("A-2", time.Hour); f.Set("order", "QS0y") }, 409, "no longer valid"},
		"another approval":  {func(_ *world, f url.Values) { f.Set("approval", "x") }, 409, "no longer valid"},
		"no order":          {func(_ *world, f url.Values) { f.Set("order", "") }, 400, "cannot be read"},
		"an order in clear": {func(_ *world, f url.Values) { f.Set("order", "A-1!") }, 400, "cannot be read"},
		"a field twice":     {func(_ *world, f url.Values) { f.Add("reason", "other") }, 400, "cannot be read"},
		"too large":         {func(_ *world, f url.Values) { f.Set("reason", strings.Repeat("x", 330<<10)) }, 413, "too long"},
		"another session":   {func(w *world, _ url.Values) { w.signIn(adaToken) }, 409, "no longer valid"},
		"the requester":     {func(w *world, _ url.Values) { w.order("A-1").Approvals[0].Requester = "ADA" }, 409, "Somebody else must"},
		"closed meanwhile": {func(w *world, _ url.Values) {
			w.order("A-1").Cancel("", "x", "x", w.turn())
		}, 409, "the approval is cancelled"},
		"decided otherwise": {func(w *world, f url.Values) { w.approve("A-1"); f.Set("act", "reject") }, 409, "the approval is approved"},
		"gone meanwhile": {func(w *world, f url.Values) {
			w.order("A-1").Approvals = nil
			f.Set("act", "cancel")
		}, 409, "no such approval"},
		"the store is down": {func(w *world, _ url.Values) { w.failing = errFire }, 503, "not certain"},
	} {
		w := newWorld(t)
		w.signIn(adaToken)
		w.ask("A-1", time.Hour)
		f := w.decisionForm("A-1", "approve", "it's <urgent>")
		c.change(w, f)
		before := 0
		if len(w.order("A-1").Approvals) > 0 {
			before = len(w.order("A-1").Approvals[0].Votes)
		}
		resp, page := w.post("decide", f)
		if resp.StatusCode != c.status || !strings.Contains(page, c.says) {
			t.Errorf("%s: %d %s", name, resp.StatusCode, style.ReplaceAllString(page, ""))
		}
		if a := w.order("A-1").Approvals; len(a) > 0 && len(a[0].Votes) != before {
			t.Errorf("%s: %+v", name, a[0].Votes)
		}
		if c.status == 400 && strings.Contains(c.says, "buttons") && !strings.Contains(page, "it&#39;s &lt;urgent&gt;</textarea>") {
			t.Errorf("%s: the typed reason is lost", name)
		}
		checkPage(t, name, page)
	}
}

func TestFormsOfOtherKinds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.signIn(adaToken)
	for kind, status := range map[string]int{
		"application/json":    415,
		"multipart/form-data": 415,
		"text/plain":          415,
		"":                    415,
		"application/x-www-form-urlencoded; charset=utf-8": 400,
	} {
		r := httptest.NewRequest(http.MethodPost, "/console/decide", strings.NewReader("%zz"))
		r.Header.Set("Content-Type", kind)
		if resp := w.do(r); resp.StatusCode != status {
			t.Errorf("%s: %d", kind, resp.StatusCode)
		}
	}
}

func TestRedrive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.signIn(bobToken)
	w.letters = []store.DeadLetter{{
		ID:         "1",
		Source:     "s",
		ReasonCode: "odd\r\nreason",
		Reason:     "is odd",
		At:         start,
	}}
	w.report = store.RedriveReport{
		Found:   store.RedriveGroups{{ReasonCode: "odd\r\nreason", Count: 7, Example: "is odd"}},
		Guarded: 2,
		Expired: 1,
		Errors:  []string{"dead letter queue of a: no"},

		NotLookedAt: 900,
		Next:        "letters///7",
	}
	_, page := w.get("dead-letters")
	resp, page := w.post("redrive", form(t, page, "redrive", `value="`+"b2RkDQpyZWFzb24"))
	golden(t, "good_dry_run", page)
	checkPage(t, "good_dry_run", page)
	if resp.StatusCode != http.StatusOK || len(w.runs) != 1 || w.runs[0] != (store.RedriveRequest{
		DryRun:     true,
		Max:        1000,
		ReasonCode: "odd\r\nreason",
		By:         "bob",
	}) {
		t.Fatalf("%d %+v", resp.StatusCode, w.runs)
	}
	confirm := form(t, page, "redrive", "confirm")
	w.report.Redriven, w.report.Requeued, w.report.Failed, w.report.Kept = 4, 2, 1, 3
	_, page = w.post("redrive", confirm)
	golden(t, "good_redriven", page)
	if len(w.runs) != 2 || w.runs[1] != (store.RedriveRequest{Max: 5, ReasonCode: "odd\r\nreason", By: "bob"}) {
		t.Fatalf("%+v", w.runs)
	}
}

// TestRedriveOfEverything holds that a reason that was not shown is not redriven with the rest.
func TestRedriveOfEverything(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.signIn(adaToken)
	w.report = store.RedriveReport{Found: store.RedriveGroups{{ReasonCode: "a", Count: 1}, {ReasonCode: "b", Count: 2}}}
	_, page := w.get("dead-letters")
	_, page = w.post("redrive", form(t, page, "redrive", "everything"))
	confirm := form(t, page, "redrive", "confirm")
	w.report = store.RedriveReport{Found: store.RedriveGroups{{ReasonCode: "a", Count: 1}, {ReasonCode: "c", Count: 1}}}
	resp, page := w.post("redrive", confirm)
	if resp.StatusCode != http.StatusConflict || !strings.Contains(page, "a new reason that the dry run did not show") ||
		!strings.Contains(page, "Redrive 2 now") {
		t.Errorf("%d %s", resp.StatusCode, style.ReplaceAllString(page, ""))
	}
	for _, r := range w.runs {
		if !r.DryRun {
			t.Errorf("%+v", r)
		}
	}
	w.report = store.RedriveReport{Found: store.RedriveGroups{{ReasonCode: "b", Count: 9}}} // more of what was shown
	_, _ = w.post("redrive", confirm)
	if last := w.runs[len(w.runs)-1]; last.DryRun || last.Max != 3 || last.By != "ada" {
		t.Errorf("%+v", last)
	}
	w.report = store.RedriveReport{}
	_, page = w.get("dead-letters")
	_, page = w.post("redrive", form(t, page, "redrive", "everything"))
	if strings.Contains(page, "confirm") || !strings.Contains(page, "nothing to redrive") {
		t.Error(style.ReplaceAllString(page, ""))
	}
}

// TestRefusedRedrives holds that a confirmation is valid for the dry run that was shown, for a while, in its session.
func TestRefusedRedrives(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*world, url.Values){
		"no nonce": func(_ *world, f url.Values) { f.Del("nonce") },
		"of the dry run": func(w *world, f url.Values) {
			_, p := w.get("dead-letters")
			f.Set("nonce", form(w.t, p, "redrive", "everything").Get("nonce"))
		},
		"another reason":     func(_ *world, f url.Values) { f.Set("reason", "Yg") },
		"another order":      func(_ *world, f url.Values) { f.Set("order", "Yg") },
		"more":               func(_ *world, f url.Values) { f.Set("max", "1000") },
		"others shown":       func(_ *world, f url.Values) { f.Set("shown", "x") },
		"a later time":       func(_ *world, f url.Values) { f.Set("at", "99999999999") },
		"too late":           func(w *world, _ url.Values) { w.now = w.now.Add(15 * time.Minute) },
		"another session":    func(w *world, _ url.Values) { w.signIn(adaToken) },
		"no such act":        func(_ *world, f url.Values) { f.Set("act", "all") },
		"a malformed reason": func(_ *world, f url.Values) { f.Set("reason", "!") },
		"without looking":    func(_ *world, f url.Values) { f.Set("act", "dry-run") },
	} {
		w := newWorld(t)
		w.signIn(adaToken)
		w.report = store.RedriveReport{Found: store.RedriveGroups{{ReasonCode: "a", Count: 1}}}
		_, page := w.get("dead-letters")
		_, page = w.post("redrive", form(t, page, "redrive", "everything"))
		f := form(t, page, "redrive", "confirm")
		w.runs = nil
		change(w, f)
		if resp, _ := w.post("redrive", f); resp.StatusCode < 400 || len(w.runs) > 0 {
			t.Errorf("%s: %d %+v", name, resp.StatusCode, w.runs)
		}
	}
}

// TestRedriveOfOneOrder redrives the callback of an order from its page.
func TestRedriveOfOneOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.signIn(adaToken)
	w.ask("A-1", time.Hour)
	w.end("A-1", w.approve("A-1"), approval.Result{Kind: approval.ResultRefused, Reason: "AccessDenied", ReasonCode: approval.ReasonDenied})
	w.report = store.RedriveReport{Found: store.RedriveGroups{{ReasonCode: "denied", Count: 1}}}
	_, page := w.get("order?id=A-1")
	_, page = w.post("redrive", form(t, page, "redrive", ""))
	if !strings.Contains(page, `The callback of order <a dir="auto" href="order?id=A-1">A-1</a>`) {
		t.Error(style.ReplaceAllString(page, ""))
	}
	_, _ = w.post("redrive", form(t, page, "redrive", "confirm"))
	if last := w.runs[len(w.runs)-1]; last != (store.RedriveRequest{Max: 1, OrderID: "A-1", By: "ada"}) {
		t.Errorf("%+v", last)
	}
}

// TestHostileRedrive holds that hostile text is harmless in the answer to a form as well.
func TestHostileRedrive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.signIn(adaToken)
	attack(w)
	for _, with := range []string{"everything", ">Dry run<"} {
		_, page := w.get("dead-letters")
		_, page = w.post("redrive", form(t, page, "redrive", with))
		checkPage(t, with, page)
	}
}

package console_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/store"
)

const hostile = "</td><script>alert(1)</script>\"><img src=x onerror=alert(1)>\u202elaeR\x00\x1b[1m"

// attack puts hostile text into everything that comes from outside.
func attack(w *world) {
	acts := w.ask("<b>"+hostile, time.Hour, func(a *approval.Request) {
		a.Title, a.Workflow, a.Step, a.Requester, a.Execution, a.Target = hostile, hostile, hostile, "javascript:alert(1)", hostile, hostile
		a.Details = []approval.Field{{Name: hostile, Value: hostile}}
		a.Approvers = []approval.Approver{{ID: hostile}, {ID: "alan@example.com", SubstituteFor: hostile}}
		a.Channels, a.Policy = []string{hostile}, approval.Policy{Kind: approval.PolicyAny}
	})
	id := "<b>" + hostile
	w.end(id, acts, approval.Result{Kind: approval.ResultRefused, Reason: hostile, ReasonCode: hostile})
	_, acts, _ = w.order(id).Decide(approval.Decision{
		ID:      "1",
		Outcome: approval.Approve,
		By:      hostile,
		Comment: hostile,
		Via:     approval.ViaWebhook,
		Source:  hostile,
	}, approval.UnmatchedRetention{}, w.turn())
	w.end(id, acts, approval.Result{Kind: approval.ResultRefused, Reason: hostile, ReasonCode: hostile})
	w.letters = []store.DeadLetter{{
		ID:         hostile,
		Source:     hostile,
		ReasonCode: hostile,
		Reason:     hostile,
		At:         w.now,
	}}
	w.refused.RecordRefusal(w.t.Context(), refusal.Refusal{
		Source: hostile, Code: refusal.Field, Field: hostile, Detail: hostile, Remote: hostile, Route: hostile, Principal: hostile,
	})
	w.counts = store.Stats{Workflows: map[string]store.WorkflowStats{hostile: {Pending: 1, Oldest: w.now}}}
	w.report = store.RedriveReport{Found: store.RedriveGroups{{ReasonCode: hostile, Count: 1, Example: hostile}}, Errors: []string{hostile}}
}

func TestPages(t *testing.T) {
	t.Parallel()
	all := func(w *world) {
		acts := w.ask("A-1", 26*time.Hour, func(a *approval.Request) {
			a.Approvers = append(a.Approvers,
				approval.Approver{ID: "c@example.com"}, approval.Approver{ID: "d@example.com", Escalated: true})
		})
		w.end("A-1", acts, approval.Result{Kind: approval.ResultOK})
		w.ask("A-2/ö ?&", 9*time.Hour+5*time.Minute, func(a *approval.Request) {
			a.Deadline, a.Approvers, a.Title, a.Step = start.Add(10*time.Minute), nil, "", ""
		})
		w.end("A-3", w.ask("A-3", 40*time.Second), approval.Result{Kind: approval.ResultFailed, Reason: "smtp: 421 try again"})
		w.ask("A-4", time.Hour, func(a *approval.Request) { a.Channels, a.Deadline = nil, start })
		w.orders["damaged"] = &approval.Order{ID: "damaged"}
		w.counts = store.Stats{
			Workflows:   map[string]store.WorkflowStats{"refunds": {Pending: 12345, Oldest: start.Add(-26 * time.Hour)}},
			Exhausted:   1,
			DeadLetters: 2,
		}
	}
	refused := func(w *world) {
		w.ask("A-1", 2*time.Hour)
		w.end("A-1", w.approve("A-1"), approval.Result{Kind: approval.ResultRefused, Reason: "AccessDenied", ReasonCode: approval.ReasonDenied})
	}
	for name, c := range map[string]struct {
		set    func(*world)
		page   string
		status int
	}{
		"good_pending":         {all, "", 200},
		"good_pending_empty":   {nil, "", 200},
		"good_list_all":        {everyState, "?state=all", 200},
		"good_list_attention":  {everyState, "?state=attention", 200},
		"good_list_filter":     {everyState, "?state=closed&approver=alan%40example.com&older_than=5h&filter=open", 200},
		"good_list_nothing":    {everyState, "?state=all&q=nowhere", 200},
		"good_exhausted":       {refused, "?state=exhausted", 200},
		"good_exhausted_empty": {nil, "?state=exhausted", 200},
		"good_order":           {all, "order?id=A-1", 200},
		"good_order_failing":   {all, "order?id=+A-3+", 200},
		"good_order_exhausted": {func(w *world) {
			w.ask("A-1", 2*time.Hour, func(a *approval.Request) { a.TaskExpires = start.Add(time.Hour) })
			w.end("A-1", w.approve("A-1"), approval.Result{Kind: approval.ResultRefused, Reason: "AccessDenied", ReasonCode: approval.ReasonDenied})
			w.now = w.now.Add(2 * time.Hour)
		}, "order?id=A-1", 200},
		"good_order_retrying": {func(w *world) {
			w.ask("A-1", time.Hour)
			w.end("A-1", w.approve("A-1"), approval.Result{
				Kind:   approval.ResultFailed,
				Reason: "connection refused",
				After:  5 * time.Minute,
			})
		}, "order?id=A-1", 200},
		"good_order_delivered": {func(w *world) {
			w.ask("A-1", time.Hour)
			w.end("A-1", w.approve("A-1"), approval.Result{Kind: approval.ResultOK})
		}, "order?id=A-1", 200},
		"good_order_steps": {func(w *world) {
			w.ask("A-1", 3*time.Hour)
			w.order("A-1").Cancel("", "ada", "ordered twice", w.turn())
			w.ask("A-1", time.Hour, func(a *approval.Request) { a.Step, a.Token = "cfo", approval.NewToken("2") })
		}, "order?id=A-1", 200},
		"good_order_unmatched": {func(w *world) {
			_, _, err := w.order("A-1").Decide(approval.Decision{
				ID:      "1",
				Outcome: approval.Reject,
				Via:     approval.ViaWebhook,
				Source:  "erp",
			}, approval.UnmatchedRetention{WaitFor: time.Hour}, w.turn())
			if err != nil {
				w.t.Fatal(err)
			}
		}, "order?id=A-1", 200},
		"good_dead_letters": {func(w *world) {
			w.letters = []store.DeadLetter{
				{
					ID:         "1",
					Source:     "request-orders",
					ReasonCode: "invalid_field:order",
					Reason:     "order: is missing",
					At:         start.Add(-5 * time.Hour),
					Redrives:   2,
				}, {
					ID:         "2",
					Source:     "decision-erp",
					ReasonCode: "invalid_field:body",
					Reason:     "body: is no JSON",
					At:         start.Add(-4 * time.Hour),
				},
				{
					ID:         "3",
					Source:     "decision-erp",
					ReasonCode: "invalid_field:order",
					Reason:     "order: is missing",
					At:         start.Add(-3 * time.Hour),
				},
			}
		}, "dead-letters", 200},
		"good_dead_letters_empty": {nil, "dead-letters", 200},
		"fail_after":              {nil, "?after=no+place", 422},
		"fail_unavailable":        {func(w *world) { w.failing = errFire }, "", 503},
		"good_hostile":            {attack, "order?" + url.Values{"id": {"<b>" + hostile}}.Encode(), 200},
		"hostile_pending":         {attack, "", 200},
		"hostile_list":            {attack, "?state=all&filter=open&" + url.Values{"q": {"<b>"}, "workflow": {hostile}}.Encode(), 200},
		"hostile_dead_letters":    {attack, "dead-letters", 200},
		"good_refused":            {refuseSome, "refused", 200},
		"good_refused_filtered":   {refuseSome, "refused?source=decision-erp&reason=stale", 200},
		"good_refused_empty":      {nil, "refused", 200},
		"hostile_refused":         {attack, "refused", 200},
	} {
		w := newWorld(t)
		if w.signIn(adaToken); c.set != nil {
			c.set(w)
		}
		resp, page := w.get(c.page)
		if golden(t, name, page); resp.StatusCode != c.status {
			t.Errorf("%s: %d", name, resp.StatusCode)
		}
		checkPage(t, name, page)
	}
}

// checkPage checks the rules for every page: it has a main, an h1, a title, a language and labels; it runs and loads
// nothing, and contains no secret.
func checkPage(t *testing.T, name, page string) {
	t.Helper()
	for text, n := range map[string]int{
		"<main":            1,
		"<h1":              1,
		`<html lang="en">`: 1,
		"<title>":          1,
		"<textarea":        strings.Count(page, "</label>\n<textarea"),
	} {
		if strings.Count(page, text) != n {
			t.Errorf("%s: %d of %s", name, strings.Count(page, text), text)
		}
	}
	for _, bad := range []string{
		"<script", "<img", "src=x>", "\u202e", "\x00", "\x1b", "ZgotmplZ", "task-token", "nonce-1", "href=\"javascript",
		" style=", "http://", "https://", "<b><",
	} {
		if strings.Contains(page, bad) {
			t.Errorf("%s holds %q", name, bad)
		}
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ask("A-1", time.Hour)
	signedOut := w.do(httptest.NewRequest(http.MethodGet, "/console/", nil))
	w.signIn(adaToken)
	for name, resp := range map[string]*http.Response{
		"signed out": signedOut,
		"page":       w.do(httptest.NewRequest(http.MethodGet, "/console/", nil)),
		"order":      w.do(httptest.NewRequest(http.MethodHead, "/console/order?id=A-1", nil)),
		"sign-in":    w.do(httptest.NewRequest(http.MethodGet, "/console/signin", nil)),
		"bad form":   w.do(posted("decide", "act=approve")),
		"no page":    w.do(httptest.NewRequest(http.MethodGet, "/console/elsewhere", nil)),
	} {
		for header, want := range map[string]string{
			"Referrer-Policy":        "same-origin",
			"X-Frame-Options":        "DENY",
			"X-Content-Type-Options": "nosniff",
			"Cache-Control":          "no-store",
		} {
			if resp.Header.Get(header) != want {
				t.Errorf("%s: %s is %q", name, header, resp.Header.Get(header))
			}
		}
		policy := resp.Header.Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none'; style-src 'sha256-") ||
			!strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "script") {
			t.Errorf("%s: %s", name, policy)
		}
	}
}

// TestMethods holds that HEAD answers like GET without a body, and that other methods are refused and change nothing.
func TestMethods(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.signIn(adaToken)
	w.ask("A-1", time.Hour)
	resp := w.do(httptest.NewRequest(http.MethodHead, "/console/order?id=A-1", nil))
	if b := body(t, resp); b != "" || resp.StatusCode != http.StatusOK || resp.ContentLength < 1000 {
		t.Errorf("%d %d %q", resp.StatusCode, resp.ContentLength, b)
	}
	for _, c := range []struct {
		method, page string
		status       int
	}{
		{"GET", "decide", 404},
		{"GET", "redrive", 404},
		{"GET", "signout", 404},
		{"PUT", "decide", 404},
		{"DELETE", "order", 404},
		{"POST", "order", 404},
		{"PUT", "signin", 405},
	} {
		if got := w.do(httptest.NewRequest(c.method, "/console/"+c.page, nil)).StatusCode; got != c.status {
			t.Errorf("%s %s: %d", c.method, c.page, got)
		}
	}
	if w.order("A-1").Approvals[0].Status != approval.Pending || len(w.runs) > 0 {
		t.Error("the request changed something")
	}
}

// TestPaging holds that a page links to the next page and to the first, and that both keep the filter.
func TestPaging(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.signIn(adaToken)
	for i := range 51 {
		w.ask("A-"+string(rune('a'+i/26))+string(rune('a'+i%26)), time.Hour)
	}
	_, page := w.get("?workflow=refunds")
	_, next, _ := strings.Cut(page, `id="next" rel="next" href="./`)
	next, _, _ = strings.Cut(next, `"`)
	if len(listed(page)) != 50 || !strings.Contains(next, "workflow=refunds") || strings.Contains(page, "From the beginning") {
		t.Error(style.ReplaceAllString(page, ""))
	}
	_, page = w.get(strings.ReplaceAll(next, "&amp;", "&"))
	if got := listed(page); len(got) != 1 || got[0] != "A-by" || strings.Contains(page, "Next page") ||
		!strings.Contains(page, `href="./?workflow=refunds">From the beginning`) {
		t.Error(style.ReplaceAllString(page, ""))
	}
}

// TestPartialFailure holds that a page shows the rest if the counts cannot be read.
func TestPartialFailure(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.signIn(adaToken)
	w.letters, w.uncounted = []store.DeadLetter{{ID: "1", ReasonCode: "odd", Reason: "is odd", At: start}}, errFire
	resp, page := w.get("dead-letters")
	if resp.StatusCode != http.StatusOK || !strings.Contains(page, ">odd<") {
		t.Errorf("%d %s", resp.StatusCode, style.ReplaceAllString(page, ""))
	}
	if !strings.Contains(w.log.String(), "console cannot count") {
		t.Error(w.log.String())
	}
}

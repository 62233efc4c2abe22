package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/refusal/recent"
)

// refuseSome records refusals of several ways in.
func refuseSome(w *world) {
	at := func(ago time.Duration, r refusal.Refusal) {
		r.Time = w.now.Add(-ago)
		w.refused.RecordRefusal(w.t.Context(), r)
	}
	for _, ago := range []time.Duration{50 * time.Minute, 40 * time.Minute, time.Minute} {
		at(ago, refusal.Refusal{
			Source: "decision-erp",
			Code:   refusal.Mismatch,
			Field:  "X-Signature-256",
			Detail: "the header X-Signature-256 has the signature of no configured secret",
			Status: http.StatusUnauthorized,
			Size:   1234,
			Remote: "203.0.113.9",
			Route:  "POST /webhooks/{source}",
			Body:   []byte(`{"orderId":"A-1"}`),
		})
	}
	at(2*time.Minute, refusal.Refusal{
		Source: "decision-erp",
		Code:   refusal.Stale,
		Field:  "X-Timestamp",
		Detail: "the time of sending in the header X-Timestamp is more than 5m0s in the past",
		Status: http.StatusUnauthorized,
		Size:   17,
		Remote: "203.0.113.9",
		Route:  "POST /webhooks/{source}",
	})
	at(3*time.Minute, refusal.Refusal{
		Source: "request-orders",
		Code:   refusal.Missing,
		Field:  "order",
		Detail: "order: is missing; looked for in body.orderId, body.order",
		Size:   300,
	})
	at(4*time.Minute, refusal.Refusal{
		Source:    "api",
		Code:      refusal.Forbidden,
		Detail:    "the token of api:erp lacks the verb ask",
		Status:    http.StatusForbidden,
		Remote:    "10.0.0.7",
		Route:     "POST /v1/requests",
		Principal: "api:erp",
	})
}

func TestRefusedListsTheLastOneFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.signIn(adaToken)
	refuseSome(w)
	_, page := w.get("refused")
	last := -1
	for _, text := range []string{"3 times, first", "X-Timestamp", "looked for in body.orderId", "lacks the verb ask"} {
		at := strings.Index(page, text)
		if at <= last {
			t.Errorf("%q is at %d, after %d", text, at, last)
		}
		last = at
	}
	for query, want := range map[string]int{"": 4, "?source=decision-erp": 2, "?reason=stale": 1, "?source=api&reason=stale": 0} {
		if _, page := w.get("refused" + query); strings.Count(page, `data-label="Answer"`) != want {
			t.Errorf("%q does not show %d rows", query, want)
		}
	}
}

// The body of a refused request is shown to an operator who opens it, and the log says who that was.
func TestBodyOfARefusedRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	refuseSome(w)
	if resp, _ := w.post("refused", url.Values{}); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("a stranger got %d", resp.StatusCode)
	}
	w.signIn(adaToken)
	_, page := w.get("refused")
	if strings.Contains(page, "A-1") {
		t.Error("the list shows a body")
	}
	f := form(t, page, "refused", "Open the body")
	resp, opened := w.post("refused", f)
	if resp.StatusCode != http.StatusOK || !strings.Contains(opened, `{&#34;orderId&#34;:&#34;A-1&#34;}`) {
		t.Errorf("%d %s", resp.StatusCode, opened)
	}
	checkPage(t, "body", opened)
	golden(t, "good_refused_body", opened)
	if !strings.Contains(w.log.String(), "opened a refused body") || !strings.Contains(w.log.String(), "operator=operator:ada") {
		t.Error(w.log.String())
	}
	forged := url.Values{"nonce": f["nonce"], "id": {"another"}}
	if resp, _ := w.post("refused", forged); resp.StatusCode != http.StatusConflict {
		t.Errorf("a nonce of another body: %d", resp.StatusCode)
	}
	w.signIn(bobToken)
	if resp, _ := w.post("refused", f); resp.StatusCode != http.StatusConflict {
		t.Errorf("a nonce of another session: %d", resp.StatusCode)
	}
}

// A wrong token, a form without a session and a form of another site are recorded, without the token.
func TestRefusalsOfTheConsoleAreRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.signIn(adaToken)
	if got := w.refused.Entries(recent.Query{}); len(got) > 0 {
		t.Fatalf("%+v", got)
	}
	w.signIn("wrong-token-0123456789")
	w.post("decide", url.Values{})
	foreign := posted("signin", "")
	foreign.Header.Set("Sec-Fetch-Site", "cross-site")
	w.do(foreign)
	codes := map[refusal.Code]bool{}
	for _, e := range w.refused.Entries(recent.Query{Source: refusal.SourceConsole}) {
		codes[e.Code] = true
		if strings.Contains(e.Detail, "wrong-token") {
			t.Error(e.Detail)
		}
	}
	for _, code := range []refusal.Code{refusal.Mismatch, refusal.Missing, refusal.Forbidden} {
		if !codes[code] {
			t.Errorf("%s is not among %v", code, codes)
		}
	}
}

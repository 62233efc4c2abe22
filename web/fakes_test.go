package web_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/form"
	"github.com/approval-relay/approval-relay/link"
	"github.com/approval-relay/approval-relay/web"
)

var _ web.Links = (*link.Links)(nil)

// links holds the links that a test has issued, by token.
type links map[string]approval.Capability

func (l links) OpenLink(token string, now time.Time) (approval.Capability, error) {
	c, ok := l[token]
	switch {
	case !ok:
		return c, errors.New("no such link: " + token)
	case !c.Expires.After(now):
		return c, fmt.Errorf("open: %w", approval.ErrExpired)
	}
	return c, nil
}

func (links) FormNonce(c approval.Capability, shown []byte, now time.Time) string {
	made := now.UTC().Format(time.RFC3339)
	return made + "/" + seal(made, c, shown)
}

func (links) VerifyForm(c approval.Capability, shown []byte, nonce string, now time.Time) error {
	made, mac, _ := strings.Cut(nonce, "/")
	at, err := time.Parse(time.RFC3339, made)
	if err != nil || mac != seal(made, c, shown) || now.Sub(at) > time.Hour {
		return errors.New("stale")
	}
	return nil
}

// seal also covers the time in the nonce: FuzzPost holds that the page accepts exactly the nonce that it made.
func seal(made string, c approval.Capability, shown []byte) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %v %x", made, c, shown))
	return hex.EncodeToString(sum[:8])
}

// world is the page with one order, and the real domain behind it.
type world struct {
	t      testing.TB
	now    time.Time
	order  *approval.Order
	links  links
	page   *web.Page
	events []string
	log    strings.Builder

	getErr, decideErr error
	verdict           approval.VerdictCode // if set, in place of the verdict of the domain
	faults            []form.Fault         // of that verdict
	decided           int                  // calls of Decide
	sent              approval.Decision    // the last one
}

func (w *world) Get(context.Context, string) (*approval.Order, error) { return w.order, w.getErr }

func (w *world) Decide(_ context.Context, orderID string, d approval.Decision) (approval.Verdict, error) {
	w.decided++
	w.sent = d
	if w.decideErr != nil || w.verdict != "" {
		return approval.Verdict{Code: w.verdict, Faults: w.faults}, w.decideErr
	}
	if orderID != w.order.ID {
		w.t.Errorf("a decision for %q", orderID)
	}
	v, _, err := w.order.Decide(d, approval.UnmatchedRetention{}, approval.Environment{Now: w.now})
	return v, err
}

// ask returns the request of most tests.
func ask() approval.Request {
	return approval.Request{
		Token:    approval.NewToken("task-token"),
		Workflow: "refunds",
		Step:     "finance",
		Title:    "Refund of 480 EUR to Ada Lovelace",
		Details: []approval.Field{
			{Name: "Amount", Value: "480.00 EUR"},
			{Name: "Reason", Value: "Damaged in transit.\nPhotos are in the ticket."},
		},
		Requester: "grace@example.com",
		Execution: "arn:aws:states:eu-west-1:123456789012:execution:refunds:1",
		Approvers: []approval.Approver{
			{ID: "alan@example.com", Nonce: "n1"},
			{ID: "barbara@example.com", Nonce: "n2"},
			{ID: "edsger@example.com", Nonce: "n3"},
		},
		Policy:    approval.Policy{Kind: approval.PolicyAny},
		Deadline:  start.Add(31 * time.Hour),
		Retention: 24 * time.Hour,
	}
}

var start = time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)

// token is the token of the first approver's link.
const token = "alan-l1nk-s3cret"

func newWorld(t testing.TB, change func(*approval.Request)) *world {
	t.Helper()
	w := &world{
		t:     t,
		now:   start,
		order: &approval.Order{ID: "A-1001"},
		links: links{},
	}
	a := ask()
	if change != nil {
		change(&a)
	}
	id, _, err := w.order.AddRequest(a, approval.Environment{Now: start})
	if err != nil {
		t.Fatal(err)
	}
	w.now = start.Add(time.Hour)
	if len(a.Approvers) == 0 {
		w.give(token, id, "")
	} else {
		w.give(token, id, "alan@example.com")
		w.give("barbara", id, "barbara@example.com")
	}
	w.page, err = web.New(web.Config{
		Links:    w.links,
		Orders:   w,
		Decider:  w,
		Origin:   "https://approve.example.com",
		Now:      func() time.Time { return w.now },
		Observer: w,
		Log:      slog.New(slog.NewTextHandler(&w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if strings.Contains(w.log.String(), "s3cret") {
			t.Errorf("the log shows the link: %s", w.log.String())
		}
	})
	return w
}

// give issues a link.
func (w *world) give(token, approvalID, approver string) {
	w.links[token] = w.order.LinkCapability(w.order.FindApproval(approvalID), approver)
}

func (w *world) approval() *approval.Approval { return w.order.Approvals[0] }

// do sends a request to the page as it is mounted in the program.
func (w *world) do(r *http.Request) *http.Response {
	w.t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/a/{token}", w.page)
	mux.HandleFunc("GET /a/{token}/files/{detail}", w.page.ServeFile)
	mux.HandleFunc("/s/{token}", w.page.ServeStatus)
	rec := httptest.NewRecorder()
	mux.ServeHTTP(rec, r)
	return rec.Result()
}

func (w *world) get(token string) (*http.Response, string) {
	w.t.Helper()
	resp := w.do(httptest.NewRequest(http.MethodGet, "/a/"+token, nil))
	return resp, body(w.t, resp)
}

// form returns the fields of the page's form with a choice.
func (w *world) form(token string, choice approval.Outcome) url.Values {
	w.t.Helper()
	_, page := w.get(token)
	f := url.Values{"choice": {string(choice)}, "comment": {""}}
	for _, m := range hidden.FindAllStringSubmatch(page, -1) {
		f.Set(m[1], m[2])
	}
	return f
}

var hidden = regexp.MustCompile(`<input type="hidden" name="(\w+)" value="([^"]*)">`)

// post sends a form as a browser does.
func (w *world) post(token string, f url.Values) (*http.Response, string) {
	w.t.Helper()
	resp := w.do(browser(token, f.Encode()))
	return resp, body(w.t, resp)
}

func browser(token, form string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/a/"+token, strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return r
}

func body(t testing.TB, resp *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// The methods of web.Observer record its events.
func (w *world) DecisionPageViewed()    { w.events = append(w.events, "viewed") }
func (w *world) DecisionPageSubmitted() { w.events = append(w.events, "submitted") }
func (w *world) DecisionPageRefused()   { w.events = append(w.events, "refused") }
func (w *world) DecisionPageFailed()    { w.events = append(w.events, "failed") }

// last returns the last event that was observed.
func (w *world) last() string {
	if len(w.events) == 0 {
		return ""
	}
	return w.events[len(w.events)-1]
}

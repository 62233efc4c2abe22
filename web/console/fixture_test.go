package console_test

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/inbound"
	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/refusal/recent"
	"github.com/approval-relay/approval-relay/role"
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/session"
	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/web/console"
)

var update = flag.Bool("update", false, "write the golden files again")

var errFire = errors.New("disk on fire")

var start = time.Date(2026, 3, 4, 3, 12, 45, 0, time.UTC)

// world is the console with orders in a map, and the real domain and keys.
type world struct {
	t         *testing.T
	now       time.Time
	ring      *keys.Ring
	tokens    map[string]secret.Text
	grants    map[string]role.Grants // of those who are no admins
	provider  console.Provider
	roles     role.Mapping
	orders    map[string]*approval.Order
	letters   []store.DeadLetter
	queues    []store.LetterQueue
	looks     []store.LetterQuery
	dismissed []store.Dismissal
	failing   error // of the store
	counts    store.Stats
	report    store.RedriveReport
	uncounted error // of Stats only
	runs      []store.RedriveRequest
	controls  []store.Control
	log       strings.Builder
	refused   *recent.List
	ended     session.Ended
	console   *console.Console
	cookie    *http.Cookie
}

const adaToken, bobToken = "ada-token-0123456789", "bob-token-0123456789"

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{
		t:      t,
		now:    start,
		ring:   keys.NewRing(start),
		tokens: map[string]secret.Text{"ada": secret.New(adaToken), "bob": secret.New(bobToken)},
		orders: map[string]*approval.Order{},
	}
	w.refused = recent.New(recent.Config{
		Sealer:   w.ring,
		Observer: w,
		Log:      slog.New(slog.NewTextHandler(&w.log, nil)),
		Now:      func() time.Time { return w.now },
	})
	w.build()
	return w
}

// Refused implements recent.Observer.
func (w *world) Refused(string, refusal.Code) {}

// build creates the console, like the start of the program.
func (w *world) build() {
	w.t.Helper()
	operators := map[string]console.Operator{}
	for name, token := range w.tokens {
		grants, limited := w.grants[name]
		if !limited {
			grants = role.Grants{{Role: role.Admin}}
		}
		operators[name] = console.Operator{Token: token, Grants: grants}
	}
	view := role.View{Records: w}
	c, err := console.New(console.Config{
		Operators:   operators,
		Provider:    w.provider,
		Roles:       w.roles,
		MAC:         w.ring,
		Ended:       &w.ended,
		Orders:      view,
		Counter:     view,
		Decider:     w,
		Acts:        w,
		DeadLetters: letterBox{w},
		Redriver:    w,
		Controls:    switches{w},
		Export: func(rw http.ResponseWriter, r *http.Request) {
			scope, _ := role.ScopeOf(r.Context())
			fmt.Fprint(rw, scope, r.URL.RawQuery)
		},
		Workflows: []string{"payouts", "refunds"},
		Refused:   w.refused,
		Refusals:  w.refused,
		Failures:  inbound.NewFailures(),
		Now:       func() time.Time { return w.now },
		Log:       slog.New(slog.NewTextHandler(&w.log, nil)),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.console = c
}

func (w *world) Get(_ context.Context, id string) (*approval.Order, error) {
	if w.failing != nil {
		return nil, w.failing
	}
	if o, ok := w.orders[id]; ok {
		return o, nil
	}
	return nil, approval.ErrNotFound
}

func (w *world) List(_ context.Context, q store.OrderQuery) ([]*approval.Order, string, error) {
	position := func(o *approval.Order) store.AgeCursor {
		if q.ByAge {
			return store.AgeCursor{Since: store.OldestPending(o.PendingApprovals()), OrderID: o.ID}
		}
		return store.AgeCursor{OrderID: o.ID}
	}
	after := store.AgeCursor{OrderID: q.After}
	if q.ByAge {
		var err error
		if after, err = store.ParseAgeCursor(q.After); err != nil {
			return nil, "", err
		}
	}
	all := slices.SortedFunc(maps.Values(w.orders), func(a, b *approval.Order) int { return position(a).Compare(position(b)) })
	var out []*approval.Order
	for _, o := range all {
		selected := o.IsEmpty() || q.State == store.StateAll || slices.ContainsFunc(o.Approvals, q.State.Matches)
		if !selected || (q.After != "" || !q.ByAge) && position(o).Compare(after) <= 0 {
			continue
		}
		if len(out) == q.PageSize() {
			last := position(out[len(out)-1])
			if q.ByAge {
				return out, last.String(), w.failing
			}
			return out, last.OrderID, w.failing
		}
		out = append(out, o)
	}
	return out, "", w.failing
}

func (w *world) Stats(context.Context) (store.Stats, error) {
	return w.counts, cmp.Or(w.uncounted, w.failing)
}

func (w *world) ListDeadLetters(_ context.Context, after string, limit int) (out []store.DeadLetter, err error) {
	for _, l := range w.letters {
		if l.ID > after && len(out) < limit {
			out = append(out, l)
		}
	}
	return out, w.failing
}

func (w *world) Redrive(_ context.Context, r store.RedriveRequest) store.RedriveReport {
	w.runs = append(w.runs, r)
	return w.report
}

func (w *world) turn() approval.Environment {
	return approval.Environment{Now: w.now, Lease: time.Minute}
}

func (w *world) Decide(_ context.Context, id string, d approval.Decision) (approval.Verdict, error) {
	if w.failing != nil {
		return approval.Verdict{}, w.failing
	}
	v, _, err := w.order(id).Decide(d, approval.UnmatchedRetention{}, w.turn())
	return v, err
}

func (w *world) CancelApproval(_ context.Context, id string, c approval.Cancellation) (approval.Verdict, error) {
	if w.failing != nil {
		return approval.Verdict{}, w.failing
	}
	v, _ := w.order(id).CancelBy(c, w.turn())
	return v, nil
}

func (w *world) Confirm(_ context.Context, id, proposal string, actor approval.Actor) (approval.Verdict, error) {
	v, _, err := w.order(id).Confirm(approval.Confirmation{ProposalID: proposal, Actor: actor}, w.turn())
	return v, err
}

func (w *world) order(id string) *approval.Order {
	if w.orders[id] == nil {
		w.orders[id] = &approval.Order{ID: id}
	}
	return w.orders[id]
}

// ask requests an approval at a time in the past.
func (w *world) ask(id string, ago time.Duration, change ...func(*approval.Request)) (actions []approval.Action) {
	w.t.Helper()
	a := approval.Request{
		Token:     approval.NewToken("task-token-" + id),
		Target:    "sfn",
		Workflow:  "refunds",
		Step:      "finance",
		Title:     "Refund of 480 EUR to Ada Lovelace",
		Details:   []approval.Field{{Name: "Amount", Value: "480.00 EUR"}},
		Requester: "grace@example.com",
		Execution: "arn:aws:states:…:refunds:1",
		Approvers: []approval.Approver{
			{ID: "alan@example.com", Nonce: "nonce-1"},
			{ID: "barbara@example.com", Nonce: "nonce-2", SubstituteFor: "edsger@example.com"},
		},
		Policy:            approval.Policy{Kind: approval.PolicyQuorum, Quorum: 2},
		Channels:          []string{"mail"},
		Deadline:          start.Add(30 * time.Hour),
		TaskExpires:       start.Add(31 * time.Hour),
		Retention:         240 * time.Hour,
		CallbackRetry:     approval.RetrySchedule{Base: time.Minute, Cap: time.Hour, MaxAge: 24 * time.Hour},
		NotificationRetry: approval.RetrySchedule{Base: time.Minute, Cap: time.Hour, MaxAge: 6 * time.Hour},
	}
	for _, f := range change {
		f(&a)
	}
	_, actions, err := w.order(id).AddRequest(a, approval.Environment{Now: w.now.Add(-ago), Lease: time.Minute})
	if err != nil {
		w.t.Fatal(err)
	}
	return actions
}

// end records a result for attempts that run.
func (w *world) end(id string, actions []approval.Action, r approval.Result) {
	for _, act := range actions {
		switch act.Kind {
		case approval.ActionNotify:
			w.order(id).RecordNotificationResult(act, r, w.turn())
		case approval.ActionCallback:
			w.order(id).RecordCallbackResult(act, r, w.turn())
		}
	}
}

// approve lets all approvers approve, and returns the callback action.
func (w *world) approve(id string) (out []approval.Action) {
	w.t.Helper()
	for _, by := range []string{"alan@example.com", "barbara@example.com"} {
		v, actions, err := w.order(id).Decide(approval.Decision{
			ID:      by,
			Outcome: approval.Approve,
			By:      by,
			Comment: "fine by me",
			Via:     approval.ViaLink,
			Source:  "link",
		}, approval.UnmatchedRetention{}, w.turn())
		if err != nil || !v.IsAccepted() {
			w.t.Fatal(v, err)
		}
		out = actions
	}
	return out
}

// do sends a request with the cookie of the session.
func (w *world) do(r *http.Request) *http.Response {
	w.t.Helper()
	if w.cookie != nil {
		r.AddCookie(w.cookie)
	}
	rec := httptest.NewRecorder()
	w.console.ServeHTTP(rec, r)
	return rec.Result()
}

func (w *world) get(page string) (*http.Response, string) {
	w.t.Helper()
	resp := w.do(httptest.NewRequest(http.MethodGet, "/console/"+page, nil))
	return resp, body(w.t, resp)
}

func (w *world) post(page string, form url.Values) (*http.Response, string) {
	w.t.Helper()
	resp := w.do(posted(page, form.Encode()))
	return resp, body(w.t, resp)
}

func posted(page, form string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/console/"+page, strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", "http://example.com") // httptest's host
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return r
}

// signIn signs in with a token.
func (w *world) signIn(token string) *http.Response {
	w.t.Helper()
	w.cookie = nil
	resp, _ := w.post("signin", url.Values{"token": {token}})
	for _, c := range resp.Cookies() {
		w.cookie = c
	}
	return resp
}

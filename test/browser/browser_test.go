// Package browser tests the decision page and the operator's console in a real Chromium, as approvers and operators use
// them, and as attackers would use them.
package browser

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/language"
	"github.com/approval-relay/approval-relay/link"
	"github.com/approval-relay/approval-relay/organisation"
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/signin"
	"github.com/approval-relay/approval-relay/signin/signintest"
	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/store/memory"
	"github.com/approval-relay/approval-relay/web"
)

// site serves the decision page over an empty store.
type site struct {
	t     *testing.T
	oidc  *signintest.Provider
	url   string
	store *memory.Store
	links *link.Links
	now   time.Time
	// language is the language of every visitor; empty is English.
	language language.Tag
}

// discard drops actions, events and counts.
type discard struct{}

func (discard) Reserve(handlers.Reservation) bool           { return true }
func (discard) Release(approval.Action)                     {}
func (discard) SetNextDue(string, time.Time)                {}
func (discard) ActionNotMade(approval.ActionKind)           {}
func (discard) Dispatch(context.Context, []approval.Action) {}
func (discard) Observe(context.Context, []approval.Event)   {}
func (discard) ControlsChanged([]store.Control)             {}
func (discard) DecisionPageViewed()                         {}
func (discard) DecisionPageSubmitted()                      {}
func (discard) DecisionPageRefused()                        {}
func (discard) DecisionPageFailed()                         {}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, store: memory.New(), now: time.Now()}
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	s.url = server.URL
	base, err := url.Parse(server.URL)
	require.NoError(t, err)
	s.links = link.NewLinks(keys.NewRing(s.now), base)
	s.oidc = signintest.Start()
	t.Cleanup(s.oidc.Close)
	s.oidc.Redirect = server.URL + "/signin/callback"
	door, err := signin.New(signin.Config{
		Settings: signin.Settings{
			Issuer:       s.oidc.URL,
			ClientID:     signintest.ClientID,
			ClientSecret: secret.New(signintest.ClientSecret),
		},
		Base: base,
		MAC:  keys.NewRing(s.now),
		Now:  time.Now,
		Log:  slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	mux.HandleFunc("GET /signin/{token}", door.StartSignIn)
	mux.HandleFunc("GET /signin/callback", door.CompleteSignIn)
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	decider := &handlers.Decider{Transitions: &handlers.Transitions{
		Orders:   s.store,
		Dispatch: discard{},
		Observer: discard{},
		Log:      slog.New(slog.DiscardHandler),
		Now:      func() time.Time { return s.now },
		Lease:    time.Minute,
	}}
	page, err := web.New(web.Config{
		Sessions: door,
		Preferences: func(string, string, string) (language.Tag, *time.Location) {
			return s.language, berlin
		},
		Organisation: organisation.Organisation{Name: "Example Energy plc", Support: "help@example.com"},
		Links:        s.links,
		Orders:       s.store,
		Origin:       server.URL,
		Now:          func() time.Time { return s.now },
		Decider:      decider,
		Acts:         decider,
		Status:       s.links,
		Observer:     discard{},
		Log:          slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	door.ShowMessage = page.ShowMessage
	mux.Handle("/a/{token}", page)
	mux.HandleFunc("/s/{token}", page.ServeStatus)
	return s
}

// requestApproval records an approval and returns the link of an approver, or of a group if approver is empty.
func (s *site) requestApproval(order, approver string, change ...func(*approval.Request)) string {
	s.t.Helper()
	ask := approval.Request{
		Token:    approval.NewToken("task-" + order),
		Workflow: "refunds",
		Step:     "finance",
		Title:    "Refund of 480 EUR to Ada Lovelace",
		Details: []approval.Field{
			{Name: "Amount", Value: "480.00 EUR"},
			{Name: "Reason", Value: "Damaged in transit.\nPhotos are in the ticket."},
		},
		Requester: "grace@example.com",
		Approvers: []approval.Approver{{ID: "alan@example.com", Nonce: "1"}, {ID: "barbara@example.com", Nonce: "2"}},
		Policy:    approval.Policy{Kind: approval.PolicyAny},
		Deadline:  s.now.Add(31 * time.Hour),
		Retention: 24 * time.Hour,
	}
	for _, f := range change {
		f(&ask)
	}
	var c approval.Capability
	require.NoError(s.t, s.store.Update(s.t.Context(), order, func(o *approval.Order) error {
		id, _, err := o.AddRequest(ask, approval.Environment{Now: s.now})
		if err == nil {
			c = o.LinkCapability(o.FindApproval(id), approver)
		}
		return err
	}))
	return s.links.URL(c)
}

func (s *site) statusOf(order string) approval.Status {
	s.t.Helper()
	o, err := s.store.Get(s.t.Context(), order)
	require.NoError(s.t, err)
	return o.Approvals[0].Status
}

// startBrowser starts a Chromium. Without Chromium it skips the test.
func startBrowser(t *testing.T) context.Context {
	t.Helper()
	return startBrowserFor(t, 2*time.Minute)
}

// startBrowserFor starts a Chromium for a test that takes at most this time.
func startBrowserFor(t *testing.T, limit time.Duration) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is not installed")
	}
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.Headless,
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("disable-gpu", true), chromedp.WindowSize(900, 1100))
	t.Cleanup(cancel)
	ctx, stop := context.WithTimeout(ctx, limit) // ends a browser that hangs
	t.Cleanup(stop)
	ctx, end := chromedp.NewContext(ctx)
	t.Cleanup(end)
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate("about:blank")))
	return ctx
}

// openTab opens another tab of the same browser.
func openTab(t *testing.T, ctx context.Context) context.Context {
	t.Helper()
	ctx, cancel := chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	return ctx
}

// evaluate runs an action and returns its result.
func evaluate[T any](t *testing.T, ctx context.Context, a chromedp.Action[T]) T {
	t.Helper()
	v, err := chromedp.Run(ctx, a)
	require.NoError(t, err)
	return v
}

func perform(t *testing.T, ctx context.Context, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	for _, a := range actions {
		require.NoError(t, chromedp.Do(ctx, a))
	}
}

// pageText returns the visible text of the page.
func pageText(t *testing.T, ctx context.Context) string {
	t.Helper()
	return evaluate(t, ctx, chromedp.Evaluate[string](`document.body.innerText`))
}

// waitForText waits for a text on the page.
func waitForText(t *testing.T, ctx context.Context, want string) {
	t.Helper()
	js := fmt.Sprintf(`document.body && document.body.innerText.toLowerCase().includes(%q.toLowerCase())`, want)
	for range 1000 { // a machine that does much else
		if ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool](js)); err == nil && ok {
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	t.Fatalf("no %q on the page: %s", want, pageText(t, ctx))
}

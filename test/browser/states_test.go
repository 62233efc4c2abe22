package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/form"
	"github.com/approval-relay/approval-relay/language"
)

// purchase is a request with every kind of choice and of field.
func purchase(a *approval.Request) {
	a.Title = "Toner and paper for the office in Leipzig"
	a.Choices = []approval.Choice{
		{ID: "approve", Means: approval.Approve},
		{
			ID:     "approve_up_to",
			Label:  language.Text{"en": "Approve up to a limit", "de": "Bis zu einem Betrag genehmigen"},
			Means:  approval.Approve,
			Fields: []string{"limit", "until", "day", "contact", "terms", "urgent", "note", "centre"},
		},
		{ID: "reject", Means: approval.Reject, Comment: approval.CommentRequired, Fields: []string{"reason", "topics"}},
		{ID: "return", Means: approval.Return, Comment: approval.CommentRequired},
	}
	var centres []form.Option
	for i := range 12 {
		centres = append(centres, form.Option{Value: fmt.Sprint(4700 + i)})
	}
	long := 2000
	a.Form = form.Form{Fields: []form.Field{
		{
			Name: "limit", Kind: form.Number, Required: true, Minimum: "1", Maximum: "5000",
			Title: language.Text{"en": "Limit in EUR", "de": "Höchstbetrag in EUR"},
		},
		{Name: "until", Kind: form.String, Format: "date-time", Title: language.NewText("Valid until")},
		{Name: "day", Kind: form.String, Format: "date", Title: language.NewText("Delivery")},
		{Name: "contact", Kind: form.String, Format: "email", Title: language.NewText("Contact")},
		{Name: "terms", Kind: form.String, Format: "uri", Title: language.NewText("Terms")},
		{Name: "urgent", Kind: form.Boolean, Title: language.NewText("Urgent")},
		{Name: "note", Kind: form.String, MaxLength: &long, Title: language.NewText("Note to the vendor")},
		{Name: "centre", Kind: form.One, Options: centres, Title: language.NewText("Cost centre")},
		{Name: "reason", Kind: form.One, Required: true, Options: []form.Option{
			{Value: "budget", Title: language.Text{"en": "No budget", "de": "Kein Budget"}},
			{Value: "vendor", Title: language.NewText("Vendor not approved")},
		}, Title: language.NewText("Reason")},
		{Name: "topics", Kind: form.Many, Options: []form.Option{{Value: "price"}, {Value: "terms"}}, Title: language.NewText("Topics")},
	}}
	a.Edits = map[string]string{"limit": "/purchase/total"}
	a.Content = json.RawMessage(`{"purchase":{"total":480}}`)
	a.Policy = approval.Policy{Kind: approval.PolicyQuorum, Quorum: 2}
	addLines(a, 4)
}

func addLines(a *approval.Request, n int) {
	for i := range n {
		a.Details = append(a.Details, approval.Field{Name: fmt.Sprintf("Line %d", i+1), Value: "Toner, 4 × 19.90 EUR"})
	}
}

// state is a state of the page: how it comes about, and a text that shows it in English.
type state struct {
	name   string
	change func(*approval.Request)
	then   func(*approval.Order, approval.Environment)
	steps  func(t *testing.T, ctx context.Context, s *site)
	says   string
}

func vote(by string, o approval.Outcome, comment string) func(*approval.Order, approval.Environment) {
	return func(o2 *approval.Order, env approval.Environment) {
		_, _, _ = o2.Decide(approval.Decision{
			ID:         by + string(o),
			ApprovalID: o2.Approvals[0].ID,
			Outcome:    o,
			By:         by,
			Comment:    comment,
			Via:        approval.ViaLink,
			Source:     "link",
		}, approval.UnmatchedRetention{}, env)
	}
}

// choose decides with a choice and its values.
func choose(by, choice, values, comment string) func(*approval.Order, approval.Environment) {
	return func(o *approval.Order, env approval.Environment) {
		_, _, _ = o.Decide(approval.Decision{
			ID:         by + choice,
			ApprovalID: o.Approvals[0].ID,
			Choice:     choice,
			Values:     json.RawMessage(values),
			By:         by,
			Comment:    comment,
			Via:        approval.ViaLink,
			Source:     "link",
		}, approval.UnmatchedRetention{}, env)
	}
}

func answered(s approval.CallbackState) func(*approval.Order, approval.Environment) {
	return func(o *approval.Order, env approval.Environment) {
		vote("alan@example.com", approval.Approve, "")(o, env)
		o.Approvals[0].Callback = approval.Callback{State: s}
	}
}

// press presses the button of a choice, or the one that leaves it.
func press(choice string) func(*testing.T, context.Context, *site) {
	return func(t *testing.T, ctx context.Context, _ *site) {
		t.Helper()
		perform(t, ctx, chromedp.Click(`button[value="`+choice+`"]`))
	}
}

func both(steps ...func(*testing.T, context.Context, *site)) func(*testing.T, context.Context, *site) {
	return func(t *testing.T, ctx context.Context, s *site) {
		t.Helper()
		for i, step := range steps {
			if i > 0 { // the page before has gone
				waitFor(t, ctx, `document.readyState === "complete" && !window.left`)
			}
			evaluate(t, ctx, chromedp.Evaluate[bool](`window.left = true`))
			step(t, ctx, s)
		}
		waitFor(t, ctx, `document.readyState === "complete" && !window.left`)
	}
}

func quorum(a *approval.Request) { a.Policy = approval.Policy{Kind: approval.PolicyQuorum, Quorum: 2} }

func states() []state {
	return []state{
		{name: "pending", says: "Waiting for your decision"},
		{name: "many details and choices", change: purchase, says: "Send back"},
		{name: "opened", change: purchase, steps: both(press("approve_up_to")), says: "Other choices"},
		{name: "options", change: purchase, steps: both(press("reject")), says: "Vendor not approved"},
		{name: "comment", change: purchase, steps: both(press("return")), says: "Other choices"},
		{name: "left again", change: purchase, steps: both(press("reject"), press("1")), says: "Approve up to a limit"},
		{
			name: "another vote", change: quorum, then: vote("barbara@example.com", approval.Approve, "Fine by me.\nNot more."),
			says: "1 of 2 have approved",
		},
		{name: "voted", change: quorum, then: vote("alan@example.com", approval.Approve, "ok"), says: "Your decision is recorded"},
		{name: "approved", then: vote("alan@example.com", approval.Approve, ""), says: "You approved this"},
		{name: "rejected by another", then: vote("barbara@example.com", approval.Reject, "Too late."), says: "was rejected by barbara"},
		{name: "answered", then: answered(approval.CallbackDelivered), says: "has the answer"},
		{name: "too late", then: answered(approval.CallbackTooLate), says: "had already stopped waiting"},
		{name: "not answered", then: answered(approval.CallbackExhausted), says: "The operators know of it"},
		{name: "cancelled", then: func(o *approval.Order, env approval.Environment) {
			o.Cancel("", "ada", "Ordered twice", env)
		}, says: "Reason: Ordered twice"},
		{name: "timed out", then: func(o *approval.Order, env approval.Environment) {
			o.Approvals[0].Deadline = env.Now.Add(-time.Minute)
		}, says: "The deadline has passed"},
		{name: "superseded", then: func(o *approval.Order, _ approval.Environment) {
			o.Approvals[0].Status = approval.Superseded
		}, says: "has sent a newer request"},
		{name: "changed", change: purchase, steps: func(t *testing.T, ctx context.Context, s *site) {
			t.Helper()
			s.update("A-1", func(o *approval.Order) { o.Approvals[0].Details[0].Value = "4800.00 EUR" })
			both(press("approve"))(t, ctx, s)
		}, says: "The request has changed since you opened this page"},
		{name: "conflict", steps: func(t *testing.T, ctx context.Context, s *site) {
			t.Helper()
			s.update("A-1", func(o *approval.Order) {
				vote("barbara@example.com", approval.Reject, "no")(o, approval.Environment{Now: s.now})
			})
			perform(t, ctx, chromedp.SendKeys("#comment", "my words"))
			both(press("approve"))(t, ctx, s)
		}, says: "What you have typed"},
		{name: "sent back", change: purchase, then: choose("alan@example.com", "return", "", "Which centre?"), says: "You sent this back"},
		{name: "edited", change: purchase, then: func(o *approval.Order, env approval.Environment) {
			choose("alan@example.com", "approve", "", "")(o, env)
			choose("barbara@example.com", "approve_up_to", `{"limit":450,"urgent":true,"note":"Call first."}`, "Less is enough.")(o, env)
		}, says: "Your decision no longer counts"},
		{name: "second round", change: purchase, steps: func(t *testing.T, ctx context.Context, s *site) {
			t.Helper()
			s.update("A-1", func(o *approval.Order) {
				choose("alan@example.com", "return", "", "Which centre?")(o, approval.Environment{Now: s.now})
			})
			perform(t, ctx, chromedp.Navigate(s.requestApproval("A-1", "alan@example.com", purchase, func(a *approval.Request) {
				a.Token = approval.NewToken("again")
				a.Details[0].Value = "450.00 EUR"
			})))
		}, says: "Round 2"},
		{name: "sign-in", change: func(a *approval.Request) { a.MinAssurance = approval.AssuranceSSO }, says: "Please sign in to decide"},
		{name: "no link", steps: func(t *testing.T, ctx context.Context, s *site) {
			t.Helper()
			perform(t, ctx, chromedp.Navigate(s.url+"/a/cut-off"))
		}, says: "This link is not valid"},
	}
}

// update changes an order in the store.
func (s *site) update(order string, change func(*approval.Order)) {
	s.t.Helper()
	require.NoError(s.t, s.store.Update(s.t.Context(), order, func(o *approval.Order) error {
		change(o)
		return nil
	}))
}

// TestStates opens every state of the page in both languages, on a desktop, on a phone and magnified, in light and dark:
// axe finds nothing, nothing scrolls sideways, no script runs, and nothing comes from elsewhere.
func TestStates(t *testing.T) {
	t.Parallel()
	source := readAxe(t)
	for _, tag := range language.Languages() {
		t.Run(string(tag), func(t *testing.T) {
			t.Parallel()
			ctx := startBrowserFor(t, 8*time.Minute)
			foreign := watchRequests(t, ctx)
			for _, st := range slices.Concat(states(), statesOfActs()) {
				s := newSite(t)
				s.language = tag
				link := s.requestApproval("A-1", "alan@example.com", func(a *approval.Request) {
					if st.change != nil {
						st.change(a)
					}
				})
				if st.then != nil {
					s.update("A-1", func(o *approval.Order) { st.then(o, approval.Environment{Now: s.now}) })
				}
				perform(t, ctx, chromedp.Navigate(link))
				if st.steps != nil {
					st.steps(t, ctx, s)
				}
				if tag == "en" {
					waitForText(t, ctx, st.says)
				}
				checkState(t, ctx, source, st.name)
				require.Equal(t, string(tag), evaluate(t, ctx, chromedp.Evaluate[string](`document.documentElement.lang`)))
				require.Empty(t, foreign(s.url), st.name)
			}
		})
	}
}

func checkState(t *testing.T, ctx context.Context, source, name string) {
	t.Helper()
	for _, sc := range screens() {
		sc.use(t, ctx)
		require.Empty(t, runAxe(t, ctx, source), "%s, %s", name, sc)
		require.LessOrEqual(t, evaluate(t, ctx, chromedp.Evaluate[int64](`document.documentElement.scrollWidth`)), sc.width, "%s, %s", name, sc)
	}
	require.Equal(t, 0, evaluate(t, ctx, chromedp.Evaluate[int](`document.scripts.length`)), name)
}

// watchRequests returns a function that lists the addresses that the browser has loaded from elsewhere.
func watchRequests(t *testing.T, ctx context.Context) func(own string) []string {
	t.Helper()
	var mu sync.Mutex
	var all []string
	require.NoError(t, chromedp.Listen(ctx, func(ev any) {
		if sent, ok := ev.(*network.EventRequestWillBeSent); ok {
			mu.Lock()
			defer mu.Unlock()
			all = append(all, sent.Request.URL)
		}
	}))
	return func(own string) []string {
		mu.Lock()
		defer mu.Unlock()
		var out []string
		for _, url := range all {
			if !strings.HasPrefix(url, own+"/") && !strings.HasPrefix(url, "data:") { // a date's icon is the browser's own
				out = append(out, url)
			}
		}
		all = nil
		return out
	}
}

// TestButtonsInSight opens a request with 62 details on a small phone: the deadline and every button are on the first
// screen, and the page still scrolls to its end.
func TestButtonsInSight(t *testing.T) {
	t.Parallel()
	ctx, s := startBrowser(t), newSite(t)
	for i, tag := range language.Languages() {
		s.language = tag
		for j, change := range []func(*approval.Request){
			func(a *approval.Request) { purchase(a); a.DecisionRules = approval.DecisionRules{} },
			purchase,
			func(a *approval.Request) {
				a.Title = "Toner and paper for the office in Leipzig"
				for k := range approval.MaxChoices {
					a.Choices = append(a.Choices, approval.Choice{
						ID: fmt.Sprint("c", k), Means: approval.Approve, Label: language.NewText(fmt.Sprintf("Choice number %d", k)),
					})
				}
			},
		} {
			link := s.requestApproval(fmt.Sprintf("A-%d-%d", i, j), "alan@example.com", change, func(a *approval.Request) { addLines(a, 60) })
			perform(t, ctx, chromedp.EmulateViewport(360, 740), chromedp.Navigate(link))
			waitFor(t, ctx, `document.querySelector(".bar")`)
			const below = `[...document.querySelectorAll(".bar button, .facts time")].filter(e => {
  const r = e.getBoundingClientRect(); return r.top < 0 || r.bottom > innerHeight || r.height < 18;
}).map(e => e.innerText).join("|")`
			require.Empty(t, evaluate(t, ctx, chromedp.Evaluate[string](below)), "%s %d", tag, j)
			require.Greater(t, evaluate(t, ctx, chromedp.Evaluate[int](`document.documentElement.scrollHeight`)), 3000)
			require.Equal(t, 0, evaluate(t, ctx, chromedp.Evaluate[int](`scrollY`)))
			// At the end of the page, the bar covers nothing.
			covered := `(() => { scrollTo(0, document.documentElement.scrollHeight);
  const bar = document.querySelector(".bar").getBoundingClientRect(), c = document.getElementById("comment").getBoundingClientRect();
  return c.bottom > bar.top + 1; })()`
			require.False(t, evaluate(t, ctx, chromedp.Evaluate[bool](covered)))
		}
	}
}

// waitFor waits until an expression is true in the page.
func waitFor(t *testing.T, ctx context.Context, expression string) {
	t.Helper()
	for range 1000 { // a machine that does much else
		if ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`!!(`+expression+`)`)); err == nil && ok {
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	t.Fatalf("not true: %s: %s", expression, pageText(t, ctx))
}

package web_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/language"
	"github.com/approval-relay/approval-relay/web"
)

// read returns the text of the page, and the page.
func (w *world) read(token string) (string, document) {
	w.t.Helper()
	_, page := w.get(token)
	d := parsePage(w.t, page)
	return textOf(d.one("body")), d
}

// After deciding, and at every later visit, the page says that it was this person, and whether the workflow knows.
func TestOwnDecision(t *testing.T) {
	t.Parallel()
	for outcome, says := range map[approval.Outcome]string{
		approval.Approve: "You approved this. This request was approved on Monday 2 March 2026, 10:30 UTC.",
		approval.Reject:  "You rejected this. This request was rejected on Monday 2 March 2026, 10:30 UTC.",
	} {
		w := newWorld(t, nil)
		w.decide("Alan@Example.com", outcome)
		text, page := w.read(token)
		require.Contains(t, text, says)
		require.Contains(t, text, "The workflow is being answered.")
		require.NotContains(t, text, "Decide until")
		require.Empty(t, page.all("form"))
		other, _ := w.read("barbara")
		require.NotContains(t, other, "You ")
		require.Contains(t, other, "by Alan@Example.com on Monday")
	}
}

// The state of the answer to the workflow is shown in words.
func TestCallbackInWords(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		callback approval.Callback
		says     string
	}{
		"pending":   {approval.Callback{State: approval.CallbackPending}, "is being answered"},
		"retried":   {approval.Callback{State: approval.CallbackPending, LastError: "throttled <b>"}, "has not been answered yet; this is tried again"},
		"redriven":  {approval.Callback{State: approval.CallbackPending, Redrives: 1}, "this is tried again"},
		"delivered": {approval.Callback{State: approval.CallbackDelivered}, "The workflow has the answer"},
		"presumed":  {approval.Callback{State: approval.CallbackPresumed}, "no longer waits; most likely it has the answer"},
		"unknown":   {approval.Callback{State: approval.CallbackUnknown}, "It is not known whether it has the answer"},
		"too late":  {approval.Callback{State: approval.CallbackTooLate}, "had already stopped waiting"},
		"exhausted": {approval.Callback{State: approval.CallbackExhausted, LastError: "secret"}, "The operators know of it"},
	} {
		w := newWorld(t, nil)
		w.decide("alan@example.com", approval.Approve)
		w.approval().Callback = c.callback
		text, _ := w.read(token)
		require.Contains(t, text, c.says, name)
		require.NotContains(t, text, "secret", name)
		require.NotContains(t, text, "throttled", name)
	}
}

// While the workflow is paused, the page says that the answer is held, in the visitor's language, and never that it is on
// its way. What was answered before stays as it was.
func TestPausedWorkflowInWords(t *testing.T) {
	t.Parallel()
	for tag, says := range map[language.Tag]string{
		"en": "it gets the answer when it is resumed", "de": "Er erhält die Antwort, wenn er wieder freigegeben wird",
	} {
		paused := "procurement"
		w := newWorld(t, nil)
		w.page.IsPaused = func(workflow string) bool { return workflow == paused }
		w.page.Preferences = func(string, string, string) (language.Tag, *time.Location) { return tag, time.UTC }
		w.decide("alan@example.com", approval.Approve)
		w.approval().Workflow = "orders"
		text, _ := w.read(token)
		require.NotContains(t, text, says)
		paused = "orders"
		for _, c := range []approval.Callback{
			{State: approval.CallbackPending}, {State: approval.CallbackPending, LastError: "throttled"},
		} {
			w.approval().Callback = c
			text, _ = w.read(token)
			require.Contains(t, text, says)
		}
		w.approval().Callback.State = approval.CallbackDelivered
		text, _ = w.read(token)
		require.NotContains(t, text, says)
	}
}

// A closed page says by whom and why, with the comments.
func TestClosedPages(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		then func(*world)
		says []string
	}{
		"rejected with a comment": {func(w *world) {
			w.decide("barbara@example.com", approval.Reject)
			w.approval().Votes[0].Comment = "Not in\nthis quarter <i>"
		}, []string{"was rejected by barbara@example.com on", "Not in this quarter <i>"}},
		"by an operator": {func(w *world) {
			w.decide("barbara@example.com", approval.Approve)
			w.approval().Votes[0].Via = approval.ViaOperator
			w.approval().Votes[0].By = "ada"
		}, []string{"was approved by ada (an operator) on"}},
		"by an API token": {func(w *world) {
			w.decide("barbara@example.com", approval.Approve)
			w.approval().Votes[0].By = "source:api:shop"
		}, []string{"was approved by shop (a system) on"}},
		"cancelled": {func(w *world) {
			w.order.Cancel("", "ada", "Ordered twice", approval.Environment{Now: w.now})
		}, []string{"was cancelled by ada (an operator) on", "Reason: Ordered twice"}},
		"cancelled by a program": {func(w *world) {
			w.order.CancelBy(approval.Cancellation{Actor: approval.ProgramActor("shop", "")}, approval.Environment{Now: w.now})
		}, []string{"was cancelled by shop (a system) on"}},
		"cancelled, long ago": {func(w *world) {
			w.order.Cancel("", "ada", "Ordered twice", approval.Environment{Now: w.now})
			w.order.History = nil
		}, []string{"was cancelled on", "Reason: Ordered twice"}},
	} {
		w := newWorld(t, nil)
		c.then(w)
		text, _ := w.read(token)
		for _, want := range c.says {
			require.Contains(t, text, want, name)
		}
		require.NotContains(t, text, "Decide until", name)
	}
}

// Approvers see how many approvals are needed and for whom the request waits. A link of a group does not tell the names of
// those who have not decided.
func TestProgress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quorum)
	w.give("group", w.approval().ID, "")
	text, _ := w.read(token)
	require.Contains(t, text, "0 of 2 have approved")
	require.Contains(t, text, "Waiting for you, barbara@example.com, edsger@example.com")
	w.decide("barbara@example.com", approval.Approve)
	text, page := w.read(token)
	require.Contains(t, text, "1 of 2 have approved Waiting for you, edsger@example.com")
	require.Contains(t, textOf(page.byClass("votes")[0]), "barbara@example.com: Approved")
	group, _ := w.read("group")
	require.Contains(t, group, "1 of 2 have approved")
	require.NotContains(t, group, "edsger")

	single, _ := newWorld(t, nil).read(token)
	require.Contains(t, single, "One decision is enough. Asked: you, barbara@example.com, edsger@example.com")
	require.NotContains(t, single, "of 1")
}

// A vote on an earlier content is shown as void, its voter can vote again, and the change is shown.
func TestVoidVotes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(a *approval.Request) {
		purchase(a)
		quorum(a)
	})
	w.approval().Votes = []approval.Vote{
		{DecisionID: "1", Outcome: approval.Approve, Choice: "approve", By: "alan@example.com", At: start, Void: true},
		{
			DecisionID: "2", Outcome: approval.Approve, Choice: "approve_up_to", By: "barbara@example.com", At: start,
			Values:  json.RawMessage(`{"limit":450,"urgent":true,"until":"2026-03-05T09:15:00Z"}`),
			Changes: []approval.Change{{Field: "limit", Path: "/purchase/total", From: json.RawMessage(`480.00`), To: json.RawMessage(`450`)}},
		},
	}
	text, page := w.read(token)
	require.Contains(t, text, "your decision no longer counts. Please decide again.")
	require.Len(t, page.all("s"), 1)
	require.Equal(t, []string{"Approve", "Approve up to a limit", "Reject", "Send back"}, page.buttons())
	require.Equal(t, []string{"480.00", "450"}, []string{textOf(page.one("del")), textOf(page.one("ins"))})
	votes := textOf(page.byClass("votes")[0])
	for _, want := range []string{"Limit in EUR: 450", "Urgent: yes", "Valid until: Thursday 5 March 2026, 09:15 UTC"} {
		require.Contains(t, votes, want)
	}
	require.Contains(t, text, "1 of 2 have approved")
	w.verdict = approval.VerdictDecided
	_, _ = w.press(page, "Approve", nil)
	first := w.sent.ID
	w.approval().Votes = nil
	_, _ = w.press(w.show(), "Approve", nil)
	require.NotEqual(t, first, w.sent.ID, "a vote on another content is another decision")
}

// The page speaks the language of the person, and its times are in the person's zone.
func TestLanguages(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	w := newWorld(t, func(a *approval.Request) {
		purchase(a)
		quorum(a)
	})
	var asked []string
	w.page.Preferences = func(approver, workflow, header string) (language.Tag, *time.Location) {
		asked = append(asked, approver+" "+workflow+" "+header)
		return "de", berlin
	}
	r := httptest.NewRequest(http.MethodGet, "/a/"+token, nil)
	r.Header.Set("Accept-Language", "fr, de;q=0.5")
	text := body(t, w.do(r))
	page := parsePage(t, text)
	require.Equal(t, []string{"alan@example.com refunds fr, de;q=0.5"}, asked)
	require.Equal(t, "de", valueOf(page.one("html"), "lang"))
	require.Equal(t, "ltr", valueOf(page.one("html"), "dir"))
	require.Equal(t, []string{"Genehmigen", "Bis zu einem Betrag genehmigen", "Ablehnen", "Zurückgeben"}, page.buttons())
	require.Contains(t, textOf(page.one("body")), "Entscheiden bis Dienstag, 3. März 2026, 17:30 MEZ (16:30 UTC)")

	_, opened := w.press(page, "Bis zu einem Betrag genehmigen", nil)
	require.Equal(t, "480,00", valueOf(opened.one("input", "name=value.limit"), "value"))
	require.Contains(t, textOf(opened.one("main")), "Uhrzeit in der Zone Europe/Berlin")
	w.verdict = approval.VerdictDecided
	_, _ = w.press(opened, "Bis zu einem Betrag genehmigen", map[string][]string{
		"value.limit": {"1.234,5"}, "value.until": {"2026-07-01T10:15"},
	})
	require.JSONEq(t, `{"limit":1234.5,"until":"2026-07-01T10:15:00+02:00","urgent":false}`, string(w.sent.Values))

	// A form that was shown in one language is not read in another, because its numbers would be.
	again := opened.submit("Bis zu einem Betrag genehmigen", map[string][]string{"value.limit": {"1.234,5"}})
	w.page.Preferences = func(string, string, string) (language.Tag, *time.Location) { return "en", berlin }
	before := w.decided
	resp, _ := w.post(token, again)
	require.Equal(t, http.StatusConflict, resp.StatusCode)
	require.Equal(t, before, w.decided)

	for _, c := range []struct {
		change func()
		says   string
	}{
		{func() { w.getErr = errors.New("down") }, "Dies ist gerade nicht möglich"},
		{func() { w.getErr = nil; delete(w.links, token) }, "Dieser Link ist nicht gültig"},
	} {
		w.page.Preferences = func(string, string, string) (language.Tag, *time.Location) { return "de-AT", nil }
		c.change()
		text, page := w.read(token)
		require.Contains(t, text, c.says)
		require.Equal(t, "de-AT", valueOf(page.one("html"), "lang"))
	}
}

// Every page shows who asks and where there is help, also a page without a link.
func TestOrganisation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.page.Organisation.Name = "Example <Energy>"
	w.page.Organisation.Support = "help@example.com"
	w.page.Organisation.Footer = language.Text{"en": "1 Main Street", "de": "Hauptstraße 1"}
	unknown := httptest.NewRecorder()
	w.page.ShowUnknownPath(unknown, httptest.NewRequest(http.MethodGet, "/a/", nil), http.StatusNotFound, "", "")
	_, page := w.get(token)
	_, missing := w.get("cut-off")
	for name, text := range map[string]string{"a request": page, "no link": missing, "a part of a link": unknown.Body.String()} {
		d := parsePage(t, text)
		require.Equal(t, "Example <Energy>", textOf(d.one("header")), name)
		require.Equal(t, "Questions about this page: help@example.com 1 Main Street", textOf(d.one("footer")), name)
		require.Len(t, d.all("a", "href=mailto:help@example.com"), 1, name)
	}
	require.Equal(t, http.StatusNotFound, unknown.Code)
	require.Contains(t, unknown.Body.String(), "This link is not valid")

	plain, d := newWorld(t, nil).read(token)
	require.Empty(t, d.all("header"))
	require.NotContains(t, plain, "Questions about")
}

// A logo is the only picture that a page may load, and only from our own address.
func TestLogo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	c := w.page.Config
	c.Organisation.LogoURL = "https://approve.example.com/assets/logo-1.png"
	page, err := web.New(c)
	require.NoError(t, err)
	w.page = page
	resp, text := w.get(token)
	d := parsePage(t, text)
	require.Equal(t, c.Organisation.LogoURL, valueOf(d.one("img"), "src"))
	require.NotEmpty(t, valueOf(d.one("img"), "alt"), "the logo says who asks")
	require.Contains(t, resp.Header.Get("Content-Security-Policy"), "img-src 'self'")
	w.page.Organisation.Name = "Example Energy"
	_, text = w.get(token)
	require.Empty(t, valueOf(parsePage(t, text).one("img"), "alt"), "the name is beside it")
}

// Technical rows are there on demand, and the deadline comes before everything else.
func TestOrderOfThePage(t *testing.T) {
	t.Parallel()
	_, page := newWorld(t, nil).get(token)
	d := parsePage(t, page)
	technical := textOf(d.one("details", "class=technical"))
	for _, row := range []string{"Order A-1001", "Workflow refunds", "Step finance", "arn:aws:states", "This link is for alan@example.com"} {
		require.Contains(t, technical, row)
	}
	_, open := attribute(d.one("details", "class=technical"), "open")
	require.False(t, open)
	last := -1
	for _, part := range []string{"<h1", "Decide until", "grace@example.com", "480.00 EUR", `id="comment"`, `class="bar"`, "arn:aws"} {
		at := strings.Index(page, part)
		require.Greater(t, at, last, part)
		last = at
	}
}

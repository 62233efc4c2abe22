package web_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/form"
	"github.com/approval-relay/approval-relay/language"
)

// purchase is a request with choices, a form and an edit.
func purchase(a *approval.Request) {
	a.Choices = []approval.Choice{
		{ID: "approve", Means: approval.Approve},
		{
			ID:     "approve_up_to",
			Label:  language.Text{"en": "Approve up to a limit", "de": "Bis zu einem Betrag genehmigen"},
			Means:  approval.Approve,
			Fields: []string{"limit", "until", "urgent"},
		},
		{ID: "reject", Means: approval.Reject, Comment: approval.CommentRequired, Fields: []string{"reason", "topics"}},
		{ID: "return", Means: approval.Return, Comment: approval.CommentRequired},
	}
	a.Form = form.Form{Fields: []form.Field{
		{Name: "limit", Kind: form.Number, Title: language.NewText("Limit in EUR"), Required: true, Minimum: "1", Maximum: "5000"},
		{Name: "until", Kind: form.String, Format: "date-time", Title: language.NewText("Valid until")},
		{Name: "urgent", Kind: form.Boolean, Title: language.NewText("Urgent")},
		{Name: "reason", Kind: form.One, Required: true, Options: []form.Option{
			{Value: "budget", Title: language.Text{"en": "No budget", "de": "Kein Budget"}},
			{Value: "vendor", Title: language.NewText("Vendor <not> approved")},
		}},
		{Name: "topics", Kind: form.Many, MaxItems: new(2), Options: []form.Option{{Value: "a"}, {Value: "b"}, {Value: "c"}}},
	}}
	a.Edits = map[string]string{"limit": "/purchase/total"}
	a.Content = json.RawMessage(`{"purchase":{"total":480.00}}`)
}

// open presses a button of the page and returns the page that follows.
func (w *world) press(d document, label string, typed url.Values) (*http.Response, document) {
	w.t.Helper()
	resp, page := w.post(token, d.submit(label, typed))
	return resp, parsePage(w.t, page)
}

func (w *world) show() document {
	w.t.Helper()
	_, page := w.get(token)
	return parsePage(w.t, page)
}

func TestChoices(t *testing.T) {
	t.Parallel()
	w := newWorld(t, purchase)
	page := w.show()
	require.Equal(t, []string{"Approve", "Approve up to a limit", "Reject", "Send back"}, page.buttons())
	require.Empty(t, page.all("fieldset"), "the fields are shown with their choice")
	page.accessible("closed")

	// A choice with fields is opened by its button, and keeps the comment.
	resp, opened := w.press(page, "Approve up to a limit", url.Values{"comment": {"as agreed"}})
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Zero(t, w.decided)
	require.Equal(t, []string{"Approve up to a limit", "Other choices"}, opened.buttons())
	opened.accessible("opened")
	require.Empty(t, opened.all("fieldset"), "only its own fields are shown")
	require.Equal(t, "as agreed", textOf(opened.one("textarea")))
	limit := opened.one("input", "name=value.limit")
	require.Equal(t, []string{"480.00", "decimal", "text"}, []string{
		valueOf(limit, "value"), valueOf(limit, "inputmode"), valueOf(limit, "type"),
	}, "an edit begins with the present value")
	require.Equal(t, limit, opened.one("", "autofocus"))
	require.Contains(t, textOf(opened.one("", "id=field-0-present")), "480")

	// Back to the other choices, and what was typed is still there later.
	resp, back := w.press(opened, "Other choices", url.Values{"value.limit": {"250"}, "value.urgent": {"true"}})
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Equal(t, page.buttons(), back.buttons())
	_, again := w.press(back, "Approve up to a limit", nil)
	require.Equal(t, "250", valueOf(again.one("input", "name=value.limit"), "value"))
	require.Len(t, again.all("input", "name=value.urgent", "checked"), 1)

	// The fields of the choice are its values, and others that were typed before are not.
	_, other := w.press(back, "Reject", nil)
	w.verdict = approval.VerdictDecided
	resp, _ = w.press(other, "Reject", url.Values{"value.reason": {"vendor"}, "value.topics": {"c", "a"}, "comment": {"no"}})
	require.Equal(t, http.StatusSeeOther, resp.StatusCode)
	require.Equal(t, "reject", w.sent.Choice)
	require.JSONEq(t, `{"reason":"vendor","topics":["c","a"]}`, string(w.sent.Values))
	require.Equal(t, "no", w.sent.Comment)
	require.Equal(t, w.order.ContentDigest(w.approval()), w.sent.ShownDigest)
}

// A choice without fields decides at once, unless it requires a comment that was not typed.
func TestInstantChoices(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		button, comment string
		decides         bool
	}{
		{"Approve", "", true},
		{"Approve", "fine", true},
		{"Send back", "", false},
		{"Send back", "   ", false},
		{"Send back", "more details, please", true},
		{"Approve up to a limit", "fine", false},
	} {
		w := newWorld(t, purchase)
		w.verdict = approval.VerdictDecided
		resp, page := w.press(w.show(), c.button, url.Values{"comment": {c.comment}})
		require.Equal(t, c.decides, resp.StatusCode == http.StatusSeeOther, "%+v", c)
		require.Equal(t, c.decides, w.decided == 1, "%+v", c)
		if !c.decides {
			page.accessible(c.button)
			require.Equal(t, c.button == "Send back", valueOf(page.one("", "autofocus"), "name") == "comment")
		}
	}
}

// The faults of the domain are shown in a summary with links, and beside each field. What was typed is kept.
func TestFaults(t *testing.T) {
	t.Parallel()
	w := newWorld(t, purchase)
	_, opened := w.press(w.show(), "Reject", nil)
	w.verdict = approval.VerdictInvalid
	w.faults = []form.Fault{{Field: "reason", Code: form.Missing}, {Field: "topics", Code: form.TooMany, Want: "2"}, {Field: "comment", Code: form.Missing}}
	resp, page := w.press(opened, "Reject", url.Values{"value.topics": {"a", "b", "c"}, "comment": {"typed <b>"}})
	require.Equal(t, http.StatusUnprocessableEntity, resp.StatusCode)
	page.accessible("faults")
	summary := page.one("", "role=alert")
	var links []string
	for n := range summary.Descendants() {
		if n.Data == "a" {
			links = append(links, valueOf(n, "href")+" "+textOf(n))
		}
	}
	require.Len(t, links, 3)
	require.True(t, strings.HasPrefix(links[0], "#field-3-0 Reason: "), links)
	require.True(t, strings.HasPrefix(links[2], "#comment Comment: "), links)
	require.Equal(t, "field-3-0", valueOf(page.one("", "autofocus"), "id"), "the first faulty field has the focus")
	require.Len(t, page.all("input", "name=value.topics", "checked"), 3)
	require.Equal(t, "typed <b>", textOf(page.one("textarea")))
	require.Equal(t, "true", valueOf(page.one("textarea"), "aria-invalid"))
	require.Contains(t, valueOf(page.one("textarea"), "aria-describedby"), "comment-fault")
	require.Equal(t, []string{"Reject", "Other choices"}, page.buttons(), "the choice stays open")
	require.Empty(t, page.one("fieldset", "aria-describedby=field-3-fault").Attr[0].Val == "", "the group names its fault")
}

// What was typed is kept whatever the reason of a refusal, also where the request is closed.
func TestTypedTextIsKept(t *testing.T) {
	t.Parallel()
	typed := url.Values{"value.limit": {"12,5x"}, "value.until": {"2026-03-05T10:15"}, "comment": {"my words"}}
	for name, c := range map[string]struct {
		change func(*world)
		status int
		form   bool
	}{
		"invalid":  {func(w *world) { w.verdict = approval.VerdictInvalid }, 422, true},
		"changed":  {func(w *world) { w.verdict = approval.VerdictChanged }, 409, true},
		"conflict": {func(w *world) { w.verdict = approval.VerdictConflict }, 409, true},
		"stale":    {func(w *world) { w.now = w.now.Add(2 * 60 * 60 * 1e9) }, 409, true},
		"other content": {func(w *world) {
			w.approval().Details[0].Value = "4800.00 EUR"
		}, 409, true},
		"store": {func(w *world) { w.decideErr = http.ErrServerClosed }, 503, true},
		"closed": {func(w *world) {
			w.order.Cancel("", "op", "not needed", approval.Environment{Now: w.now})
			w.verdict = approval.VerdictLate
		}, 409, false},
	} {
		w := newWorld(t, purchase)
		_, opened := w.press(w.show(), "Approve up to a limit", nil)
		c.change(w)
		resp, page := w.press(opened, "Approve up to a limit", typed)
		require.Equal(t, c.status, resp.StatusCode, name)
		page.accessible(name)
		if !c.form {
			require.Contains(t, textOf(page.one("main")), "my words", name)
			require.Contains(t, textOf(page.one("main")), "12,5x", name)
			require.Empty(t, page.all("form"), name)
			continue
		}
		require.Equal(t, "12,5x", valueOf(page.one("input", "name=value.limit"), "value"), name)
		require.Equal(t, "2026-03-05T10:15", valueOf(page.one("input", "name=value.until"), "value"), name)
		require.Equal(t, "my words", textOf(page.one("textarea")), name)
	}
}

// A form cannot send what its page does not offer.
func TestForeignInputs(t *testing.T) {
	t.Parallel()
	open := func(w *world) url.Values {
		_, opened := w.press(w.show(), "Approve up to a limit", nil)
		return opened.submit("Approve up to a limit", nil)
	}
	many := url.Values{}
	for i := range 9_000 {
		many.Set("value.x"+strings.Repeat("y", i%7)+string(rune('a'+i%26))+string(rune('a'+i/26%26))+string(rune('a'+i/676)), "1")
	}
	for name, c := range map[string]struct {
		change func(url.Values)
		status int
		values string
	}{
		"a field of another choice": {func(f url.Values) { f.Set("value.reason", "budget") }, 303, `{"limit":480.00,"urgent":false}`},
		"a field of no form":        {func(f url.Values) { f.Set("value.hidden", "1") }, 303, `{"limit":480.00,"urgent":false}`},
		"thousands of fields": {func(f url.Values) {
			for name := range many {
				f[name] = many[name]
			}
		}, 303, `{"limit":480.00,"urgent":false}`},
		"a field twice":    {func(f url.Values) { f.Add("value.limit", "1") }, 400, ""},
		"two choices":      {func(f url.Values) { f.Add("choice", "reject") }, 400, ""},
		"both names":       {func(f url.Values) { f.Set("outcome", "reject") }, 400, ""},
		"a removed choice": {func(f url.Values) { f.Set("choice", "approve_all"); f.Set("opened", "approve_all") }, 400, ""},
		"not opened":       {func(f url.Values) { f.Del("opened") }, 200, ""},
		"another opened":   {func(f url.Values) { f.Set("opened", "reject") }, 200, ""},
	} {
		w := newWorld(t, purchase)
		w.verdict = approval.VerdictDecided
		f := open(w)
		c.change(f)
		resp, text := w.post(token, f)
		require.Equal(t, c.status, resp.StatusCode, name)
		require.Equal(t, c.values != "", w.decided == 1, name)
		if c.values != "" {
			require.JSONEq(t, c.values, string(w.sent.Values), name)
		} else {
			parsePage(t, text).accessible(name)
		}
	}
}

// A link of a group shows the request only, whatever its choices mean, and another link the choices that it permits.
func TestChoicesOfALink(t *testing.T) {
	t.Parallel()
	w := newWorld(t, purchase)
	w.give("group", w.approval().ID, "")
	_, page := w.get("group")
	require.Empty(t, parsePage(t, page).all("button"))
	f := w.show().submit("Approve", nil)
	resp, _ := w.post("group", f)
	require.GreaterOrEqual(t, resp.StatusCode, 400)
	require.Zero(t, w.decided)

	c := w.links[token]
	c.Allowed = []approval.Outcome{approval.Reject}
	w.links[token] = c
	require.Equal(t, []string{"Reject"}, w.show().buttons())
}

// Pages of an older version name the choice "outcome".
func TestOldName(t *testing.T) {
	t.Parallel()
	w := newWorld(t, purchase)
	w.verdict = approval.VerdictDecided
	f := w.show().submit("Approve", nil)
	f.Del("choice")
	f.Set("outcome", "approve")
	resp, _ := w.post(token, f)
	require.Equal(t, http.StatusSeeOther, resp.StatusCode)
	require.Equal(t, "approve", w.sent.Choice)
}

// A workflow without choices of its own sends the decision that it always has.
func TestPlainDecision(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.verdict = approval.VerdictDecided
	_, _ = w.press(w.show(), "Reject", url.Values{"comment": {"no"}})
	require.Equal(t, approval.Reject, w.sent.Outcome)
	require.Empty(t, w.sent.Choice)
	require.Empty(t, w.sent.Values)
}

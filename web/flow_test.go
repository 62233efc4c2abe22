package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
)

// pressAs presses a button on the page of a link.
func (w *world) pressAs(link string, d document, label string, typed url.Values) (*http.Response, document) {
	w.t.Helper()
	resp, page := w.post(link, d.submit(label, typed))
	return resp, parsePage(w.t, page)
}

func (w *world) showAs(link string) document {
	w.t.Helper()
	_, page := w.get(link)
	return parsePage(w.t, page)
}

// The domain judges the values. A decision that is refused can be corrected and sent again.
func TestFaultsOfTheDomain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, purchase)
	_, opened := w.press(w.show(), "Approve up to a limit", nil)
	resp, page := w.press(opened, "Approve up to a limit", url.Values{"value.limit": {"5000.01"}, "value.until": {"soon"}})
	require.Equal(t, http.StatusUnprocessableEntity, resp.StatusCode)
	page.accessible("faults")
	require.Len(t, page.byClass("fault"), 2)
	require.Contains(t, textOf(page.one("", "role=alert")), "Limit in EUR: Please give a number of at most 5,000.")
	resp, page = w.press(page, "Approve up to a limit", url.Values{"value.limit": {""}, "value.until": {""}})
	require.Equal(t, http.StatusUnprocessableEntity, resp.StatusCode)
	require.Contains(t, textOf(page.one("", "role=alert")), "Limit in EUR: Please fill this in.")
	require.Empty(t, valueOf(page.one("input", "name=value.limit"), "value"), "what was deleted stays deleted")
	resp, _ = w.press(page, "Approve up to a limit", url.Values{"value.limit": {"5,000.00"}})
	require.Equal(t, http.StatusSeeOther, resp.StatusCode)
	require.Equal(t, approval.Approved, w.approval().Status)
	text, _ := w.read(token)
	require.Contains(t, text, "You chose “Approve up to a limit”. This request was approved on")
}

// The comment that a choice requires may have been typed before its button was pressed, and is asked for otherwise.
func TestRequiredComment(t *testing.T) {
	t.Parallel()
	w := newWorld(t, purchase)
	_, opened := w.press(w.show(), "Send back", nil)
	resp, page := w.press(opened, "Send back", nil)
	require.Equal(t, http.StatusUnprocessableEntity, resp.StatusCode)
	require.Contains(t, textOf(page.one("", "role=alert")), "Comment: Please fill this in.")
	require.Equal(t, "comment", valueOf(page.one("", "autofocus"), "id"))
	resp, page = w.press(page, "Send back", url.Values{"comment": {"Which cost centre?"}})
	require.Equal(t, http.StatusSeeOther, resp.StatusCode)
	page.accessible("returned")
	text, _ := w.read(token)
	require.Contains(t, text, "Sent back")
	require.Contains(t, text, "You sent this back. This request was sent back on")
	require.Contains(t, text, "Which cost centre?")
	other, _ := w.read("barbara")
	require.Contains(t, other, "This request was sent back by alan@example.com on")
}

// An edit makes earlier votes void. Open forms are refused once, and the new value is shown.
func TestEdit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(a *approval.Request) {
		purchase(a)
		quorum(a)
	})
	_, _ = w.pressAs(token, w.showAs(token), "Approve", nil)
	stale := w.showAs("barbara")
	_, opened := w.pressAs("barbara", stale, "Approve up to a limit", nil)
	form := opened.submit("Approve up to a limit", url.Values{"value.limit": {"450"}})
	resp, _ := w.post("barbara", form)
	require.Equal(t, http.StatusSeeOther, resp.StatusCode)
	require.True(t, w.approval().Votes[0].Void)

	// The second click of the same form is recognized, although the first one has changed the request.
	resp, _ = w.post("barbara", form)
	require.Equal(t, http.StatusSeeOther, resp.StatusCode)
	require.Len(t, w.approval().Votes, 2)

	// The first voter is told, sees the change, and votes again.
	text, page := w.read(token)
	require.Contains(t, text, "your decision no longer counts. Please decide again.")
	require.Equal(t, []string{"480.00", "450"}, []string{textOf(page.one("del")), textOf(page.one("ins"))})
	_, opened = w.press(page, "Approve up to a limit", nil)
	require.Equal(t, "450", valueOf(opened.one("input", "name=value.limit"), "value"))
	resp, _ = w.press(page, "Approve", nil)
	require.Equal(t, http.StatusSeeOther, resp.StatusCode)
	require.Equal(t, approval.Approved, w.approval().Status)

	// A form that was opened before the edit is refused.
	w = newWorld(t, func(a *approval.Request) {
		purchase(a)
		quorum(a)
	})
	before := w.showAs(token)
	_, opened = w.pressAs("barbara", w.showAs("barbara"), "Approve up to a limit", nil)
	_, _ = w.pressAs("barbara", opened, "Approve up to a limit", url.Values{"value.limit": {"450"}})
	resp, page = w.pressAs(token, before, "Approve", url.Values{"comment": {"mine"}})
	require.Equal(t, http.StatusConflict, resp.StatusCode)
	require.Contains(t, textOf(page.one("", "role=alert")), "has changed since you opened this page")
	require.Equal(t, "mine", textOf(page.one("textarea")))
	require.Equal(t, "450", textOf(page.one("ins")))
	require.Len(t, w.approval().Votes, 1)
}

// The next request of a returned question shows its round, the votes and comments before, and the differences since.
func TestRounds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, purchase)
	_, _ = w.press(w.show(), "Send back", url.Values{"comment": {"Which <cost> centre?"}})
	w.now = w.now.Add(time.Hour)
	again := ask()
	purchase(&again)
	again.Token = approval.NewToken("again")
	again.Details[0].Value = "450.00 EUR"
	again.Details = append(again.Details, approval.Field{Name: "costCentre", Value: "4711", IsPath: true})
	id, _, err := w.order.AddRequest(again, approval.Environment{Now: w.now})
	require.NoError(t, err)
	w.give("second", id, "alan@example.com")
	_, html := w.get("second")
	page := parsePage(t, html)
	page.accessible("round 2")
	round := textOf(page.one("section", "class=round"))
	for _, want := range []string{
		"Round 2", "alan@example.com (you): Sent back", "Which <cost> centre?",
		"Amount: 480.00 EUR → 450.00 EUR", "Cost centre: not given → 4711",
	} {
		require.Contains(t, round, want)
	}
	require.Contains(t, page.buttons(), "Send back")
	first, _ := w.read(token)
	require.NotContains(t, first, "Round")
}

// A comment that is too long is refused as a whole and kept, also in characters of four bytes, which a browser escapes.
func TestLongComment(t *testing.T) {
	t.Parallel()
	for n, status := range map[int]int{
		approval.MaxComment:     http.StatusSeeOther,
		approval.MaxComment + 1: http.StatusUnprocessableEntity,
	} {
		w := newWorld(t, nil)
		comment := strings.Repeat("😀", n)
		resp, page := w.press(w.show(), "Approve", url.Values{"comment": {comment}})
		require.Equal(t, status, resp.StatusCode)
		if status == http.StatusSeeOther {
			require.Equal(t, comment, w.approval().Votes[0].Comment)
			continue
		}
		page.accessible("long comment")
		require.Zero(t, w.decided)
		require.Equal(t, comment, textOf(page.one("textarea")))
		require.Equal(t, "Comment: Please write at most 16,384 characters.", textOf(page.one("a", "href=#comment")))
	}
}

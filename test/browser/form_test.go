package browser

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
)

// tabTo moves the focus by the keyboard to the element of a selector. Every element on the way shows its focus, and the bar
// of buttons does not cover it.
func tabTo(t *testing.T, ctx context.Context, selector string) {
	t.Helper()
	reached, _ := json.Marshal(selector)
	for range 60 {
		perform(t, ctx, chromedp.KeyEvent("\t"))
		if problem := evaluate(t, ctx, chromedp.Evaluate[string](focusScript)); problem != "" {
			t.Fatalf("on the way to %s: %s", selector, problem)
		}
		if evaluate(t, ctx, chromedp.Evaluate[bool](`document.activeElement.matches(`+string(reached)+`)`)) {
			return
		}
	}
	t.Fatalf("the keyboard does not reach %s", selector)
}

// focusScript returns a problem of the element with the focus (WCAG 2.2, 2.4.7 and 2.4.11).
const focusScript = `(() => {
  const e = document.activeElement, s = getComputedStyle(e), r = e.getBoundingClientRect();
  if (e === document.body) return "";
  if (s.outlineStyle === "none" || s.outlineWidth === "0px") return "no focus ring: " + e.outerHTML.slice(0, 120);
  if (r.bottom <= 0 || r.top >= innerHeight) return "out of sight: " + e.outerHTML.slice(0, 120);
  const bar = document.querySelector(".bar");
  if (bar && !bar.contains(e) && r.top >= bar.getBoundingClientRect().top) return "covered: " + e.outerHTML.slice(0, 120);
  return "";
})()`

// TestFormByKeyboard approves up to a limit by the keyboard alone, with a fault on the way, and with scripts turned off.
func TestFormByKeyboard(t *testing.T) {
	t.Parallel()
	for _, size := range [][2]int64{{1180, 900}, {360, 740}, {320, 256}} {
		ctx, s := startBrowser(t), newSite(t)
		link := s.requestApproval("A-1", "alan@example.com", purchase)
		_, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		require.NoError(t, err)
		perform(t, ctx, chromedp.EmulateViewport(size[0], size[1]), chromedp.Navigate(link))
		tabTo(t, ctx, `button[value="approve_up_to"]`)
		perform(t, ctx, chromedp.KeyEvent("\r"))
		waitFor(t, ctx, `document.activeElement.name === "value.limit"`)
		require.Equal(t, "480", evaluate(t, ctx, chromedp.Evaluate[string](`document.activeElement.value`)))

		retype(t, ctx, 3, "6000") // more than the maximum
		tabTo(t, ctx, `[name="value.urgent"]`)
		perform(t, ctx, chromedp.KeyEvent(" "))
		tabTo(t, ctx, `#comment`)
		perform(t, ctx, chromedp.KeyEvent("as agreed"))
		tabTo(t, ctx, `button[value="approve_up_to"]`)
		perform(t, ctx, chromedp.KeyEvent("\r"))
		waitForText(t, ctx, "Please correct this")
		waitFor(t, ctx, `document.activeElement.name === "value.limit" && document.activeElement.getAttribute("aria-invalid") === "true"`)
		require.Equal(t, `["6000",true,"as agreed"]`, evaluate(t, ctx, chromedp.Evaluate[string](
			`JSON.stringify([document.querySelector("[name='value.limit']").value, document.querySelector("[name='value.urgent']").checked, document.querySelector("#comment").value])`,
		)))
		require.Equal(t, approval.Pending, s.statusOf("A-1"))

		// Enter in the field sends the form, as everywhere.
		retype(t, ctx, 4, "450.50")
		perform(t, ctx, chromedp.KeyEvent("\r"))
		waitForText(t, ctx, "You chose “Approve up to a limit”")
		o, err := s.store.Get(t.Context(), "A-1")
		require.NoError(t, err)
		vote := o.Approvals[0].Votes[0]
		require.JSONEq(t, `{"limit":450.5,"urgent":true}`, string(vote.Values))
		require.Equal(t, "as agreed", vote.Comment)
		require.Equal(t, "approve_up_to", vote.Choice)
	}
}

// retype replaces the text of n characters in the field with the focus.
func retype(t *testing.T, ctx context.Context, n int, text string) {
	t.Helper()
	perform(t, ctx, chromedp.KeyEvent(kb.End))
	for range n {
		perform(t, ctx, chromedp.KeyEvent(kb.Backspace))
	}
	perform(t, ctx, chromedp.KeyEvent(text))
}

// TestTwoTabs decides in one tab while another is open at the inputs of a choice, and presses a button twice.
func TestTwoTabs(t *testing.T) {
	t.Parallel()
	one, s := startBrowser(t), newSite(t)
	link := s.requestApproval("A-1", "alan@example.com", purchase)
	other := openTab(t, one)
	perform(t, one, chromedp.Navigate(link))
	perform(t, other, chromedp.Navigate(link))
	both(press("reject"))(t, other, s)
	perform(t, other, chromedp.Click(`input[value="budget"]`), chromedp.SendKeys("#comment", "too dear"))
	both(press("approve"))(t, one, s)
	waitForText(t, one, "You approved this")
	both(press("reject"))(t, other, s)
	waitForText(t, other, "it contradicts an earlier decision")
	waitForText(t, other, "too dear")
	o, err := s.store.Get(t.Context(), "A-1")
	require.NoError(t, err)
	require.Len(t, o.Approvals[0].Votes, 1)

	// Back in the first tab, the page shows the present state, and nothing can be decided again.
	perform(t, one, chromedp.NavigateBack())
	waitForText(t, one, "You approved this")
	require.Equal(t, 0, evaluate(t, one, chromedp.Evaluate[int](`document.querySelectorAll("button").length`)))
}

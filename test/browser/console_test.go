package browser

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
)

// listedOrders returns the orders of a list.
const listedOrders = `[...document.querySelectorAll("tbody a.order")].map(a => a.innerText).join(" ")`

// signIn opens a browser and signs in as an operator.
func (d *consoleSite) signIn(t *testing.T) context.Context {
	t.Helper()
	c := startBrowser(t)
	perform(t, c, chromedp.EmulateViewport(1180, 800), chromedp.Navigate(d.url))
	waitForText(t, c, "Operator’s token")
	perform(t, c, chromedp.SendKeys("#token", opsToken), chromedp.KeyEvent("\r"))
	waitForText(t, c, "Pending approvals")
	return c
}

func (d *consoleSite) approval(order string) *approval.Approval {
	d.t.Helper()
	o, err := d.store.Get(d.t.Context(), order)
	require.NoError(d.t, err)
	return o.Approvals[len(o.Approvals)-1]
}

// TestOperators lists pending orders, finds an order, cancels it with a reason, and decides another order.
func TestOperators(t *testing.T) {
	t.Parallel()
	d := newConsoleSite(t)
	d.addAll()
	ctx := d.signIn(t)
	rows := evaluate(t, ctx, chromedp.Evaluate[string](listedOrders))
	require.Equal(t, "PAY-7701 REF-20931 REL-2026.03.1 REF-20944 PAY-7719 REF-20951", rows, "the longest waiting first")
	picture(t, "console-pending", shot(t, ctx))

	perform(t, ctx, chromedp.Click("#find"))
	waitForText(t, ctx, "Find among pending approvals")
	waitFor(t, ctx, `document.activeElement.name === "q"`)
	perform(t, ctx, chromedp.KeyEvent("northw"), chromedp.KeyEvent("\r")) // the field has the focus
	waitForText(t, ctx, "Text: northw")
	require.Equal(t, "PAY-7701", evaluate(t, ctx, chromedp.Evaluate[string](listedOrders)))
	perform(t, ctx, chromedp.Click(`//main//a[.="PAY-7701"]`))
	waitForText(t, ctx, "Timeline")
	all := pageText(t, ctx)
	for _, want := range []string{
		"waiting for 2\u00a0d 2\u00a0h, deadline in 70 minutes", "by mail failed, attempt 1",
		"421 4.7.0 try again later", "Escalated to treasury-lead@example.com",
		"Checked against the purchase order",
	} {
		require.Contains(t, all, want)
	}
	picture(t, "console-order", shot(t, ctx))

	// The browser does not submit the form without a reason.
	perform(t, ctx, chromedp.Click(`//details[@class="decide"]/summary`), chromedp.Click(`//button[@class="cancel"]`))
	require.Equal(t, approval.Pending, d.approval("PAY-7701").Status)
	perform(t, ctx, chromedp.SendKeys("#reason-0", "Ordered twice, see ticket 4711"), chromedp.Click(`//button[@class="cancel"]`))
	waitForText(t, ctx, "Cancelled by ada")
	require.Contains(t, pageText(t, ctx), "Ordered twice, see ticket 4711")
	require.Equal(t, approval.Cancelled, d.approval("PAY-7701").Status)

	perform(t, ctx, chromedp.Click(`//nav//a[contains(., "Pending")]`))
	waitForText(t, ctx, "As of")
	perform(t, ctx, chromedp.Click(`//a[.="PAY-7719"]`))
	waitForText(t, ctx, "Nobody knows of this request")
	perform(
		t,
		ctx,
		chromedp.Click(`//details[@class="decide"]/summary`),
		chromedp.SendKeys("#reason-0", "By phone with the treasurer"),
		chromedp.Click(`//button[@class="reject"]`),
	)
	waitForText(t, ctx, "Rejected – decided by ada")
	vote := d.approval("PAY-7719").Votes[0]
	require.Equal(t, []string{"ada", "By phone with the treasurer", "operator"}, []string{vote.By, vote.Comment, string(vote.Via)})

	perform(t, ctx, chromedp.Click("#signout"))
	waitForText(t, ctx, "Operator’s token")
	perform(t, ctx, chromedp.Navigate(d.url+"order?id=PAY-7701"))
	waitForText(t, ctx, "Operator’s token")
	require.NotContains(t, pageText(t, ctx), "Northwind")
	perform(t, ctx, chromedp.SendKeys("#token", opsToken+"x"), chromedp.KeyEvent("\r"))
	waitForText(t, ctx, "This is not the token of an operator")
	perform(t, ctx, chromedp.SendKeys("#token", opsToken), chromedp.KeyEvent("\r"))
	waitForText(t, ctx, "Northwind") // the page that was asked for before signing in
}

// TestRedriving shows the preview of a redrive of dead letters, and then redrives them.
func TestRedriving(t *testing.T) {
	t.Parallel()
	d := newConsoleSite(t)
	d.addAll()
	ctx := d.signIn(t)
	perform(t, ctx, chromedp.Click(`//nav//a[contains(., "Dead letters")]`))
	waitForText(t, ctx, "By reason")
	require.NotContains(t, pageText(t, ctx), "secret")
	picture(t, "console-dead-letters", shot(t, ctx))

	perform(t, ctx, chromedp.Click(`//tr[contains(., "order: is missing")]//button`))
	waitForText(t, ctx, "3 would be redriven")
	letters, err := d.store.ListDeadLetters(t.Context(), "", 10)
	require.NoError(t, err)
	require.Len(t, letters, 5, "a dry run")
	perform(t, ctx, chromedp.Click("#confirm"))
	waitForText(t, ctx, "3 redriven")
	letters, err = d.store.ListDeadLetters(t.Context(), "", 10)
	require.NoError(t, err)
	require.Len(t, letters, 2)

	// Everything includes exhausted callbacks.
	perform(t, ctx, chromedp.Click(`//main//a[.="Dead letters"]`))
	waitForText(t, ctx, "By reason")
	perform(t, ctx, chromedp.Click("#everything"))
	waitForText(t, ctx, "5 would be redriven")
	require.Contains(t, pageText(t, ctx), "AccessDeniedException")
	picture(t, "console-dry-run", shot(t, ctx))
	perform(t, ctx, chromedp.Click("#confirm"))
	waitForText(t, ctx, "4 redriven")
	require.Contains(t, pageText(t, ctx), "1 failed again at once", "its message has the same fault")
	a := d.approval("PAY-7702")
	require.Equal(t, approval.CallbackPending, a.Callback.State)
	o, err := d.store.Get(t.Context(), "PAY-7702")
	require.NoError(t, err)
	require.Equal(t, approval.EventRedriven, o.History[len(o.History)-1].Kind)
	require.Equal(t, "ada", o.History[len(o.History)-1].By)
}

// TestRedrivingOne redrives an exhausted callback from the page of its order.
func TestRedrivingOne(t *testing.T) {
	t.Parallel()
	d := newConsoleSite(t)
	d.addAll()
	ctx := d.signIn(t)
	perform(t, ctx, chromedp.Click(`//nav//a[contains(., "Exhausted")]`))
	waitForText(t, ctx, "Exhausted callbacks")
	perform(t, ctx, chromedp.Click(`//a[.="PAY-7703"]`))
	waitForText(t, ctx, "Fix the cause of its last error, then redrive")
	perform(t, ctx, chromedp.Click(`//button[@class="redrive"]`))
	waitForText(t, ctx, "1 would be redriven")
	perform(t, ctx, chromedp.Click("#confirm"))
	waitForText(t, ctx, "1 redriven")
	require.Equal(t, approval.CallbackPending, d.approval("PAY-7703").Callback.State)
	require.Equal(t, approval.CallbackExhausted, d.approval("PAY-7702").Callback.State)
	perform(t, ctx, chromedp.Click(`//a[.="Back to the order"]`))
	waitForText(t, ctx, "Callback redriven by ada")
}

// everyPage lists the pages of the console.
func everyPage() []string {
	return []string{
		"", "?filter=open", "?state=attention", "?state=undeliverable", "?state=retrying", "?state=exhausted",
		"?state=unanswered", "?state=closed&q=pay", "?state=all&sort=deadline&filter=open", "?workflow=none",
		"order?id=PAY-7701", "order?id=PAY-7702", "order?id=nobody", "controls",
		"dead-letters", "refused", "refused?source=decision-erp&reason=stale",
	}
}

// TestConsoleOnAPhone uses a narrow screen. Pages must not scroll sideways, and controls must be large enough (WCAG
// 2.2, 1.4.10 and 2.5.8).
func TestConsoleOnAPhone(t *testing.T) {
	t.Parallel()
	d := newConsoleSite(t)
	d.addAll()
	ctx := d.signIn(t)
	perform(t, ctx, chromedp.EmulateViewport(320, 640), chromedp.Navigate(d.url))
	waitForText(t, ctx, "Pending approvals")
	long := strings.Repeat("Donaudampfschifffahrtsgesellschaft", 5)
	d.addNotifiedRequest(long, time.Hour, time.Hour, func(a *approval.Request) {
		a.Title, a.Workflow, a.Step, a.Approvers = long, long, long, approversNamed(long)
	})
	for _, page := range append(everyPage(), "signin", "order?id="+long) {
		perform(t, ctx, chromedp.Navigate(d.url+page))
		waitForText(t, ctx, "a")
		wide := evaluate(
			t,
			ctx,
			chromedp.Evaluate[string](
				`document.documentElement.scrollWidth <= 320 ? "" : [...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > 320).map(e => e.outerHTML.slice(0, 120)).join("\n")`,
			),
		)
		require.Empty(t, wide, page)
		small := evaluate(
			t,
			ctx,
			chromedp.Evaluate[string](
				`[...document.querySelectorAll("button, input:not([type=hidden]), select, nav a, summary")].filter(e => e.offsetParent && e.getBoundingClientRect().height < 24).map(e => e.outerHTML).join()`,
			),
		)
		require.Empty(t, small, page)
	}
}

// TestConsoleByKeyboard uses only the keyboard to skip to the page, find an order, open the form, give a reason and
// cancel.
func TestConsoleByKeyboard(t *testing.T) {
	t.Parallel()
	d := newConsoleSite(t)
	d.addAll()
	ctx := d.signIn(t)
	focus := func() string {
		require.NotEqual(
			t,
			"none 0px",
			evaluate(
				t,
				ctx,
				chromedp.Evaluate[string](`(s=>s.outlineStyle+" "+s.outlineWidth)(getComputedStyle(document.activeElement))`),
			),
		)
		return evaluate(t, ctx, chromedp.Evaluate[string](`(e => (e.id || e.innerText).trim().split("\n")[0])(document.activeElement)`))
	}
	tabs := func(n int) (out []string) {
		for range n {
			perform(t, ctx, chromedp.KeyEvent("\t"))
			out = append(out, focus())
		}
		return out
	}
	require.Equal(t, []string{
		"Skip to the page", "approval-relay", "Pending 6", "Attention 6", "Dead letters 5", "Refused", "Controls", "find",
	}, tabs(8))
	perform(t, ctx, chromedp.Navigate(d.url+"refused"))
	waitForText(t, ctx, "Refused lately")
	tabs(8)
	perform(t, ctx, chromedp.KeyEvent("REF-20951"), chromedp.KeyEvent("\r"))
	waitForText(t, ctx, "Timeline")
	reached := tabs(13)
	require.Equal(t, []string{"find", "Find", "signout", "Reload", "Approve, reject or cancel as operator"}, reached[7:12])
	perform(t, ctx, chromedp.Navigate(d.url+"order?id=REF-20951"))
	waitForText(t, ctx, "Timeline")
	tabs(12)
	perform(t, ctx, chromedp.KeyEvent("\r")) // opens the order
	require.Equal(t, []string{"reason-0", "Approve", "Reject", "Cancel the request"}, tabs(4))
	perform(t, ctx, chromedp.Focus("#reason-0"), chromedp.KeyEvent("not needed"))
	tabs(3)
	perform(t, ctx, chromedp.KeyEvent("\r"))
	waitForText(t, ctx, "Cancelled by ada")
	require.Equal(t, "not needed", d.approval("REF-20951").Reason)
}

func TestConsoleContrastAndNames(t *testing.T) {
	t.Parallel()
	d := newConsoleSite(t)
	d.addAll()
	ctx := d.signIn(t)
	for _, scheme := range []string{"light", "dark"} {
		_, err := chromedp.Call(
			ctx,
			emulation.SetEmulatedMedia,
			emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}},
		)
		require.NoError(t, err)
		for _, page := range append(everyPage(), "signin") {
			perform(t, ctx, chromedp.Navigate(d.url+page))
			waitForText(t, ctx, "a")
			perform(t, ctx, chromedp.Evaluate[chromedp.Void](`document.querySelectorAll("details").forEach(e => e.open = true)`))
			var found struct {
				Seen int
				Bad  []string
			}
			require.NoError(t, json.Unmarshal([]byte(evaluate(t, ctx, chromedp.Evaluate[string](contrastScript))), &found))
			require.Empty(t, found.Bad, "%s %s", scheme, page)
			require.Greater(t, found.Seen, 3)
			require.Equal(t, 1, evaluate(t, ctx, chromedp.Evaluate[int](`document.querySelectorAll("h1").length`)), page)
			require.Equal(t, 0, evaluate(t, ctx, chromedp.Evaluate[int](`document.querySelectorAll("script").length`)), page)
			require.Empty(
				t,
				evaluate(
					t,
					ctx,
					chromedp.Evaluate[string](
						`[...document.querySelectorAll("input:not([type=hidden]), textarea")].filter(e => !e.labels.length || !e.labels[0].innerText.trim()).map(e => e.outerHTML).join()`,
					),
				),
				page,
			)
			require.Empty(
				t,
				evaluate(
					t,
					ctx,
					chromedp.Evaluate[string](
						`[...document.querySelectorAll("[id]")].map(e => e.id).filter((id, i, all) => all.indexOf(id) !== i).join()`,
					),
				),
				"IDs are unique on %s",
				page,
			)
		}
	}
}

// shot returns a screenshot. It tries again if a page is just being replaced, as after a form, because Chromium cannot
// show it then.
func shot(t *testing.T, ctx context.Context) []byte {
	t.Helper()
	for range 100 {
		if png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100)); err == nil {
			return png
		}
		time.Sleep(25 * time.Millisecond)
	}
	return evaluate(t, ctx, chromedp.FullScreenshot(100))
}

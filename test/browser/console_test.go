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

// signIn signs in as an operator does.
func (d *desk) signIn(t *testing.T) context.Context {
	t.Helper()
	c := browse(t)
	do(t, c, chromedp.EmulateViewport(1180, 800), chromedp.Navigate(d.url))
	await(t, c, "Operator’s token")
	do(t, c, chromedp.SendKeys("#token", opsToken), chromedp.KeyEvent("\r"))
	await(t, c, "Pending approvals")
	return c
}

func (d *desk) approval(order string) *approval.Approval {
	d.t.Helper()
	o, err := d.store.Get(d.t.Context(), order)
	require.NoError(d.t, err)
	return o.Approvals[len(o.Approvals)-1]
}

// See what waits, find an order, cancel it with a reason; decide another.
func TestOperators(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.seed()
	ctx := d.signIn(t)
	rows := get(t, ctx, chromedp.Evaluate[string](`[...document.querySelectorAll("tbody a.order")].map(a => a.innerText).join(" ")`))
	require.Equal(t, "PAY-7701 REF-20931 REL-2026.03.1 REF-20944 PAY-7719 REF-20951", rows, "the longest waiting first")
	picture(t, "console-pending", shot(t, ctx))

	do(t, ctx, chromedp.SendKeys("#find", "PAY-77"), chromedp.KeyEvent("\r"))
	await(t, ctx, "Orders that begin with this ID")
	do(t, ctx, chromedp.Click(`//main//a[.="PAY-7701"]`))
	await(t, ctx, "Timeline")
	all := text(t, ctx)
	for _, want := range []string{"waiting for 2\u00a0d 2\u00a0h, deadline in 1 hour", "by mail failed, attempt 1", "421 4.7.0 try again later", "Escalated to treasury-lead@example.com", "Checked against the purchase order"} {
		require.Contains(t, all, want)
	}
	picture(t, "console-order", shot(t, ctx))

	// Without a reason the browser holds it back.
	do(t, ctx, chromedp.Click(`//details[@class="decide"]/summary`), chromedp.Click(`//button[@class="cancel"]`))
	require.Equal(t, approval.Pending, d.approval("PAY-7701").Status)
	do(t, ctx, chromedp.SendKeys("#reason-0", "Ordered twice, see ticket 4711"), chromedp.Click(`//button[@class="cancel"]`))
	await(t, ctx, "Cancelled by ada")
	require.Contains(t, text(t, ctx), "Ordered twice, see ticket 4711")
	require.Equal(t, approval.Cancelled, d.approval("PAY-7701").Status)

	do(t, ctx, chromedp.Click(`//nav//a[contains(., "Pending")]`))
	await(t, ctx, "As of")
	do(t, ctx, chromedp.Click(`//a[.="PAY-7719"]`))
	await(t, ctx, "Nobody knows of this request")
	do(t, ctx, chromedp.Click(`//details[@class="decide"]/summary`), chromedp.SendKeys("#reason-0", "By phone with the treasurer"), chromedp.Click(`//button[@class="reject"]`))
	await(t, ctx, "Rejected – decided by ada")
	vote := d.approval("PAY-7719").Votes[0]
	require.Equal(t, []string{"ada", "By phone with the treasurer", "operator"}, []string{vote.By, vote.Comment, string(vote.Via)})

	do(t, ctx, chromedp.Click("#signout"))
	await(t, ctx, "Operator’s token")
	do(t, ctx, chromedp.Navigate(d.url+"order?id=PAY-7701"))
	await(t, ctx, "Operator’s token")
	require.NotContains(t, text(t, ctx), "Northwind")
	do(t, ctx, chromedp.SendKeys("#token", opsToken+"x"), chromedp.KeyEvent("\r"))
	await(t, ctx, "This is not the token of an operator")
	do(t, ctx, chromedp.SendKeys("#token", opsToken), chromedp.KeyEvent("\r"))
	await(t, ctx, "Northwind") // the page that they wanted
}

// Dead letters: what a redrive would do is seen first, then it is done.
func TestRedriving(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.seed()
	ctx := d.signIn(t)
	do(t, ctx, chromedp.Click(`//nav//a[contains(., "Dead letters")]`))
	await(t, ctx, "By reason")
	require.NotContains(t, text(t, ctx), "secret")
	picture(t, "console-dead-letters", shot(t, ctx))

	do(t, ctx, chromedp.Click(`//tr[contains(., "order: is missing")]//button`))
	await(t, ctx, "3 would be redriven")
	letters, err := d.store.ListDeadLetters(t.Context(), "", 10)
	require.NoError(t, err)
	require.Len(t, letters, 5, "a dry run")
	do(t, ctx, chromedp.Click("#confirm"))
	await(t, ctx, "3 redriven")
	letters, err = d.store.ListDeadLetters(t.Context(), "", 10)
	require.NoError(t, err)
	require.Len(t, letters, 2)

	// Everything: exhausted callbacks, too.
	do(t, ctx, chromedp.Click(`//main//a[.="Dead letters"]`))
	await(t, ctx, "By reason")
	do(t, ctx, chromedp.Click("#everything"))
	await(t, ctx, "5 would be redriven")
	require.Contains(t, text(t, ctx), "AccessDeniedException")
	picture(t, "console-dry-run", shot(t, ctx))
	do(t, ctx, chromedp.Click("#confirm"))
	await(t, ctx, "4 redriven")
	require.Contains(t, text(t, ctx), "1 could not be redriven", "it failed again at once")
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
	d := newDesk(t)
	d.seed()
	ctx := d.signIn(t)
	do(t, ctx, chromedp.Click(`//nav//a[contains(., "Exhausted")]`))
	await(t, ctx, "Exhausted callbacks")
	do(t, ctx, chromedp.Click(`//a[.="PAY-7703"]`))
	await(t, ctx, "Fix the cause of the error below, then redrive")
	do(t, ctx, chromedp.Click(`//button[@class="redrive"]`))
	await(t, ctx, "1 would be redriven")
	do(t, ctx, chromedp.Click("#confirm"))
	await(t, ctx, "1 redriven")
	require.Equal(t, approval.CallbackPending, d.approval("PAY-7703").Callback.State)
	require.Equal(t, approval.CallbackExhausted, d.approval("PAY-7702").Callback.State)
	do(t, ctx, chromedp.Click(`//a[.="Back to the order"]`))
	await(t, ctx, "Callback redriven by ada")
}

// everyPage lists what there is to see.
func everyPage() []string {
	return []string{"", "order?id=PAY-7701", "order?id=PAY-7702", "order?id=PAY", "order?id=nobody", "exhausted", "dead-letters"}
}

// A narrow screen: nothing to scroll sideways, and what is pressed as large as a
// thumb (WCAG 2.2, 1.4.10 and 2.5.8).
func TestConsoleOnAPhone(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.seed()
	ctx := d.signIn(t)
	do(t, ctx, chromedp.EmulateViewport(320, 640), chromedp.Navigate(d.url))
	await(t, ctx, "Pending approvals")
	picture(t, "console-phone", shot(t, ctx))
	long := strings.Repeat("Donaudampfschifffahrtsgesellschaft", 5)
	d.told(long, time.Hour, time.Hour, func(a *approval.Request) { a.Title, a.Workflow, a.Step, a.Approvers = long, long, long, people(long) })
	for _, page := range append(everyPage(), "signin", "order?id="+long) {
		do(t, ctx, chromedp.Navigate(d.url+page))
		await(t, ctx, "a")
		wide := get(t, ctx, chromedp.Evaluate[string](`document.documentElement.scrollWidth <= 320 ? "" : [...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > 320).map(e => e.outerHTML.slice(0, 120)).join("\n")`))
		require.Empty(t, wide, page)
		small := get(t, ctx, chromedp.Evaluate[string](`[...document.querySelectorAll("button, input:not([type=hidden]), nav a, summary")].filter(e => e.offsetParent && e.getBoundingClientRect().height < 24).map(e => e.outerHTML).join()`))
		require.Empty(t, small, page)
	}
}

// Keyboard only: skip to the page, find an order, open the form, say why, cancel.
func TestConsoleByKeyboard(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.seed()
	ctx := d.signIn(t)
	focus := func() string {
		require.NotEqual(t, "none 0px", get(t, ctx, chromedp.Evaluate[string](`(s=>s.outlineStyle+" "+s.outlineWidth)(getComputedStyle(document.activeElement))`)))
		return get(t, ctx, chromedp.Evaluate[string](`(e => (e.id || e.innerText).trim().split("\n")[0])(document.activeElement)`))
	}
	tabs := func(n int) (out []string) {
		for range n {
			do(t, ctx, chromedp.KeyEvent("\t"))
			out = append(out, focus())
		}
		return out
	}
	require.Equal(t, []string{"Skip to the page", "approval-relay", "Pending 6", "Exhausted 3", "Dead letters 5", "find"}, tabs(6))
	do(t, ctx, chromedp.KeyEvent("REF-20951"), chromedp.KeyEvent("\r"))
	await(t, ctx, "Timeline")
	reached := tabs(11)
	require.Equal(t, []string{"find", "Find", "signout", "Reload", "Approve, reject or cancel as operator"}, reached[5:10])
	do(t, ctx, chromedp.Navigate(d.url+"order?id=REF-20951"))
	await(t, ctx, "Timeline")
	tabs(10)
	do(t, ctx, chromedp.KeyEvent("\r")) // opens it
	require.Equal(t, []string{"reason-0", "Approve", "Reject", "Cancel the request"}, tabs(4))
	do(t, ctx, chromedp.Focus("#reason-0"), chromedp.KeyEvent("not needed"))
	tabs(3)
	do(t, ctx, chromedp.KeyEvent("\r"))
	await(t, ctx, "Cancelled by ada")
	require.Equal(t, "not needed", d.approval("REF-20951").Reason)
}

func TestConsoleContrastAndNames(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.seed()
	ctx := d.signIn(t)
	for _, scheme := range []string{"light", "dark"} {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
		require.NoError(t, err)
		for _, page := range append(everyPage(), "signin") {
			do(t, ctx, chromedp.Navigate(d.url+page))
			await(t, ctx, "a")
			do(t, ctx, chromedp.Evaluate[chromedp.Void](`document.querySelectorAll("details").forEach(e => e.open = true)`))
			var found struct {
				Seen int
				Bad  []string
			}
			require.NoError(t, json.Unmarshal([]byte(get(t, ctx, chromedp.Evaluate[string](contrast))), &found))
			require.Empty(t, found.Bad, "%s %s", scheme, page)
			require.Greater(t, found.Seen, 3)
			require.Equal(t, 1, get(t, ctx, chromedp.Evaluate[int](`document.querySelectorAll("h1").length`)), page)
			require.Equal(t, 0, get(t, ctx, chromedp.Evaluate[int](`document.querySelectorAll("script").length`)), page)
			require.Empty(t, get(t, ctx, chromedp.Evaluate[string](`[...document.querySelectorAll("input:not([type=hidden]), textarea")].filter(e => !e.labels.length || !e.labels[0].innerText.trim()).map(e => e.outerHTML).join()`)), page)
			require.Empty(t, get(t, ctx, chromedp.Evaluate[string](`[...document.querySelectorAll("[id]")].map(e => e.id).filter((id, i, all) => all.indexOf(id) !== i).join()`)), "IDs are unique on %s", page)
		}
	}
}

// shot is what the page looks like. While one page takes the place of another of
// the same tab, as after a form, Chromium has none to show.
func shot(t *testing.T, ctx context.Context) []byte {
	t.Helper()
	for range 100 {
		if png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100)); err == nil {
			return png
		}
		time.Sleep(25 * time.Millisecond)
	}
	return get(t, ctx, chromedp.FullScreenshot(100))
}

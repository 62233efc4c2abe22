package browser

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/web/console"
)

// addMany adds pending refunds of which the approvers know, requested one after the other.
func (d *consoleSite) addMany(n int) {
	for i := range n {
		d.addNotifiedRequest(fmt.Sprintf("BULK-%03d", i), time.Duration(n-i)*time.Hour, time.Duration(300+i)*time.Hour,
			func(a *approval.Request) { a.Title = fmt.Sprintf("Refund number %d to a customer", i) })
	}
}

// addUnanswered adds a payout that was approved after its workflow had ended.
func (d *consoleSite) addUnanswered(order string) {
	d.addNotifiedRequest(order, 4*time.Hour, 40*time.Hour, func(a *approval.Request) {
		a.Title = "Payout to supplier " + order
		a.Workflow = "payouts"
	})
	d.on(order, func(o *approval.Order) {
		_, acts, err := o.Decide(approval.Decision{
			ID:      "d",
			Outcome: approval.Approve,
			By:      "alan@example.com",
			Via:     approval.ViaLink,
			Source:  "link",
		}, approval.UnmatchedRetention{}, d.ago(time.Hour))
		require.NoError(d.t, err)
		end(o, acts, d.ago(time.Hour), func(string) approval.Result {
			return approval.Result{Kind: approval.ResultClosed, Reason: "TaskTimedOut: the task has ended", ReasonCode: approval.ReasonTaskClosed}
		})
	})
}

// TestFindingAFew finds the one request of which nobody knows among 222 others, first by a tile and then by the filter.
func TestFindingAFew(t *testing.T) {
	t.Parallel()
	d := newConsoleSite(t)
	d.addAll()
	d.addMany(216)
	ctx := d.signIn(t)
	require.NotContains(t, evaluate(t, ctx, chromedp.Evaluate[string](listedOrders)), "PAY-7719", "it is young, and not on the first page")
	perform(t, ctx, chromedp.Click(`//main//a[contains(., "Undeliverable")]`))
	waitForText(t, ctx, "Undeliverable approvals")
	require.Equal(t, "PAY-7719", evaluate(t, ctx, chromedp.Evaluate[string](listedOrders)))
	picture(t, "console-undeliverable", shot(t, ctx))

	perform(t, ctx, chromedp.Click(`//main//a[contains(., "All")]`))
	waitForText(t, ctx, "All approvals")
	perform(t, ctx, chromedp.Click("#find"))
	waitForText(t, ctx, "Find among all approvals")
	perform(t, ctx,
		chromedp.SetValue("#state", "closed"),
		chromedp.SendKeys("#approver", "Alan@example.com"),
		chromedp.SetValue("#sort", "order"),
		chromedp.SendKeys("#workflow", "payouts"),
	)
	picture(t, "console-filter", shot(t, ctx))
	perform(t, ctx, chromedp.Click("#apply"))
	waitForText(t, ctx, "Closed approvals")
	require.Equal(t, "PAY-7702 PAY-7703 PAY-7704", evaluate(t, ctx, chromedp.Evaluate[string](listedOrders)))
	perform(t, ctx, chromedp.Click(`//a[@aria-label="Remove the filter Workflow"]`))
	waitFor(t, ctx, `document.querySelectorAll(".filters li").length === 1`)
}

// TestListLoadsItselfAgain waits for a list to show a new request without a script and without a click. After a click
// on the link it stays as it is.
func TestListLoadsItselfAgain(t *testing.T) {
	t.Parallel()
	d := newConsoleSite(t, func(c *console.Config) { c.RefreshEvery = time.Second })
	ctx := d.signIn(t)
	waitForText(t, ctx, "No approval is pending")
	d.addNotifiedRequest("NEW-1", time.Minute, time.Hour, func(*approval.Request) {})
	waitForText(t, ctx, "NEW-1")
	waitFor(t, ctx, `document.querySelector("#refresh")`)
	perform(t, ctx, chromedp.Click("#refresh"))
	waitForText(t, ctx, "Load again every 30 seconds")
	perform(t, ctx, chromedp.Evaluate[chromedp.Void](`document.body.dataset.kept = "yes"`), chromedp.SendKeys("#find", "text"))
	d.addNotifiedRequest("NEW-2", time.Minute, time.Hour, func(*approval.Request) {})
	later := openTab(t, ctx)
	perform(t, later, chromedp.Navigate(d.url))
	waitForText(t, later, "NEW-2") // the other tab has its own page, and the first one is kept
	require.Equal(t, "yes", evaluate(t, ctx, chromedp.Evaluate[string](`document.body.dataset.kept || ""`)))
	require.Equal(t, "text", evaluate(t, ctx, chromedp.Evaluate[string](`document.querySelector("#find").value`)))
}

// TestControlling drains a workflow and resumes it.
func TestControlling(t *testing.T) {
	t.Parallel()
	d := newConsoleSite(t)
	d.addAll()
	ctx := d.signIn(t)
	perform(t, ctx, chromedp.Click(`//nav//a[contains(., "Controls")]`))
	waitForText(t, ctx, "Nothing is drained or paused")
	perform(t, ctx, chromedp.Click(`//button[.="Pause"]`)) // the browser asks for the workflow and the reason
	perform(t, ctx, chromedp.SendKeys("#workflow", "payouts"), chromedp.SendKeys("#reason", "The bank’s interface is down"))
	perform(t, ctx, chromedp.Click(`//button[.="Pause"]`))
	waitForText(t, ctx, "Resume payouts")
	controls, err := d.store.Controls(t.Context())
	require.NoError(t, err)
	require.Len(t, controls, 1)
	require.Equal(t, store.ControlPause, controls[0].Mode)
	picture(t, "console-controls", shot(t, ctx))
	perform(t, ctx, chromedp.Navigate(d.url+"order?id=PAY-7701"))
	waitForText(t, ctx, "An operator (ada) has paused this workflow")
	perform(t, ctx, chromedp.Click(`//nav//a[contains(., "Controls")]`))
	waitForText(t, ctx, "Resume payouts")
	perform(t, ctx, chromedp.Click(`//button[starts-with(., "Resume")]`))
	waitForText(t, ctx, "Nothing is drained or paused")
}

// TestConsoleStates opens every page of the console on a desktop, on a phone and magnified, in light and dark: axe finds
// nothing, nothing scrolls sideways, no script runs, and nothing comes from elsewhere.
func TestConsoleStates(t *testing.T) {
	t.Parallel()
	source := readAxe(t)
	d := newConsoleSite(t)
	d.addAll()
	d.addUnanswered("PAY-7710")
	d.addQueued(60)
	ctx := d.signIn(t)
	foreign := watchRequests(t, ctx)
	perform(t, ctx, chromedp.Navigate(d.url+"controls"))
	waitForText(t, ctx, "Drain or pause")
	perform(t, ctx, chromedp.SendKeys("#workflow", "refunds"), chromedp.SendKeys("#reason", "Upgrade of the ERP"), chromedp.Click(`//button[.="Drain"]`))
	waitForText(t, ctx, "Resume refunds")
	for _, page := range append(everyPage(), "order?id=PAY-7710") {
		perform(t, ctx, chromedp.Navigate(d.url+page))
		waitFor(t, ctx, `document.querySelector("h1")`)
		perform(t, ctx, chromedp.Evaluate[chromedp.Void](`document.querySelectorAll("details").forEach(e => e.open = true)`))
		checkState(t, ctx, source, page)
		require.Empty(t, foreign(d.server), page)
	}
}

// TestListOnAPhone holds that a row of the list is short on a phone, and that the list begins on the first screen.
func TestListOnAPhone(t *testing.T) {
	t.Parallel()
	d := newConsoleSite(t)
	d.addAll()
	d.addMany(60)
	ctx := d.signIn(t)
	perform(t, ctx, chromedp.EmulateViewport(360, 740), chromedp.Navigate(d.url))
	waitForText(t, ctx, "Pending approvals")
	picture(t, "console-phone", shot(t, ctx))
	measure := func(script string) int { return evaluate(t, ctx, chromedp.Evaluate[int](script)) }
	require.Equal(t, 50, measure(`document.querySelectorAll("tbody tr").length`))
	require.Less(t, measure(`Math.round(document.querySelector("tbody").offsetHeight / 50)`), 170, "height of a row")
	require.Less(t, measure(`Math.round(document.querySelector("header").offsetHeight)`), 160, "height of the header")
	require.Less(t, measure(`Math.round(document.querySelector("tbody tr").getBoundingClientRect().top)`), 740, "the first row is in sight")
}

package browser

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/store"
)

// letterQueue is a dead letter queue in memory.
type letterQueue struct {
	mu      sync.Mutex
	letters []store.QueuedLetter
}

// Count implements handlers.DeadLetterQueue.
func (q *letterQueue) Count(_ context.Context, r store.QueueRedrive) (report store.QueueReport, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, l := range q.letters {
		if r.Selects(l.ReasonCode) {
			report.Found.Add(l.ReasonCode, 1, l.Reason)
		}
	}
	return report, nil
}

// Move implements handlers.DeadLetterQueue.
func (q *letterQueue) Move(ctx context.Context, r store.QueueRedrive) (store.QueueReport, error) {
	report, _ := q.Count(ctx, r)
	q.mu.Lock()
	defer q.mu.Unlock()
	before := len(q.letters)
	q.letters = slices.DeleteFunc(q.letters, func(l store.QueuedLetter) bool { return r.Selects(l.ReasonCode) })
	report.Requeued = before - len(q.letters)
	return report, nil
}

// Look implements handlers.DeadLetterQueue.
func (q *letterQueue) Look(_ context.Context, r store.QueueLook) (out []store.QueuedLetter, hasMore bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, l := range q.letters {
		if r.ReasonCode == "" || r.ReasonCode == l.ReasonCode {
			if !r.WithBodies {
				l.Body = nil
			}
			out = append(out, l)
		}
	}
	return out[:min(len(out), r.Max)], len(out) > r.Max, nil
}

// Dismiss implements handlers.DeadLetterQueue.
func (q *letterQueue) Dismiss(_ context.Context, d store.Dismissal) (ids []string, hasMore bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.letters = slices.DeleteFunc(q.letters, func(l store.QueuedLetter) bool {
		isChosen := slices.Contains(d.MessageIDs, l.ID) || d.ReasonCode != "" && d.ReasonCode == l.ReasonCode
		if isChosen {
			ids = append(ids, l.ID)
		}
		return isChosen
	})
	return ids, false, nil
}

// CountAll implements handlers.DeadLetterQueue.
func (q *letterQueue) CountAll(context.Context) (queue string, messages int, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return "erp-decisions-dlq", len(q.letters), nil
}

// addQueued puts messages into the dead letter queue.
func (d *consoleSite) addQueued(n int) {
	for i := range n {
		d.queue.letters = append(d.queue.letters, store.QueuedLetter{
			ID:         fmt.Sprintf("5fea7756-0ea4-451a-a703-a558b933e%03d", i),
			ReasonCode: "invalid_field:outcome",
			Reason:     "outcome: has 5 characters and is neither an approval nor a rejection",
			At:         d.now.Add(-time.Duration(i+1) * time.Hour),
			Body:       []byte(`{"orderId": "PAY-7701", "outcome": "maybe"}`),
		})
	}
}

// TestDeadLettersInQueues counts, opens and dismisses dead letters of the store and of a queue.
func TestDeadLettersInQueues(t *testing.T) {
	t.Parallel()
	d := newConsoleSite(t)
	d.addAll()
	d.addQueued(12)
	ctx := d.signIn(t)
	perform(t, ctx, chromedp.Click(`//nav//a[contains(., "Dead letters") and contains(., "17")]`))
	waitForText(t, ctx, "5 in the store, 12 in dead letter queues")
	perform(t, ctx, chromedp.Click("#bodies"))
	waitFor(t, ctx, `document.querySelectorAll("summary").length === 17`)
	perform(t, ctx, chromedp.Evaluate[chromedp.Void](`[...document.querySelectorAll("details")].at(-1).open = true`))
	require.Contains(t, pageText(t, ctx), `"outcome": "maybe"`)

	perform(t, ctx, chromedp.Click(`//main//a[.="invalid_field:outcome"]`))
	waitForText(t, ctx, "1 in the store, 12 in dead letter queues, with the reason")
	perform(t, ctx,
		chromedp.Click(`//label[contains(., "e003")]`),
		chromedp.SendKeys("#dismiss-reason", "Sent by a test.\nAgreed with the ERP team."),
		chromedp.Click(`//button[contains(., "Dismiss the chosen")]`),
	)
	waitForText(t, ctx, "1 dead letter would be removed for good")
	picture(t, "console-dismiss", shot(t, ctx))
	require.Len(t, d.queue.letters, 12)
	perform(t, ctx, chromedp.Click("#confirm"))
	waitForText(t, ctx, "1 removed")
	require.Len(t, d.queue.letters, 11)

	perform(t, ctx, chromedp.Navigate(d.url+"dead-letters?reason=invalid_field:outcome"))
	waitForText(t, ctx, "1 in the store, 11 in dead letter queues, with the reason")
	perform(t, ctx, chromedp.SendKeys("#dismiss-reason", "All of that test"), chromedp.Click(`//button[contains(., "Dismiss all")]`))
	waitForText(t, ctx, "All dead letters with the reason invalid_field:outcome")
	perform(t, ctx, chromedp.Click("#confirm"))
	waitForText(t, ctx, "12 removed")
	require.Empty(t, d.queue.letters)
	letters, err := d.store.ListDeadLetters(t.Context(), "", 10)
	require.NoError(t, err)
	require.Len(t, letters, 4)
	perform(t, ctx, chromedp.Click(`//nav//a[contains(., "Dead letters") and contains(., "4")]`))
	waitForText(t, ctx, "4 in the store, 0 in dead letter queues")
}

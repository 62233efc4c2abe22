package browser

import (
	"context"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
)

// told is a request whose requester is told, and answers questions.
func told(a *approval.Request) {
	purchase(a)
	a.RequesterChannels = []string{"mail"}
	a.RequesterNonce = "r"
	a.RequesterComments = true
	a.RequesterWithdraws = true
	a.RequesterAnswers = true
}

// openStatus opens the page of the requester.
func openStatus(t *testing.T, ctx context.Context, s *site) {
	t.Helper()
	o, err := s.store.Get(t.Context(), "A-1")
	require.NoError(t, err)
	perform(t, ctx, chromedp.Navigate(s.links.StatusURL(o.RequesterCapability(o.Approvals[0]))))
}

// openAll opens the parts of the page that are shown on demand.
func openAll(t *testing.T, ctx context.Context, _ *site) {
	t.Helper()
	evaluate(t, ctx, chromedp.Evaluate[int](`document.querySelectorAll("details").forEach(d => d.open = true), 1`))
}

// ask asks the requester a question on the page.
func ask(t *testing.T, ctx context.Context, s *site) {
	t.Helper()
	openAll(t, ctx, s)
	perform(t, ctx, chromedp.SendKeys("#act-question", "Which cost centre?"), chromedp.Click(`button[value="ask"]`))
}

func statesOfActs() []state {
	return []state{
		{name: "acts", change: told, steps: openAll, says: "Technical details"},
		{name: "asked", change: told, steps: both(ask), says: "Which cost centre?"},
		{name: "status", change: told, steps: openStatus, says: "Toner and paper"},
		{name: "status with a question", change: told, steps: func(t *testing.T, ctx context.Context, s *site) {
			t.Helper()
			both(ask)(t, ctx, s)
			openStatus(t, ctx, s)
			openAll(t, ctx, s)
		}, says: "Which cost centre?"},
		{
			name: "status of a closed request", change: told, then: choose("alan@example.com", "return", "", "Which centre?"),
			steps: openStatus, says: "Which centre?",
		},
	}
}

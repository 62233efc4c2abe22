package browser

import (
	"net/http"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/refusal/recent"
)

type ignoreRefusals struct{}

func (ignoreRefusals) Refused(string, refusal.Code) {}

// refuseSome records what an operator finds after a day: senders with a wrong secret or clock, a queue with a message
// that has no order, a program without a verb, and people with links that were cut off.
func (d *consoleSite) refuseSome(to *recent.List) {
	webhook := func(ago time.Duration, r refusal.Refusal) {
		r.Time, r.Source, r.Status = d.now.Add(-ago), "decision-erp", http.StatusUnauthorized
		r.Route, r.Remote = "POST /webhooks/{source}", "203.0.113.9"
		to.RecordRefusal(d.t.Context(), r)
	}
	for i := range 37 {
		webhook(time.Duration(40-i)*time.Minute, refusal.Refusal{
			Code:   refusal.Mismatch,
			Field:  "X-Signature-256",
			Detail: "the header X-Signature-256 has the signature of no configured secret",
			Size:   1480,
			Body:   []byte("{\"orderId\": \"A-1001\",\n \"decision\": \"approve\"}\n"),
		})
	}
	webhook(3*time.Hour, refusal.Refusal{
		Code:   refusal.Stale,
		Field:  "X-Timestamp",
		Detail: "the time of sending in the header X-Timestamp is more than 5m0s in the past",
		Size:   1480,
	})
	for _, r := range []refusal.Refusal{
		{
			Source: "request-orders",
			Code:   refusal.Missing,
			Field:  "order",
			Detail: "order: is missing; looked for in body.orderId, body.order_id, body.order, body.id; the body has customer, total, Token",
			Size:   611,
		}, {
			Source:    refusal.SourceAPI,
			Code:      refusal.Forbidden,
			Detail:    "the token of api:erp lacks the verb ask",
			Status:    http.StatusForbidden,
			Remote:    "10.0.0.7",
			Route:     "POST /v1/requests",
			Principal: "api:erp",
			Size:      80,
		}, {
			Source: refusal.SourceLink,
			Code:   refusal.Malformed,
			Detail: "the link cannot be opened: it was cut off or forged, or its key is no longer in the key file",
			Status: http.StatusNotFound,
			Remote: "2001:db8::17",
			Route:  "/a/{token}",
		},
	} {
		r.Time = d.now.Add(-40 * time.Minute)
		to.RecordRefusal(d.t.Context(), r)
	}
}

// TestRefused finds out from the console alone why a sender gets 401: it filters the list and opens the body.
func TestRefused(t *testing.T) {
	t.Parallel()
	d := newConsoleSite(t)
	ctx := d.signIn(t)
	perform(t, ctx, chromedp.Click(`//nav//a[contains(., "Refused")]`))
	waitForText(t, ctx, "Refused lately")
	text := pageText(t, ctx)
	require.Contains(t, text, "37 times")
	require.Contains(t, text, "looked for in body.orderId")
	require.NotContains(t, text, "A-1001", "a body is shown on demand only")
	picture(t, "console-refused", shot(t, ctx))

	perform(t, ctx,
		chromedp.SetValue("#source", "decision-erp"),
		chromedp.SetValue("#reason", "mismatch"),
		chromedp.Click("#filter"),
	)
	waitForText(t, ctx, "Show all")
	text = pageText(t, ctx)
	require.Contains(t, text, "the signature of no configured secret")
	require.NotContains(t, text, "lacks the verb ask")
	perform(t, ctx, chromedp.Click(`//button[.="Open the body"]`))
	waitForText(t, ctx, "The log says that you have looked")
	require.Contains(t, pageText(t, ctx), "A-1001")
}

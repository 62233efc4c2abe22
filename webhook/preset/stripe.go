package preset

import "github.com/approval-relay/approval-relay/webhook"

// Stripe are the settings of Stripe's webhooks, and of senders that sign alike. See webhook.StripeSettings.
type Stripe struct {
	webhook.StripeSettings `yaml:",inline"`
}

// Reading implements Sender. A review of Radar that people close decides, and the order ID is its payment. A session of
// Checkout decides by its payment, and the order ID is client_reference_id or order_id in the metadata
// (https://docs.stripe.com/api/radar/reviews/object, https://docs.stripe.com/api/checkout/sessions/object). Whoever opens
// a payment link chooses its client_reference_id in the URL, so that it is not read there
// (https://docs.stripe.com/payment-links/url-parameters); metadata is ours. Other senders have bodies of their own.
func (s *Stripe) Reading() Reading {
	const object = `body.data.object`
	const isOfLink = `!(` + object + `.?payment_link.orValue(null) in [null, ""])`
	const orderOfLink = object + `.?metadata.?order_id.orValue("") + ` + object + `.?metadata.?orderId.orValue("") != ""`
	return Reading{
		Event: `body.?object.orValue("") == "event"`,
		Filter: `(body.type == "review.closed" && ` + object +
			`.closed_reason in ["approved", "refunded", "refunded_as_fraud", "disputed", "canceled"]) || ` +
			`((body.type == "checkout.session.completed" && ` + object + `.payment_status in ["paid", "no_payment_required"]) || ` +
			`body.type in ["checkout.session.async_payment_succeeded", "checkout.session.async_payment_failed", ` +
			`"checkout.session.expired"]) && (!(` + isOfLink + `) || ` + orderOfLink + `)`,
		Fields: map[string][]string{
			"id": {`body.id`},
			"order": {
				`body.type == "review.closed" ? ` + object + `.payment_intent : ""`,
				isOfLink + ` ? "" : ` + object + `.client_reference_id`, object + `.metadata.order_id`, object + `.metadata.orderId`,
			},
			"outcome": {
				`body.type == "review.closed" ? (` + object + `.closed_reason == "approved" ? "approve" : "reject") : ""`,
				`body.type in ["checkout.session.completed", "checkout.session.async_payment_succeeded"] ? "approve" : ""`,
				`body.type in ["checkout.session.async_payment_failed", "checkout.session.expired"] ? "reject" : ""`,
			},
			"comment": {`body.type == "review.closed" ? ` + object + `.closed_reason : ""`},
		},
	}
}

package preset

import (
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/webhook"
)

// Webflow are the settings of Webflow's webhooks that were made by its API; those of its dashboard are not signed. They
// sign the time, a colon and the body: HMAC-SHA256, hex, in X-Webflow-Signature. The time is in X-Webflow-Timestamp, in
// milliseconds (https://developers.webflow.com/data/docs/working-with-webhooks#validating-request-signatures).
type Webflow struct {
	Secrets []secret.Text `yaml:"secrets" doc:"secret keys of the webhook, or the client secret of the app that made it; any may have signed"`
}

// Scheme implements webhook.Settings.
func (s *Webflow) Scheme() (webhook.Scheme, error) {
	return hmacScheme(webhook.HMACSettings{
		Header:          "X-Webflow-Signature",
		Signed:          "{timestamp}:{body}",
		TimestampHeader: "X-Webflow-Timestamp",
		TimestampFormat: "unix_ms",
		Secrets:         s.Secrets,
	})
}

// Reading implements Sender. The fields of a form have the names that its designer gave them. Nothing in a form says who
// has filled it in: an e-mail address that somebody typed is no proof, so that no field is read as the person.
func (s *Webflow) Reading() Reading {
	form := func(names ...string) []string {
		var places []string
		for _, name := range names {
			places = append(places, `body.payload.data["`+name+`"]`)
		}
		return places
	}
	return Reading{
		Event:  `has(body.triggerType)`,
		Filter: `body.triggerType == "form_submission"`,
		Fields: map[string][]string{
			"id":      {`body.payload.id`},
			"order":   form("orderId", "Order ID", "Order Id", "order-id", "Order", "order"),
			"outcome": form("decision", "Decision"),
			"comment": form("comment", "Comment"),
		},
	}
}

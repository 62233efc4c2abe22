package preset

import (
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/webhook"
)

// Zendesk are the settings of Zendesk's webhooks. They sign the time and the body with nothing between them:
// HMAC-SHA256, base64, in X-Zendesk-Webhook-Signature. The time is in X-Zendesk-Webhook-Signature-Timestamp, in RFC 3339.
// The secret looks like base64 and is used as it is written
// (https://developer.zendesk.com/documentation/webhooks/verifying/).
type Zendesk struct {
	Secrets []secret.Text `yaml:"secrets" doc:"signing secrets of the webhook, any of which may have signed"`
}

// Scheme implements webhook.Settings.
func (s *Zendesk) Scheme() (webhook.Scheme, error) {
	return hmacScheme(webhook.HMACSettings{
		Header:          "X-Zendesk-Webhook-Signature",
		Encoding:        "base64",
		Signed:          "{timestamp}{body}",
		TimestampHeader: "X-Zendesk-Webhook-Signature-Timestamp",
		TimestampFormat: "rfc3339",
		Secrets:         s.Secrets,
	})
}

// Reading implements Sender. A trigger or automation posts a body that its author writes. A webhook that is subscribed
// to events posts those of Zendesk: then the tag approved or rejected on a ticket decides. The order ID is the external
// ID of the ticket, or its number
// (https://developer.zendesk.com/api-reference/webhooks/event-types/ticket-events, tags_changed).
func (s *Zendesk) Reading() Reading {
	const tags = `body.event.tags_added`
	return Reading{
		Event: `has(body.zendesk_event_version)`,
		Filter: `body.type == "zen:event-type:ticket.tags_changed" && ` +
			`("approved" in ` + tags + `) != ("rejected" in ` + tags + `)`,
		Fields: map[string][]string{
			"id":      {`body.id`},
			"order":   {`body.detail.external_id`, `string(body.detail.id)`},
			"outcome": {`"approved" in ` + tags + ` ? "approve" : "reject"`},
			"by":      {`string(body.detail.actor_id)`},
		},
	}
}

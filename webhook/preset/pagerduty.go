package preset

import (
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/webhook"
)

// PagerDuty are the settings of PagerDuty's V3 webhooks. They sign the body: HMAC-SHA256, hex, in X-PagerDuty-Signature
// as v1=SIGNATURE. While a secret rotates, the header has several signatures, separated by commas
// (https://developer.pagerduty.com/docs/verifying-webhook-signatures).
type PagerDuty struct {
	Secrets []secret.Text `yaml:"secrets" doc:"secrets of the webhook subscription, any of which may have signed"`
}

// Scheme implements webhook.Settings.
func (s *PagerDuty) Scheme() (webhook.Scheme, error) {
	return hmacScheme(webhook.HMACSettings{Header: "X-PagerDuty-Signature", Prefix: "v1=", Secrets: s.Secrets})
}

// Reading implements Sender. An incident has no button for an approval, so that a note decides: one that begins with
// the word approve or reject. The title of the incident begins with the order ID and a colon. The event names the person
// by an account ID, because anybody can change the name that PagerDuty shows
// (https://developer.pagerduty.com/docs/webhooks-overview, incident.annotated).
func (s *PagerDuty) Reading() Reading {
	const title = `body.event.data.incident.summary`
	const content = `body.event.data.content`
	return Reading{
		Event: `has(body.event)`,
		Filter: `body.event.event_type == "incident.annotated" && body.event.agent.type == "user_reference" && ` +
			content + `.matches("(?i)^\\s*(approved?|reject(ed)?)([^?\\w]|$)")`, // "approve?" asks for a decision
		Fields: map[string][]string{
			"id": {`body.event.id`},
			// The API writes titles as "[#42] TITLE".
			"order":   {title + `.substring(` + title + `.startsWith("[#") ? ` + title + `.indexOf("]") + 1 : 0).split(":")[0].trim()`},
			"outcome": {content + `.lowerAscii().trim().startsWith("approve") ? "approve" : "reject"`},
			"by":      {`body.event.agent.id`},
			"comment": {content},
		},
	}
}

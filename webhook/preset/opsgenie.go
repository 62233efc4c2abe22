package preset

import (
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/webhook"
)

// Opsgenie are the settings of Opsgenie's webhook integration. It signs nothing. It sends the headers that the
// integration lists under "custom headers", such as Authorization with the value Bearer TOKEN
// (https://support.atlassian.com/opsgenie/docs/integrate-opsgenie-with-webhook/).
type Opsgenie struct {
	Header string        `yaml:"header" doc:"custom header with the token; empty is Authorization, whose value is Bearer and the token"`
	Tokens []secret.Text `yaml:"tokens" doc:"tokens, any of which is accepted"`
}

// Scheme implements webhook.Settings.
func (s *Opsgenie) Scheme() (webhook.Scheme, error) { return tokenScheme(s.Header, s.Tokens) }

// Reading implements Sender. Acknowledge approves, Close rejects. The order ID is the alias of the alert, which its
// creator chooses. Alerts that a policy closes are no decisions
// (https://support.atlassian.com/opsgenie/docs/opsgenie-edge-connector-alert-action-data/).
func (s *Opsgenie) Reading() Reading {
	return Reading{
		Event:  `has(body.alert)`,
		Filter: `body.action in ["Acknowledge", "Close"] && body.?source.?type.orValue("").lowerAscii() != "system"`,
		Fields: map[string][]string{
			"id":      {`body.alert.alertId + "/" + body.action`},
			"order":   {`body.alert.alias`},
			"outcome": {`body.action == "Acknowledge" ? "approve" : "reject"`},
			"by":      {`body.alert.username`},
			"comment": {`body.alert.note`},
		},
	}
}

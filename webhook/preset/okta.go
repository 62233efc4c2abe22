package preset

import (
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/setup"
	"github.com/approval-relay/approval-relay/webhook"
)

// Okta are the settings of Okta's event hooks. They sign nothing: they send a header whose whole value is the secret of
// the hook. Before the first event Okta verifies the endpoint: a GET with the header X-Okta-Verification-Challenge, whose
// value the answer must have as {"verification": VALUE} (https://developer.okta.com/docs/concepts/event-hooks/).
type Okta struct {
	Header string        `yaml:"header" doc:"authentication field of the hook; empty is Authorization"`
	Tokens []secret.Text `yaml:"tokens" doc:"authentication secrets of the hook, any of which is accepted"`
}

// SetDefaults implements setup.Defaulter.
func (s *Okta) SetDefaults(setup.Common) { setup.Default(&s.Header, "Authorization") }

// Scheme implements webhook.Settings.
func (s *Okta) Scheme() (webhook.Scheme, error) {
	scheme, err := tokenScheme(s.Header, s.Tokens)
	if err != nil {
		return webhook.Scheme{}, err
	}
	return scheme.WithHandshake(webhook.HandshakeSettings{Kind: "okta"})
}

// Reading implements Sender. A request of Okta Access Requests that was granted or rejected decides. The order ID is the
// ID of the request, which is a target of the event. Okta may send several events in a body; a body with several
// decisions is refused, because a message is one decision
// (https://developer.okta.com/docs/reference/api/event-types/, access.request.resolve and access.request.reject).
func (s *Okta) Reading() Reading {
	const decisions = `body.data.events.filter(e, e.eventType == "access.request.reject" || ` +
		`(e.eventType == "access.request.resolve" && e.outcome.result == "SUCCESS"))`
	const event = decisions + `[0]`
	return Reading{
		Event:  `has(body.eventType) && has(body.data)`,
		Filter: decisions + `.size() > 0`,
		Fields: map[string][]string{
			"id": {event + `.uuid`},
			"order": {
				decisions + `.size() == 1 ? ` + event + `.target.filter(t, t.type.lowerAscii().contains("request"))[0].id : ""`,
			},
			"outcome": {event + `.eventType == "access.request.resolve" ? "approve" : "reject"`},
			"by":      {event + `.actor.alternateId`},
			"comment": {event + `.outcome.reason`},
		},
	}
}

package config

import (
	"strings"

	"github.com/approval-relay/approval-relay/body"
	"github.com/approval-relay/approval-relay/setup"
	"github.com/approval-relay/approval-relay/webhook"
)

// WebhookURL returns the URL of a webhook, as its sender knows it.
func (c *Config) WebhookURL(name string) string {
	return strings.TrimRight(c.Public.URL, "/") + "/webhooks/" + name
}

// compileScheme returns the scheme of a webhook with its handshake.
func (w *Webhook) compileScheme(check *setup.Check) webhook.Scheme {
	scheme, err := w.Settings().Scheme()
	if err != nil {
		check.Error(w.Kind(), err)
		return scheme
	}
	scheme.Body = body.Format(w.Body)
	if w.Handshake == "" {
		if len(w.HandshakeTokens) > 0 {
			check.Fault("handshake_tokens", "are set, and handshake is not")
		}
		return scheme
	}
	scheme, err = scheme.WithHandshake(webhook.HandshakeSettings{Kind: w.Handshake, Tokens: w.HandshakeTokens})
	check.Error("", err)
	return scheme
}

// refuseChallenges lets schemes refuse the texts whose signatures the handshake of another one tells anybody, because both
// have a secret in common.
func refuseChallenges(schemes map[string]webhook.Scheme) {
	for name, scheme := range schemes {
		for _, other := range schemes {
			if other.TellsSignaturesOf(scheme) {
				schemes[name] = scheme.RefusingChallenges()
			}
		}
	}
}

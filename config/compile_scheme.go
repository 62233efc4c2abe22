package config

import (
	"regexp"
	"strings"

	"github.com/approval-relay/approval-relay/body"
	"github.com/approval-relay/approval-relay/setup"
	"github.com/approval-relay/approval-relay/webhook"
)

// WebhookURL returns the URL of a webhook, as its sender knows it.
func (c *Config) WebhookURL(name string) string {
	return strings.TrimRight(c.Public.URL, "/") + "/webhooks/" + name
}

// headerName matches the names of headers (RFC 9110, section 5.6.2). An empty name is a fault of its scheme.
var headerName = regexp.MustCompile("^[-!#$%&'*+.^_`|~0-9A-Za-z]*$")

// compileScheme returns the scheme of a webhook with its handshake.
func (w *Webhook) compileScheme(check *setup.Check) webhook.Scheme {
	scheme, err := w.Settings().Scheme()
	if err != nil {
		check.Error(w.Kind(), err)
		return scheme
	}
	for _, name := range scheme.Headers {
		if !headerName.MatchString(name) {
			check.Fault(w.Kind(), "has the header %q, which is not the name of a header: no request can have it", name)
		}
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

package webhook

import (
	"github.com/approval-relay/approval-relay/body"
	"github.com/approval-relay/approval-relay/secret"
)

// BearerSettings are the settings of bearer tokens.
type BearerSettings struct {
	Tokens []secret.Text `yaml:"tokens" doc:"tokens, any of which is accepted"`
}

// Scheme implements Settings. The sender authenticates the whole request.
func (s *BearerSettings) Scheme() (Scheme, error) {
	verifier, err := NewBearer(secret.RevealAll(s.Tokens)...)
	return Scheme{
		Verifier:      verifier,
		CoversRequest: true,
		IDHeaders:     []string{headerID},
		Handshake:     newOktaWithProof(),
		Headers:       []string{"Authorization"},
		Challenge:     challengeOf("Bearer"),
	}, err
}

// StandardSettings are the settings of Standard Webhooks.
type StandardSettings struct {
	Secrets    []secret.Text `yaml:"secrets" doc:"whsec_…, any of which may have signed (v1)"`
	PublicKeys []string      `yaml:"public_keys" doc:"whpk_…, any of which may have signed (v1a)"`
}

// Scheme implements Settings. The signature covers the header with the ID.
func (s *StandardSettings) Scheme() (Scheme, error) {
	verifier, err := NewStandardAsymmetric(s.PublicKeys, secret.RevealAll(s.Secrets))
	return Scheme{
		Verifier:  verifier,
		IDHeaders: []string{headerID, svixID},
		Headers:   []string{headerSignature, svixSignature},
		Challenge: challengeOf("Signature", "header", headerSignature),
	}, err
}

// GitHubSettings are the settings of GitHub's webhooks.
type GitHubSettings struct {
	Secrets []secret.Text `yaml:"secrets" doc:"secrets, any of which may have signed"`
}

// Scheme implements Settings. GitHub sends JSON, or a form with JSON in the field payload.
func (s *GitHubSettings) Scheme() (Scheme, error) {
	settings := gitHubSettings(s.Secrets)
	scheme, err := settings.Scheme()
	scheme.Body = body.JSONOrForm
	return scheme, err
}

// SlackSettings are the settings of Slack's signatures.
type SlackSettings struct {
	Secrets []secret.Text `yaml:"secrets" doc:"signing secrets of the app, any of which may have signed"`
}

// Scheme implements Settings. Slack sends events in JSON, and commands and interactions as forms.
func (s *SlackSettings) Scheme() (Scheme, error) {
	settings := slackSettings(s.Secrets)
	scheme, err := settings.Scheme()
	if err != nil {
		return scheme, err
	}
	scheme.Body = body.JSONOrForm
	return scheme.WithHandshake(HandshakeSettings{Kind: "slack"})
}

// StripeSettings are the settings of Stripe's signatures. Other senders use them too.
type StripeSettings struct {
	Header  string        `yaml:"header" doc:"header with the signature; empty is Stripe-Signature"`
	Secrets []secret.Text `yaml:"secrets" doc:"secrets, any of which may have signed"`
}

// Scheme implements Settings.
func (s *StripeSettings) Scheme() (Scheme, error) {
	settings := stripeSettings(s.Header, s.Secrets)
	return settings.Scheme()
}

// SNSSettings are the settings of Amazon SNS over HTTPS.
type SNSSettings struct {
	Topics []string `yaml:"topics" doc:"ARNs of the topics that may send"`
	// SignatureVersions may leave out 1, because it signs SHA-1. Topics sign with it unless they are told otherwise.
	SignatureVersions []int `yaml:"signature_versions" doc:"versions of signatures that are accepted; empty is 1 and 2; with [2] the topics need the attribute SignatureVersion 2"`
}

// Scheme implements Settings.
func (s *SNSSettings) Scheme() (Scheme, error) {
	verifier, err := NewSNS(SNSConfig{SNSSettings: *s})
	return Scheme{Envelope: verifier, Challenge: challengeOf("Signature")}, err
}

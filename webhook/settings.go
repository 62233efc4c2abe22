package webhook

import (
	"time"

	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/setup"
)

// HMACSettings describe the signature that many services send: an HMAC of the body in a header.
type HMACSettings struct {
	// Algorithm may be sha1, because some senders have no other. No attack on HMAC with SHA-1 is known.
	Algorithm string        `yaml:"algorithm" enum:"sha256,sha512,sha1" doc:"sha256, sha512, or sha1 for senders that have no better"`
	Header    string        `yaml:"header" doc:"header with the signature"`
	Prefix    string        `yaml:"prefix" doc:"text before the signature in the header, such as sha256="`
	Encoding  string        `yaml:"encoding" enum:"hex,base64" doc:"hex or base64"`
	Secrets   []secret.Text `yaml:"secrets" doc:"secrets, any of which may have signed"`
	// TimestampHeader makes a replay impossible after Tolerance. Without it, an eavesdropper can send a request
	// again; the decision in it is then already recorded.
	TimestampHeader string        `yaml:"timestamp_header" doc:"header with the time of sending in Unix seconds; then TIMESTAMP.BODY is signed"`
	Tolerance       time.Duration `yaml:"tolerance" doc:"greatest difference between that time and ours"`
}

// SetDefaults implements setup.Defaulter.
func (s *HMACSettings) SetDefaults(setup.Common) {
	setup.Default(&s.Algorithm, "sha256")
	setup.Default(&s.Header, "X-Signature-256")
	setup.Default(&s.Encoding, "hex")
	setup.Default(&s.Tolerance, 5*time.Minute)
}

// Validate implements setup.Validator.
func (s *HMACSettings) Validate(c *setup.Check) {
	c.Enums(s)
	c.Required("header", s.Header)
}

// Scheme implements Settings.
func (s *HMACSettings) Scheme() (Scheme, error) { return verifyingScheme(NewHMAC(*s)) }

// BearerSettings are the settings of bearer tokens.
type BearerSettings struct {
	Tokens []secret.Text `yaml:"tokens" doc:"tokens, any of which is accepted"`
}

// Scheme implements Settings. The sender authenticates the whole request.
func (s *BearerSettings) Scheme() (Scheme, error) {
	return authenticatingScheme(NewBearer(secret.RevealAll(s.Tokens)...))
}

// StandardSettings are the settings of Standard Webhooks.
type StandardSettings struct {
	Secrets    []secret.Text `yaml:"secrets" doc:"whsec_…, any of which may have signed (v1)"`
	PublicKeys []string      `yaml:"public_keys" doc:"whpk_…, any of which may have signed (v1a)"`
}

// Scheme implements Settings. The signature covers the header webhook-id.
func (s *StandardSettings) Scheme() (Scheme, error) {
	return authenticatingScheme(NewStandardAsymmetric(s.PublicKeys, secret.RevealAll(s.Secrets)))
}

// GitHubSettings are the settings of GitHub's webhooks.
type GitHubSettings struct {
	Secrets []secret.Text `yaml:"secrets" doc:"secrets, any of which may have signed"`
}

// Scheme implements Settings.
func (s *GitHubSettings) Scheme() (Scheme, error) {
	return verifyingScheme(NewGitHub(secret.RevealAll(s.Secrets)...))
}

// SlackSettings are the settings of Slack's signatures.
type SlackSettings struct {
	Secrets []secret.Text `yaml:"secrets" doc:"signing secrets of the app, any of which may have signed"`
}

// Scheme implements Settings.
func (s *SlackSettings) Scheme() (Scheme, error) {
	verifier, err := NewSlack(secret.RevealAll(s.Secrets)...)
	return Scheme{Verifier: verifier}, setup.InField("secrets", err)
}

// StripeSettings are the settings of Stripe's signatures. Other senders use them too.
type StripeSettings struct {
	Header  string        `yaml:"header" doc:"header with the signature; empty is Stripe-Signature"`
	Secrets []secret.Text `yaml:"secrets" doc:"secrets, any of which may have signed"`
}

// Scheme implements Settings.
func (s *StripeSettings) Scheme() (Scheme, error) {
	return verifyingScheme(NewStripe(s.Header, secret.RevealAll(s.Secrets)...))
}

// SNSSettings are the settings of Amazon SNS over HTTPS.
type SNSSettings struct {
	Topics []string `yaml:"topics" doc:"ARNs of the topics that may send"`
}

// Scheme implements Settings.
func (s *SNSSettings) Scheme() (Scheme, error) {
	verifier, err := NewSNS(SNSConfig{SNSSettings: *s})
	return Scheme{Envelope: verifier}, err
}

// CertificateSettings are the settings of mutual TLS that a proxy in front of the worker terminates. The scheme is as
// secure as that proxy: anybody who can bypass it, or send its headers through it, can claim to be any client.
type CertificateSettings struct {
	Header         string   `yaml:"header" doc:"header in which the proxy names the subject or fingerprint of the certificate"`
	Allowed        []string `yaml:"allowed" doc:"accepted values of that header"`
	VerifiedHeader string   `yaml:"verified_header" doc:"header in which the proxy states that it verified the certificate"`
	VerifiedValue  string   `yaml:"verified_value" doc:"value of that header for a verified certificate; empty is SUCCESS"`
}

// SetDefaults implements setup.Defaulter. SUCCESS is the value of nginx.
func (s *CertificateSettings) SetDefaults(setup.Common) {
	if s.VerifiedHeader != "" {
		setup.Default(&s.VerifiedValue, "SUCCESS")
	}
}

// Scheme implements Settings. The proxy authenticates the whole request.
func (s *CertificateSettings) Scheme() (Scheme, error) {
	return authenticatingScheme(NewCertificate(*s))
}

// verifyingScheme returns the scheme of a verifier that covers the body only.
func verifyingScheme[V Verifier](v V, err error) (Scheme, error) {
	return Scheme{Verifier: v}, err
}

// authenticatingScheme returns the scheme of a verifier that covers the header webhook-id too.
func authenticatingScheme[V Verifier](v V, err error) (Scheme, error) {
	return Scheme{Verifier: v, SignedID: true}, err
}

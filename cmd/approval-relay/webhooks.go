package main

import (
	"fmt"
	"net/http"
	"time"

	"golang.org/x/time/rate"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/webhook"
)

// WebhookConfig is one third party.
type WebhookConfig struct {
	HMAC     *HMACConfig            `yaml:"hmac" doc:"HMAC of the body in a header"`
	Bearer   *BearerConfig          `yaml:"bearer" doc:"bearer token"`
	Standard *StandardConfig        `yaml:"standard" doc:"Standard Webhooks"`
	GitHub   *GitHubConfig          `yaml:"github" doc:"GitHub: HMAC-SHA256 in X-Hub-Signature-256"`
	Slack    *SlackConfig           `yaml:"slack" doc:"Slack: signing secret, X-Slack-Signature"`
	Stripe   *StripeConfig          `yaml:"stripe" doc:"Stripe and those after it: t=TIMESTAMP,v1=SIGNATURE in one header"`
	SNS      *SNSWebhookConfig      `yaml:"sns" doc:"Amazon SNS over HTTPS: signature versions 1 and 2; the subscription is confirmed by itself"`
	Client   *ClientCertConfig      `yaml:"client_certificate" doc:"mutual TLS that a proxy in front has checked, as it says in a header; the proxy must take that header from everybody else's requests"`
	Rate     float64                `yaml:"rate" doc:"requests a second at the most, after that 429; 0 is no limit"`
	Burst    int                    `yaml:"burst" doc:"requests at once before the rate holds"`
	MaxBody  int                    `yaml:"max_body" doc:"bytes of a body at the most; 0 is 1 MiB, which is also the most there can be"`
	Filter   string                 `yaml:"filter" doc:"CEL expression that is true of decisions; other requests get 204 and are counted and dropped"`
	Fields   map[string]Expressions `yaml:"fields" doc:"CEL expressions in place of the defaults: id, order, outcome, step, approval, by, comment"`
}

// schemeKind is a scheme by which webhooks are verified.
type schemeKind interface {
	checked
	// way says how its requests are let in. The error says what is wrong with the
	// scheme's secrets.
	way(m schemeMakers) (api.SourcePolicy, error)
}

// ways makes the way in of every webhook.
func (r *relay) ways() (map[string]api.SourcePolicy, error) {
	out := map[string]api.SourcePolicy{}
	for _, name := range sorted(r.config.Webhooks) {
		w := r.config.Webhooks[name]
		way, err := only[schemeKind](w).way(schemeMakers{confirm: r.aws.confirm, log: r.log.With("source", name)})
		if err != nil {
			return nil, fmt.Errorf("webhooks.%s: %w", name, err)
		}
		way.MaxBody, way.RateLimit = int64(w.MaxBody), w.turn()
		out[name] = way
	}
	return out, nil
}

// checking returns the way in of what a verifier takes.
func checking[V webhook.Verifier](v V, err error) (api.SourcePolicy, error) {
	return api.SourcePolicy{Check: check(v)}, err
}

// vouching is checking by a scheme that vouches for the header webhook-id too, or
// whose requests are all their sender's own.
func vouching[V webhook.Verifier](v V, err error) (api.SourcePolicy, error) {
	way, err := checking(v, err)
	way.SignedID = true
	return way, err
}

func check(v webhook.Verifier) api.Check {
	return func(h http.Header, body []byte) error { return v.Verify(time.Now(), h, body) }
}

// turn returns the turns of a source, or nil where it has no end of them.
func (w WebhookConfig) turn() func() (time.Duration, bool) {
	if w.Rate == 0 {
		return nil
	}
	limit := rate.NewLimiter(rate.Limit(w.Rate), w.Burst)
	return func() (time.Duration, bool) {
		turn := limit.Reserve()
		wait := turn.Delay()
		if wait > 0 {
			turn.Cancel()
		}
		return wait, wait == 0
	}
}

// HMACConfig is a generic HMAC signature.
type HMACConfig struct {
	Algorithm       string        `yaml:"algorithm" doc:"sha256, sha512, or sha1 for those who have no better"`
	Header          string        `yaml:"header" doc:"header that has the signature"`
	Prefix          string        `yaml:"prefix" doc:"what it begins with, such as sha256="`
	Encoding        string        `yaml:"encoding" doc:"hex or base64"`
	Secrets         []secret.Text `yaml:"secrets" doc:"any of them may have signed"`
	TimestampHeader string        `yaml:"timestamp_header" doc:"header with the time of sending in Unix seconds, signed as TIMESTAMP.BODY"`
	Tolerance       time.Duration `yaml:"tolerance" doc:"how far that time may be from ours"`
}

func (c *HMACConfig) fill(AWSConfig) {
	set(&c.Algorithm, "sha256")
	set(&c.Header, "X-Signature-256")
	set(&c.Encoding, "hex")
	set(&c.Tolerance, 5*time.Minute)
}

func (*HMACConfig) validate(*loading, string) {}

func (c *HMACConfig) way(schemeMakers) (api.SourcePolicy, error) {
	return checking(webhook.NewHMAC(webhook.HMACConfig{
		Algorithm:       c.Algorithm,
		Header:          c.Header,
		Prefix:          c.Prefix,
		Encoding:        c.Encoding,
		Secrets:         secret.RevealAll(c.Secrets),
		TimestampHeader: c.TimestampHeader,
		Tolerance:       c.Tolerance,
	}))
}

// BearerConfig is a bearer token.
type BearerConfig struct {
	Tokens []secret.Text `yaml:"tokens" doc:"any of them will do"`
}

func (*BearerConfig) fill(AWSConfig)            {}
func (*BearerConfig) validate(*loading, string) {}

func (c *BearerConfig) way(schemeMakers) (api.SourcePolicy, error) {
	return vouching(webhook.NewBearer(secret.RevealAll(c.Tokens)...))
}

// StandardConfig is Standard Webhooks.
type StandardConfig struct {
	Secrets    []secret.Text `yaml:"secrets" doc:"whsec_…; any of them may have signed (v1)"`
	PublicKeys []string      `yaml:"public_keys" doc:"whpk_…; any of them may have signed (v1a)"`
}

func (*StandardConfig) fill(AWSConfig)            {}
func (*StandardConfig) validate(*loading, string) {}

func (c *StandardConfig) way(schemeMakers) (api.SourcePolicy, error) {
	return vouching(webhook.NewStandardAsymmetric(c.PublicKeys, secret.RevealAll(c.Secrets)))
}

// GitHubConfig is GitHub's scheme.
type GitHubConfig struct {
	Secrets []secret.Text `yaml:"secrets" doc:"any of them may have signed"`
}

func (*GitHubConfig) fill(AWSConfig)            {}
func (*GitHubConfig) validate(*loading, string) {}

func (c *GitHubConfig) way(schemeMakers) (api.SourcePolicy, error) {
	return checking(webhook.NewGitHub(secret.RevealAll(c.Secrets)...))
}

// SlackConfig is Slack's scheme.
type SlackConfig struct {
	Secrets []secret.Text `yaml:"secrets" doc:"signing secrets of the app; any of them may have signed"`
}

func (*SlackConfig) fill(AWSConfig)            {}
func (*SlackConfig) validate(*loading, string) {}

func (c *SlackConfig) way(schemeMakers) (api.SourcePolicy, error) {
	return checking(webhook.NewSlack(secret.RevealAll(c.Secrets)...))
}

// StripeConfig is Stripe's scheme.
type StripeConfig struct {
	Header  string        `yaml:"header" doc:"header that has the signature; empty is Stripe-Signature"`
	Secrets []secret.Text `yaml:"secrets" doc:"any of them may have signed"`
}

func (*StripeConfig) fill(AWSConfig)            {}
func (*StripeConfig) validate(*loading, string) {}

func (c *StripeConfig) way(schemeMakers) (api.SourcePolicy, error) {
	return checking(webhook.NewStripe(c.Header, secret.RevealAll(c.Secrets)...))
}

// ClientCertConfig is what a proxy says of a client's certificate.
type ClientCertConfig struct {
	Header         string   `yaml:"header" doc:"header in which the proxy says whose certificate it was: its subject or fingerprint"`
	Allowed        []string `yaml:"allowed" doc:"values of that header that are taken"`
	VerifiedHeader string   `yaml:"verified_header" doc:"header in which the proxy says that the certificate is good, where it has one"`
	VerifiedValue  string   `yaml:"verified_value" doc:"what that header says then"`
}

func (c *ClientCertConfig) fill(AWSConfig) {
	if c.VerifiedHeader != "" {
		set(&c.VerifiedValue, "SUCCESS") // as nginx says it
	}
}

func (*ClientCertConfig) validate(*loading, string) {}

func (c *ClientCertConfig) way(schemeMakers) (api.SourcePolicy, error) {
	return vouching(webhook.NewCertificate(webhook.CertificateConfig{
		Header:         c.Header,
		Allowed:        c.Allowed,
		VerifiedHeader: c.VerifiedHeader,
		VerifiedValue:  c.VerifiedValue,
	}))
}

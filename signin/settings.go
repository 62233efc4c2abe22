package signin

import (
	"net/url"

	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/setup"
)

// Settings are the settings of an OpenID Connect provider. The provider must know public.url/signin/callback.
type Settings struct {
	Issuer       string      `yaml:"issuer" doc:"URL of the provider, https, exactly as its discovery document names it"`
	ClientID     string      `yaml:"client_id" doc:"client ID"`
	ClientSecret secret.Text `yaml:"client_secret" doc:"client secret"`
	Claim        string      `yaml:"claim" doc:"claim of the ID token that is the approver's ID; empty is email, which must be verified; another claim must be one that people cannot set themselves"`
}

// SetDefaults implements setup.Defaulter.
func (s *Settings) SetDefaults(setup.Common) { setup.Default(&s.Claim, "email") }

// Validate implements setup.Validator.
func (s *Settings) Validate(c *setup.Check) {
	u, err := url.Parse(s.Issuer)
	if err != nil || u.Host == "" || u.User != nil || (u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname()))) {
		c.Fault("issuer", "must be an https URL (http is for a provider on this machine)")
	}
	c.Required("client_id", s.ClientID)
	if s.ClientSecret.IsZero() {
		c.Fault("client_secret", "is missing")
	}
}

package signin

import (
	"context"
	"errors"
	"net"
	"net/url"

	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/setup"
)

// Settings are the settings of an OpenID Connect provider. The provider must accept public.url/signin/callback as a
// redirect URI.
type Settings struct {
	Issuer       string      `yaml:"issuer" doc:"https URL of the provider, exactly as in its discovery document, slash at the end or not"`
	ClientID     string      `yaml:"client_id" doc:"client ID"`
	ClientSecret secret.Text `yaml:"client_secret" doc:"client secret"`
	Claim        string      `yaml:"claim" doc:"claim with the approver's ID; empty is the verified email; people must not be able to set it"`
}

// SetDefaults implements setup.Defaulter.
func (s *Settings) SetDefaults(setup.Common) { setup.Default(&s.Claim, "email") }

// Validate implements setup.Validator.
func (s *Settings) Validate(c *setup.Check) {
	if !isSafeIssuer(s.Issuer) {
		c.Fault("issuer", "must be an https URL (http is for a provider on this machine)")
	}
	c.Required("client_id", s.ClientID)
	if s.ClientSecret.IsZero() {
		c.Fault("client_secret", "is missing")
	}
}

// CheckOnline fetches the provider's discovery document. It reports a fault if approvers can never sign in with these
// settings, and a warning if the provider could not be reached now.
func (s *Settings) CheckOnline(ctx context.Context, c *setup.Check) {
	err := CheckDiscovery(ctx, s.Issuer, nil)
	switch {
	case errors.Is(err, ErrMisconfigured):
		c.Fault("issuer", "%s", err)
	case err != nil:
		c.Warn("issuer", "%s", err)
	}
}

// isSafeIssuer reports whether an issuer is an https URL, or an http URL of this machine. The provider sends
// identities and its signing keys, and an attacker on the way must not be able to change them.
func isSafeIssuer(issuer string) bool {
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" || u.User != nil {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname())
}

// isLoopback reports whether a host is this machine.
func isLoopback(host string) bool { return host == "localhost" || net.ParseIP(host).IsLoopback() }

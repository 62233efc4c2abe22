package signin

import (
	"context"
	"errors"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/setup"
)

// Settings are the settings of an OpenID Connect provider. The provider must accept public.url/signin/callback as a
// redirect URI.
type Settings struct {
	Issuer       string      `yaml:"issuer" doc:"https URL of the provider, exactly as in its discovery document, slash at the end or not"`
	ClientID     string      `yaml:"client_id" doc:"client ID"`
	ClientSecret secret.Text `yaml:"client_secret" doc:"client secret"`
	Claim        string      `yaml:"claim" doc:"claim with the approver's ID, such as sub or oid, or a path such as user.login; empty is the verified email; people must not be able to set it"`
	// TrustEmail is for issuers that never state email_verified.
	TrustEmail   bool                `yaml:"trust_email" doc:"believe the claim email without email_verified, because only administrators of this issuer assign addresses (Entra ID with one tenant)"`
	Require      map[string][]string `yaml:"require" doc:"claims that the ID token must have, each with the values of which it must have one, such as hd: [example.com]"`
	Scopes       []string            `yaml:"scopes" doc:"scopes to ask for; openid must be one of them; empty is openid, email and profile"`
	ResponseMode string              `yaml:"response_mode" enum:"query,form_post" doc:"how the provider sends people back: query or form_post (Apple with the scope email)"`
	MaxAge       time.Duration       `yaml:"max_age" doc:"longest time since the person proved their identity at the provider (auth_time); 0 leaves it to the provider"`
	ACRValues    []string            `yaml:"acr_values" doc:"authentication contexts to ask for, of which the claim acr must be one; empty leaves it to the provider"`
}

// emailClaim is the default of Settings.Claim.
const emailClaim = "email"

// The values of Settings.ResponseMode.
const (
	modeQuery    = "query"
	modeFormPost = "form_post"
)

// SetDefaults implements setup.Defaulter.
func (s *Settings) SetDefaults(setup.Common) {
	setup.Default(&s.Claim, emailClaim)
	setup.Default(&s.ResponseMode, modeQuery)
	if len(s.Scopes) == 0 {
		s.Scopes = []string{oidc.ScopeOpenID, "email", "profile"}
	}
}

// Validate implements setup.Validator.
func (s *Settings) Validate(c *setup.Check) {
	if !isSafeIssuer(s.Issuer) {
		c.Fault("issuer", "must be an https URL (http is for a provider on this machine)")
	}
	if isEveryTenant(s.Issuer) {
		c.Fault("issuer", "stands for every tenant of Entra ID; write the ID of your tenant: "+
			"https://login.microsoftonline.com/TENANT-ID/v2.0")
	}
	c.Required("client_id", s.ClientID)
	if s.ClientSecret.IsZero() {
		c.Fault("client_secret", "is missing")
	}
	c.OneOf("response_mode", s.ResponseMode, modeQuery, modeFormPost)
	if s.TrustEmail && isOpenToEverybody(s.Issuer) {
		c.Fault("trust_email", "is not for this issuer: anybody can have an account there")
	}
	if isOpenToEverybody(s.Issuer) && len(s.Require) == 0 {
		c.Warn("issuer", "lets everybody in who has an account there, and a workflow without named approvers takes the decision "+
			"of each of them; require limits it, such as hd: [example.com] at Google")
	}
	if s.TrustEmail && s.Claim != emailClaim {
		c.Fault("trust_email", "is for the claim email; claim is another one")
	}
	if !slices.Contains(s.Scopes, oidc.ScopeOpenID) && len(s.Scopes) > 0 {
		c.Fault("scopes", "must contain openid")
	}
	for _, name := range sortedNames(s.Require) {
		if len(s.Require[name]) == 0 {
			c.Fault("require."+name, "names no value")
		}
	}
	if s.MaxAge < 0 || s.MaxAge%time.Second != 0 {
		c.Fault("max_age", "must be whole seconds, and not less than 0")
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

// microsoftHosts are the hosts of Entra ID and its national clouds.
var microsoftHosts = []string{
	"login.microsoftonline.com", "login.windows.net", "login.microsoftonline.us", "login.partner.microsoftonline.cn",
	"login.chinacloudapi.cn", "sts.windows.net",
}

// personalAccounts is the tenant of Microsoft's personal accounts.
const personalAccounts = "9188040d-6c67-4c5b-b112-36a304b66dad"

// microsoftTenant returns the tenant in an issuer of Entra ID, or the empty text.
func microsoftTenant(issuer string) string {
	u, err := url.Parse(issuer)
	if err != nil || !slices.Contains(microsoftHosts, strings.ToLower(u.Hostname())) {
		return ""
	}
	tenant, _, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	return strings.ToLower(tenant)
}

// isEveryTenant reports whether an issuer stands for all tenants of Entra ID. The ID tokens name the person's own
// tenant as their issuer, so a sign-in could never succeed.
func isEveryTenant(issuer string) bool {
	return slices.Contains([]string{"common", "organizations", "consumers"}, microsoftTenant(issuer))
}

// isOpenToEverybody reports whether anybody can make an account at an issuer.
func isOpenToEverybody(issuer string) bool {
	u, err := url.Parse(issuer)
	if err != nil {
		return false
	}
	open := []string{"accounts.google.com", "appleid.apple.com", "account.apple.com", "gitlab.com", "slack.com", "www.facebook.com"}
	return slices.Contains(open, strings.ToLower(u.Hostname())) || microsoftTenant(issuer) == personalAccounts ||
		isEveryTenant(issuer)
}

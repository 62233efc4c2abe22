package signin_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/signin"
	"github.com/approval-relay/approval-relay/signin/signintest"
)

// recorder keeps the refusals.
type recorder []refusal.Refusal

func (r *recorder) RecordRefusal(_ context.Context, one refusal.Refusal) { *r = append(*r, one) }

// providerCase is an ID token of a provider, and what it must lead to.
type providerCase struct {
	provider string
	settings func(*signin.Settings)
	changes  map[string]any
	who      string       // the identity; empty for a refusal
	code     refusal.Code // of the refusal
	field    string       // of the refusal
}

func claim(name string) func(*signin.Settings) {
	return func(s *signin.Settings) { s.Claim = name }
}

func trustEmail(s *signin.Settings) { s.TrustEmail = true }

func require1(name string, values ...string) func(*signin.Settings) {
	return func(s *signin.Settings) { s.Require = map[string][]string{name: values} }
}

// providerCases are the ID tokens of providers with the settings that fit, and with those that do not.
func providerCases() map[string]providerCase {
	const ann = "ann@example.com"
	return map[string]providerCase{
		"Entra has no email_verified": {"Entra ID", nil, nil, "", refusal.Missing, "email_verified"},
		"Entra, trusted":              {"Entra ID", trustEmail, nil, ann, "", ""},
		"Entra, trusted, without email": {
			"Entra ID", trustEmail, map[string]any{"email": nil}, "", refusal.Missing, "email",
		},
		"Entra, trusted, verified is null": {
			"Entra ID", trustEmail, map[string]any{"email_verified": json.RawMessage("null")}, ann, "", "",
		},
		"Entra, trusted, but stated false": {
			"Entra ID", trustEmail, map[string]any{"email_verified": false}, "", refusal.Forbidden, "email_verified",
		},
		"Entra, trusted, stated false as text": {
			"Entra ID", trustEmail, map[string]any{"email_verified": "false"}, "", refusal.Forbidden, "email_verified",
		},
		"Entra, oid":                {"Entra ID", claim("oid"), nil, "00000000-0000-0000-66f3-3332eca7ea81", "", ""},
		"Entra, preferred_username": {"Entra ID", claim("preferred_username"), nil, ann, "", ""},
		"Entra, no upn":             {"Entra ID", claim("upn"), nil, "", refusal.Missing, "upn"},
		"Entra, another tenant": {
			"Entra ID", func(s *signin.Settings) { trustEmail(s); require1("tid", "x")(s) }, nil, "", refusal.Forbidden, "tid",
		},
		"Entra, owner of the domain": {"Entra ID with xms_edov", nil, nil, ann, "", ""},
		"Entra, owner of the domain as text": {
			"Entra ID with xms_edov", nil, map[string]any{"xms_edov": "1"}, ann, "", "",
		},
		"Entra, owner of the domain, number": {
			"Entra ID with xms_edov", nil, map[string]any{"xms_edov": 1}, ann, "", "",
		},
		"Entra, not the owner of the domain": {
			"Entra ID with xms_edov", nil, map[string]any{"xms_edov": false}, "", refusal.Missing, "email_verified",
		},
		"Entra, owner of the domain, as zero": {
			"Entra ID with xms_edov", nil, map[string]any{"xms_edov": "0"}, "", refusal.Missing, "email_verified",
		},

		"Okta":      {"Okta", nil, nil, ann, "", ""},
		"Okta, sub": {"Okta", claim("sub"), nil, "00u1a2b3c4D5E6F7G8H9", "", ""},
		"Okta, not verified": {
			"Okta", nil, map[string]any{"email_verified": false}, "", refusal.Forbidden, "email_verified",
		},
		"Okta, with MFA": {"Okta", require1("amr", "hwk", "mfa"), nil, ann, "", ""},
		"Okta, without MFA": {
			"Okta", require1("amr", "mfa"), map[string]any{"amr": []string{"pwd"}}, "", refusal.Forbidden, "amr",
		},
		"Okta, no amr": {
			"Okta", require1("amr", "mfa"), map[string]any{"amr": nil}, "", refusal.Missing, "amr",
		},
		"Okta, part of an amr": {
			"Okta", require1("amr", "mfa"), map[string]any{"amr": "mfa pwd"}, "", refusal.Forbidden, "amr",
		},

		"Google": {"Google", require1("hd", "example.com"), nil, ann, "", ""},
		"Google, another domain": {
			"Google", require1("hd", "example.com"), map[string]any{"hd": "evil.example"}, "", refusal.Forbidden, "hd",
		},
		"Google, a private account": {
			"Google", require1("hd", "example.com"), map[string]any{"hd": nil}, "", refusal.Missing, "hd",
		},
		"Google, sub":           {"Google", claim("sub"), nil, "110169484474386276334", "", ""},
		"Google, another party": {"Google", nil, map[string]any{"azp": "other"}, "", refusal.Mismatch, "azp"},

		"Keycloak":            {"Keycloak", nil, nil, ann, "", ""},
		"Keycloak, user name": {"Keycloak", claim("preferred_username"), nil, "ann", "", ""},
		"Keycloak, nested":    {"Keycloak", claim("attributes.staff"), nil, ann, "", ""},
		"Keycloak, nested, not there": {
			"Keycloak", claim("attributes.login"), nil, "", refusal.Missing, "attributes.login",
		},
		"Keycloak, below a text": {"Keycloak", claim("email.x"), nil, "", refusal.Missing, "email.x"},
		"Keycloak, an object":    {"Keycloak", claim("attributes"), nil, "", refusal.Malformed, "attributes"},
		"Keycloak, a role":       {"Keycloak", require1("realm_access.roles", "approver"), nil, ann, "", ""},
		"Keycloak, without the role": {
			"Keycloak", require1("realm_access.roles", "boss"), nil, "", refusal.Forbidden, "realm_access.roles",
		},
		"Keycloak, several audiences": {
			"Keycloak", nil, map[string]any{"aud": []string{"account", signintest.ClientID}}, ann, "", "",
		},
		"Keycloak, the party is another": {
			"Keycloak", nil, map[string]any{"aud": []string{"account", signintest.ClientID}, "azp": "account"}, "", refusal.Mismatch, "azp",
		},
		"Keycloak, no party of several": {
			"Keycloak", nil, map[string]any{"aud": []string{"account", signintest.ClientID}, "azp": nil}, "", refusal.Mismatch, "azp",
		},
		"Keycloak, a party that is none": {
			"Keycloak", nil, map[string]any{"azp": []string{signintest.ClientID}}, "", refusal.Mismatch, "azp",
		},

		"JumpCloud": {"JumpCloud", nil, nil, ann, "", ""},
		"JumpCloud, not verified": {
			"JumpCloud", nil, map[string]any{"email_verified": "false"}, "", refusal.Forbidden, "email_verified",
		},
		"JumpCloud, another capital": {"JumpCloud", nil, map[string]any{"email_verified": "True"}, ann, "", ""},
		"JumpCloud, verified says yes": {
			"JumpCloud", nil, map[string]any{"email_verified": "yes"}, "", refusal.Forbidden, "email_verified",
		},
		"JumpCloud, verified is a one": {
			"JumpCloud", nil, map[string]any{"email_verified": 1}, "", refusal.Forbidden, "email_verified",
		},
		"JumpCloud, verified is a list": {
			"JumpCloud", nil, map[string]any{"email_verified": []any{true}}, "", refusal.Forbidden, "email_verified",
		},
		"JumpCloud, verified is padded": {
			"JumpCloud", nil, map[string]any{"email_verified": " true"}, "", refusal.Forbidden, "email_verified",
		},
		"Apple": {"Apple", nil, nil, ann, "", ""},
		"Apple, sub": {
			"Apple without scopes", claim("sub"), nil, "001393.6d621dadasdd04956bds129fa982ba.1517", "", "",
		},
		"Apple, without the address":    {"Apple without scopes", nil, nil, "", refusal.Missing, "email"},
		"Auth0, sub":                    {"Auth0", claim("sub"), nil, "auth0|5f7c8ec7c33c6c004bbafe82", "", ""},
		"Auth0, a claim named by a URL": {"Auth0", claim("https://example.com/email"), nil, ann, "", ""},
		"Authentik since 2025":          {"Authentik", nil, nil, "", refusal.Forbidden, "email_verified"},
		"Authentik, user name":          {"Authentik", claim("preferred_username"), nil, "ann", "", ""},
		"Cognito, a name with a colon":  {"Cognito", claim("cognito:username"), nil, "ann", "", ""},
		"an address in a list": {
			"Okta", nil, map[string]any{"email": []string{ann}}, "", refusal.Malformed, "email",
		},
		"an address in an object": {
			"Okta", nil, map[string]any{"email": map[string]any{"value": ann}}, "", refusal.Malformed, "email",
		},
		"an address that is a number": {"Okta", nil, map[string]any{"email": 7}, "", refusal.Malformed, "email"},
		"an address that is none": {
			"Okta", nil, map[string]any{"email": "ann"}, "", refusal.Malformed, "email",
		},
		"an empty address": {"Okta", nil, map[string]any{"email": ""}, "", refusal.Missing, "email"},
		"an address with a name": {
			"Okta", nil, map[string]any{"email": "Eve <ann@example.com>"}, "", refusal.Malformed, "email",
		},
		"two addresses": {
			"Okta", nil, map[string]any{"email": "eve@example.com, ann@example.com"}, "", refusal.Malformed, "email",
		},
		"a user name that is a link": {
			"Okta", claim("preferred_username"), map[string]any{"preferred_username": "mailto:ann@example.com"}, "",
			refusal.Malformed, "preferred_username",
		},
		"a user name that is a session": {
			"Okta", claim("preferred_username"),
			map[string]any{"preferred_username": "arn:aws:sts::123456789012:assumed-role/Dev/ann@example.com"}, "",
			refusal.Malformed, "preferred_username",
		},
		"a user name that is a program": {
			"Okta", claim("preferred_username"), map[string]any{"preferred_username": "Source:erp"}, "",
			refusal.Malformed, "preferred_username",
		},
		"a user name that is a group": {
			"Okta", claim("preferred_username"), map[string]any{"preferred_username": "group:finance"}, "",
			refusal.Malformed, "preferred_username",
		},
		"a sub that is a number": {
			"Okta", claim("sub"), map[string]any{"sub": 12345}, "", refusal.Mismatch, "claims",
		},
		"a long staff number": {
			"Okta", claim("staff"), map[string]any{"staff": json.RawMessage("12345678901234567890")}, "12345678901234567890", "", "",
		},
		"a rounded staff number": {
			"Okta", claim("staff"), map[string]any{"staff": json.RawMessage("1.2e10")}, "", refusal.Malformed, "staff",
		},
		"a staff number that is true": {
			"Okta", claim("staff"), map[string]any{"staff": true}, "", refusal.Malformed, "staff",
		},
		"an address in another script": {
			"Okta", nil, map[string]any{"email": "ann@bücher.example"}, "ann@bücher.example", "", "",
		},
		"a required number":  {"Okta", require1("ver", "1"), nil, ann, "", ""},
		"a required boolean": {"Okta", require1("email_verified", "true"), nil, ann, "", ""},
		"two requirements, one of which": {
			"Okta", func(s *signin.Settings) { s.Require = map[string][]string{"ver": {"1"}, "hd": {"x"}} }, nil, "", refusal.Missing, "hd",
		},
	}
}

// TestProviders signs people in with the ID tokens of real providers. Each leads to an identity or to a refusal that
// names the claim, and that repeats no value.
func TestProviders(t *testing.T) {
	t.Parallel()
	samples := signintest.Samples()
	for name, tc := range providerCases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var refused recorder
			h := newSite(t, func(c *signin.Config) {
				c.Refusals = &refused
				if tc.settings != nil {
					tc.settings(&c.Settings)
				}
			})
			sample, ok := samples[tc.provider]
			require.True(t, ok)
			require.True(t, strings.HasPrefix(sample.Source, "https://"))
			h.provider.Sign(sample, tc.changes)
			status, text := h.get(t, h.url+"/signin/link-1")
			if tc.who != "" {
				require.Equal(t, tc.who+" at link-1", text)
				require.Empty(t, refused)
				return
			}
			require.Equal(t, http.StatusForbidden, status)
			require.NotContains(t, text, "minute", "trying again does not help")
			require.Regexp(t, "tell the people who operate this service|Please confirm your address", text)
			require.Len(t, refused, 1)
			require.Equal(t, tc.code, refused[0].Code)
			require.Equal(t, tc.field, refused[0].Field)
			require.Equal(t, refusal.SourceSignIn, refused[0].Source)
			require.NotEmpty(t, refused[0].Detail)
			for _, value := range []string{"ann@", "eve@", "evil", "00u1a", "12345"} {
				require.NotContains(t, refused[0].Detail+text+h.log.String(), value)
			}
			_, text = h.get(t, h.url+"/a/link-1")
			require.Equal(t, "nobody at link-1", text)
		})
	}
}

// TestNamesOfClaims holds that a refusal lists the claims that the token has, by name, and that a strange name does no
// harm in the log.
func TestNamesOfClaims(t *testing.T) {
	t.Parallel()
	var refused recorder
	h := newSite(t, func(c *signin.Config) { c.Refusals = &refused })
	h.provider.Sign(signintest.Samples()["Entra ID"], map[string]any{"a\nb\u202e" + strings.Repeat("x", 100): "secret value"})
	h.get(t, h.url+"/signin/link-1")
	require.Len(t, refused, 1)
	require.Contains(t, refused[0].Detail, `no claim email_verified; it has: a?b?xxx`)
	require.Contains(t, refused[0].Detail,
		"…, aio, aud, email, exp, iat, iss, name, nonce, oid, preferred_username, rh, sub, tid, uti, ver")
	require.Contains(t, refused[0].Detail, "public.oidc.trust_email")
	require.Contains(t, refused[0].Detail, "public.oidc.claim")
	require.NotContains(t, refused[0].Detail, "secret value")
}

// TestAuthentication holds that settings can demand a recent sign-in at the provider, and a way of signing in.
func TestAuthentication(t *testing.T) {
	t.Parallel()
	recent := func(s *signin.Settings) { s.MaxAge = 10 * time.Minute }
	strong := func(s *signin.Settings) { s.ACRValues = []string{"phr", "urn:mfa"} }
	now := time.Now()
	for name, tc := range map[string]struct {
		settings func(*signin.Settings)
		changes  map[string]any
		code     refusal.Code
		field    string
		asked    string // in the request to the provider
	}{
		"recent": {
			recent, map[string]any{"auth_time": now.Add(-9 * time.Minute).Unix()}, "", "", "max_age=600",
		},
		"long ago": {
			recent, map[string]any{"auth_time": now.Add(-12 * time.Minute).Unix()}, refusal.Stale, "auth_time", "max_age=600",
		},
		"not stated": {
			recent, map[string]any{"auth_time": nil}, refusal.Missing, "auth_time", "max_age=600",
		},
		"stated as text": {
			recent, map[string]any{"auth_time": "soon"}, refusal.Missing, "auth_time", "max_age=600",
		},
		"strong":         {strong, map[string]any{"acr": "urn:mfa"}, "", "", "acr_values=phr+urn%3Amfa"},
		"weak":           {strong, map[string]any{"acr": "pwd"}, refusal.Forbidden, "acr", "acr_values="},
		"not stated how": {strong, map[string]any{"acr": nil}, refusal.Forbidden, "acr", "acr_values="},
		"nothing is demanded": {
			func(*signin.Settings) {}, map[string]any{"auth_time": nil}, "", "", "scope=openid+email+profile",
		},
		"other scopes": {
			func(s *signin.Settings) { s.Scopes = []string{"openid"} }, nil, "", "", "scope=openid&",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var refused recorder
			h := newSite(t, func(c *signin.Config) { tc.settings(&c.Settings); c.Refusals = &refused })
			var asked []string
			h.client.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
				asked = append(asked, r.URL.RawQuery)
				return nil
			}
			h.provider.Sign(signintest.Samples()["Okta"], tc.changes)
			status, _ := h.get(t, h.url+"/signin/link-1")
			require.Contains(t, asked[0], tc.asked)
			if tc.code == "" {
				require.Equal(t, http.StatusOK, status)
				return
			}
			require.Equal(t, http.StatusForbidden, status)
			require.Equal(t, tc.code, refused[0].Code)
			require.Equal(t, tc.field, refused[0].Field)
		})
	}
}

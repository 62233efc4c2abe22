package signin_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/setup"
	"github.com/approval-relay/approval-relay/signin"
)

// TestRefusedRedirects holds that the operator learns of sign-ins that end before there is an ID token, and that nothing
// that a stranger can put into the address is repeated.
func TestRefusedRedirects(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		query  string
		status int
		code   refusal.Code
		field  string
		detail string
	}{
		"denied": {
			"error=access_denied&error_description=canary", 403, refusal.Forbidden, "error", "access_denied",
		},
		"an unknown error": {"error=canary", 403, refusal.Forbidden, "error", "an unknown error"},
		"another issuer":   {"code=x&iss=https://canary.example", 403, refusal.Mismatch, "iss", "public.oidc.issuer"},
		"a made-up code":   {"code=canary", 403, refusal.Mismatch, "code", "refused the authorization code"},
		"another state":    {"code=x&state=canary", 400, refusal.Mismatch, "state", "ten minutes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var refused recorder
			h := newSite(t, func(c *signin.Config) { c.Refusals = &refused })
			h.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			resp, err := h.client.Get(h.url + "/signin/link-1")
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			to, err := url.Parse(resp.Header.Get("Location"))
			require.NoError(t, err)
			query := tc.query
			if !strings.Contains(query, "state=") {
				query += "&state=" + to.Query().Get("state")
			}
			status, text := h.get(t, h.url+"/signin/callback?"+query)
			require.Equal(t, tc.status, status, text)
			require.NotContains(t, text, "minute.", "it does not ask to come back in a minute")
			require.Len(t, refused, 1)
			require.Equal(t, tc.code, refused[0].Code)
			require.Equal(t, tc.field, refused[0].Field)
			require.Contains(t, refused[0].Detail, tc.detail)
			require.NotContains(t, text+refused[0].Detail+h.log.String(), "canary")
		})
	}
	h := newSite(t, nil)
	h.client.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if strings.HasSuffix(r.URL.Path, "/callback") { // as providers with RFC 9207 and Keycloak's own parameter
			r.URL.RawQuery += "&session_state=x&iss=" + url.QueryEscape(h.provider.URL)
		}
		return nil
	}
	_, text := h.get(t, h.url+"/signin/link-1")
	require.Equal(t, "Alan@example.com at link-1", text)
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*signin.Settings)
		fault  string
	}{
		"as it is": {func(*signin.Settings) {}, ""},
		"Entra, one tenant": {func(s *signin.Settings) {
			s.Issuer, s.TrustEmail = "https://login.microsoftonline.com/9122040d-6c67-4c5b-b112-36a304b66dad/v2.0", true
		}, ""},
		"Entra, all tenants": {
			func(s *signin.Settings) { s.Issuer = "https://login.microsoftonline.com/common/v2.0" },
			"issuer: stands for every tenant of Entra ID; write the ID of your tenant: " +
				"https://login.microsoftonline.com/TENANT-ID/v2.0",
		},
		"personal accounts": {func(s *signin.Settings) {
			s.Issuer, s.TrustEmail = "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0", true
		}, "trust_email: is not for this issuer: anybody can have an account there"},
		"Google, trusted": {
			func(s *signin.Settings) { s.Issuer, s.TrustEmail = "https://accounts.google.com", true },
			"trust_email: is not for this issuer: anybody can have an account there",
		},
		"trust and sub": {
			func(s *signin.Settings) { s.Claim, s.TrustEmail = "sub", true }, "trust_email: is for the claim email; claim is another one",
		},
		"no openid": {
			func(s *signin.Settings) { s.Scopes = []string{"email"} }, "scopes: must contain openid",
		},
		"nothing required": {
			func(s *signin.Settings) { s.Require = map[string][]string{"hd": nil} }, "require.hd: names no value",
		},
		"less than nothing": {
			func(s *signin.Settings) { s.MaxAge = -time.Second }, "max_age: must be whole seconds, and not less than 0",
		},
		"half a second": {
			func(s *signin.Settings) { s.MaxAge = time.Second / 2 }, "max_age: must be whole seconds, and not less than 0",
		},
	} {
		settings := signin.Settings{Issuer: "https://id.example", ClientID: "x", ClientSecret: secret.New("x")}
		tc.change(&settings)
		_, err := signin.New(signin.Config{Settings: settings})
		if tc.fault == "" {
			require.NoError(t, err, name)
			continue
		}
		require.EqualError(t, err, tc.fault, name)
	}
}

// TestOpenIssuers holds that an issuer at which anybody can have an account gives a warning, unless something is required
// of the account.
func TestOpenIssuers(t *testing.T) {
	t.Parallel()
	for issuer, open := range map[string]bool{
		"https://accounts.google.com": true,
		"https://appleid.apple.com":   true,
		"https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0": true,
		"https://login.microsoftonline.com/9122040d-6c67-4c5b-b112-36a304b66dad/v2.0": false,
		"https://example.okta.com":            false,
		"https://accounts.google.com.example": false,
	} {
		for _, require1 := range []map[string][]string{nil, {"hd": {"example.com"}}} {
			settings := signin.Settings{Issuer: issuer, ClientID: "x", ClientSecret: secret.New("x"), Require: require1}
			settings.SetDefaults(setup.Common{})
			var found []string
			settings.Validate(setup.NewCheck("", func(path string, severity setup.Severity, _ string) {
				require.Equal(t, setup.Warning, severity)
				found = append(found, path)
			}))
			require.Equal(t, open && require1 == nil, len(found) == 1, issuer)
			_, err := signin.New(signin.Config{Settings: settings})
			require.NoError(t, err, "a warning is no fault")
		}
	}
}

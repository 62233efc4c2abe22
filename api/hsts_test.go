package api

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/inbound"
)

// TestDemandTLS holds that browsers are told to use https only where they use it, and only by those who know: the
// configuration, the connection, and a trusted proxy.
func TestDemandTLS(t *testing.T) {
	t.Parallel()
	const year, policy = 365 * 24 * time.Hour, "max-age=31536000"
	proxies, err := inbound.ParseNetworks([]string{"192.0.2.0/24"}) // of httptest
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		limits Limits
		header string
		tls    bool
		want   string
	}{
		"http":                         {Limits{HSTS: year}, "", false, ""},
		"our own TLS":                  {Limits{HSTS: year}, "", true, policy},
		"https by the configuration":   {Limits{HSTS: year, HTTPS: true}, "", false, policy},
		"a client that claims it":      {Limits{HSTS: year}, "https", false, ""},
		"a trusted proxy":              {Limits{HSTS: year, Proxies: proxies}, "https", false, policy},
		"a trusted proxy without TLS":  {Limits{HSTS: year, Proxies: proxies}, "http", false, ""},
		"a client before the proxy":    {Limits{HSTS: year, Proxies: proxies}, "https, http", false, ""},
		"a proxy behind another":       {Limits{HSTS: year, Proxies: proxies}, "http, HTTPS", false, policy},
		"switched off":                 {Limits{HTTPS: true}, "", true, ""},
		"a trusted proxy that is mute": {Limits{HSTS: year, Proxies: proxies}, "", false, ""},
	} {
		for _, path := range []string{"/healthz", "/nowhere"} {
			h, _, _ := site(t, func(e *Endpoints) { e.PublicLimits = tc.limits })
			target := "http://relay.example" + path
			if tc.tls {
				target = "https://relay.example" + path
			}
			r := httptest.NewRequest(http.MethodGet, target, nil)
			if tc.header != "" {
				r.Header.Set("X-Forwarded-Proto", tc.header)
			}
			w := httptest.NewRecorder()
			h.PublicHandler().ServeHTTP(w, r)
			require.Equal(t, tc.want, w.Header().Get("Strict-Transport-Security"), "%s %s", name, path)
		}
	}
}

func TestForwardedProto(t *testing.T) {
	t.Parallel()
	proxies, err := inbound.ParseNetworks([]string{"192.0.2.1"})
	require.NoError(t, err)
	for forwarded, want := range map[string]bool{
		`for=203.0.113.9;proto=https`:                    true,
		`for=203.0.113.9; Proto="HTTPS"`:                 true,
		`for=203.0.113.9`:                                false,
		`proto=https;for=203.0.113.9, for=192.0.2.7`:     false,
		`for=203.0.113.9, for=192.0.2.7;proto=https`:     true,
		`for=203.0.113.9;proto=http`:                     false,
		`for=203.0.113.9;protocol=https;xproto=https;by`: false,
	} {
		h, _, _ := site(t, func(e *Endpoints) { e.PublicLimits = Limits{HSTS: time.Hour, Proxies: proxies} })
		r := httptest.NewRequest(http.MethodGet, "/healthz", nil)
		r.Header.Set("Forwarded", forwarded)
		w := httptest.NewRecorder()
		h.PublicHandler().ServeHTTP(w, r)
		require.Equal(t, want, w.Header().Get("Strict-Transport-Security") == "max-age=3600", forwarded)
	}
}

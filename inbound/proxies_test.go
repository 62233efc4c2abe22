package inbound

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/remote"
)

func TestClientBehindProxies(t *testing.T) {
	t.Parallel()
	trusted, err := ParseNetworks([]string{"10.0.0.0/8", "192.0.2.1", "2001:db8::/32"})
	require.NoError(t, err)
	for name, c := range map[string]struct {
		peer   string
		header http.Header
		want   string
	}{
		"no proxy":                     {"198.51.100.1:1", nil, "198.51.100.1"},
		"a client that claims a proxy": {"198.51.100.1:1", http.Header{"X-Forwarded-For": {"203.0.113.9"}}, "198.51.100.1"},
		"a proxy without a word":       {"10.1.2.3:1", nil, "10.1.2.3"},
		"one proxy":                    {"10.1.2.3:1", http.Header{"X-Forwarded-For": {"203.0.113.9"}}, "203.0.113.9"},
		"the client's own words":       {"10.1.2.3:1", http.Header{"X-Forwarded-For": {"198.18.0.1, 203.0.113.9"}}, "203.0.113.9"},
		"two lines":                    {"10.1.2.3:1", http.Header{"X-Forwarded-For": {"198.18.0.1", "203.0.113.9"}}, "203.0.113.9"},
		"two proxies":                  {"10.1.2.3:1", http.Header{"X-Forwarded-For": {"203.0.113.9, 192.0.2.1"}}, "203.0.113.9"},
		"only proxies":                 {"10.1.2.3:1", http.Header{"X-Forwarded-For": {"10.0.0.7, 192.0.2.1"}}, "10.0.0.7"},
		"with a port":                  {"10.1.2.3:1", http.Header{"X-Forwarded-For": {"203.0.113.9:4711"}}, "203.0.113.9"},
		"IPv6":                         {"[2001:db8::1]:1", http.Header{"X-Forwarded-For": {"2001:470::7"}}, "2001:470::7"},
		"IPv6 with a port":             {"10.1.2.3:1", http.Header{"X-Forwarded-For": {"[2001:470::7]:80"}}, "2001:470::7"},
		"IPv4 within IPv6":             {"[::ffff:10.1.2.3]:1", http.Header{"X-Forwarded-For": {"::ffff:203.0.113.9"}}, "203.0.113.9"},
		"no address":                   {"10.1.2.3:1", http.Header{"X-Forwarded-For": {"203.0.113.9, unknown"}}, "10.1.2.3"},
		"empty":                        {"10.1.2.3:1", http.Header{"X-Forwarded-For": {""}}, "10.1.2.3"},
		"Forwarded":                    {"10.1.2.3:1", http.Header{"Forwarded": {`for=198.18.0.1, For="203.0.113.9:47";proto=https;by=10.1.2.3`}}, "203.0.113.9"},
		"Forwarded, IPv6":              {"10.1.2.3:1", http.Header{"Forwarded": {`for="[2001:470::7]:47"`}}, "2001:470::7"},
		"Forwarded, hidden":            {"10.1.2.3:1", http.Header{"Forwarded": {`for=203.0.113.9, for=_secret`}}, "10.1.2.3"},
		"Forwarded, without for":       {"10.1.2.3:1", http.Header{"Forwarded": {`for=203.0.113.9, proto=http`}}, "10.1.2.3"},
		"both, the same":               {"10.1.2.3:1", http.Header{"Forwarded": {`for=203.0.113.9`}, "X-Forwarded-For": {"203.0.113.9"}}, "203.0.113.9"},
		"both, one is the client's":    {"10.1.2.3:1", http.Header{"Forwarded": {`for=198.18.0.1`}, "X-Forwarded-For": {"203.0.113.9"}}, "10.1.2.3"},
	} {
		var got netip.Addr
		h := ClientAddress(trusted, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = remote.Address(r) }))
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = c.peer
		r.Header = c.header
		h.ServeHTTP(nil, r)
		require.Equal(t, c.want, got.String(), name)
	}
}

func TestNetworks(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "10.0.0.1/8", "10.0.0.0/33", "proxy.example.com", "10.0.0.0-10.0.0.9"} {
		_, err := ParseNetworks([]string{text})
		require.Error(t, err, text)
	}
	networks, err := ParseNetworks([]string{"::ffff:10.0.0.1"})
	require.NoError(t, err)
	require.Equal(t, "10.0.0.1/32", networks[0].String())
}

// What a client writes itself never changes which address counts for it.
func FuzzClientAddress(f *testing.F) {
	f.Add("198.18.0.1, unknown", `for="[2001:db8::1]:80";proto=https`)
	f.Add(`for=`, `"`)
	f.Add("10.0.0.7", "for=_hidden, for=10.0.0.1")
	f.Fuzz(func(t *testing.T, forwardedFor, forwarded string) {
		trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
		proxy, client := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("203.0.113.9")
		own := http.Header{"X-Forwarded-For": {forwardedFor}, "Forwarded": {forwarded}}
		require.Equal(t, client, clientAddress(trusted, client, own), "it is not a proxy")
		require.True(t, clientAddress(trusted, proxy, own).IsValid())

		sent := http.Header{"X-Forwarded-For": {forwardedFor, client.String()}}
		require.Equal(t, client, clientAddress(trusted, proxy, sent), "the proxy added the client")
	})
}

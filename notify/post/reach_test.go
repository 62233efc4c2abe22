package post_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/notify/post"
	"github.com/approval-relay/approval-relay/outbound"
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/setup"
)

// The URL of a channel may be http only if it may be internal, and must have a port that is called.
func TestReachChecksTheURL(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		reach post.Reach
		url   string
		fault string
	}{
		"https":               {url: "https://hooks.example.com/x"},
		"http":                {url: "http://hooks.example.com/x", fault: "url: must be https"},
		"http, internal":      {reach: post.Reach{AllowInternal: true}, url: "http://hooks:8080/x"},
		"http, a prefix":      {reach: reach("10.0.0.0/8"), url: "http://10.1.2.3:8080/x"},
		"a wrong prefix":      {reach: reach("10.0.0.1/8"), url: "https://10.1.2.3/x", fault: "allowed_prefixes[0]: has bits"},
		"any port":            {url: "https://hooks.example.com:8443/x"},
		"an allowed port":     {reach: reach("", 8443), url: "https://hooks.example.com:8443/x"},
		"the default port":    {reach: reach("", 8443), url: "https://hooks.example.com/x"},
		"a forbidden port":    {reach: reach("", 8443), url: "https://hooks.example.com:9090/x", fault: "url: has a port"},
		"a port out of range": {reach: reach("", 70000), url: "https://hooks.example.com/x", fault: "allowed_ports[0]: is 70000"},
	} {
		var faults []string
		check := setup.NewCheck("", func(path string, _ setup.Severity, message string) { faults = append(faults, path+": "+message) })
		c.reach.CheckURL(check, "url", secret.New(c.url))
		if c.fault == "" {
			require.Empty(t, faults, name)
			continue
		}
		require.Len(t, faults, 1, name)
		require.Contains(t, faults[0], c.fault, name)
	}
}

func reach(prefix string, ports ...int) post.Reach {
	r := post.Reach{Reach: outbound.Reach{Ports: ports}}
	if prefix != "" {
		r.Prefixes = []string{prefix}
	}
	return r
}

// The settings reach the guard of the Poster.
func TestPosterIsGuarded(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	port := int(netip.MustParseAddrPort(server.Listener.Addr().String()).Port())
	env := setup.Env{}
	for name, c := range map[string]struct {
		reach post.Reach
		own   bool
		want  error
	}{
		"nothing":      {want: outbound.ErrForbiddenAddress},
		"internal":     {reach: post.Reach{AllowInternal: true}},
		"prefix":       {reach: reach("127.0.0.1")},
		"prefix, port": {reach: reach("127.0.0.0/8", port)},
		"another port": {reach: reach("127.0.0.0/8", 1), want: outbound.ErrForbiddenAddress},
		"our own":      {reach: post.Reach{AllowInternal: true}, own: true, want: outbound.ErrForbiddenAddress},
	} {
		env.IsOwnListener = func(netip.AddrPort) bool { return c.own }
		poster, err := post.NewPoster(c.reach.Config(secret.New(server.URL), env))
		require.NoError(t, err)
		require.ErrorIs(t, poster.PostJSON(t.Context(), nil, []byte("{}")), c.want, name)
	}
}

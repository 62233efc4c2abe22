package api

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A proxy may leave the path of public.url in the path of a request, or remove it, also if a route has the same name.
func TestPathOfThePublicAddress(t *testing.T) {
	t.Parallel()
	for prefix, answers := range map[string]map[string]int{
		"/relay": {
			"GET /relay/a/ours": 200, "GET /a/ours": 200, "GET /relay/healthz": 200, "POST /relay/webhooks/erp": 200,
			"POST /webhooks/erp": 200, "PUT /relay/webhooks/erp": 405, "GET /relay/nothing": 404, "GET /relay": 404,
			"GET /relay/": 404, "GET /relayed/a/ours": 404, "GET /relay/relay/a/ours": 404, "GET /relay//a/ours": 404,
			"GET /relay/../a/ours": 404, "GET /other/a/ours": 404, "GET /relay/a%2Fours": 404, "GET /%72elay/a/ours": 404,
			"GET /relay/v1/orders": 404,
		},
		"/a": {"GET /a/ours": 200, "GET /a/a/ours": 200, "POST /a/webhooks/erp": 200},
		"":   {"GET /a/ours": 200, "GET /relay/a/ours": 404},
	} {
		h, _, _ := site(t, func(e *Endpoints) { e.PublicLimits.Prefix = prefix })
		for call, want := range answers {
			method, path, _ := strings.Cut(call, " ")
			got := sendBy(t, h.PublicHandler(), "192.0.2.1", method, path, "{}", "Authorization", "Bearer erp")
			require.Equal(t, want, got.StatusCode, "%s with the prefix %q", call, prefix)
		}
		forged := sendBy(t, h.PublicHandler(), "192.0.2.1", "POST", prefix+"/webhooks/erp", "{}", "Authorization", "Bearer forged")
		require.Equal(t, http.StatusUnauthorized, forged.StatusCode)
	}
}

package api

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
)

// routeTable lists every route with a body and the credentials that may use it. TestEveryRouteIsInTheTable compares it
// with the routes. The console's pages need a session and are tested in web/console.
func routeTable() map[string]struct{ body, need string } {
	return map[string]struct{ body, need string }{
		"public /a/{token}":                                               {"", ""},
		"public GET /a/{token}/files/{detail}":                            {"", ""},
		"public /s/{token}":                                               {"", ""},
		"public POST /webhooks/{source}":                                  {"{}", "erp"},
		"public GET /webhooks/{source}":                                   {"", "erp"},
		"public OPTIONS /webhooks/{source}":                               {"", "erp"},
		"public POST /slack/interactions":                                 {"", ""},
		"public POST /teams/messages":                                     {"", ""},
		"public GET /signin/{token}":                                      {"", ""},
		"public GET /signin/callback":                                     {"", ""},
		"public POST /signin/callback":                                    {"", ""},
		"public GET /signin/out":                                          {"", ""},
		"public POST /signin/out":                                         {"", ""},
		"public GET /assets/{name}":                                       {"", ""},
		"public GET " + ReceiptKeysPath:                                   {"", ""},
		"public GET /healthz":                                             {"", ""},
		"private GET /healthz":                                            {"", ""},
		"public GET /openapi.json":                                        {"", ""},
		"private GET /openapi.json":                                       {"", ""},
		"private GET /readyz":                                             {"", ""},
		"private GET /metrics":                                            {"", "operator"},
		"private POST /v1/requests":                                       {"{}", "ask operator"},
		"private POST /v1/orders/{orderId}/decisions":                     {"{}", "decide operator"},
		"private GET /v1/orders":                                          {"", "operator"},
		"private GET /v1/export":                                          {"", "operator"},
		"private GET /v1/orders/{orderId}":                                {"", "read operator"},
		"private POST /v1/orders/{orderId}/decide":                        {`{"outcome":"approve","by":"ops","reason":"x"}`, "operator"},
		"private POST /v1/orders/{orderId}/cancel":                        {`{"by":"ops","reason":"x"}`, "cancel operator"},
		"private POST /v1/orders/{orderId}/dismissal":                     {`{"reason":"x"}`, "operator"},
		"private POST /v1/orders/{orderId}/reminders":                     {`{"reason":"x"}`, "operator"},
		"private POST /v1/orders/{orderId}/approvers":                     {`{"reason":"x","approvers":["new@example.com"]}`, "operator"},
		"private POST /v1/orders/{orderId}/proposals/{proposalId}":        {`{}`, "operator"},
		"private POST /v1/orders/{orderId}/deadline":                      {`{"reason":"x","extendBy":"1h"}`, "operator"},
		"private GET /v1/orders/{orderId}/approvals/{approvalId}/receipt": {"", "read operator"},

		"private GET /v1/deadletters":            {"", "operator"},
		"private POST /v1/deadletters/dismissal": {`{"reason":"x","ids":["1"]}`, "operator"},
		"private GET /v1/refused":                {"", "operator"},
		"private GET /v1/refused/{id}":           {"", "operator"},
		"private POST /v1/redrive":               {`{"by":"ops","dryRun":true}`, "operator"},
		"private POST /-/reload":                 {"", "operator"},
		"private GET /v1/backup":                 {"", "operator"},

		"private GET /v1/controls":               {"", "operator"},
		"private PUT /v1/controls":               {`{"mode":"drain","reason":"x"}`, "operator"},
		"private DELETE /v1/controls":            {`{"reason":"x"}`, "operator"},
		"private PUT /v1/controls/{workflow}":    {`{"mode":"pause","by":"ann","reason":"x"}`, "operator"},
		"private DELETE /v1/controls/{workflow}": {"", "operator"},
	}
}

func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	for name, c := range routeTable() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, s, w := site(t)
			ask(t, s, "A-1", time.Now().Add(time.Hour), func(r *approval.Request) {
				r.Asker = "api:shop"
				r.Approvers = []approval.Approver{{ID: "ann@example.com", Nonce: "n"}}
				r.Channels = []string{"mail"}
			})
			if strings.HasSuffix(name, "/dismissal") {
				makeUndeliverable(t, s, "A-1")
			}
			if strings.Contains(name, "/proposals/") {
				propose(t, s, "A-1", "p")
			}
			side, route, _ := strings.Cut(name, " ")
			method, path, ok := strings.Cut(route, " ")
			if !ok {
				method, path = "GET", route
			}
			o, err := s.Get(t.Context(), "A-1")
			require.NoError(t, err)
			approvalID := o.Approvals[0].ID
			path = strings.NewReplacer("{orderId}", "A-1", "{approvalId}", approvalID, "{source}", "erp", "{token}", "x", "{id}", "kept",
				"{workflow}", "orders", "{proposalId}", "p").Replace(path)
			server := map[string]http.Handler{"public": h.PublicHandler(), "private": h.OperatorHandler()}[side]
			credentials := append([]string{"", "wrong", "erp", "operator"}, handlers.Verbs()...)
			for _, credential := range credentials {
				got := send(t, server, method, path, c.body, "Authorization", "Bearer "+credential)
				allowed := c.need == "" || (credential != "" && strings.Contains(" "+c.need+" ", " "+credential+" "))
				require.Equal(t, allowed, got.StatusCode < 400, "%q got %d: %s", credential, got.StatusCode, got.text)
				isProgram := slices.Contains(handlers.Verbs(), credential)
				switch {
				case !allowed && isProgram && c.need != "erp":
					require.Equal(t, http.StatusForbidden, got.StatusCode)
					require.Contains(t, got.problem.Detail, "api:shop")
				case !allowed:
					require.Equal(t, http.StatusUnauthorized, got.StatusCode)
				}
			}
			for _, seen := range w.routes {
				require.True(t, strings.HasPrefix(seen, route+" "), "counted under its pattern: %s", seen)
			}
			require.Len(t, w.routes, len(credentials))

			if path != "/a/x" && path != "/s/x" && path != "/signin/out" && path != "/signin/callback" { // both methods have a route
				other := map[string]string{"GET": "POST", "POST": "GET", "PUT": "POST", "DELETE": "POST"}[method]
				if strings.HasPrefix(path, "/webhooks/") {
					other = "PUT"
				}
				require.Equal(t, http.StatusMethodNotAllowed, send(t, server, other, path, "").StatusCode)
			}
		})
	}
}

// The path of a link answers methods that no browser uses in the way of all other paths.
func TestMethodsOfLinks(t *testing.T) {
	t.Parallel()
	h, _, _ := site(t)
	for _, method := range []string{"PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"} {
		got := send(t, h.PublicHandler(), method, "/a/x", "")
		require.Equal(t, http.StatusMethodNotAllowed, got.StatusCode, method)
		require.Equal(t, "GET, HEAD, POST", got.Header.Get("Allow"), method)
		require.Equal(t, "application/problem+json", got.Header.Get("Content-Type"), method)
	}
	require.Equal(t, "page", send(t, h.PublicHandler(), "POST", "/a/x", "").text)
}

// A source without a handshake takes POST only.
func TestSourcesWithoutHandshake(t *testing.T) {
	t.Parallel()
	h, _, _ := site(t)
	for _, method := range []string{"GET", "HEAD", "OPTIONS"} {
		got := send(t, h.PublicHandler(), method, "/webhooks/shop", "", "Authorization", "Bearer shop")
		require.Equal(t, http.StatusMethodNotAllowed, got.StatusCode, method)
		require.Equal(t, "POST", got.Header.Get("Allow"), method)
		got = send(t, h.PublicHandler(), method, "/webhooks/none", "")
		require.Equal(t, http.StatusNotFound, got.StatusCode, method)
	}
	require.Equal(t, 200, send(t, h.PublicHandler(), "GET", "/webhooks/erp", "", "Authorization", "Bearer erp").StatusCode)
}

// Routes lists exactly the routes that are served.
func TestEveryRouteIsInTheTable(t *testing.T) {
	t.Parallel()
	listed := map[string]bool{}
	for _, r := range Routes() {
		listed[r] = true
	}
	inTable := map[string]bool{}
	for name := range routeTable() {
		_, route, _ := strings.Cut(name, " ")
		inTable[route] = true
	}
	for _, r := range append(ConsoleRoutes(), "GET /{$}", "GET /console") {
		inTable[r] = true
	}
	require.Equal(t, inTable, listed)

	// A route of one address is not served on the other.
	h, _, _ := site(t)
	for _, path := range []string{
		"/", "/console", "/console/", "/console/signin", "/console/order", "/metrics", "/readyz", "/v1/orders",
		"/v1/orders/A-1", "/v1/deadletters",
	} {
		require.Equal(
			t,
			http.StatusNotFound,
			send(t, h.PublicHandler(), "GET", path, "", "Authorization", "Bearer operator").StatusCode,
			path,
		)
	}
	for _, path := range []string{"/a/x", "/webhooks/erp"} {
		require.Equal(
			t,
			http.StatusNotFound,
			send(t, h.OperatorHandler(), "POST", path, "{}", "Authorization", "Bearer erp").StatusCode,
			path,
		)
	}
}

// The console is served at its routes, and the root redirects to it.
func TestConsoleRoutes(t *testing.T) {
	t.Parallel()
	h, _, w := site(t)
	for _, pattern := range ConsoleRoutes() {
		method, path, _ := strings.Cut(strings.TrimSuffix(pattern, "{$}"), " ")
		require.Equal(t, "console", send(t, h.OperatorHandler(), method, path, "").text)
		require.Equal(t, pattern+" OK", w.routes[len(w.routes)-1])
	}
	for _, path := range []string{"/", "/console"} {
		got := send(t, h.OperatorHandler(), "GET", path, "")
		require.Equal(t, http.StatusSeeOther, got.StatusCode)
		require.Equal(t, "./console/", got.Header.Get("Location"))
	}
	require.Equal(t, http.StatusNotFound, send(t, h.OperatorHandler(), "GET", "/console/elsewhere", "").StatusCode)
	require.Equal(t, http.StatusMethodNotAllowed, send(t, h.OperatorHandler(), "POST", "/console/", "").StatusCode)
}

// An unknown path and a wrong method are answered with problem details too.
func TestProblemsOfTheSite(t *testing.T) {
	t.Parallel()
	h, _, _ := site(t)
	for _, c := range []struct {
		method, path string
		status       int
		allow        string
		detail       string
	}{
		{"GET", "/v1/nope", 404, "", "no such path"},
		{"GET", "/favicon.ico", 404, "", "no such path"},
		{"DELETE", "/v1/orders", 405, "GET, HEAD", "this path does not take DELETE, only GET, HEAD"},
		{"GET", "/v1/redrive", 405, "POST", "this path does not take GET, only POST"},
	} {
		got := send(t, h.OperatorHandler(), c.method, c.path, "", "Authorization", "Bearer operator")
		require.Equal(t, c.status, got.StatusCode, c.path)
		require.Equal(t, "application/problem+json", got.Header.Get("Content-Type"), c.path)
		require.Equal(t, c.allow, got.Header.Get("Allow"), c.path)
		require.Equal(t, c.detail, got.problem.Detail, c.path)
	}
}

// A misspelt or malformed filter is refused, because without the filter the list would have everything.
func TestInvalidQueryParameters(t *testing.T) {
	t.Parallel()
	h, _, _ := site(t)
	const exportNames = "after, approver, closed_after, closed_before, deadline_before, execution, format, older_than, q, requester, " +
		"state, waits_for, workflow"
	const listNames = "after, approver, closed_after, closed_before, deadline_before, execution, limit, older_than, q, requester, " +
		"sort, state, waits_for, workflow"
	for path, detail := range map[string]string{
		"/v1/export?sort=age&limit=1":      `query: has the unknown parameter "limit"; known here: ` + exportNames,
		"/v1/orders?flow=orders":           `query: has the unknown parameter "flow"; known here: ` + listNames,
		"/v1/orders/A-1?full=1":            `query: has the unknown parameter "full"; known here: none`,
		"/v1/deadletters?code=x":           `query: has the unknown parameter "code"; known here: after, body, limit, reason, source`,
		"/v1/orders?state=pending%zz":      `query: is malformed: invalid URL escape "%zz"`,
		"/v1/orders?state=pending;limit=1": "query: is malformed: invalid semicolon separator in query",
		"/v1/orders?state=pending&state=":  `query: has the parameter "state" more than once`,
	} {
		got := send(t, h.OperatorHandler(), "GET", path, "", "Authorization", "Bearer operator")
		require.Equal(t, http.StatusUnprocessableEntity, got.StatusCode, path)
		require.Equal(t, detail, got.problem.Detail)
		require.Equal(t, "query", got.problem.Field)
		require.Equal(t, http.StatusUnauthorized, send(t, h.OperatorHandler(), "GET", path, "").StatusCode, "strangers learn nothing")
	}
	require.Equal(t, 200, send(t, h.PublicHandler(), "POST", "/webhooks/erp?a=b", "{}", "Authorization", "Bearer erp").StatusCode)
}

func TestWebhooks(t *testing.T) {
	t.Parallel()
	h, _, _ := site(t)
	got := send(t, h.PublicHandler(), "POST", "/webhooks/erp", "{}", "Authorization", "Bearer erp")
	require.JSONEq(t, `{"orderId":"http/webhooks/erp","verdict":"decided"}`, got.text)
	got = send(t, h.PublicHandler(), "POST", "/webhooks/crm", "{}", "Authorization", "Bearer erp")
	require.Equal(t, http.StatusNotFound, got.StatusCode)
	require.Equal(t, "no such source", got.problem.Detail)
}

func TestWhichWorkflowARequestIsFor(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		workflows []string
		query     string
		status    int
		text      string
	}{
		"the only one":         {[]string{"orders"}, "", 202, RequestTopic("orders")},
		"by name":              {[]string{"orders", "invoices"}, "?workflow=invoices", 202, RequestTopic("invoices")},
		"no such":              {[]string{"orders"}, "?workflow=invoices", 404, "no such workflow"},
		"several and no name":  {[]string{"orders", "invoices"}, "", 422, "name one in the query"},
		"none are configured":  {nil, "", 422, "workflow"},
		"none, but one named":  {nil, "?workflow=orders", 404, "no such workflow"},
		"not by half its name": {[]string{"orders", "invoices"}, "?workflow=order", 404, "no such workflow"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, _, _ := site(t, func(h *Endpoints) { h.Workflows = c.workflows })
			got := send(t, h.OperatorHandler(), "POST", "/v1/requests"+c.query, "{}", "Authorization", "Bearer api")
			require.Equal(t, c.status, got.StatusCode)
			require.Contains(t, got.text, c.text)
		})
	}
}

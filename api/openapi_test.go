package api

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/api/apitest"
)

// document is openapi.json, as far as the tests read it.
type document struct {
	OpenAPI  string
	Security []map[string][]string
	Paths    map[string]map[string]json.RawMessage

	Components struct{ Parameters map[string]parameter }
}

// parameter is a parameter, or a reference to one.
type parameter struct {
	Name, In string
	Ref      string `json:"$ref"`
}

type operation struct {
	OperationID string
	Security    *[]map[string][]string
	Parameters  []parameter
	RequestBody struct {
		Content map[string]struct{ Example json.RawMessage }
	}
}

func readDocument(t *testing.T) document {
	t.Helper()
	var d document
	require.NoError(t, json.Unmarshal(openAPI, &d))
	return d
}

// described returns openapi.json for the comparison with answers.
func described(t *testing.T) *apitest.Description {
	t.Helper()
	d, err := apitest.New(openAPI)
	require.NoError(t, err)
	return d
}

// operations lists the described operations by "METHOD /path".
func (d document) operations(t *testing.T) map[string]operation {
	t.Helper()
	out := map[string]operation{}
	for path, item := range d.Paths {
		for method, raw := range item {
			if method == "parameters" || method == "servers" {
				continue
			}
			var op operation
			require.NoError(t, json.Unmarshal(raw, &op))
			out[strings.ToUpper(method)+" "+path] = op
		}
	}
	return out
}

// describedRoutes are the routes that are in the description: all but the pages for people.
func describedRoutes() map[string]route {
	out := map[string]route{}
	for _, r := range append(publicRoutes(), operatorRoutes()...) {
		switch {
		case r.access == accessSession || r.pattern == "GET /{$}" || r.pattern == "GET /console":
		case !strings.Contains(r.pattern, " "):
			out["GET "+r.pattern], out["POST "+r.pattern] = r, r
		default:
			out[r.pattern] = r
		}
	}
	return out
}

func TestEveryRouteIsDescribedAndNoOther(t *testing.T) {
	t.Parallel()
	d := readDocument(t)
	require.Equal(t, "3.1.0", d.OpenAPI)
	ids := map[string]bool{}
	ops, routes := d.operations(t), describedRoutes()
	for pattern, op := range ops {
		require.Contains(t, routes, pattern)
		require.False(t, ids[op.OperationID], "operationId %q twice", op.OperationID)
		ids[op.OperationID] = true
	}
	for pattern := range routes {
		require.Contains(t, ops, pattern)
	}
}

// The description states the credential and the query parameters of each route.
func TestDescribedCredentialsAndParameters(t *testing.T) {
	t.Parallel()
	d := readDocument(t)
	none, program, operator := map[string][]string{}, map[string][]string{"programToken": {}}, map[string][]string{"operatorToken": {}}
	want := map[access][]map[string][]string{
		accessOpen:      {},
		accessLink:      {},
		accessSignature: {},
		accessAsk:       {program, operator},
		accessDecide:    {program, operator},
		accessRead:      {program, operator},
		accessCancel:    {program, operator},
		accessOperator:  {operator},
		accessMetrics:   {operator, none},
	}
	for pattern, r := range describedRoutes() {
		op := d.operations(t)[pattern]
		got := d.Security
		if op.Security != nil {
			got = *op.Security
		}
		require.Equal(t, want[r.access], got, pattern)
		if r.access.isJSON() {
			var names []string
			for _, p := range op.Parameters {
				if p.Ref != "" {
					p = d.Components.Parameters[path.Base(p.Ref)]
				}
				names = append(names, p.Name)
			}
			slices.Sort(names)
			require.Equal(t, queryParameters(pattern), names, pattern)
		}
	}
}

// Each route answers as described, for all credentials and bodies; send compares the answers.
func TestAnswersAreAsDescribed(t *testing.T) {
	t.Parallel()
	for name, c := range routeTable() {
		side, route, _ := strings.Cut(name, " ")
		if !strings.Contains(route, " ") {
			route = "GET " + route
		}
		method, target, _ := strings.Cut(route, " ")
		target = strings.NewReplacer("{orderId}", "A-1", "{source}", "erp", "{token}", "x", "{id}", "kept", "{workflow}", "orders").Replace(target)
		for _, credential := range []string{"", "erp", "operator"} {
			h, _, _ := site(t)
			server := map[string]http.Handler{"public": h.PublicHandler(), "private": h.OperatorHandler()}[side]
			for _, body := range []string{c.body, "{", strings.Repeat(" ", MaxBody+1)} {
				send(t, server, method, target, body, "Authorization", "Bearer "+credential)
			}
		}
	}
}

// The examples of operators' bodies are valid.
func TestExamplesAreTaken(t *testing.T) {
	t.Parallel()
	seen := 0
	for route, op := range readDocument(t).operations(t) {
		example := op.RequestBody.Content["application/json"].Example
		switch {
		case route == "POST /v1/orders/{orderId}/decide":
			require.NoError(t, decodeStrict(example, &DecideRequest{}))
		case route == "POST /v1/orders/{orderId}/cancel":
			require.NoError(t, decodeStrict(example, &CancelRequest{}))
		case route == "POST /v1/orders/{orderId}/reminders":
			require.NoError(t, decodeStrict(example, &RemindRequest{}))
		case route == "POST /v1/orders/{orderId}/approvers":
			require.NoError(t, decodeStrict(example, &ApproversRequest{}))
		case route == "POST /v1/orders/{orderId}/deadline":
			require.NoError(t, decodeStrict(example, &DeadlineRequest{}))
		case route == "POST /v1/orders/{orderId}/dismissal":
			require.NoError(t, decodeStrict(example, &DismissRequest{}))
		case route == "POST /v1/deadletters/dismissal":
			require.NoError(t, decodeStrict(example, &DismissLettersRequest{}))
		case strings.HasPrefix(route, "PUT /v1/controls"):
			require.NoError(t, decodeStrict(example, &ControlRequest{}))
		case route == "POST /v1/redrive":
			require.NoError(t, decodeStrict(example, &RedriveRequest{}))
		case strings.HasPrefix(route, "POST /v1/") || strings.HasPrefix(route, "POST /webhooks"):
			require.True(t, json.Valid(example), route)
		default:
			continue
		}
		seen++
	}
	require.Equal(t, 14, seen)
}

// The description on the public address has the public routes and no other, and everything that it refers to.
func TestPublicDescription(t *testing.T) {
	t.Parallel()
	endpoints, _, _ := site(t)
	text := getText(t, endpoints.PublicHandler(), "/openapi.json")
	d, err := apitest.New([]byte(text))
	require.NoError(t, err)
	require.NotNil(t, d)
	var public document
	require.NoError(t, json.Unmarshal([]byte(text), &public))
	for path := range public.Paths {
		require.True(t, publicPaths()[path], path)
	}
	require.Len(t, public.Paths, len(publicPaths()))
	for _, private := range []string{"/v1/", "/-/reload", "/metrics", "/readyz", "operatorToken", "DeadLetter", "127.0.0.1"} {
		require.NotContains(t, text, private)
	}
	require.Contains(t, text, `"Problem"`, "the schema of refusals is referred to")
	require.Contains(t, getText(t, endpoints.OperatorHandler(), "/openapi.json"), "/v1/orders")
}

func getText(t *testing.T, h http.Handler, path string) string {
	t.Helper()
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	require.Equal(t, http.StatusOK, answer.Code)
	return answer.Body.String()
}

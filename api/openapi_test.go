package api

import (
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
)

// described is the description, as far as the tests look at it.
type described struct {
	OpenAPI    string
	Paths      map[string]map[string]json.RawMessage
	Components struct{ Schemas map[string]schema }
}

type schema struct {
	Properties map[string]any
	Required   []string
	Enum       []string
}

type operation struct {
	OperationID string
	Security    []any
	Responses   map[string]any
	RequestBody struct {
		Content map[string]struct{ Example json.RawMessage }
	}
}

func description(t *testing.T) described {
	t.Helper()
	var d described
	require.NoError(t, json.Unmarshal(openAPI, &d))
	return d
}

// operations lists what is described, by "METHOD /path".
func (d described) operations(t *testing.T) map[string]operation {
	t.Helper()
	out := map[string]operation{}
	for path, item := range d.Paths {
		for method, raw := range item {
			if method == "parameters" {
				continue
			}
			var op operation
			require.NoError(t, json.Unmarshal(raw, &op))
			out[strings.ToUpper(method)+" "+path] = op
		}
	}
	return out
}

func TestEveryRouteIsDescribedAndNoOther(t *testing.T) {
	t.Parallel()
	d := description(t)
	require.Equal(t, "3.1.0", d.OpenAPI)
	want := map[string]bool{}
	people := append(ConsoleRoutes(), "GET /{$}", "GET /console") // pages of the console are for people, and no program's
	for _, r := range Routes() {
		if slices.Contains(people, r) {
			continue
		}
		if !strings.Contains(r, " ") {
			want["GET "+r], want["POST "+r] = true, true
			continue
		}
		want[r] = true
	}
	got, ids := map[string]bool{}, map[string]bool{}
	for route, op := range d.operations(t) {
		got[route] = true
		require.False(t, ids[op.OperationID], "operationId %q twice", op.OperationID)
		ids[op.OperationID] = true
	}
	require.Equal(t, want, got)
}

// What is described needs a credential where the route does, and what it answers
// is among the answers that are described.
func TestAnswersAreAsDescribed(t *testing.T) {
	t.Parallel()
	ops := description(t).operations(t)
	for name, c := range routeTable() {
		side, route, _ := strings.Cut(name, " ")
		if !strings.Contains(route, " ") {
			route = "GET " + route
		}
		op := ops[route]
		if strings.HasPrefix(route, "POST /v1/") || strings.HasPrefix(route, "GET /v1/") {
			require.NotEmpty(t, op.Security, route)
		}
		method, path, _ := strings.Cut(route, " ")
		path = strings.NewReplacer("{orderId}", "A-1", "{source}", "erp", "{token}", "x").Replace(path)
		for _, credential := range []string{"", "erp", "operator"} {
			h, _, _ := site(t)
			server := map[string]http.Handler{"public": h.PublicHandler(), "private": h.OperatorHandler()}[side]
			for _, body := range []string{c.body, "{", strings.Repeat(" ", MaxBody+1)} {
				got := send(t, server, method, path, body, "Authorization", "Bearer "+credential).StatusCode
				if route == "POST /v1/requests" && got == http.StatusOK { // site's handler replies nothing of a handler's
					got = http.StatusAccepted
				}
				_, found := op.Responses[strconv.Itoa(got)]
				_, other := op.Responses["default"]
				require.True(t, found || other, "%s with %q answers %d, which is not described", route, credential, got)
			}
		}
	}
}

// The shapes have the fields that the code writes and reads, and no others.
func TestShapesAreAsInTheCode(t *testing.T) {
	t.Parallel()
	schemas := description(t).Components.Schemas
	for name, shape := range map[string]any{
		"Problem": Problem{}, "Accepted": handlers.Accepted{}, "Decided": handlers.Decided{}, "Ruling": Ruling{}, "OrderList": OrderList{},
		"Order": approval.Order{}, "Letter": Letter{}, "LetterList": LetterList{}, "RedriveOrder": RedriveOrder{}, "RedriveReport": RedriveReport{},
	} {
		want := map[string]bool{}
		for f := range reflect.TypeOf(shape).Fields() {
			if tag, _, _ := strings.Cut(f.Tag.Get("json"), ","); tag != "-" && f.IsExported() {
				want[tag] = true
			}
		}
		got := map[string]bool{}
		for p := range schemas[name].Properties {
			got[p] = true
		}
		require.Equal(t, want, got, name)
		for _, r := range schemas[name].Required {
			require.True(t, got[r], "%s requires %s", name, r)
		}
	}
	require.Equal(t, texts(approval.AllStatuses()), schemas["Status"].Enum)
	require.Equal(t, texts(approval.AllVerdicts()), schemas["Verdict"].Enum)
	for ref := range strings.SplitSeq(string(openAPI), `"#/components/schemas/`) {
		if name, _, ok := strings.Cut(ref, `"`); ok && !strings.Contains(name, "{") {
			require.Contains(t, schemas, name)
		}
	}
}

func texts[S ~string](in []S) []string {
	var out []string
	for _, s := range in {
		out = append(out, string(s))
	}
	return out
}

// The examples of operators' bodies are taken as they are.
func TestExamplesAreTaken(t *testing.T) {
	t.Parallel()
	seen := 0
	for route, op := range description(t).operations(t) {
		example := op.RequestBody.Content["application/json"].Example
		switch {
		case slices.Contains([]string{"POST /v1/orders/{orderId}/decide", "POST /v1/orders/{orderId}/cancel"}, route):
			_, err := readRuling(example)
			require.NoError(t, err, route)
		case route == "POST /v1/redrive":
			var r RedriveOrder
			require.NoError(t, decodeStrict(example, &r))
		case strings.HasPrefix(route, "POST /v1/") || strings.HasPrefix(route, "POST /webhooks"):
			require.True(t, json.Valid(example), route)
		default:
			continue
		}
		seen++
	}
	require.Equal(t, 6, seen)
}

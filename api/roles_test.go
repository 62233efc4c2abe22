package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/role"
	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/store/memory"
)

// ofRoles makes a site where each role is a bearer token. "orders-operator" and the like are limited to that workflow.
func ofRoles(e *Endpoints) {
	e.Workflows = []string{"orders", "payroll"}
	view := role.View{Records: e.OperatorAPI.Orders.(*memory.Store)}
	e.OperatorAPI.Orders, e.OperatorAPI.Lister = view, view
	e.FindPrincipal = func(r *http.Request) (handlers.Principal, error) {
		token := bearerToken(r)
		p := handlers.Principal{Name: token, IsOperator: true}
		if workflow, name, limited := strings.Cut(token, "-"); limited {
			p.Grants = role.Grants{{Role: role.Role(name), Workflows: []string{workflow}}}
		} else {
			p.Grants = role.Grants{{Role: role.Role(token)}}
		}
		return p, nil
	}
}

// everyRole lists the roles that documentation promises for the routes of the operator's address. A route that is
// missing here fails the test.
func everyRole() map[string][]role.Role {
	sees := []role.Role{role.Viewer, role.Auditor, role.Operator, role.Admin}
	audits := []role.Role{role.Auditor, role.Operator, role.Admin}
	acts := []role.Role{role.Operator, role.Admin}
	admins := []role.Role{role.Admin}
	all := []role.Role{role.Viewer, role.Auditor, role.Operator, role.Admin, role.Scraper}
	return map[string][]role.Role{
		"GET /metrics":                                            all,
		"POST /v1/requests":                                       acts,
		"POST /v1/orders/{orderId}/decisions":                     acts,
		"GET /v1/orders/{orderId}":                                sees,
		"POST /v1/orders/{orderId}/cancel":                        acts,
		"GET /v1/orders/{orderId}/approvals/{approvalId}/receipt": audits,
		"GET /v1/orders":                                          sees,
		"GET /v1/export":                                          audits,
		"POST /v1/orders/{orderId}/decide":                        acts,
		"POST /v1/orders/{orderId}/dismissal":                     acts,
		"POST /v1/orders/{orderId}/reminders":                     acts,
		"POST /v1/orders/{orderId}/approvers":                     acts,
		"POST /v1/orders/{orderId}/deadline":                      acts,
		"POST /v1/orders/{orderId}/proposals/{proposalId}":        acts,
		"GET /v1/deadletters":                                     sees,
		"POST /v1/deadletters/dismissal":                          acts,
		"GET /v1/refused":                                         sees,
		"GET /v1/refused/{id}":                                    audits,
		"POST /v1/redrive":                                        acts,
		"GET /v1/controls":                                        sees,
		"PUT /v1/controls":                                        admins,
		"DELETE /v1/controls":                                     admins,
		"PUT /v1/controls/{workflow}":                             acts,
		"DELETE /v1/controls/{workflow}":                          acts,
		"POST /-/reload":                                          admins,
		"GET /v1/backup":                                          admins,
	}
}

// Each role gets exactly the routes of the table, and a role for a single workflow gets no route that is about the
// whole program.
func TestRolesOfRoutes(t *testing.T) {
	t.Parallel()
	h, _, _ := site(t, ofRoles)
	for _, route := range operatorRoutes() {
		if route.access == accessOpen || route.access == accessSession {
			require.Equal(t, noRight, route.right, route.pattern)
			continue
		}
		want, listed := everyRole()[route.pattern]
		require.True(t, listed, "%s is in no table of rights", route.pattern)
		method, path, _ := strings.Cut(route.pattern, " ")
		if path == "/v1/requests" {
			path += "?workflow=orders"
		}
		path = strings.NewReplacer("{orderId}", "A-1", "{approvalId}", "a", "{id}", "kept", "{proposalId}", "p", "{workflow}", "orders").Replace(path)
		for _, name := range append(role.Roles(), "root", "") {
			isProgramWide := route.right == role.Metrics || route.right == role.Administer
			may := slices.Contains(want, role.Role(name))
			require.Equal(t, may, !isForbidden(t, h, method, path, name), "%s of %s", route.pattern, name)
			require.Equal(t, may && !isProgramWide && path != "/v1/refused/kept",
				!isForbidden(t, h, method, path, "orders-"+name), "%s of %s for a workflow", route.pattern, name)
		}
	}
}

func isForbidden(t *testing.T, h *Endpoints, method, path, token string) bool {
	t.Helper()
	got := send(t, h.OperatorHandler(), method, path, "{}", "Authorization", "Bearer "+token)
	return got.StatusCode == http.StatusForbidden
}

// A refusal names the right and the role, and changes nothing.
func TestMissingRightIsNamed(t *testing.T) {
	t.Parallel()
	h, s, _ := site(t, ofRoles)
	ask(t, s, "A-1", time.Now().Add(time.Hour))
	for _, path := range []string{"/decide", "/decisions", "/cancel", "/reminders", "/approvers", "/deadline", "/dismissal"} {
		got := send(t, h.OperatorHandler(), "POST", "/v1/orders/A-1"+path,
			`{"outcome":"approve","reason":"x","extendBy":"1h","approvers":["eve"]}`, "Authorization", "Bearer viewer")
		require.Equal(t, http.StatusForbidden, got.StatusCode)
		require.Equal(t, `this needs the right "act"; operator:viewer has the role viewer`, got.problem.Detail)
	}
	a := get(t, s, "A-1").Approvals[0]
	require.Equal(t, approval.Pending, a.Status)
	require.Empty(t, a.Votes)
	require.Empty(t, a.Acts)
}

// For an operator of a workflow, the orders of others do not exist, whatever the call; of a shared order, only the own
// approval does.
func TestOperatorOfAWorkflow(t *testing.T) {
	t.Parallel()
	h, s, _ := site(t, ofRoles)
	of := func(workflow, step string) func(*approval.Request) {
		return func(r *approval.Request) {
			r.Workflow, r.Step, r.Token = workflow, step, approval.NewToken(workflow+step)
		}
	}
	ask(t, s, "theirs", time.Now().Add(time.Hour), of("payroll", ""))
	ask(t, s, "shared", time.Now().Add(time.Hour), of("payroll", "pay"))
	ask(t, s, "shared", time.Now().Add(time.Hour), of("orders", "own"))
	payroll := get(t, s, "shared").Approvals[0].ID
	call := func(method, path, body string) reply {
		return send(t, h.OperatorHandler(), method, path, body, "Authorization", "Bearer orders-operator")
	}

	for path, body := range map[string]string{
		"/decide":    `{"outcome":"approve","reason":"x"}`,
		"/cancel":    `{"reason":"x"}`,
		"/reminders": `{"reason":"x"}`,
		"/dismissal": `{"reason":"x"}`,
		"/approvers": `{"reason":"x","approvers":["eve@example.com"]}`,
		"/deadline":  `{"reason":"x","extendBy":"1h"}`,
	} {
		theirs, absent := call("POST", "/v1/orders/theirs"+path, body), call("POST", "/v1/orders/absent"+path, body)
		require.Equal(t, http.StatusNotFound, theirs.StatusCode, path)
		require.Equal(t, strings.ReplaceAll(absent.text, "absent", "theirs"), theirs.text, path)
		named := strings.Replace(body, "{", `{"approvalId":"`+payroll+`",`, 1)
		require.GreaterOrEqual(t, call("POST", "/v1/orders/shared"+path, named).StatusCode, 400, path)
	}
	_, err := s.Get(t.Context(), "absent")
	require.ErrorIs(t, err, approval.ErrNotFound, "a decision about a hidden order must not wait for its request")
	for _, id := range []string{"theirs", "shared"} {
		a := get(t, s, id).Approvals[0]
		require.Equal(t, approval.Pending, a.Status)
		require.Empty(t, a.Votes)
		require.Empty(t, a.Acts)
	}
	absent := call("GET", "/v1/orders/absent", "").text
	require.Equal(t, strings.ReplaceAll(absent, "absent", "theirs"), call("GET", "/v1/orders/theirs", "").text)
	require.NotContains(t, call("GET", "/v1/orders/shared", "").text, "payroll")
	require.NotContains(t, call("GET", "/v1/orders", "").text, "payroll")
	require.NotContains(t, call("GET", "/v1/orders?state=pending", "").text, "theirs")
	require.Equal(t, http.StatusNotFound, call("GET", "/v1/orders/shared/approvals/"+payroll+"/receipt", "").StatusCode)
	require.Equal(t, http.StatusForbidden, call("POST", "/v1/requests?workflow=payroll", "{}").StatusCode)

	require.Equal(t, http.StatusOK, call("POST", "/v1/orders/shared/decide", `{"outcome":"approve","reason":"x"}`).StatusCode,
		"the other approval of the order does not make it ambiguous")
	require.Equal(t, approval.Approved, get(t, s, "shared").Approvals[1].Status)
}

// Dead letters and refusals of other sources are not listed, nor redriven.
func TestLettersOfAWorkflow(t *testing.T) {
	t.Parallel()
	refusals := &refused{}
	h, s, _ := site(t, ofRoles, func(e *Endpoints) { e.OperatorAPI.Refusals = refusals })
	for _, source := range []string{"request-orders", "request-payroll", "decision-erp"} {
		_, err := s.PutDeadLetter(t.Context(), store.DeadLetter{Source: source, Reason: "of " + source, ReasonCode: "odd"})
		require.NoError(t, err)
	}
	call := func(method, path, body string) reply {
		return send(t, h.OperatorHandler(), method, path, body, "Authorization", "Bearer orders-operator")
	}
	letters := call("GET", "/v1/deadletters", "").text
	require.Contains(t, letters, "request-orders")
	require.NotContains(t, letters, "payroll")
	require.NotContains(t, letters, "erp")
	dry := call("POST", "/v1/redrive", `{"dryRun":true}`).text
	require.NotContains(t, dry, "payroll")
	require.NotContains(t, dry, "erp")
	require.Contains(t, dry, `"count":1`)

	call("GET", "/v1/refused", "")
	includes := refusals.sent[len(refusals.sent)-1].Includes
	require.True(t, includes("request-orders"))
	require.False(t, includes("request-payroll") || includes("decision-erp") || includes("api"))
}

// An operator of a workflow pauses that workflow only, and sees its control and that of all workflows.
func TestControlsOfAWorkflow(t *testing.T) {
	t.Parallel()
	h, s, _ := site(t, ofRoles)
	call := func(method, path, token string) reply {
		return send(t, h.OperatorHandler(), method, path, `{"mode":"drain","reason":"x"}`, "Authorization", "Bearer "+token)
	}
	require.Equal(t, http.StatusNotFound, call("PUT", "/v1/controls/payroll", "orders-operator").StatusCode)
	require.Equal(t, http.StatusForbidden, call("PUT", "/v1/controls", "orders-operator").StatusCode)
	controls, err := s.Controls(t.Context())
	require.NoError(t, err)
	require.Empty(t, controls)
	require.Equal(t, http.StatusOK, call("PUT", "/v1/controls", "admin").StatusCode)
	require.Equal(t, http.StatusOK, call("PUT", "/v1/controls/orders", "orders-operator").StatusCode)
	require.NoError(t, s.SetControl(t.Context(), store.Control{Workflow: "payroll", Mode: store.ControlDrain, Reason: "secret"}))
	shown := send(t, h.OperatorHandler(), "GET", "/v1/controls", "", "Authorization", "Bearer orders-viewer").text
	require.Contains(t, shown, `"workflow":"orders"`)
	require.NotContains(t, shown, "payroll")
}

// propose stores the proposal of another operator to cancel.
func propose(t *testing.T, s *memory.Store, orderID, id string) {
	t.Helper()
	require.NoError(t, s.Update(t.Context(), orderID, func(o *approval.Order) error {
		v, _ := o.CancelBy(approval.Cancellation{ID: id, Actor: approval.OperatorActor("ada", ""), Reason: "x"},
			approval.Environment{Now: time.Now(), NeedsSecond: func(string) bool { return true }})
		require.Equal(t, approval.VerdictProposed, v.Code)
		return nil
	}))
}

// With four eyes, the call of one operator changes nothing, by whatever route; the call of another one confirms it.
func TestFourEyes(t *testing.T) {
	t.Parallel()
	h, s, _ := site(t, ofRoles, func(e *Endpoints) {
		e.OperatorAPI.Decider.NeedsSecond = func() approval.NeedsSecond { return func(string) bool { return true } }
	})
	ask(t, s, "A-1", time.Now().Add(time.Hour))
	call := func(token, path, body string) reply {
		return send(t, h.OperatorHandler(), "POST", "/v1/orders/A-1"+path, body, "Authorization", "Bearer "+token)
	}
	var result DecisionResult
	got := call("operator", "/decide", `{"outcome":"approve","reason":"the boss is away"}`)
	require.Equal(t, http.StatusOK, got.StatusCode)
	require.NoError(t, json.Unmarshal([]byte(got.text), &result))
	require.Equal(t, approval.VerdictProposed, result.Verdict)
	require.Equal(t, approval.Pending, get(t, s, "A-1").Approvals[0].Status)
	confirm := "/proposals/" + result.ProposalID

	require.Equal(t, http.StatusForbidden, call("viewer", confirm, "").StatusCode)
	require.Equal(t, http.StatusNotFound, call("payroll-operator", confirm, "").StatusCode)
	require.Equal(t, approval.VerdictProposer, call("operator", confirm, "").problem.Verdict)
	require.Equal(t, approval.VerdictProposer, call("operator", confirm, `{"by":"bob"}`).problem.Verdict)
	require.Equal(t, approval.VerdictProposer, call("admin", confirm, `{"by":"operator"}`).problem.Verdict)
	other := call("admin", "/proposals/other", "")
	require.Equal(t, http.StatusNotFound, other.StatusCode)
	require.Contains(t, other.text, "proposal: not found")
	missing := send(t, h.OperatorHandler(), "POST", "/v1/orders/A-9"+confirm, "", "Authorization", "Bearer payroll-operator")
	hidden := call("payroll-operator", confirm, "")
	require.Equal(t, missing.text, strings.ReplaceAll(hidden.text, "A-1", "A-9"), "an order of others is like no order")
	require.Equal(t, approval.Pending, get(t, s, "A-1").Approvals[0].Status)

	require.Equal(t, http.StatusOK, call("admin", confirm, "").StatusCode)
	a := get(t, s, "A-1").Approvals[0]
	require.Equal(t, approval.Approved, a.Status)
	require.Equal(t, []string{"operator:operator", "operator:admin"}, []string{a.Votes[0].Principal, a.Votes[0].ConfirmedBy})
	require.Contains(t, call("orders-operator", confirm, "").text, "another operator has confirmed the proposal already")
}

// countedOrders counts the orders that are read from a store.
type countedOrders struct {
	*memory.Store
	listed int
}

func (c *countedOrders) List(_ context.Context, q store.OrderQuery) (out []*approval.Order, next string, err error) {
	for range q.Limit {
		c.listed++
		a := &approval.Approval{ID: "a", Status: approval.Pending}
		a.Workflow = "refunds"
		out = append(out, &approval.Order{ID: fmt.Sprintf("%09d", c.listed), Approvals: []*approval.Approval{a}})
	}
	if c.listed >= 100_000 {
		return out, "", nil
	}
	return out, out[len(out)-1].ID, nil
}

// A call of an operator of some workflows looks at no more orders than any other call.
func TestListOfLimitedOperatorIsBounded(t *testing.T) {
	t.Parallel()
	orders := &countedOrders{Store: new(memory.Store)}
	a := &OperatorAPI{Lister: role.View{Records: orders}, Redriver: &handlers.Redriver{Transitions: &handlers.Transitions{Now: time.Now}}}
	ctx := role.WithScope(t.Context(), role.Scope{Workflows: []string{"orders"}})
	out, err := a.listOrders(httptest.NewRequestWithContext(ctx, "GET", "/v1/orders", http.NoBody), nil)
	require.NoError(t, err)
	require.True(t, out.(OrderList).Incomplete)
	require.Empty(t, out.(OrderList).Orders)
	require.LessOrEqual(t, orders.listed, store.MaxLookedAt)
}

package api

import (
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/store/memory"
)

// noControlObserver ignores the controls.
type noControlObserver struct{}

func (noControlObserver) ControlsChanged([]store.Control) {}

// controls returns the controls of the workflow orders.
func controls(s *memory.Store) *handlers.Controls {
	return &handlers.Controls{
		Keeper:    s,
		Workflows: func() []string { return []string{"orders"} },
		Observer:  noControlObserver{},
		Log:       slog.New(slog.DiscardHandler),
		Now:       func() time.Time { return time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC) },
	}
}

func TestControls(t *testing.T) {
	t.Parallel()
	endpoints, _, _ := site(t)
	h := endpoints.OperatorHandler()
	call := func(method, path, body string) reply {
		return send(t, h, method, path, body, "Authorization", "Bearer operator")
	}
	none := `{"controls":[]}`
	require.JSONEq(t, none, call("GET", "/v1/controls", "").text)
	all := `{"mode":"drain","by":"olga","reason":"upgrade","since":"2026-03-04T05:06:07Z"}`
	orders := `{"workflow":"orders","mode":"pause","by":"olga","onBehalfOf":"ann","reason":"the ERP is down","since":"2026-03-04T05:06:07Z"}`
	require.JSONEq(t, `{"controls":[`+all+`]}`, call("PUT", "/v1/controls", `{"mode":"drain","reason":" upgrade "}`).text)
	got := call("PUT", "/v1/controls/orders", `{"mode":"pause","by":"ann","reason":"the ERP is down"}`)
	require.JSONEq(t, `{"controls":[`+all+`,`+orders+`]}`, got.text)
	require.JSONEq(t, got.text, call("GET", "/v1/controls", "").text)
	require.JSONEq(t, `{"controls":[`+orders+`]}`, call("DELETE", "/v1/controls", `{"reason":"done"}`).text)
	for range 2 { // it can be repeated
		require.JSONEq(t, none, call("DELETE", "/v1/controls/orders", "").text)
	}
}

func TestControlsRefused(t *testing.T) {
	t.Parallel()
	endpoints, _, _ := site(t)
	h := endpoints.OperatorHandler()
	for name, c := range map[string]struct {
		path, body string
		status     int
		field      string
	}{
		"no mode":          {"/v1/controls", `{"reason":"x"}`, http.StatusUnprocessableEntity, "mode"},
		"unknown mode":     {"/v1/controls", `{"mode":"resume","reason":"x"}`, http.StatusUnprocessableEntity, "mode"},
		"no reason":        {"/v1/controls", `{"mode":"drain","reason":" "}`, http.StatusUnprocessableEntity, "reason"},
		"unknown field":    {"/v1/controls", `{"mode":"drain","reason":"x","all":true}`, http.StatusUnprocessableEntity, "body"},
		"no body":          {"/v1/controls", ``, http.StatusUnprocessableEntity, "body"},
		"unknown workflow": {"/v1/controls/odd", `{"mode":"drain","reason":"x"}`, http.StatusNotFound, ""},
	} {
		got := send(t, h, "PUT", c.path, c.body, "Authorization", "Bearer operator")
		require.Equal(t, c.status, got.StatusCode, name)
		require.Equal(t, c.field, got.problem.Field, name)
	}
	require.JSONEq(t, `{"controls":[]}`, send(t, h, "GET", "/v1/controls", "", "Authorization", "Bearer operator").text)
}

// The sender of a request that is not taken learns that it is for now, and when to try again. Decisions are taken.
func TestHeldRequest(t *testing.T) {
	t.Parallel()
	endpoints, _, _ := site(t)
	h := endpoints.OperatorHandler()
	for path, text := range map[string]string{
		"/v1/controls":        "no new requests are taken at present",
		"/v1/controls/orders": "the workflow takes no new requests at present",
	} {
		send(t, h, "PUT", path, `{"mode":"pause","reason":"x"}`, "Authorization", "Bearer operator")
		got := send(t, h, "POST", "/v1/requests", "{}", "Authorization", "Bearer ask")
		require.Equal(t, http.StatusServiceUnavailable, got.StatusCode)
		require.Equal(t, TypePaused, got.problem.Type)
		require.Contains(t, got.problem.Detail, text)
		require.Equal(t, "60", got.Header.Get("Retry-After"))
		decided := send(t, h, "POST", "/v1/orders/A-1/decisions", "{}", "Authorization", "Bearer decide")
		require.Less(t, decided.StatusCode, 300)
		send(t, h, "DELETE", path, "", "Authorization", "Bearer operator")
	}
	require.Equal(t, http.StatusAccepted, send(t, h, "POST", "/v1/requests", "{}", "Authorization", "Bearer ask").StatusCode)
}

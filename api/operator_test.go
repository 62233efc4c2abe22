package api

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

func TestList(t *testing.T) {
	t.Parallel()
	h, s, _ := site(t)
	for i := range 3 {
		ask(t, s, fmt.Sprintf("A-%d", i), time.Now().Add(time.Hour), func(a *approval.Request) {
			a.Approvers = []approval.Approver{{ID: "ann", Nonce: "nonce-of-ann"}}
		})
	}
	list := func(query string) reply {
		return send(t, h.OperatorHandler(), "GET", "/v1/orders"+query, "", "Authorization", "Bearer operator")
	}
	got := list("")
	require.Equal(t, 3, strings.Count(got.text, `"orderId":"A-`))
	require.NotContains(t, got.text, "secret of")
	require.NotContains(t, got.text, "nonce-of-ann")
	got = list("?limit=2")
	require.Contains(t, got.text, `"next":"A-1"`)
	require.Equal(t, 1, strings.Count(list("?limit=2&after=A-1").text, `"orderId":"A-`))
	require.Equal(t, 3, strings.Count(list("?state=pending").text, `"orderId":"A-`))
	require.JSONEq(t, `{"orders":[]}`, list("?state=exhausted").text)
	for _, bad := range []string{"?limit=0", "?limit=1001", "?limit=many", "?state=odd"} {
		got := list(bad)
		require.Equal(t, http.StatusUnprocessableEntity, got.StatusCode, bad)
		require.Contains(t, bad, got.problem.Field)
	}
}

func TestShow(t *testing.T) {
	t.Parallel()
	h, s, _ := site(t)
	ask(t, s, "A/1", time.Now().Add(time.Hour))
	got := send(t, h.OperatorHandler(), "GET", "/v1/orders/A%2F1", "", "Authorization", "Bearer operator")
	require.Equal(t, http.StatusOK, got.StatusCode)
	require.Contains(t, got.text, `"orderId":"A/1"`)
	require.NotContains(t, got.text, "secret of")
	got = send(t, h.OperatorHandler(), "GET", "/v1/orders/nobody", "", "Authorization", "Bearer operator")
	require.Equal(t, http.StatusNotFound, got.StatusCode)
}

func TestRulings(t *testing.T) {
	t.Parallel()
	h, s, _ := site(t)
	for _, id := range []string{"yes", "gone"} {
		ask(t, s, id, time.Now().Add(time.Hour))
	}
	rule := func(path, body string) reply {
		return send(t, h.OperatorHandler(), "POST", "/v1/orders/"+path, body, "Authorization", "Bearer operator")
	}
	for body, field := range map[string]string{
		`{"outcome":"approve","by":7,"reason":"x"}`:      "by",
		`{"outcome":"approve","by":"ops"}`:               "reason",
		`{"outcome":"maybe","by":"ops","reason":"x"}`:    "outcome",
		`{"outcome":"approve","by":"ops","because":"x"}`: "body",
		`{"outcome":"approve","by":"ops","reason":7}`:    "reason",
		`{"by":"ops","reason":"x"} {}`:                   "body",
		``:                                               "body",
	} {
		got := rule("yes/decide", body)
		require.Equal(t, http.StatusUnprocessableEntity, got.StatusCode, body)
		require.Equal(t, field, got.problem.Field, body)
	}
	require.Equal(t, http.StatusRequestEntityTooLarge, rule("yes/decide", strings.Repeat(" ", MaxBody+1)).StatusCode)
	require.Equal(t, approval.Pending, get(t, s, "yes").Approvals[0].Status)

	got := rule("yes/decide", `{"outcome":"approve","by":"ops","reason":"by phone"}`)
	require.Equal(t, http.StatusOK, got.StatusCode, got.text)
	vote := get(t, s, "yes").Approvals[0].Votes[0]
	require.Equal(t, []any{"olga", "by phone", approval.ViaOperator, "operator"}, []any{vote.By, vote.Comment, vote.Via, vote.Source})
	require.Equal(t, []any{"operator:olga", "ops"}, []any{vote.Principal, vote.Claimed})
	got = rule("yes/decide", `{"outcome":"reject","by":"ops","reason":"no"}`)
	require.Equal(t, http.StatusConflict, got.StatusCode)
	require.Equal(t, approval.VerdictConflict, got.problem.Verdict)

	got = rule("gone/cancel", `{"by":"ops","reason":"ordered twice"}`)
	require.Equal(t, http.StatusOK, got.StatusCode)
	require.Equal(t, "ordered twice", get(t, s, "gone").Approvals[0].Reason)
	require.Equal(t, http.StatusOK, rule("gone/cancel", `{"by":"ops","reason":"again"}`).StatusCode)
	require.Equal(t, http.StatusConflict, rule("yes/cancel", `{"by":"ops","reason":"too late"}`).StatusCode)
	require.Equal(t, http.StatusNotFound, rule("nobody/cancel", `{"by":"ops","reason":"x"}`).StatusCode)
	require.Equal(t, http.StatusNotFound, rule("nobody/decide", `{"outcome":"approve","by":"ops","reason":"x"}`).StatusCode)
}

// Only the named step is cancelled.
func TestCancelOfAStep(t *testing.T) {
	t.Parallel()
	h, s, _ := site(t)
	for _, step := range []string{"legal", "finance"} {
		ask(t, s, "A-1", time.Now().Add(time.Hour), func(a *approval.Request) { a.Step, a.Token = step, approval.NewToken(step) })
	}
	cancel := func(body string) reply {
		return send(t, h.OperatorHandler(), "POST", "/v1/orders/A-1/cancel", body, "Authorization", "Bearer operator")
	}
	status := func() (all []approval.Status) {
		for _, a := range get(t, s, "A-1").Approvals {
			all = append(all, a.Status)
		}
		return all
	}
	require.Equal(t, "body", cancel(`{"by":"ops","reason":"x","outcome":"approve"}`).problem.Field)
	require.Equal(t, "by", cancel(`{"by":"`+strings.Repeat("x", 257)+`","reason":"x"}`).problem.Field)
	require.Equal(t, approval.VerdictAmbiguous, cancel(`{"by":"ops","reason":"x"}`).problem.Verdict)
	require.Equal(t, http.StatusOK, cancel(`{"by":"ops","reason":"x","step":"finance"}`).StatusCode)
	require.Equal(t, []approval.Status{approval.Pending, approval.Cancelled}, status())
	require.Equal(t, http.StatusOK, cancel(`{"by":"ops","reason":"again","step":"finance"}`).StatusCode)
	require.Equal(t, http.StatusNotFound, cancel(`{"by":"ops","reason":"x","step":"tax"}`).StatusCode)
	require.Equal(t, []approval.Status{approval.Pending, approval.Cancelled}, status())
}

// Unreadable dead letters do not hide the others.
func TestDeadLetters(t *testing.T) {
	t.Parallel()
	list := func(s *shelf) reply {
		h, _, _ := site(t, func(h *Endpoints) { h.OperatorAPI.DeadLetters = s })
		return send(t, h.OperatorHandler(), "GET", "/v1/deadletters", "", "Authorization", "Bearer operator")
	}
	one := store.DeadLetter{
		ID:     "1",
		Source: "orders",
		Reason: "no order",
		Body:   []byte("secret body"),
	}
	require.JSONEq(t, `{"deadLetters":[]}`, list(&shelf{}).text)
	got := list(&shelf{letters: []store.DeadLetter{one}, err: errOdd})
	require.Equal(t, http.StatusOK, got.StatusCode)
	require.Contains(t, got.text, `"reason":"no order"`)
	require.Contains(t, got.text, `"error":"odd"`)
	require.NotContains(t, got.text, "secret body")
	require.Equal(t, http.StatusServiceUnavailable, list(&shelf{err: errOdd}).StatusCode)
}

func TestRedrive(t *testing.T) {
	t.Parallel()
	h, _, _ := site(t)
	redrive := func(body string) reply {
		return send(t, h.OperatorHandler(), "POST", "/v1/redrive", body, "Authorization", "Bearer operator")
	}
	require.Equal(t, "body", redrive(`{"by":"ops","all":true}`).problem.Field)
	require.Equal(t, "max", redrive(`{"by":"ops","max":-1}`).problem.Field)
	require.Equal(t, "by", redrive(`{"by":"`+strings.Repeat("x", maxBy+1)+`"}`).problem.Field, "it goes into the history")
	require.Equal(t, "max: has the wrong type: number 1.5", redrive(`{"by":"ops","max":1.5}`).problem.Detail)
	require.JSONEq(
		t,
		`{"dryRun":true,"found":[],"redriven":0,"guarded":0,"expired":0,"failed":0}`,
		redrive(`{"by":"ops","dryRun":true}`).text,
	)
}

package api

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
)

// ofProgram makes a request that a program sent.
func ofProgram(name, step string) func(*approval.Request) {
	return func(r *approval.Request) {
		r.Asker = approval.APIPrincipal(name)
		r.Step = step
		r.Token = approval.NewToken("secret of " + name + step)
	}
}

// A program that lacks a verb is told which, and nothing is done.
func TestMissingVerbIsNamed(t *testing.T) {
	t.Parallel()
	h, s, _ := site(t)
	ask(t, s, "A-1", time.Now().Add(time.Hour), ofProgram("shop", ""))
	for path, want := range map[string]string{
		"POST /v1/requests":             "the token of api:shop lacks the verb ask",
		"POST /v1/orders/A-1/decisions": "the token of api:shop lacks the verb decide",
		"POST /v1/orders/A-1/cancel":    "the token of api:shop lacks the verb cancel",
		"POST /v1/orders/A-1/decide":    "this needs the token of an operator; api:shop is a program",
		"GET /v1/orders":                "this needs the token of an operator; api:shop is a program",
	} {
		method, path, _ := strings.Cut(path, " ")
		got := send(t, h.OperatorHandler(), method, path, `{"reason":"x"}`, "Authorization", "Bearer read")
		require.Equal(t, http.StatusForbidden, got.StatusCode, path)
		require.Equal(t, want, got.problem.Detail)
	}
	require.Equal(t, approval.Pending, get(t, s, "A-1").Approvals[0].Status)
}

// A program asks only for the workflows of its token, also if there is no other.
func TestProgramAsksForItsWorkflows(t *testing.T) {
	t.Parallel()
	limited := func(e *Endpoints) {
		e.Workflows = []string{"orders", "invoices"}
		e.FindPrincipal = func(*http.Request) (handlers.Principal, error) {
			return handlers.Principal{Name: "shop", Verbs: []handlers.Verb{handlers.VerbAsk}, Workflows: []string{"invoices"}}, nil
		}
	}
	h, _, _ := site(t, limited)
	got := send(t, h.OperatorHandler(), "POST", "/v1/requests?workflow=orders", "{}")
	require.Equal(t, http.StatusForbidden, got.StatusCode)
	require.Equal(t, "api:shop may not use this workflow", got.problem.Detail)
	require.Equal(t, http.StatusAccepted, send(t, h.OperatorHandler(), "POST", "/v1/requests?workflow=invoices", "{}").StatusCode)
	h, _, _ = site(t, limited, func(e *Endpoints) { e.Workflows = []string{"orders"} })
	require.Equal(t, http.StatusForbidden, send(t, h.OperatorHandler(), "POST", "/v1/requests", "{}").StatusCode)
}

// The message of a call has the principal of its token, whatever headers and body contain.
func TestMessageHasItsPrincipal(t *testing.T) {
	t.Parallel()
	in := NewIngress()
	seen := make(chan string, 1)
	consume(t, in, DecisionTopic(), func(m *message.Message) error {
		p, _ := handlers.PrincipalOf(m.Context())
		seen <- p.ID()
		handlers.Reply(m, handlers.Decided{OrderID: "A-1", Verdict: approval.VerdictDecided})
		return nil
	})
	h, _, _ := site(t, func(e *Endpoints) { e.Ingress = in })
	for token, want := range map[string]string{"operator": "operator:olga", "decide": "api:shop"} {
		send(t, h.OperatorHandler(), "POST", "/v1/orders/A-1/decisions", `{"principal":"operator:root"}`,
			"Authorization", "Bearer "+token, "Principal", "operator:root")
		require.Equal(t, want, <-seen)
	}
}

// A program reads its own approvals and their history, and cancels them. Those of others, and decisions without an
// approval, do not exist for it.
func TestProgramReadsAndCancelsItsOwn(t *testing.T) {
	t.Parallel()
	h, s, _ := site(t)
	ask(t, s, "shared", time.Now().Add(time.Hour), ofProgram("shop", "own"))
	ask(t, s, "shared", time.Now().Add(time.Hour), ofProgram("erp", "other"))
	ask(t, s, "theirs", time.Now().Add(time.Hour), ofProgram("erp", ""))
	require.NoError(t, s.Update(t.Context(), "shared", func(o *approval.Order) error {
		_, _, err := o.Decide(approval.Decision{
			ID:      "d",
			Outcome: approval.Approve,
			By:      "ann@example.com",
			Step:    "later",
			Via:     approval.ViaSNS,
			Source:  "results",
		}, approval.UnmatchedRetention{WaitFor: time.Hour}, approval.Environment{Now: time.Now()})
		return err
	}))
	call := func(method, path, body string) reply {
		return send(t, h.OperatorHandler(), method, path, body, "Authorization", "Bearer api")
	}

	var o Order
	require.NoError(t, json.Unmarshal([]byte(call("GET", "/v1/orders/shared", "").text), &o))
	require.Len(t, o.Approvals, 1)
	require.Equal(t, "own", o.Approvals[0].Step)
	require.Equal(t, "api:shop", o.Approvals[0].Asker)
	require.Empty(t, o.UnmatchedDecisions)
	require.NotEmpty(t, o.History)
	for _, e := range o.History {
		require.Equal(t, o.Approvals[0].ApprovalID, e.ApprovalID)
	}

	theirs, nobodys := call("GET", "/v1/orders/theirs", ""), call("GET", "/v1/orders/nobodys", "")
	require.Equal(t, http.StatusNotFound, theirs.StatusCode)
	require.Equal(t, nobodys.text, theirs.text, "a program cannot find out which orders exist")

	const reason = `{"by":"ann@example.com","reason":"withdrawn"}`
	theirs, nobodys = call("POST", "/v1/orders/theirs/cancel", reason), call("POST", "/v1/orders/nobodys/cancel", reason)
	require.Equal(t, http.StatusNotFound, theirs.StatusCode)
	require.Equal(t, nobodys.text, theirs.text)
	require.Equal(t, http.StatusOK, call("POST", "/v1/orders/shared/cancel", reason).StatusCode)
	stored := get(t, s, "shared")
	require.Equal(t, approval.Cancelled, stored.Approvals[0].Status)
	require.Equal(t, approval.Pending, stored.Approvals[1].Status)
	last := stored.History[len(stored.History)-1]
	require.Equal(t, []string{"api:shop", "ann@example.com"}, []string{last.Principal, last.Claimed})
}

// An operator acts in the name of the token, whatever the body names: the requester cannot approve as somebody else, and
// an act in the name of another person is recorded as the operator's.
func TestOperatorCannotActAsSomebodyElse(t *testing.T) {
	t.Parallel()
	h, s, _ := site(t)
	ask(t, s, "mine", time.Now().Add(time.Hour), func(r *approval.Request) { r.Requester = "Olga" })
	ask(t, s, "boss's", time.Now().Add(time.Hour), func(r *approval.Request) { r.Requester = "boss@example.com" })
	ask(t, s, "free", time.Now().Add(time.Hour))
	act := func(order, route, body string) reply {
		return send(t, h.OperatorHandler(), "POST", "/v1/orders/"+order+route, body, "Authorization", "Bearer operator")
	}
	for _, by := range []string{"olga", "olga2", "boss@example.com", ""} {
		got := act("mine", "/decide", `{"outcome":"approve","by":"`+by+`","reason":"x"}`)
		require.Equal(t, approval.VerdictRequester, got.problem.Verdict, by)
	}
	got := act("boss's", "/decide", `{"outcome":"approve","by":"boss@example.com","reason":"x"}`)
	require.Equal(t, approval.VerdictRequester, got.problem.Verdict, "nobody approves for the requester")

	got = act("free", "/decide", `{"outcome":"approve","by":"boss@example.com","reason":"x"}`)
	require.Equal(t, http.StatusOK, got.StatusCode)
	var o Order
	require.NoError(t, json.Unmarshal([]byte(send(t, h.OperatorHandler(), "GET", "/v1/orders/free", "", "Authorization", "Bearer operator").text), &o))
	require.Equal(t, []string{"olga", "operator:olga", "boss@example.com"},
		[]string{o.Approvals[0].Votes[0].DecidedBy, o.Approvals[0].Votes[0].Principal, o.Approvals[0].Votes[0].Claimed})
	for _, e := range o.History {
		require.NotEqual(t, "boss@example.com", e.By, e.Kind)
	}

	require.Equal(t, http.StatusOK, act("mine", "/cancel", `{"by":"olga","reason":"x"}`).StatusCode)
	last := get(t, s, "mine").History
	require.Equal(t, "olga", last[len(last)-1].By)
	require.Empty(t, last[len(last)-1].Claimed, "the operator need not be named twice")
}

package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
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
		ask(t, s, "A-1", time.Now().Add(time.Hour), func(a *approval.Request) {
			a.Step, a.Token, a.Execution = step, approval.NewToken(step), "run-of-"+step
		})
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
	ambiguous := cancel(`{"by":"ops","reason":"x"}`).problem
	require.Equal(t, approval.VerdictAmbiguous, ambiguous.Verdict)
	require.Len(t, ambiguous.Candidates, 2)
	require.Equal(t, "run-of-finance", ambiguous.Candidates[1].Execution)
	require.Equal(t, http.StatusNotFound, cancel(`{"by":"ops","reason":"x","execution":"other"}`).StatusCode)
	require.Equal(t, http.StatusNotFound, cancel(`{"by":"ops","reason":"x","execution":"run-of-legal","step":"finance"}`).StatusCode)
	require.Equal(t, http.StatusOK, cancel(`{"by":"ops","reason":"x","execution":"run-of-finance"}`).StatusCode)
	require.Equal(t, []approval.Status{approval.Pending, approval.Cancelled}, status())
	require.Equal(t, http.StatusOK, cancel(`{"by":"ops","reason":"again","step":"finance"}`).StatusCode)
	require.Equal(t, http.StatusNotFound, cancel(`{"by":"ops","reason":"x","step":"tax"}`).StatusCode)
	require.Equal(t, []approval.Status{approval.Pending, approval.Cancelled}, status())
}

// Dead letters are listed by pages, without their bodies. The first page has the depths of the dead letter queues.
func TestDeadLetters(t *testing.T) {
	t.Parallel()
	h, s, _ := site(t)
	letters := store.DeadLetters(s)
	h.OperatorAPI.Redriver.Queues = map[string]handlers.DeadLetterQueue{
		"orders":  deepQueue{messages: 3},
		"refunds": deepQueue{err: errOdd},
	}
	list := func(query string) (reply, DeadLetterList) {
		got := send(t, h.OperatorHandler(), "GET", "/v1/deadletters"+query, "", "Authorization", "Bearer operator")
		var page DeadLetterList
		if got.StatusCode == http.StatusOK {
			require.NoError(t, json.Unmarshal([]byte(got.text), &page))
		}
		return got, page
	}
	_, page := list("")
	require.Empty(t, page.DeadLetters)
	require.Equal(t, []DeadLetterQueue{
		{Source: "orders", Queue: "dlq", Messages: 3, HasMore: true, Letters: []QueuedLetter{
			{MessageID: "m-1", ReasonCode: "http_500", Reason: "odd"},
		}},
		{Source: "refunds", Queue: "dlq", Error: "odd"},
	}, page.Queues)
	for i := range 5 {
		_, err := letters.PutDeadLetter(t.Context(), store.DeadLetter{
			Source: "orders",
			Reason: fmt.Sprint("reason ", i),
			Body:   []byte("secret body"),
		})
		require.NoError(t, err)
	}
	var reasons []string
	for query, pages := "?limit=2", 1; query != ""; pages++ {
		got, page := list(query)
		require.NotContains(t, got.text, "secret body")
		require.LessOrEqual(t, len(page.DeadLetters), 2)
		require.Equal(t, pages == 1, page.Queues != nil)
		for _, l := range page.DeadLetters {
			reasons = append(reasons, l.Reason)
		}
		if query = ""; page.Next != "" {
			query = "?limit=2&after=" + page.Next
		}
		require.LessOrEqual(t, pages, 3)
	}
	require.Equal(t, []string{"reason 0", "reason 1", "reason 2", "reason 3", "reason 4"}, reasons)
	got, _ := list("?limit=1001")
	require.Equal(t, "limit", got.problem.Field)
	h.OperatorAPI.Redriver.DeadLetters = &shelf{DeadLetters: letters, err: errOdd}
	got, _ = list("")
	require.Equal(t, http.StatusServiceUnavailable, got.StatusCode)
}

// deepQueue is a dead letter queue with a number of messages.
type deepQueue struct {
	handlers.DeadLetterQueue

	messages int
	err      error
}

// CountAll implements handlers.DeadLetterQueue.
func (q deepQueue) CountAll(context.Context) (queue string, messages int, err error) {
	return "dlq", q.messages, q.err
}

// Look implements handlers.DeadLetterQueue.
func (q deepQueue) Look(_ context.Context, r store.QueueLook) ([]store.QueuedLetter, bool, error) {
	letter := store.QueuedLetter{ID: "m-1", ReasonCode: "http_500", Reason: "odd"}
	if r.WithBodies {
		letter.Body = []byte("secret body")
	}
	return []store.QueuedLetter{letter}, true, nil
}

// Dismiss implements handlers.DeadLetterQueue.
func (q deepQueue) Dismiss(_ context.Context, d store.Dismissal) (ids []string, hasMore bool, err error) {
	if slices.Contains(d.MessageIDs, "m-1") || d.ReasonCode == "http_500" {
		return []string{"m-1"}, false, q.err
	}
	return nil, false, q.err
}

func TestRedrive(t *testing.T) {
	t.Parallel()
	h, _, _ := site(t)
	redrive := func(body string) reply {
		return send(t, h.OperatorHandler(), "POST", "/v1/redrive", body, "Authorization", "Bearer operator")
	}
	require.Equal(t, "body", redrive(`{"by":"ops","all":true}`).problem.Field)
	require.Equal(t, "max", redrive(`{"by":"ops","max":-1}`).problem.Field)
	require.Equal(t, "limit: must be at least 0; noGuard removes the guard", redrive(`{"by":"ops","limit":-1}`).problem.Detail)
	require.Equal(t, http.StatusOK, redrive(`{"by":"ops","noGuard":true,"dryRun":true}`).StatusCode)
	require.Equal(t, "after", redrive(`{"by":"ops","after":"odd"}`).problem.Field)
	require.Equal(t, "by", redrive(`{"by":"`+strings.Repeat("x", maxBy+1)+`"}`).problem.Field, "it goes into the history")
	require.Equal(t, "body: must be an object, is null", redrive("null").problem.Detail)
	require.Equal(t, "max: has the wrong type: number 1.5", redrive(`{"by":"ops","max":1.5}`).problem.Detail)
	require.JSONEq(
		t,
		`{"dryRun":true,"found":[],"redriven":0,"requeued":0,"failed":0,"returned":0,"guarded":0,"kept":0,"expired":0,"notLookedAt":0}`,
		redrive(`{"by":"ops","dryRun":true}`).text,
	)
}

// A call that acts is read as it is written. A list or base64 of an empty object, which messages may be, would redrive
// everything.
func TestCallsOfOperatorsAreReadAsWritten(t *testing.T) {
	t.Parallel()
	h, _, _ := site(t)
	redrive := func(body string) reply {
		return send(t, h.OperatorHandler(), "POST", "/v1/redrive", body, "Authorization", "Bearer operator")
	}
	for _, body := range []string{`[{}]`, `["{}"]`, "e30=", "e30gICAgICAgICAgICAgICAgICAg", `"{}"`, ""} {
		require.Equal(t, http.StatusUnprocessableEntity, redrive(body).StatusCode, body)
	}
	require.Equal(t, http.StatusOK, redrive("\ufeff{}").StatusCode, "a byte order mark changes nothing")
}

package api

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/refusal"
)

// Each refusal is recorded once, with its reason, and nothing else is.
func TestRefusalsAreRecorded(t *testing.T) {
	t.Parallel()
	operator := []string{"Authorization", "Bearer operator"}
	for name, c := range map[string]struct {
		side, call, body string
		header           []string
		want             refusal.Refusal // nothing but the time is left out; the zero value stands for no refusal
	}{
		"accepted":             {side: "public", call: "POST /webhooks/erp", body: "{}", header: []string{"Authorization", "Bearer erp"}},
		"a page":               {side: "public", call: "GET /a/x"},
		"a list":               {side: "private", call: "GET /v1/orders", header: operator},
		"a probe that is down": {side: "private", call: "GET /readyz"},
		"a forged webhook": {side: "public", call: "POST /webhooks/erp", body: "{}", want: refusal.Refusal{
			Source: "decision-erp", Code: refusal.Mismatch, Detail: "no", Status: 401, Size: 2, Route: "POST /webhooks/{source}",
		}},
		"an unknown webhook": {side: "public", call: "POST /webhooks/evil", body: "{}", want: refusal.Refusal{
			Source: "public", Code: refusal.Unknown, Detail: "no such source", Status: 404, Route: "POST /webhooks/{source}",
		}},
		"an unknown path": {side: "public", call: "GET /evil", want: refusal.Refusal{
			Source: "public", Code: refusal.Unknown, Detail: "no such path", Status: 404,
		}},
		"a wrong method": {side: "private", call: "PATCH /v1/orders", want: refusal.Refusal{
			Source: "api", Code: refusal.Method, Detail: "the path takes only GET, HEAD", Status: 405,
		}},
		"an unknown parameter": {side: "private", call: "GET /v1/orders?evil=1", header: operator, want: refusal.Refusal{
			Source: "api", Code: refusal.Query, Field: "query", Status: 422, Route: "GET /v1/orders", Principal: "operator:olga",
			Detail: "query: has an unknown parameter; known here: " + strings.Join(listParameters(), ", "),
		}},
		"a program without the verb": {
			side: "private", call: "POST /v1/requests", body: "{}", header: []string{"Authorization", "Bearer read"},
			want: refusal.Refusal{
				Source: "api", Code: refusal.Forbidden, Status: 403, Route: "POST /v1/requests", Principal: "api:shop",
				Detail: "the token of api:shop lacks the verb ask",
			},
		},
		"a large body": {
			side: "public", call: "POST /webhooks/erp", body: strings.Repeat("x", MaxBody+1), header: []string{"Authorization", "Bearer erp"},
			want: refusal.Refusal{
				Source: "decision-erp", Code: refusal.TooLarge, Field: "body", Status: 413, Route: "POST /webhooks/{source}",
				Detail: "the body is larger than 1048576 bytes", Size: MaxBody + 1,
			},
		},
		"an unknown order": {side: "private", call: "GET /v1/orders/evil", header: operator, want: refusal.Refusal{
			Source: "api", Code: refusal.Unknown, Status: 404, Route: "GET /v1/orders/{orderId}", Principal: "operator:olga",
			Detail: "the order is not in the store",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log refused
			h, _, _ := site(t, func(e *Endpoints) {
				e.Refusals = &log
				e.Ready = func(context.Context) error { return errOdd }
				policy := e.Webhooks["erp"]
				policy.Source = "decision-erp"
				e.Webhooks["erp"] = policy
			})
			server := map[string]http.Handler{"public": h.PublicHandler(), "private": h.OperatorHandler()}[c.side]
			method, path, _ := strings.Cut(c.call, " ")
			send(t, server, method, path, c.body, c.header...)
			if c.want.Code == "" {
				require.Empty(t, log.list)
				return
			}
			c.want.Remote = "192.0.2.1"
			require.Equal(t, []refusal.Refusal{c.want}, log.list)
		})
	}
}

// A decision that is refused is recorded with the verdict. A repeated decision is no refusal.
func TestRefusedDecisionsAreRecorded(t *testing.T) {
	t.Parallel()
	var log refused
	h, _, _ := site(t, func(e *Endpoints) {
		e.Refusals = &log
		e.Ingress = NewIngress()
		consume(t, e.Ingress, DecisionTopic(), func(*message.Message) error {
			err := approval.Verdict{Code: approval.VerdictNotApprover}.Err()
			return approval.Permanent(errors.Join(err, approval.InvalidField("by", "is missing")))
		})
	})
	got := send(t, h.OperatorHandler(), "POST", "/v1/orders/A-1/decisions", "{}", "Authorization", "Bearer decide")
	require.Equal(t, http.StatusForbidden, got.StatusCode)
	require.Len(t, log.list, 1)
	require.Equal(t, []any{refusal.Missing, "by", "api:shop", 403},
		[]any{log.list[0].Code, log.list[0].Field, log.list[0].Principal, log.list[0].Status})
	require.Contains(t, log.list[0].Detail, "not_approver")
}

// The body of a refused request is kept only if its source says so, and only if it is refused.
func TestKeptBodies(t *testing.T) {
	t.Parallel()
	for _, keep := range []bool{true, false} {
		var log refused
		h, _, _ := site(t, func(e *Endpoints) {
			e.Refusals = &log
			e.Webhooks["erp"] = SourcePolicy{Check: bearer("erp"), KeepRefusedBodies: keep}
		})
		send(t, h.PublicHandler(), "POST", "/webhooks/erp", `{"a":1}`, "Authorization", "Bearer erp")
		require.Empty(t, log.list)
		send(t, h.PublicHandler(), "POST", "/webhooks/erp", strings.Repeat("x", 100_000))
		require.Len(t, log.list, 1)
		if keep {
			require.Len(t, log.list[0].Body, maxKeptBody)
		} else {
			require.Empty(t, log.list[0].Body)
		}
	}
}

// A refused credential is challenged by the scheme of its source.
func TestChallenges(t *testing.T) {
	t.Parallel()
	h, _, _ := site(t, func(e *Endpoints) {
		e.Webhooks["signed"] = SourcePolicy{Check: bearer("erp"), Challenge: `Signature header="X-Sig"`}
	})
	challenge := func(server http.Handler, method, path string) string {
		return send(t, server, method, path, "{}").Header.Get("WWW-Authenticate")
	}
	require.Equal(t, `Signature header="X-Sig"`, challenge(h.PublicHandler(), "POST", "/webhooks/signed"))
	require.Equal(t, bearerChallenge, challenge(h.PublicHandler(), "POST", "/webhooks/erp"))
	require.Equal(t, bearerChallenge, challenge(h.OperatorHandler(), "GET", "/v1/orders"))
	require.Empty(t, challenge(h.OperatorHandler(), "GET", "/nope"))
}

// A person who opens a path of no route gets a page, and a program problem details.
func TestPageForPeople(t *testing.T) {
	t.Parallel()
	var log refused
	h, _, _ := site(t, func(e *Endpoints) {
		e.Refusals = &log
		e.ShowMessage = func(w http.ResponseWriter, _ *http.Request, status int, heading, _ string) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(status)
			_, _ = w.Write([]byte(heading))
		}
	})
	browser := "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	for _, c := range []struct {
		method, path, accept string
		page                 bool
	}{
		{"GET", "/", browser, true},
		{"GET", "/a", browser, true},
		{"GET", "/a/", browser, true},
		{"GET", "/a/cut/off", browser, true},
		{"GET", "//a/x", browser, true},
		{"GET", "/", "application/json;q=0.5, text/html", true},
		{"GET", "/", "", false},
		{"GET", "/", "*/*", false},
		{"GET", "/", "application/json, text/html", false},
		{"GET", "/", "text/html;q=0", false},
		{"GET", "/", "text/html;q=x", false},
		{"POST", "/", browser, false},
	} {
		r := httptest.NewRequest(c.method, "http://example.com/", nil)
		r.URL.Path = c.path
		r.Header.Set("Accept", c.accept)
		rec := httptest.NewRecorder()
		h.PublicHandler().ServeHTTP(rec, r)
		require.Equal(t, http.StatusNotFound, rec.Code, c)
		if c.page {
			require.Equal(t, "This link is not valid", rec.Body.String(), c)
		} else {
			require.Equal(t, "application/problem+json", rec.Header().Get("Content-Type"), c)
		}
	}
	require.Len(t, log.list, 12)
	for _, r := range log.list {
		require.Equal(t, []any{"public", refusal.Unknown, "no such path"}, []any{r.Source, r.Code, r.Detail})
	}
	r := httptest.NewRequest(http.MethodGet, "/nope", nil)
	r.Header.Set("Accept", browser)
	rec := httptest.NewRecorder()
	h.OperatorHandler().ServeHTTP(rec, r)
	require.Equal(t, "application/problem+json", rec.Header().Get("Content-Type"), "only programs use the operator's address")
}

func TestListOfRefusals(t *testing.T) {
	t.Parallel()
	log := &refused{list: []refusal.Refusal{{
		Time:   time.Unix(1_700_000_100, 0),
		Source: "api",
		Code:   refusal.Mismatch,
		Detail: "unknown token",
		Status: 401,
		Remote: "192.0.2.1",
	}}}
	h, _, _ := site(t, func(e *Endpoints) { e.OperatorAPI.Refusals = log })
	get := func(path string) reply {
		return send(t, h.OperatorHandler(), "GET", path, "", "Authorization", "Bearer operator")
	}
	got := get("/v1/refused?source=api&reason=mismatch&limit=7")
	require.Equal(t, http.StatusOK, got.StatusCode)
	require.Contains(t, got.text, `"since":"2023-11-14T22:13:20Z"`)
	require.Contains(t, got.text, `"reason":"mismatch","detail":"unknown token","status":401`)
	require.Equal(t, "api", log.sent[0].Source)
	require.Equal(t, refusal.Mismatch, log.sent[0].Code)
	require.Equal(t, 7, log.sent[0].Limit)
	require.Equal(t, "reason", get("/v1/refused?reason=odd").problem.Field)

	got = get("/v1/refused/kept")
	require.Contains(t, got.text, `"body":"{\"a\":1}"`)
	require.Contains(t, got.text, "opened by operator:olga")
	require.Equal(t, http.StatusNotFound, get("/v1/refused/gone").StatusCode)
}

package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// tokens of the programs in TestAttacksOfPrograms, which the place's own configuration does not have.
const (
	portalSecret = "portal-token-0123456789"
	scorerSecret = "scorer-token-0123456789"
	plainSecret  = "plain-token-01234567890"
)

// fileOfPrincipals writes a configuration with several programs, an operator who is named like an approver, and sources
// of workflows.
func (p place) fileOfPrincipals(t *testing.T) string {
	t.Helper()
	path := p.file(t, false, `sources: [api]
  quorum: {policy: {quorum: 2}, sources: [api]}
  refunds: {sources: [hub, api], approvers: [boss@example.com]}`)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	for old, now := range map[string]string{
		`tokens: {ops: "${OPERATOR}"}`: `tokens: {alice@example.com: "${OPERATOR}"}`,
		fmt.Sprintf("api_tokens: {shop: {token: %s, decides_own: true}}", programSecret): fmt.Sprintf(`api_tokens:
    shop: {token: %s, verbs: [ask, read, cancel]}
    portal: {token: %s, verbs: [decide], workflows: [orders, quorum]}
    scorer: {token: %s, verbs: [decide], decided_by: ignored}
    plain: %s`, programSecret, portalSecret, scorerSecret, plainSecret),
	} {
		require.Contains(t, string(text), old)
		text = []byte(strings.Replace(string(text), old, now, 1))
	}
	path = filepath.Join(p.dir, "principals.yaml")
	require.NoError(t, os.WriteFile(path, text, 0o600))
	return path
}

// TestAttacksOfPrograms tries to decide what a program, a webhook or an operator may not decide, and looks at the names
// in the history of what they may.
func TestAttacksOfPrograms(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	r := p.start(t, p.fileOfPrincipals(t))
	as := func(token, method, path, body string) reply {
		return do(t, method, r.operator+path, body, "Authorization", "Bearer "+token)
	}
	ask := func(token, workflow, order, more string) {
		t.Helper()
		got := as(token, "POST", "/v1/requests?workflow="+workflow, fmt.Sprintf(`{"orderId":%q,"taskToken":"token-of-%s"%s}`, order, order, more))
		require.Equal(t, http.StatusAccepted, got.status, got.text)
	}
	decide := func(token, order, by string) reply {
		return as(token, "POST", "/v1/orders/"+order+"/decisions", fmt.Sprintf(`{"decision":"approve","decidedBy":%q}`, by))
	}
	const boss = `,"approvers":["boss@example.com"]`

	t.Run("the program that asks does not decide", func(t *testing.T) {
		ask(programSecret, "orders", "own", boss)
		got := decide(programSecret, "own", "boss@example.com")
		require.Equal(t, http.StatusForbidden, got.status)
		require.Contains(t, got.text, "the token of api:shop lacks the verb decide")
		ask(plainSecret, "orders", "own-plain", boss)
		got = decide(plainSecret, "own-plain", "boss@example.com")
		require.Equal(t, http.StatusForbidden, got.status)
		require.Equal(t, "asker", got.body["verdict"])
	})
	t.Run("a program is one voter where nobody is named", func(t *testing.T) {
		ask(programSecret, "quorum", "two", "")
		require.Equal(t, "recorded", decide(portalSecret, "two", "ann").body["verdict"])
		require.Equal(t, "repeated", decide(portalSecret, "two", "ann\u200b").body["verdict"])
		require.Equal(t, "repeated", decide(portalSecret, "two", "bob").body["verdict"])
		require.Equal(t, "decided", decide(scorerSecret, "two", "ann").body["verdict"], "another program is another voter")
	})
	t.Run("a webhook decides the workflows that name it", func(t *testing.T) {
		ask(programSecret, "orders", "not-hubs", "")
		got := r.hub(t, `{"orderId":"not-hubs","decision":"approve","decisionId":"h1"}`)
		require.Equal(t, []any{http.StatusForbidden, "source"}, []any{got.status, got.body["verdict"]})
		ask(programSecret, "refunds", "hubs", "")
		got = r.hub(t, `{"orderId":"hubs","decision":"approve","decidedBy":"boss@example.com","decisionId":"h2"}`)
		require.Equal(t, http.StatusOK, got.status, got.text)
	})
	t.Run("a program decides the workflows of its token", func(t *testing.T) {
		ask(programSecret, "refunds", "not-portals", "")
		got := decide(portalSecret, "not-portals", "boss@example.com")
		require.Equal(t, []any{http.StatusForbidden, "source"}, []any{got.status, got.body["verdict"]})
		require.Equal(t, http.StatusAccepted, decide(portalSecret, "early", "boss@example.com").status)
		ask(programSecret, "refunds", "early", "")
		require.Contains(t, as(operatorSecret, "GET", "/v1/orders/early", "").text, `"status":"pending"`, "the early decision is not for it")
	})
	t.Run("the requester does not decide, however they are written", func(t *testing.T) {
		for i, requester := range []string{
			"BOSS@example.com", "Boss <boss@example.com>", "smtp:boss@example.com", "boss@example\u3002com.", `\"boss\"@example.com`,
			"boss(x)@example.com", "boss @example.com", "boss%40example.com", "boss\uff20example.com", "x500:boss@example.com",
		} {
			order := fmt.Sprintf("spelled-%d", i)
			got := as(programSecret, "POST", "/v1/requests?workflow=orders", fmt.Sprintf(
				`{"orderId":%q,"taskToken":"AQC","approvers":["boss@example.com","eve@example.com"],"requester":"%s"}`,
				order, requester))
			if got.status == http.StatusUnprocessableEntity {
				require.Contains(t, got.text, "requester: is more than an e-mail address")
				continue
			}
			require.Equal(t, http.StatusAccepted, got.status, "%s: %s", requester, got.text)
			require.Equal(t, "requester", decide(portalSecret, order, "boss@example.com").body["verdict"], requester)
		}
	})
	t.Run("a name that is not believed does not count", func(t *testing.T) {
		ask(programSecret, "orders", "named", boss)
		got := decide(scorerSecret, "named", "boss@example.com")
		require.Equal(t, []any{http.StatusForbidden, "not_approver"}, []any{got.status, got.body["verdict"]})
		require.Contains(t, got.text, "the decisions of api:scorer count for itself")
	})
	t.Run("the history tells the programs apart", func(t *testing.T) {
		ask(programSecret, "orders", "told", boss)
		require.Equal(t, "decided", decide(portalSecret, "told", "boss@example.com").body["verdict"])
		_, shown, _ := command(t, "show", "told", "--url", r.operator, "--token", operatorSecret)
		require.Regexp(t, `requested +source api:shop`, shown)
		require.Regexp(t, `decided +approve, by boss@example.com, via api, source api:portal`, shown)
		require.Contains(t, as(programSecret, "GET", "/v1/orders/told", "").text, `"principal":"api:portal"`)
	})
	t.Run("a program reads and cancels its own only", func(t *testing.T) {
		ask(plainSecret, "orders", "plains", "")
		require.Equal(t, http.StatusNotFound, as(programSecret, "GET", "/v1/orders/plains", "").status)
		require.Equal(t, http.StatusNotFound, as(programSecret, "POST", "/v1/orders/plains/cancel", `{"reason":"x"}`).status)
		require.Equal(t, http.StatusOK, as(plainSecret, "POST", "/v1/orders/plains/cancel", `{"reason":"x"}`).status)
	})
	t.Run("an operator acts in the name of the token", func(t *testing.T) {
		ask(programSecret, "orders", "alices", `,"requester":"Alice@example.com"`)
		for _, by := range []string{"alice2", "boss@example.com"} {
			got := as(operatorSecret, "POST", "/v1/orders/alices/decide", fmt.Sprintf(`{"outcome":"approve","by":%q,"reason":"x"}`, by))
			require.Equal(t, "requester", got.body["verdict"], by)
		}
		require.Equal(t, "requester", decide(operatorSecret, "alices", "boss@example.com").body["verdict"], "nor as a program")
		ask(programSecret, "orders", "bosss", boss)
		status, _, errs := command(t, "decide", "approve", "bosss", "--reason=x", "--by=boss@example.com", "--url", r.operator, "--token", operatorSecret)
		require.Equal(t, 0, status, errs)
		_, shown, _ := command(t, "show", "bosss", "--url", r.operator, "--token", operatorSecret)
		require.Regexp(t, `decided +approve, by alice@example.com, on behalf of boss@example.com, via operator`, shown)
	})
}

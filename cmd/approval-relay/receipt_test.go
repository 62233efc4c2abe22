package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/canonical"
	"github.com/approval-relay/approval-relay/receipt"
)

const (
	receiptRules = "approvers: [ann@example.com]\n    decision: {receipt: true, payload: /purchase}"
	// bought is the payload of the tests: the same value in two forms.
	bought      = `{"total": 1200.50, "item": "desk"}`
	boughtAgain = `{"item":"desk","total":1200.5}`
)

// TestReceiptsFromTheAnswerToTheVerifier asks, decides and verifies: with the exported key, offline, and against the
// payload. A rotation of the keys leaves the old receipt valid.
func TestReceiptsFromTheAnswerToTheVerifier(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	file := p.file(t, true, receiptRules)
	r := p.start(t, file)
	token := r.ask(t, "o-1", `,"purchase":`+bought)
	got := r.program(t, "/v1/orders/o-1/decisions", `{"decisionId":"d-1","decision":"approve","decidedBy":"ann@example.com"}`)
	require.Equal(t, http.StatusOK, got.status, got.text)
	answer := p.write(t, "answer.json", r.task(t, token).Output)
	require.Contains(t, r.task(t, token).Output, `"receipt":"ey`)

	served := do(t, "GET", r.public+"/.well-known/approval-relay/jwks.json", "")
	require.Equal(t, http.StatusOK, served.status)
	jwks := p.write(t, "keys.json", served.text)
	exported := p.export(t)
	require.Equal(t, served.text, exported)
	_, pem, _ := command(t, "keys", "export", "--public", "--format=pem", filepath.Join(p.dir, "keys"))
	keyFiles := []string{jwks, p.write(t, "keys.pem", pem)}

	payload := p.write(t, "payload.json", boughtAgain)
	for _, keys := range keyFiles {
		status, out, errs := command(t, "verify", answer, "--key", keys, "--payload", payload, "--approved")
		require.Equal(t, 0, status, errs)
		require.Contains(t, out, "the receipt is valid\n  status          approved\n")
		require.Contains(t, out, "is the one that was decided about")
	}
	whole := p.write(t, "request.json", `{"orderId":"o-1","purchase":`+bought+`}`)
	verify(t, 0, answer, "--key", jwks, "--payload", whole, "--pointer=/purchase")
	require.Contains(t, verify(t, 0, answer, "--key", jwks), "not compared")

	changed := p.write(t, "changed.json", strings.Replace(bought, "1200", "9200", 1))
	require.Contains(t, verify(t, 1, answer, "--key", jwks, "--payload", changed), "is not what was decided about")
	require.JSONEq(t, fmt.Sprintf(`{"valid":false,"error":%q}`, "refused: the payload has nothing at \"/other\", or is not JSON"),
		verify(t, 1, answer, "--key", jwks, "--payload", whole, "--pointer=/other", "--json"))
	require.Contains(t, verify(t, 1, filepath.Join(p.dir, "missing"), "--key", jwks), "no such file")
	require.Contains(t, verify(t, 1, answer, "--key", filepath.Join(p.dir, "keys")), "secret keys of a worker")

	out, _ := r.ops(t, 0, "receipt", "o-1")
	compact := p.write(t, "receipt.txt", out)
	require.Contains(t, verify(t, 0, compact, "--key", jwks, "--payload", payload, "--json"), `"payloadMatches": true`)
	out, _ = r.ops(t, 0, "receipt", "o-1", "--json")
	verify(t, 0, p.write(t, "receipt.json", out), "--key", jwks)

	require.NoError(t, r.stop())
	status, _, errs := command(t, "keys", "rotate", filepath.Join(p.dir, "keys"))
	require.Equal(t, 0, status, errs)
	r = p.start(t, file)
	rotated := p.write(t, "rotated.json", p.export(t))
	require.NotEqual(t, exported, p.export(t))
	verify(t, 0, answer, "--key", rotated, "--payload", payload)
	out, _ = r.ops(t, 0, "receipt", "o-1")
	renewed := p.write(t, "renewed.txt", out)
	verify(t, 0, renewed, "--key", rotated, "--payload", payload)
	require.Contains(t, verify(t, 1, renewed, "--key", jwks), "not among the 1 key(s) given")
}

// TestReceiptsOfOtherEnds has approvals that nobody approved, and those without a receipt.
func TestReceiptsOfOtherEnds(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	r := p.start(t, p.file(t, true, receiptRules))
	keys := p.write(t, "keys.json", p.export(t))

	token := r.aws.StepFunctions.OpenTask(time.Hour, 0)
	got := r.program(t, "/v1/requests", fmt.Sprintf(`{"orderId":"o-1","taskToken":%q,"purchase":%s}`, token, bought))
	require.Equal(t, http.StatusAccepted, got.status, got.text)
	path := fmt.Sprintf("/v1/orders/o-1/approvals/%s/receipt", got.body["approvalId"])
	got = do(t, "GET", r.operator+path, "", "Authorization", "Bearer "+programSecret)
	require.Equal(t, http.StatusConflict, got.status, got.text)
	require.Contains(t, got.text, "pending")
	r.program(t, "/v1/orders/o-1/decisions", `{"decisionId":"d-1","decision":"reject","decidedBy":"ann@example.com"}`)
	rejected := p.write(t, "rejected.json", r.task(t, token).Cause)
	require.Contains(t, verify(t, 0, rejected, "--key", keys), "status          rejected")
	require.Contains(t, verify(t, 1, rejected, "--key", keys, "--approved"), "is not approved, it is rejected")
	forged := strings.Replace(r.task(t, token).Cause, `"approved":false`, `"approved":true`, 1)
	require.Contains(t, verify(t, 1, p.write(t, "forged.json", forged), "--key", keys), "its approved is not the approved of its receipt")

	token = r.ask(t, "o-2", `,"purchase":`+bought)
	r.ops(t, 0, "cancel", "o-2", "--reason=no longer needed")
	cancelled := p.write(t, "cancelled.json", r.task(t, token).Cause)
	require.Contains(t, verify(t, 0, cancelled, "--key", keys), "status          cancelled")

	got = do(t, "GET", r.operator+"/v1/orders/o-1/approvals/other/receipt", "", "Authorization", "Bearer "+programSecret)
	require.Equal(t, http.StatusNotFound, got.status, got.text)
	got = do(t, "GET", r.operator+"/v1/orders/o-1/approvals/other/receipt", "")
	require.Equal(t, http.StatusUnauthorized, got.status, got.text)

	// Without the payload, or with one that readers of JSON would change, there is nothing to prove.
	for _, rest := range []string{``, `,"purchase":{"id":12345678901234567890}`} {
		token := r.aws.StepFunctions.OpenTask(time.Hour, 0)
		got := r.program(t, "/v1/requests", fmt.Sprintf(`{"orderId":"o-3","taskToken":%q%s}`, token, rest))
		require.Equal(t, http.StatusUnprocessableEntity, got.status, got.text)
	}
}

func TestAnswersWithoutReceipts(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	r := p.start(t, p.file(t, true, "approvers: [ann@example.com]"))
	token := r.ask(t, "o-1", "")
	r.program(t, "/v1/orders/o-1/decisions", `{"decisionId":"d-1","decision":"approve","decidedBy":"ann@example.com"}`)
	require.NotContains(t, r.task(t, token).Output, "receipt")
	_, errs := r.ops(t, statusNotFound, "receipt", "o-1")
	require.Contains(t, errs, "decision.receipt")
}

// verify runs verify, which must end with the status, and returns everything it prints.
func verify(t *testing.T, want int, args ...string) string {
	t.Helper()
	status, stdout, stderr := command(t, append([]string{"verify"}, args...)...)
	require.Equal(t, want, status, "%s\n%s", stdout, stderr)
	return stdout + stderr
}

// write writes a file and returns its path.
func (p place) write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(p.dir, name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// export returns the public keys of the key file.
func (p place) export(t *testing.T) string {
	t.Helper()
	status, stdout, stderr := command(t, "keys", "export", filepath.Join(p.dir, "keys"))
	require.Equal(t, 0, status, stderr)
	return stdout
}

// TestTheReceiptIsAboutTheEditedRequest edits the payload: the receipt is about the new one, and names the old.
func TestTheReceiptIsAboutTheEditedRequest(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	r := p.start(t, p.file(t, true, `approvers: [ann@example.com]
    decision:
      receipt: true
      payload: /purchase
      choices: [{id: approve, fields: [limit]}, {id: reject}]
      form: {properties: {limit: {type: number, minimum: 1, maximum: 5000}}}
      edits: {limit: /purchase/total}`))
	keys := p.write(t, "keys.json", p.export(t))
	token := r.ask(t, "o-1", `,"purchase":`+bought)
	got := r.program(t, "/v1/orders/o-1/decisions",
		`{"decisionId":"d-1","choice":"approve","values":{"limit":900},"decidedBy":"ann@example.com"}`)
	require.Equal(t, http.StatusOK, got.status, got.text)
	answer := p.write(t, "answer.json", r.task(t, token).Output)

	edited := p.write(t, "edited.json", `{"item":"desk","total":900}`)
	out := verify(t, 0, answer, "--key", keys, "--payload", edited, "--json")
	var result struct{ Receipt receipt.Receipt }
	require.NoError(t, json.Unmarshal([]byte(out), &result))
	original, err := canonical.Digest([]byte(bought))
	require.NoError(t, err)
	require.Equal(t, original, result.Receipt.OriginalRequestDigest)
	require.JSONEq(t, `{"limit":900}`, string(result.Receipt.Values))
	require.Equal(t, "approve", result.Receipt.Choice)
	require.Len(t, result.Receipt.Changes, 1)
	require.Equal(t, "/purchase/total", result.Receipt.Changes[0].Path)
	requested := p.write(t, "requested.json", bought)
	require.Contains(t, verify(t, 1, answer, "--key", keys, "--payload", requested), "not what was decided about")

	for name, change := range map[string][2]string{
		"values":  {`"values":{"limit":900}`, `"values":{"limit":5000}`},
		"changes": {`"to":900`, `"to":5000`},
		"choice":  {`"choice":"approve"`, `"choice":"reject"`},
	} {
		forged := strings.ReplaceAll(r.task(t, token).Output, change[0], change[1])
		require.NotEqual(t, r.task(t, token).Output, forged, name)
		verify(t, 1, p.write(t, name+".json", forged), "--key", keys)
	}
}

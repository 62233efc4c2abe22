package main

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// fileThatKeepsBodies is the configuration with a webhook whose signature covers the time, and which keeps the bodies of
// refused requests.
func (p place) fileThatKeepsBodies(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(p.file(t, false, "approvers: [boss@example.com]"))
	require.NoError(t, err)
	const old = "hub: {hmac: {prefix: sha256=, secrets: [" + hubSecret + "]}}"
	require.Contains(t, string(text), old)
	const now = "hub: {hmac: {prefix: sha256=, secrets: [" + hubSecret + "], timestamp_header: X-Sent}, keep_refused_bodies: true}"
	path := filepath.Join(p.dir, "keeps.yaml")
	require.NoError(t, os.WriteFile(path, []byte(strings.Replace(string(text), old, now, 1)), 0o600))
	return path
}

// TestReasonsOfA401 refuses requests with four faults. All senders get the same answer, and the operator the reason of each:
// in the log, in the list and in the metrics. A request that is right is taken and not listed.
func TestReasonsOfA401(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	r := p.start(t, p.fileThatKeepsBodies(t))
	const body = `{"orderId":"O-1","decision":"approve","decidedBy":"boss@example.com"}`
	post := func(sent time.Time, signature string) reply {
		headers := []string{"X-Sent", strconv.FormatInt(sent.Unix(), 10)}
		if signature != "" {
			headers = append(headers, "X-Signature-256", signature)
		}
		return do(t, "POST", r.public+"/webhooks/hub", body, headers...)
	}
	signed := func(at time.Time) string { return sign(fmt.Sprintf("%d.%s", at.Unix(), body)) }
	now, old := time.Now(), time.Now().Add(-time.Hour)
	require.Equal(t, http.StatusAccepted, post(now, signed(now)).status, "it is taken")

	answers := map[string]bool{}
	for _, got := range []reply{
		post(now, ""),
		post(now, "sha256=zz"),
		post(now, sign("another body")),
		post(old, signed(old)),
	} {
		require.Equal(t, http.StatusUnauthorized, got.status)
		require.Equal(t, "X-Signature-256", got.body["field"])
		answers[got.text] = true
	}
	require.Len(t, answers, 1, "nobody learns what to try next: %v", answers)
	list := do(t, "GET", r.operator+"/v1/refused?source=decision-hub", "", "Authorization", "Bearer "+operatorSecret)
	metrics := do(t, "GET", r.operator+"/metrics", "", "Authorization", "Bearer "+operatorSecret).text
	require.Len(t, list.body["refused"], 4)
	for reason, field := range map[string]string{
		"missing":   "X-Signature-256",
		"malformed": "X-Signature-256",
		"mismatch":  "X-Signature-256",
		"stale":     "X-Sent",
	} {
		require.Contains(t, list.text, fmt.Sprintf(`"reason":%q,"field":%q`, reason, field))
		require.Contains(t, r.log.String(), "source=decision-hub reason="+reason)
		require.Contains(t, metrics, fmt.Sprintf(`refused_total{reason=%q,source="decision-hub"} 1`, reason))
	}

	// The console shows the reasons, and a body on demand.
	b := r.browse(t)
	b.post("/console/signin", url.Values{"token": {operatorSecret}})
	page, at := b.get("/console/refused?reason=mismatch")
	require.Equal(t, "/console/refused", at)
	require.Contains(t, page, "Refused lately")
	require.NotContains(t, page, "O-1")
	page, _ = b.post("/console/refused", hidden(page, "refused"))
	require.Contains(t, page, "O-1")
	require.Contains(t, r.log.String(), "an operator has opened a refused body")
}

// canary is in everything that strangers send below, except for the names of headers.
const canary = "c4naryS3cret"

// refuseCanaries causes refusals of every kind, and returns the answers.
func refuseCanaries(t *testing.T, p place, r *running) (answers []reply) {
	t.Helper()
	call := func(method, to, body string, header ...string) {
		answers = append(answers, do(t, method, to, body, header...))
	}
	program := []string{"Authorization", "Bearer " + programSecret}
	operator := []string{"Authorization", "Bearer " + operatorSecret}
	for _, to := range []string{r.public, r.operator} {
		call("GET", to+"/"+canary, "")
		call("GET", to+"/?"+canary+"="+canary, "", "Accept", "text/html")
		call("PATCH", to+"/healthz?"+canary, "")
		call("POST", to+"/webhooks/"+canary, canary)
		call("GET", to+"/a/"+canary, "")
		call("POST", to+"/a/"+canary, "outcome="+canary, "Content-Type", "application/x-www-form-urlencoded")
		call("GET", to+"/signin/callback?state="+canary+"&code="+canary, "", "Cookie", "approval_relay_signin="+canary)
		call("POST", to+"/console/signin", "token="+canary, "Content-Type", "application/x-www-form-urlencoded")
		call("POST", to+"/console/decide", "nonce="+canary, "Cookie", "approval_relay_operator="+canary)
	}
	for _, header := range [][]string{
		{"Authorization", canary},
		{"Authorization", "Bearer " + canary},
		{"Authorization", "Basic " + canary, "X-Signature-256", canary, "X-Hub-Signature-256", canary, "Stripe-Signature", canary},
		{"X-Signature-256", "sha256=" + canary, "X-Hub-Signature-256", "sha256=" + canary, "X-Sent", canary},
		{"X-Slack-Signature", "v0=" + canary, "X-Slack-Request-Timestamp", canary, "Stripe-Signature", "t=1,v1=" + canary},
		{"Content-Encoding", canary},
	} {
		for _, source := range []string{"hub", "crm", "git", "chat", "pay"} {
			call("POST", r.public+"/webhooks/"+source+"?token="+canary, `{"orderId":"`+canary+`"}`, header...)
		}
		for _, path := range []string{"/v1/orders?after=" + canary, "/metrics?" + canary, "/v1/refused/" + canary} {
			call("GET", r.operator+path, "", header...)
		}
		call("POST", r.operator+"/v1/requests?workflow="+canary, canary, header...)
	}
	bodies := []string{
		canary, `{"` + canary, `["` + canary + `"]`, `{"x":"` + canary + `"}`, `"` + canary + `"`,
		`{"orderId":{"x":"` + canary + `"},"taskToken":"` + canary + `","decision":"approve"}`,
		`{"orderId":"..","taskToken":"` + canary + `","approvers":["group:` + canary + `"],"deadline":"` + canary + `"}`,
		`{"orderId":"O-1","taskToken":"` + canary + ` x","deadline":"` + canary + `"}`,
		`{"orderId":"O-1","taskToken":"t","callbackUrl":"http://` + canary + `/","approvers":7}`,
		`{"orderId":"O-1","decision":"` + canary + `","decidedBy":"` + canary + `"}`,
		`{"orderId":"O-1","decision":"approve","decidedBy":"boss@example.com","step":"` + canary + `"}`,
		`{"orderId":"O-1","decision":"approve","decidedBy":["` + canary + `"],"comment":{"a":"` + canary + `"}}`,
	}
	for _, body := range bodies {
		call("POST", r.operator+"/v1/requests?workflow=orders", body, program...)
		call("POST", r.operator+"/v1/orders/O-1/decisions", body, program...)
		call("POST", r.operator+"/v1/orders/"+canary+"/decide", body, operator...)
		call("POST", r.operator+"/v1/redrive", body, operator...)
		call("POST", r.public+"/webhooks/crm", body, "Authorization", "Bearer "+crmSecret, "Content-Type", "application/json; x="+canary)
		p.aws.SQS.PutMessage("requests", body, nil)
		p.publish(t, "decisions", body)
	}
	call("GET", r.operator+"/v1/orders/"+canary, "", operator...)
	call("GET", r.operator+"/v1/orders?state="+canary, "", operator...)
	call("GET", r.operator+"/v1/orders?limit="+canary, "", operator...)
	call("GET", r.operator+"/v1/orders?"+canary+"=1", "", operator...)
	call("GET", r.operator+"/v1/orders?state=%zz"+canary, "", operator...)
	return answers
}

// TestRefusalsHaveNoSecrets sends secrets in all places where strangers can put one. None comes into the log, the list, the
// metrics or the console. An answer may repeat what its own sender has sent, and never a secret of ours.
func TestRefusalsHaveNoSecrets(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	r := p.start(t, p.fileThatKeepsBodies(t))
	require.Equal(t, http.StatusAccepted, r.program(t, "/v1/requests?workflow=orders", `{"orderId":"O-1","taskToken":"task-of-O-1"}`).status)
	answers := refuseCanaries(t, p, r)
	refused := 0
	for _, a := range answers {
		if a.status >= 400 {
			refused++
		}
	}
	require.Greater(t, refused, 120, "controls: nearly all were refused")

	operator := []string{"Authorization", "Bearer " + operatorSecret}
	list := func() reply { return do(t, "GET", r.operator+"/v1/refused?limit=1000", "", operator...) }
	eventually(t, "messages of the queues are refused", func() bool {
		text := list().text
		return strings.Contains(text, `"source":"request-orders"`) && strings.Contains(text, `"source":"decision-payments"`)
	})
	got := list()
	for _, source := range []string{"public", "api", "link", "console", "decision-hub", "decision-crm", "decision-git", "decision-chat"} {
		require.Contains(t, got.text, `"source":"`+source+`"`)
	}
	b := r.browse(t)
	b.post("/console/signin", url.Values{"token": {operatorSecret}})
	page, _ := b.get("/console/refused")
	require.Contains(t, page, "Refused lately")
	for place, text := range map[string]string{
		"log":     r.log.String(),
		"list":    got.text,
		"metrics": do(t, "GET", r.operator+"/metrics", "", operator...).text,
		"console": page,
	} {
		if at := strings.Index(text, canary); at >= 0 {
			t.Errorf("%s: …%s…", place, text[max(0, at-300):min(len(text), at+100)])
		}
		for _, secret := range []string{operatorSecret, programSecret, hubSecret, crmSecret, signingSecret} {
			require.NotContains(t, text, secret, place)
		}
	}
	for _, a := range answers {
		for _, secret := range []string{operatorSecret, programSecret, hubSecret, crmSecret, signingSecret} {
			require.NotContains(t, a.text, secret)
		}
	}
}

// TestMissingPersonIsCalledMissing sends decisions without the person, by every way in: the answer and the list say that the
// person is missing, and where it was looked for. A person who is no approver is not called missing.
func TestMissingPersonIsCalledMissing(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	r := p.start(t, p.file(t, false, "approvers: [boss@example.com]"))
	require.Equal(t, http.StatusAccepted, r.program(t, "/v1/requests?workflow=orders", `{"orderId":"O-1","taskToken":"task-of-O-1"}`).status)
	for i, person := range []string{``, `,"decidedBy":null`, `,"decidedBy":""`, `,"decidedBy":"  "`} {
		body := fmt.Sprintf(`{"orderId":"O-1","decision":"approve","decisionId":"d-%d"%s}`, i, person)
		for way, got := range map[string]reply{
			"API":    r.program(t, "/v1/orders/O-1/decisions", body),
			"hub":    r.hub(t, strings.Replace(body, "d-", "h-", 1)),
			"bearer": r.crm(t, strings.Replace(body, "d-", "c-", 1)),
		} {
			require.Equal(t, http.StatusForbidden, got.status, "%s %s", way, got.text)
			require.Contains(t, got.body["detail"], "by: is missing", "%s %s", way, person)
			require.Contains(t, got.body["detail"], "decidedBy", way)
			require.Equal(t, "by", got.body["field"], way)
		}
		p.publish(t, "decisions", strings.Replace(body, "d-", "s-", 1))
	}
	got := r.program(t, "/v1/orders/O-1/decisions", `{"decision":"approve","decidedBy":"mallory@example.com"}`)
	require.Equal(t, http.StatusForbidden, got.status)
	require.NotContains(t, got.text, "missing")
	for _, source := range []string{"api", "decision-hub", "decision-crm", "decision-payments"} {
		eventually(t, source, func() bool {
			list := do(t, "GET", r.operator+"/v1/refused?reason=missing&source="+source, "", "Authorization", "Bearer "+operatorSecret)
			return strings.Contains(list.text, `"reason":"missing","field":"by"`)
		})
	}
	require.Equal(t, http.StatusOK, r.program(t, "/v1/orders/O-1/decisions", `{"decision":"approve","decidedBy":"boss@example.com"}`).status)
}

package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/approval-relay/approval-relay/identity"
)

// TestBadInput sends malformed, oversized and hostile bodies over each way in. A refused body must be answered with 4xx
// or become a dead letter. An accepted body must be recorded under its own order ID, with any characters.
func TestBadInput(t *testing.T) {
	w := newWorld(t)
	w.startProgram(t, w.writeConfig(t))
	named := requestForm()
	delete(named.optional, "approvers") // they are not read, because the workflow names its own
	t.Run("ways", func(t *testing.T) {
		for name, send := range w.httpInputs() {
			t.Run(name, func(t *testing.T) { t.Parallel(); checkHTTPInput(t, w, name, send) })
		}
		for _, q := range []queueInput{
			{"orders", named, w.putOnQueue("orders"), true},
			{"managers", requestForm(), w.putOnQueue("managers"), false},
			{"sns-raw", decisionForm(), w.publishTo("raw"), false},
			{"sns-enveloped", decisionForm(), w.publishTo("enveloped"), false},
		} {
			t.Run(q.name, func(t *testing.T) { t.Parallel(); checkQueueInput(t, w, q) })
		}
		t.Run("links", func(t *testing.T) { t.Parallel(); checkBadLinks(t, w) })
		t.Run("credentials", func(t *testing.T) { t.Parallel(); checkBadCredentials(t, w) })
		t.Run("operator", func(t *testing.T) { t.Parallel(); checkBadOperatorCalls(t, w) })
	})
	select {
	case <-w.proc.done:
		t.Errorf("the program ended: %v", w.proc.err)
	default:
	}
	if strings.Contains(w.logs.String(), "panic") {
		t.Errorf("a panic:\n%s", w.logs.String())
	}
}

// checkHTTPInput sends the bodies over HTTP. Each answer must be 4xx, or 2xx with the order recorded.
func checkHTTPInput(t *testing.T, w *world, name string, way httpInput) {
	bodies := way.form.makeBodies("bad-" + name + "-")
	for i, b := range way.more {
		bodies = append(bodies, badBody{what: fmt.Sprintf("binary %d", i), body: b})
	}
	requireManyBodies(t, bodies)
	for _, b := range bodies {
		order := b.order
		if order == "" {
			order = "bad-" + name + "-path"
		}
		status, text, err := way.send(t.Context(), order, b.body)
		switch {
		case err != nil:
			t.Errorf("%s: %v", b.what, err)
		case b.order == "" && (status < 400 || status > 499):
			t.Errorf("%s: %d %s for %.200q", b.what, status, text, b.body)
		case b.order != "" && status != http.StatusAccepted:
			t.Errorf("%s: %d %s for %.200q", b.what, status, text, b.body)
		case b.order != "":
			checkRecorded(t, w, b)
		}
	}
}

func requireManyBodies(t *testing.T, bodies []badBody) {
	t.Helper()
	if len(bodies) < 200 {
		t.Fatalf("only %d bodies", len(bodies))
	}
	t.Logf("%d bodies", len(bodies))
}

// checkRecorded checks that an order is recorded under its ID, in its normal form.
func checkRecorded(t *testing.T, w *world, b badBody) {
	t.Helper()
	status, text, err := w.callWithLimit(
		t.Context(),
		"GET",
		"http://"+w.operator+"/v1/orders/"+url.PathEscape(b.order),
		bearerHeader(operatorToken),
		"",
	)
	var o struct{ OrderID string }
	if err != nil || status != http.StatusOK || json.Unmarshal([]byte(text), &o) != nil || o.OrderID != identity.Clean(b.order) {
		t.Errorf("%s: %.80q is not recorded: %d %.200s %v", b.what, b.order, status, text, err)
	}
}

// checkQueueInput sends the bodies over a queue. Each body must become a dead letter, or its order must be recorded.
func checkQueueInput(t *testing.T, w *world, q queueInput) {
	bodies := q.form.makeBodies("bad-" + q.name + "-")
	requireManyBodies(t, bodies)
	refused := map[string]int{}
	for _, b := range bodies {
		if err := q.put(t.Context(), b.body); err != nil {
			t.Fatalf("%s: %v", b.what, err)
		}
		if b.order == "" {
			refused[b.body]++
		}
	}
	for _, b := range bodies {
		if b.order == "" {
			continue
		}
		there := waitUntil(t, time.Minute, func() bool {
			status, _, err := w.callWithLimit(
				t.Context(),
				"GET",
				"http://"+w.operator+"/v1/orders/"+url.PathEscape(b.order),
				bearerHeader(operatorToken),
				"",
			)
			return err == nil && status == http.StatusOK
		})
		if !there {
			t.Fatalf("%s: %q is not recorded", b.what, b.order)
		}
	}
	if q.hasDeadLetterQueue {
		w.checkDeadLetterQueue(t, refused)
		return
	}
	want := 0
	source := map[string]string{
		"managers":      "request-managers",
		"sns-raw":       "decision-raw",
		"sns-enveloped": "decision-enveloped",
	}[q.name]
	for _, n := range refused {
		want += n
	}
	if !waitUntil(t, time.Minute, func() bool { return w.countStoredDeadLetters(t, source) == want }) {
		t.Errorf("%d dead letters of %s, want %d", w.countStoredDeadLetters(t, source), source, want)
	}
}

// checkDeadLetterQueue checks that the dead letter queue contains these bodies, each with a reason.
func (w *world) checkDeadLetterQueue(t *testing.T, want map[string]int) {
	t.Helper()
	want = maps.Clone(want)
	queue := aws.String(w.goaws + "/000000000000/dlq")
	waitUntil(t, time.Minute, func() bool {
		out, err := w.sqs.ReceiveMessage(
			t.Context(),
			&sqs.ReceiveMessageInput{QueueUrl: queue, MaxNumberOfMessages: 10, MessageAttributeNames: []string{"All"}},
		)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range out.Messages {
			if *m.MessageAttributes["ApprovalRelayReason"].StringValue == "" {
				t.Errorf("no reason for %q", *m.Body)
			}
			if want[*m.Body]--; want[*m.Body] <= 0 {
				delete(want, *m.Body)
			}
			if _, err := w.sqs.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: queue, ReceiptHandle: m.ReceiptHandle}); err != nil {
				t.Fatal(err)
			}
		}
		return len(want) == 0 && len(out.Messages) == 0
	})
	for body := range want {
		t.Errorf("lost: %.200q", body)
	}
}

// countStoredDeadLetters returns the number of dead letters of a source in the store.
func (w *world) countStoredDeadLetters(t *testing.T, source string) int {
	t.Helper()
	n, after := 0, ""
	for range 100 {
		status, text, err := w.callWithLimit(
			t.Context(),
			"GET",
			"http://"+w.operator+"/v1/deadletters?after="+after,
			bearerHeader(operatorToken),
			"",
		)
		var page struct {
			DeadLetters []struct{ ID, Source, Reason string }
		}
		if err != nil || status != http.StatusOK || json.Unmarshal([]byte(text), &page) != nil {
			t.Fatalf("dead letters: %d %s %v", status, text, err)
		}
		for _, l := range page.DeadLetters {
			if after = l.ID; l.Source == source && l.Reason != "" {
				n++
			}
		}
		if len(page.DeadLetters) == 0 {
			break
		}
	}
	return n
}

// checkBadLinks opens and posts links without a valid signature.
func checkBadLinks(t *testing.T, w *world) {
	tokens := slices.Concat(hostileTexts(), []string{
		"x", "1.", "..x", "1.a.b", strings.Repeat("A", 8000), strings.Repeat("a.", 2000),
	})
	for i := range 200 {
		tokens = append(
			tokens,
			fmt.Sprintf("1.BWUyZS01IDFmOWM2YmZkYzUzZmYz%d.MzQ0NTk3Mzk.hYjBa7zrPOKykkw-TlUVx23Cp0I-CkttuVyQ_17qC%d", i, i),
		)
	}
	for _, token := range tokens {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE"} {
			to := "http://" + w.public + "/a/" + url.PathEscape(token)
			status, text, err := w.callWithLimit(
				t.Context(),
				method,
				to,
				http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
				"outcome=approve&nonce=x&shown=x",
			)
			if err != nil || status < 400 || status > 499 {
				t.Errorf("%s %.80q: %d %.200s %v", method, token, status, text, err)
			}
		}
	}
}

// checkBadCredentials sends good bodies with wrong credentials. They must not be recorded.
func checkBadCredentials(t *testing.T, w *world) {
	body := `{"orderId": "forged", "decision": "approve", "taskToken": "AQC", "ref": "forged", "ok": true}`
	headers := []http.Header{
		{}, bearerHeader(""), bearerHeader("wrong"), bearerHeader(operatorToken[:10]),
		bearerHeader(operatorToken + "x"), {"Authorization": {"Basic " + operatorToken}},
		{"Authorization": {operatorToken}}, {
			"X-Signature": {"sha256="},
		},
		{"X-Signature": {"sha256=zz"}}, {"X-Signature": {strings.Repeat("a", 5000)}}, signedHeader(body + " "),
		{"X-Signature": {""}},
	}
	for _, path := range []string{
		w.operator + "/v1/requests?workflow=web", w.operator + "/v1/orders/forged/decisions",
		w.operator + "/v1/orders/forged/decide", w.operator + "/v1/redrive",
		w.operator + "/v1/orders/forged/cancel", w.public + "/webhooks/erp", w.public + "/webhooks/crm",
	} {
		for i, h := range headers {
			status, text, err := w.callWithLimit(t.Context(), "POST", "http://"+path, h, body)
			// After some tries an address gets 429 without a look at the credential.
			if err != nil || (status != http.StatusUnauthorized && status != http.StatusTooManyRequests) {
				t.Errorf("%s with credential %d: %d %s %v", path, i, status, text, err)
			}
		}
	}
	// A program may send requests and decisions and cancel its own approvals, but not use the operator's calls.
	for path, c := range map[string]struct {
		body string
		want int
	}{
		"/v1/orders/forged/decide": {body, http.StatusForbidden},
		"/v1/redrive":              {body, http.StatusForbidden},
		"/v1/orders/forged/cancel": {`{"reason": "x"}`, http.StatusNotFound},
	} {
		status, text, err := w.callWithLimit(t.Context(), "POST", "http://"+w.operator+path, bearerHeader(apiToken), c.body)
		if err != nil || status != c.want {
			t.Errorf("%s with a program's credential: %d %s %v", path, status, text, err)
		}
	}
	forged := "http://" + w.operator + "/v1/orders/forged"
	status, _, err := w.callWithLimit(t.Context(), "GET", forged, bearerHeader(operatorToken), "")
	if err != nil || status != http.StatusNotFound {
		t.Errorf("the forged order: %d %v", status, err)
	}
}

// checkBadOperatorCalls sends bodies that an operator's command would never send.
func checkBadOperatorCalls(t *testing.T, w *world) {
	bodies := append(
		brokenJSON(`{"outcome":"approve","more":1}`),
		`{"reason":"x"}`,
		`{"outcome":"maybe","by":"op","reason":"x"}`,
		`{"outcome":1,"by":"op","reason":"x"}`,
		`{"by":"op","reason":"x","more":1}`,
		`{"max":-1,"by":""}`,
		`{"max":"x","by":"op"}`,
		strings.Repeat("x", 1<<20+1),
	)
	for i, body := range bodies {
		for _, path := range []string{"/v1/orders/nobody/decide", "/v1/orders/nobody/cancel", "/v1/redrive"} {
			if path == "/v1/redrive" && body == "{}" {
				continue // a redrive of everything
			}
			status, text, err := w.callWithLimit(t.Context(), "POST", "http://"+w.operator+path, bearerHeader(operatorToken), body)
			if err != nil || status < 400 || status > 499 {
				t.Errorf("%s, body %d: %d %s %v for %.200q", path, i, status, text, err, body)
			}
		}
	}
}

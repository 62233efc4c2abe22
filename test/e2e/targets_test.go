package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/approval-relay/approval-relay/test/emulator"
)

// TestTargets answers Lambda durable functions and a CodePipeline, both with faults, beside a target that never
// answers. The silent target must not delay the others.
func TestTargets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	hung := make(chan struct{})
	defer close(hung)
	silent := startSilent(t, hung)
	w.startProgram(t, w.writeConfigText(t, `
workflows:
  function:
    callback: {token_target: durable, retry: {base: 50ms, cap: 500ms}}
  pipeline:
    requests:
      fields:
        order: body.approval.token
        token: '[body.approval.pipelineName, body.approval.stageName, body.approval.actionName, body.approval.token].join("/")'
        deadline: body.approval.expires
    callback: {token_target: release, retry: {base: 50ms, cap: 500ms}}
  stuck:
    callback: {token_target: silent}
channels:
  log: {log: {}}
`+fmt.Sprintf(`targets:
  durable: {lambda: {endpoint: %[1]q}}
  release: {codepipeline: {endpoint: %[1]q}}
  silent: {lambda: {endpoint: %[2]q}}
`, w.aws.URL(), silent)))

	for i := range 5 {
		w.postToOperator(
			t,
			"/v1/requests?workflow=stuck",
			fmt.Sprintf(`{"orderId": "stuck-%d", "callbackId": "never-%d"}`, i, i),
			http.StatusAccepted,
		)
		w.postToOperator(
			t,
			fmt.Sprintf("/v1/orders/stuck-%d/decisions", i),
			fmt.Sprintf(`{"orderId": "stuck-%d", "decision": "approve"}`, i),
			http.StatusOK,
		)
	}

	w.aws.Lambda.Callbacks.SetFaults(emulator.Faults{Throttle: 0.3, LoseReply: 0.3, Fail: 0.2})
	ids := map[string]string{}
	for i := range 10 {
		order, outcome := fmt.Sprintf("f-%d", i), "approve"
		if i%2 == 1 {
			outcome = "reject"
		}
		ids[order] = w.aws.Lambda.Callbacks.OpenTask(time.Hour, 0)
		w.postToOperator(
			t,
			"/v1/requests?workflow=function",
			fmt.Sprintf(`{"orderId": %q, "callbackId": %q}`, order, ids[order]),
			http.StatusAccepted,
		)
		w.postToOperator(
			t,
			"/v1/orders/"+order+"/decisions",
			fmt.Sprintf(`{"orderId": %q, "decision": %q}`, order, outcome),
			http.StatusOK,
		)
	}

	w.aws.CodePipeline.FailNext("throttle", "fail", "lose")
	token := w.aws.CodePipeline.OpenApproval("shop", "Release", "Sign-off")
	w.postToOperator(
		t,
		"/v1/requests?workflow=pipeline",
		fmt.Sprintf(`{"region": "us-east-1", "consoleLink": "https://console.aws.amazon.com/", "approval": {
		"pipelineName": "shop", "stageName": "Release", "actionName": "Sign-off", "token": %q, "expires": %q, "customData": "v1.2"}}`,
			token, time.Now().Add(7*24*time.Hour).UTC().Format("2006-01-02T15:04Z")),
		http.StatusAccepted,
	)
	w.postToOperator(
		t,
		"/v1/orders/"+token+"/decisions",
		fmt.Sprintf(`{"orderId": %q, "decision": "approve", "decidedBy": "ann", "comment": "ship it"}`, token),
		http.StatusOK,
	)

	if !waitUntil(t, 60*time.Second, func() bool {
		for _, id := range ids {
			if task, _ := w.aws.Lambda.Callbacks.FindTask(id); task.State == emulator.TaskOpen {
				return false
			}
		}
		return w.aws.CodePipeline.FindAction("shop", "Release", "Sign-off").Status != ""
	}) {
		t.Fatalf("some callbacks are still unanswered\n%s", lastOf(w.logs.String()))
	}
	for order, id := range ids {
		task, _ := w.aws.Lambda.Callbacks.FindTask(id)
		s := &scenario{order: order, workflow: "function"}
		if status := statusOfAnswer(t, s, task); task.Effective != 1 || (status == "approved") != (task.State == emulator.TaskSucceeded) {
			t.Errorf("%s: %d answers, %s for %s", order, task.Effective, task.State, status)
		}
		if err := s.waitForOrder(t.Context(), w, "its callback to end", func(o orderView) bool {
			return len(o.Approvals) == 1 && (o.Approvals[0].Callback.State == "delivered" || o.Approvals[0].Callback.State == "delivered_presumed")
		}); err != nil {
			t.Error(err)
		}
	}
	if !waitUntil(t, 60*time.Second, func() bool {
		return strings.Contains(scrapeMetrics(t, w), `approval_relay_circuit_breakers_open{target="silent"} 1`)
	}) {
		t.Error("the silent target is called again and again")
	}
	if text := scrapeMetrics(t, w); !strings.Contains(text, `approval_relay_circuit_breakers_open{target="durable"} 0`) {
		t.Error("a target that answers is held")
	}
	if a := w.aws.CodePipeline.FindAction("shop", "Release", "Sign-off"); a.Status != "Approved" ||
		a.Summary != "approved by ann: ship it" {
		t.Errorf("%+v", a)
	}
	if task, _ := w.aws.Lambda.Callbacks.FindTask("never-0"); task.State != "" {
		t.Error("the silent target was another")
	}
}

// TestSQSTarget answers through the queues of goaws: a queue that the request chooses, the default queue, and a FIFO
// queue. A request cannot choose a queue that the configuration does not have.
func TestSQSTarget(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	queues := map[string]string{}
	for _, name := range []string{"answers", "others", "ordered.fifo", "private"} {
		out, err := w.sqs.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(name)})
		if err != nil {
			t.Fatal(err)
		}
		queues[name] = *out.QueueUrl
	}
	w.startProgram(t, w.writeConfigText(t, fmt.Sprintf(`
workflows:
  events: {callback: {token_target: bus, retry: {base: 50ms, cap: 500ms}}}
channels:
  log: {log: {}}
targets:
  bus: {sqs: {queues: {main: answers, others: %q, ordered: ordered.fifo}, default: main}}
`, queues["others"])))
	for order, c := range map[string]struct {
		token      string
		decision   string
		queue      string
		callbackID string
	}{
		"q-1": {"C-1", "approve", "answers", "C-1"},
		"q-2": {"others:C-2", "reject", "others", "C-2"},
		"q-3": {"ordered:C-3", "approve", "ordered.fifo", "C-3"},
		"q-4": {"private:C-4", "approve", "answers", "private:C-4"},
	} {
		request := fmt.Sprintf(`{"orderId": %q, "callbackId": %q}`, order, c.token)
		w.postToOperator(t, "/v1/requests?workflow=events", request, http.StatusAccepted)
		decision := fmt.Sprintf(`{"orderId": %q, "decision": %q}`, order, c.decision)
		w.postToOperator(t, "/v1/orders/"+order+"/decisions", decision, http.StatusOK)
		var text string
		if !waitUntil(t, time.Minute, func() bool { text = w.takeMessage(t, queues[c.queue]); return text != "" }) {
			t.Fatalf("%s: no answer\n%s", order, lastOf(w.logs.String()))
		}
		var answer struct {
			OrderID, CallbackID, Decision string
			Approved                      bool
		}
		if err := json.Unmarshal([]byte(text), &answer); err != nil {
			t.Fatal(err)
		}
		if answer.OrderID != order || answer.CallbackID != c.callbackID || answer.Decision != c.decision ||
			answer.Approved != (c.decision == "approve") {
			t.Errorf("%s: %s", order, text)
		}
		s := &scenario{order: order, workflow: "events"}
		if err := s.waitForOrder(t.Context(), w, "its callback to end", func(o orderView) bool {
			return len(o.Approvals) == 1 && o.Approvals[0].Callback.State == "delivered"
		}); err != nil {
			t.Error(err)
		}
	}
	if text := w.takeMessage(t, queues["private"]); text != "" {
		t.Errorf("a queue that is not configured has an answer: %s", text)
	}
}

// takeMessage receives a message from a queue and deletes it; without a message it returns "".
func (w *world) takeMessage(t *testing.T, queue string) string {
	t.Helper()
	out, err := w.sqs.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &queue})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Messages) == 0 {
		return ""
	}
	m := out.Messages[0]
	_, err = w.sqs.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &queue, ReceiptHandle: m.ReceiptHandle})
	if err != nil {
		t.Fatal(err)
	}
	return *m.Body
}

// startSilent starts an endpoint that accepts every request and never answers.
func startSilent(t *testing.T, until <-chan struct{}) string {
	t.Helper()
	s := http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-until:
		case <-r.Context().Done():
		}
	}), ReadHeaderTimeout: time.Minute}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
	return "http://" + l.Addr().String()
}

// postToOperator posts a body to the operator address and checks the status.
func (w *world) postToOperator(t *testing.T, path, body string, want int) {
	t.Helper()
	status, text, err := w.callUntilAnswered(t.Context(), "POST", "http://"+w.operator+path, bearerHeader(apiToken), body)
	if err != nil || status != want {
		t.Fatalf("%s: %d, want %d: %s %v", path, status, want, text, err)
	}
}

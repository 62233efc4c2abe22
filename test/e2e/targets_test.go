package e2e

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/approval-relay/approval-relay/test/emulator"
)

// TestTargets answers a Lambda durable function and a CodePipeline, each in the
// middle of what goes wrong there, beside a target that never answers: it holds
// up neither.
func TestTargets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	hung := make(chan struct{})
	defer close(hung)
	silent := startSilent(t, hung)
	w.start(t, w.configureText(t, `
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
		w.post(t, "/v1/requests?workflow=stuck", fmt.Sprintf(`{"orderId": "stuck-%d", "callbackId": "never-%d"}`, i, i), http.StatusAccepted)
		w.post(t, fmt.Sprintf("/v1/orders/stuck-%d/decisions", i), fmt.Sprintf(`{"orderId": "stuck-%d", "decision": "approve"}`, i), http.StatusOK)
	}

	w.aws.Lambda.Callbacks.SetFaults(emulator.Faults{Throttle: 0.3, LoseReply: 0.3, Fail: 0.2})
	ids := map[string]string{}
	for i := range 10 {
		order, outcome := fmt.Sprintf("f-%d", i), "approve"
		if i%2 == 1 {
			outcome = "reject"
		}
		ids[order] = w.aws.Lambda.Callbacks.OpenTask(time.Hour, 0)
		w.post(t, "/v1/requests?workflow=function", fmt.Sprintf(`{"orderId": %q, "callbackId": %q}`, order, ids[order]), http.StatusAccepted)
		w.post(t, "/v1/orders/"+order+"/decisions", fmt.Sprintf(`{"orderId": %q, "decision": %q}`, order, outcome), http.StatusOK)
	}

	w.aws.CodePipeline.FailNext("throttle", "fail", "lose")
	token := w.aws.CodePipeline.OpenApproval("shop", "Release", "Sign-off")
	w.post(t, "/v1/requests?workflow=pipeline", fmt.Sprintf(`{"region": "us-east-1", "consoleLink": "https://console.aws.amazon.com/", "approval": {
		"pipelineName": "shop", "stageName": "Release", "actionName": "Sign-off", "token": %q, "expires": %q, "customData": "v1.2"}}`,
		token, time.Now().Add(7*24*time.Hour).UTC().Format("2006-01-02T15:04Z")), http.StatusAccepted)
	w.post(t, "/v1/orders/"+token+"/decisions", fmt.Sprintf(`{"orderId": %q, "decision": "approve", "decidedBy": "ann", "comment": "ship it"}`, token), http.StatusOK)

	if !until(t, 60*time.Second, func() bool {
		for _, id := range ids {
			if task, _ := w.aws.Lambda.Callbacks.FindTask(id); task.State == emulator.TaskOpen {
				return false
			}
		}
		return w.aws.CodePipeline.FindAction("shop", "Release", "Sign-off").Status != ""
	}) {
		t.Fatalf("not all was answered\n%s", tail(w.logs.String()))
	}
	for order, id := range ids {
		task, _ := w.aws.Lambda.Callbacks.FindTask(id)
		s := &scenario{order: order, workflow: "function"}
		if status := answerOf(t, s, task); task.Effective != 1 || (status == "approved") != (task.State == emulator.TaskSucceeded) {
			t.Errorf("%s: %d answers, %s for %s", order, task.Effective, task.State, status)
		}
		if err := s.poll(t.Context(), w, "its callback to end", func(o orderView) bool {
			return len(o.Approvals) == 1 && (o.Approvals[0].Callback.State == "delivered" || o.Approvals[0].Callback.State == "delivered_presumed")
		}); err != nil {
			t.Error(err)
		}
	}
	if !until(t, 60*time.Second, func() bool {
		return strings.Contains(scrape(t, w), `approval_relay_target_places_held{target="silent"} 1`)
	}) {
		t.Error("the silent target is called again and again")
	}
	if text := scrape(t, w); !strings.Contains(text, `approval_relay_target_places_held{target="durable"} 0`) {
		t.Error("a target that answers is held")
	}
	if a := w.aws.CodePipeline.FindAction("shop", "Release", "Sign-off"); a.Status != "Approved" || a.Summary != "approved by ann: ship it" {
		t.Errorf("%+v", a)
	}
	if task, _ := w.aws.Lambda.Callbacks.FindTask("never-0"); task.State != "" {
		t.Error("the silent target was another")
	}
}

// startSilent serves an endpoint that takes every request and says nothing.
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

// post posts to the operator's address.
func (w *world) post(t *testing.T, path, body string, want int) {
	t.Helper()
	status, text, err := w.call(t.Context(), "POST", "http://"+w.operator+path, bearer(apiToken), body)
	if err != nil || status != want {
		t.Fatalf("%s: %d, want %d: %s %v", path, status, want, text, err)
	}
}

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/test/emulator"
)

// shape is a body of a request as people write it; %[1]s is the order, %[2]s
// the token or URL, %[3]s the state's EnteredTime.
type shape struct{ name, body string }

func shapes() []shape {
	return []shape{
		{"nested, EnteredTime as deadline", `{"taskToken":"%[2]s","approvalRequest":{"orderId":"%[1]s"},"approvalDeadline":"%[3]s"}`},
		{"manager, EnteredTime as expiration", `{"orderId":"%[1]s","orderTotal":1250.5,"managerEmail":"boss@example.com","taskToken":"%[2]s","taskTokenExpiration":"%[3]s"}`},
		{"TaskToken", `{"TaskToken":"%[2]s","order":{"id":"%[1]s"},"timeoutSeconds":3600,"executionArn":"arn:aws:states:us-east-1:1:execution:m:x"}`},
		{"MyTaskToken", `{"MyTaskToken":"%[2]s","order":{"id":"%[1]s"},"timeoutSeconds":"3600","executionArn":"arn:aws:states:us-east-1:1:execution:m:x"}`},
		{"task_token", `{"task_token":"%[2]s","order":{"id":"%[1]s"}}`},
		{"callback URL", `{"orderId":"%[1]s","callbackUrl":"%[2]s"}`},
	}
}

// way is a way by which a decision comes in. It returns the HTTP status, or 0
// where there is none.
type way struct {
	name   string
	decide func(t *testing.T, p place, r *running, order, outcome string) int
	status int
}

func ways() []way {
	body := func(order, outcome string) string { return decideBody("d-"+order, order, outcome, "") }
	return []way{
		{"link", func(t *testing.T, _ place, r *running, order, outcome string) int {
			return press(t, r.link(t, order), outcome).status
		}, http.StatusSeeOther},
		{"SNS, enveloped", func(t *testing.T, p place, _ *running, order, outcome string) int {
			p.publish(t, "decisions", body(order, outcome))
			return 0
		}, 0},
		{"SNS, raw", func(t *testing.T, p place, _ *running, order, outcome string) int {
			p.publish(t, "raw", body(order, outcome))
			return 0
		}, 0},
		{"webhook, HMAC", func(t *testing.T, _ place, r *running, order, outcome string) int {
			return r.hub(t, body(order, outcome)).status
		}, http.StatusOK},
		{"webhook, bearer", func(t *testing.T, _ place, r *running, order, outcome string) int {
			return r.crm(t, body(order, outcome)).status
		}, http.StatusOK},
		{"webhook, GitHub", func(t *testing.T, _ place, r *running, order, outcome string) int {
			text := body(order, outcome)
			return r.signed(t, "git", text, func(string) []string {
				return []string{"X-Hub-Signature-256", sign(text), "X-GitHub-Event", "decision"}
			}).status
		}, http.StatusOK},
		{"webhook, Slack", func(t *testing.T, _ place, r *running, order, outcome string) int {
			text := body(order, outcome)
			return r.signed(t, "chat", text, func(sent string) []string {
				return []string{"X-Slack-Request-Timestamp", sent, "X-Slack-Signature", "v0=" + digest("v0:"+sent+":"+text)}
			}).status
		}, http.StatusOK},
		{"webhook, Stripe", func(t *testing.T, _ place, r *running, order, outcome string) int {
			text := body(order, outcome)
			return r.signed(t, "pay", text, func(sent string) []string {
				return []string{"Stripe-Signature", "t=" + sent + ",v1=" + digest(sent+"."+text)}
			}).status
		}, http.StatusOK},
		{"API", func(t *testing.T, _ place, r *running, order, outcome string) int {
			return r.program(t, "/v1/orders/"+order+"/decisions", body(order, outcome)).status
		}, http.StatusOK},
		{"operator", func(t *testing.T, _ place, r *running, order, outcome string) int {
			return do(t, "POST", r.operator+"/v1/orders/"+order+"/decide", fmt.Sprintf(`{"outcome":%q,"by":"ops","reason":"asked to"}`, outcome),
				"Authorization", "Bearer "+operatorSecret).status
		}, http.StatusOK},
	}
}

// TestEveryWayInAndOut takes every shape of request over SQS and HTTP, decides
// it by every way, and looks at what the workflow was told.
func TestEveryWayInAndOut(t *testing.T) {
	t.Parallel()
	for _, sqlite := range []bool{false, true} {
		t.Run(fmt.Sprintf("sqlite=%t", sqlite), func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			r := p.start(t, p.file(t, sqlite, ""))
			t.Cleanup(func() { noSecrets(t, r) })
			t.Run("all", func(t *testing.T) {
				for i, s := range shapes() {
					for j, w := range ways() {
						for _, queue := range []bool{true, false} {
							outcome := []string{"approve", "reject"}[(i+j)%2]
							t.Run(fmt.Sprintf("%s/%s/%s/sqs=%t", s.name, w.name, outcome, queue), func(t *testing.T) {
								t.Parallel()
								walk(t, p, r, s, w, outcome, queue)
							})
						}
					}
				}
			})
			if waiting, _ := p.aws.SQS.CountMessages("requests-dead"); waiting != 0 {
				t.Errorf("%d dead letters", waiting)
			}
		})
	}
}

func walk(t *testing.T, p place, r *running, s shape, w way, outcome string, queue bool) {
	order := "o-" + name(t)
	token := p.aws.StepFunctions.OpenTask(time.Hour, 0)
	if s.name == "callback URL" {
		token = p.calls.URL + "/" + order
	}
	body := fmt.Sprintf(s.body, order, token, time.Now().UTC().Format("2006-01-02T15:04:05.000Z"))
	if queue {
		p.aws.SQS.PutMessage("requests", body, nil)
	} else if got := r.program(t, "/v1/requests", body); got.status != http.StatusAccepted || got.body["orderId"] != order || got.body["status"] != "pending" {
		t.Fatalf("request answered %d %s", got.status, got.text)
	}
	r.pending(t, order)
	if got := w.decide(t, p, r, order, outcome); got != w.status {
		t.Fatalf("the decision was answered %d, want %d", got, w.status)
	}
	if s.name == "callback URL" {
		eventually(t, "a callback", func() bool { return len(p.calls.of("/"+order)) == 1 })
		want := map[string]string{"approve": "approved", "reject": "rejected"}[outcome]
		if got := p.calls.of("/" + order)[0]; !strings.Contains(got, `"`+want+`"`) {
			t.Errorf("called back with %s", got)
		}
	} else {
		answered(t, r, token, order, outcome)
	}
	eventually(t, "delivered", func() bool { return r.order(t, order).Approvals[0].Callback.State == api.CallbackDelivered })
	a := r.order(t, order).Approvals[0]
	if left := a.Deadline.Sub(a.RequestedAt); left < 50*time.Minute || left > 25*time.Hour {
		t.Errorf("deadline %s after the request: an EnteredTime is no deadline", left)
	}
}

func answered(t *testing.T, r *running, token, order, outcome string) {
	t.Helper()
	task := r.task(t, token)
	if task.Effective != 1 || task.Calls != 1 {
		t.Errorf("%d answers applied by %d calls, want one", task.Effective, task.Calls)
	}
	if outcome == "reject" {
		if task.State != emulator.TaskFailed || task.Error == "" {
			t.Errorf("task %s, error %q", task.State, task.Error)
		}
		return
	}
	var out map[string]any
	if err := json.Unmarshal([]byte(task.Output), &out); err != nil || task.State != emulator.TaskSucceeded || out["orderId"] != order {
		t.Errorf("task %s, output %s (%v)", task.State, task.Output, err)
	}
}

// noSecrets looks for what must never be logged in all that was.
func noSecrets(t *testing.T, r *running) {
	if token := taskToken(r.log.String()); token != "" {
		t.Errorf("the log holds the task token %s…", token)
	}
	for _, secret := range []string{operatorSecret, programSecret, hubSecret, crmSecret, signingSecret, "/a/", p(r.calls.URL)} {
		if strings.Contains(r.log.String(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

// taskToken finds a task token of the emulator's in a text. Its first letters may be
// those of an ID too, which then has no small letter (rand.Text).
func taskToken(text string) string {
	for _, found := range regexp.MustCompile(`AQC[A-Za-z0-9+/]{20}`).FindAllString(text, -1) {
		if strings.ToUpper(found) != found {
			return found
		}
	}
	return ""
}

// p is the address of a callback URL: it names who waits, so it is a secret.
func p(address string) string { return address + "/" }

// What is no decision is taken, counted and dropped; its signature is looked at
// all the same.
func TestFilter(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	r := p.start(t, p.file(t, false, ""))
	ping := `{"zen":"Keep it logically awesome."}`
	got := do(t, "POST", r.public+"/webhooks/git", ping, "X-Hub-Signature-256", sign(ping), "X-GitHub-Event", "ping")
	if got.status != http.StatusNoContent {
		t.Errorf("a ping got %d %s", got.status, got.text)
	}
	if got := do(t, "POST", r.public+"/webhooks/git", ping, "X-Hub-Signature-256", sign("x"), "X-GitHub-Event", "ping"); got.status != http.StatusUnauthorized {
		t.Errorf("unsigned, it got %d", got.status)
	}
	if got := do(t, "POST", r.public+"/webhooks/git", ping, "X-Hub-Signature-256", sign(ping), "X-GitHub-Event", "decision"); got.status != http.StatusUnprocessableEntity {
		t.Errorf("as a decision, it got %d", got.status)
	}
	metrics := do(t, "GET", r.operator+"/metrics", "", "Authorization", "Bearer "+operatorSecret).text
	if !strings.Contains(metrics, `approval_relay_messages_total{handler="decision-git",result="filtered"} 1`) {
		t.Error("it is not counted")
	}
}

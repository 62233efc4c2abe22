package main

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"
)

// TestReplayUnderAnotherID sends a request that was seen again, as if it were
// another: the header is not in what those schemes sign. The state was retried
// meanwhile, so there is an approval that the decision was not made for.
func TestReplayUnderAnotherID(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	r := p.start(t, p.file(t, false, ""))
	for source, header := range map[string]func(sent, body string) []string{
		"hub": func(_, body string) []string { return []string{"X-Signature-256", sign(body)} },
		"git": func(_, body string) []string {
			return []string{"X-Hub-Signature-256", sign(body), "X-Github-Event", "review"}
		},
		"chat": func(sent, body string) []string {
			return []string{"X-Slack-Request-Timestamp", sent, "X-Slack-Signature", "v0=" + digest("v0:"+sent+":"+body)}
		},
		"pay": func(sent, body string) []string {
			return []string{"Stripe-Signature", "t=" + sent + ",v1=" + digest(sent+"."+body)}
		},
		"crm": func(_, _ string) []string { return []string{"Authorization", "Bearer " + crmSecret} }, // who has it may say what they like
	} {
		t.Run(source, func(t *testing.T) {
			order := "o-" + name(t)
			ask := func() {
				token := p.aws.StepFunctions.OpenTask(time.Hour, 0)
				if got := r.program(t, "/v1/requests", fmt.Sprintf(`{"orderId":%q,"taskToken":%q}`, order, token)); got.status != http.StatusAccepted {
					t.Fatalf("request answered %d %s", got.status, got.text)
				}
			}
			body := fmt.Sprintf(`{"orderId":%q,"decision":"approve"}`, order)
			signed := header(strconv.FormatInt(time.Now().Unix(), 10), body)
			post := func(more ...string) reply {
				return do(t, "POST", r.public+"/webhooks/"+source, body, append(signed, more...)...)
			}
			ask()
			if got := post(); got.body["verdict"] != "decided" {
				t.Fatalf("answered %d %s", got.status, got.text)
			}
			ask()
			want := map[bool]string{true: "decided", false: "duplicate"}[source == "crm"]
			if got := post("Webhook-Id", "another"); got.body["verdict"] != want {
				t.Errorf("sent again under another ID: answered %d %s", got.status, got.text)
			}
			if source != "crm" {
				r.pending(t, order)
			}
		})
	}
}

package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/approval-relay/approval-relay/notify/slack/slacktest"
)

// submitForm sends a modal as Slack does.
func (w *world) submitForm(t *testing.T, u slacktest.User, v slacktest.View, fill slacktest.Fill) slacktest.Answer {
	t.Helper()
	r := slacktest.Submit(slackSecret, time.Now(), u, u.InTeam(), v, fill)
	r.URL = &url.URL{Scheme: "http", Host: w.public, Path: r.URL.Path}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := slacktest.ReadAnswer(v, resp.StatusCode, resp.Header.Get("Content-Type"), body)
	if err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return answer
}

// TestSlackForms carries an approval by two people through forms in Slack. The vote of the first updates both messages.
func TestSlackForms(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := slacktest.User{ID: "U0ANN", Email: "ann@example.com"}
	bob := slacktest.User{ID: "U0BOB", Email: "bob@example.com"}
	s := slacktest.StartServer(ann, bob)
	defer s.Close()
	w.startProgram(t, w.writeConfigText(t, fmt.Sprintf(`
workflows:
  purchases:
    approvers: [ann@example.com, bob@example.com]
    policy: all
    notify: [direct]
    decision:
      choices:
        - {id: approve, fields: [limit]}
        - {id: reject, comment: required}
      form:
        properties:
          limit: {type: number, title: Limit in EUR, minimum: 1, maximum: 5000}
        required: [limit]
people:
  bob@example.com: {language: de}
channels:
  direct: {slack: {bot_token: %q, signing_secrets: [%q], api_url: %q}}
`, slacktest.Token, slackSecret, s.APIURL())+w.stepFunctionsTarget()))
	asked := &scenario{
		order:    "f-1",
		workflow: "purchases",
		outcome:  "approve",
		token:    w.aws.StepFunctions.OpenTask(10*time.Minute, 0),
	}
	status, text, err := w.callUntilAnswered(t.Context(), "POST", "http://"+w.operator+"/v1/requests?workflow=purchases",
		bearerHeader(apiToken), fmt.Sprintf(`{"orderId": "f-1", "taskToken": %q, "amount": 12}`, asked.token))
	if err != nil || status != http.StatusAccepted {
		t.Fatalf("%d %s %v", status, text, err)
	}
	w.pressButton(t, s, ann, waitForMessage(t, w, s, "D0ANN", "f-1"), "form:approve")
	if len(s.Views()) != 1 {
		t.Fatalf("no form\n%s", lastOf(w.logs.String()))
	}
	if answer := w.submitForm(t, ann, s.Views()[0], slacktest.Fill{"field:limit": "5000.5"}); len(answer.Errors) != 1 {
		t.Errorf("%+v", answer)
	}
	fill := slacktest.Fill{"field:limit": "480", "comment": "well <done>"}
	if answer := w.submitForm(t, ann, s.Views()[0], fill); !answer.Closed {
		t.Errorf("%+v", answer)
	}
	waitForMessage(t, w, s, "D0BOB", "f-1", "1 von 2 haben genehmigt", "ann@example.com", "well &lt;done&gt;")
	own := waitForMessage(t, w, s, "D0ANN", "f-1", "1 of 2 have approved")
	for _, b := range own.Blocks {
		if b.Type == "actions" && len(b.Elements) != 1 {
			t.Errorf("ann can press again: %+v", b.Elements)
		}
	}
	w.pressButton(t, s, bob, waitForMessage(t, w, s, "D0BOB", "f-1"), "form:approve")
	if answer := w.submitForm(t, bob, s.Views()[1], slacktest.Fill{"field:limit": "10"}); !answer.Closed {
		t.Errorf("%+v", answer)
	}
	w.checkDelivered(t, asked)
	closed := waitForMessage(t, w, s, "D0ANN", "f-1", "Approved", "bob@example.com")
	if strings.Contains(fmt.Sprint(closed.Blocks), "form:approve") {
		t.Errorf("something is left to press: %+v", closed)
	}
}

package dashboards

import (
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/notify/slack/slacktest"
)

// runDecisions decides approvals over every way in, and answers them over every way out.
func (w *world) runDecisions() error {
	for i, via := range []string{"api", "webhook", "operator", "link", "topic", "topic"} {
		order, outcome, want := fmt.Sprint("good-", i), []string{"approve", "reject"}[i%2], http.StatusOK
		w.aws.SQS.PutMessage("orders", jsonText(fields{"orderId": order, "taskToken": w.newToken()}), nil)
		if err := w.waitForState(order, approval.Pending, ""); err != nil {
			return err
		}
		if via == "topic" {
			w.aws.SQS.PutMessage("decisions", jsonText(fields{"orderId": order, "decision": outcome, "decidedBy": "ann"}), nil)
		} else {
			if via == "link" {
				want = http.StatusSeeOther
			}
			if err := w.postDecision(via, order, outcome, "ann", want); err != nil {
				return err
			}
		}
		status := map[string]approval.Status{"approve": approval.Approved, "reject": approval.Rejected}[outcome]
		if err := w.waitForState(order, status, api.CallbackDelivered); err != nil {
			return err
		}
	}
	if _, err := w.postRequest("payments", "paid", fields{"callbackUrl": w.callbackURL()}); err != nil {
		return err
	}
	for _, by := range []string{"ann", "bob"} { // the first one is recorded, the second one decides
		if err := w.postDecision("api", "paid", "approve", by, http.StatusOK); err != nil {
			return err
		}
	}
	return w.waitForState("paid", approval.Approved, api.CallbackDelivered)
}

// runRepeatedDecisions sends decisions that are repeated, that contradict each other, and that name a superseded or an
// unknown approval.
func (w *world) runRepeatedDecisions() error {
	token := w.newToken()
	old, err := w.postRequest("orders", "twice", fields{"taskToken": token})
	if err != nil {
		return err
	}
	w.aws.StepFunctions.AbortTask(token) // a probe finds out
	if _, err := w.postRequest("orders", "twice", nil); err != nil {
		return err
	}
	if err := waitFor("the first attempt is superseded", func() bool {
		all := w.readOrder("twice").Approvals
		return len(all) == 2 && string(all[0].Status) == string(approval.Superseded)
	}); err != nil {
		return err
	}
	for _, d := range []struct {
		outcome string
		want    int
		more    fields
	}{
		{"approve", http.StatusConflict, fields{"approvalId": old, "decisionId": "old"}},
		{"approve", http.StatusNotFound, fields{"approvalId": "none", "decisionId": "none"}},
		{"approve", http.StatusOK, nil},
		{"approve", http.StatusOK, nil}, // repeated
		{"reject", http.StatusConflict, nil},
	} {
		if err := w.postDecision("api", "twice", d.outcome, "ann", d.want, d.more); err != nil {
			return err
		}
	}
	return w.waitForState("twice", approval.Approved, "")
}

// runRefusedDecisions sends decisions of people who may not decide, and ambiguous ones.
func (w *world) runRefusedDecisions() error {
	if _, err := w.postRequest("payments", "mine", fields{"requester": "ann"}); err != nil {
		return err
	}
	for _, step := range []string{"one", "two"} {
		if _, err := w.postRequest("orders", "steps", fields{"step": step}); err != nil {
			return err
		}
	}
	for _, d := range []struct {
		via, order, by string
		want           int
	}{
		{"api", "mine", "ann", http.StatusForbidden},
		{"api", "mine", "eve", http.StatusForbidden},
		{"webhook", "mine", "bob", http.StatusForbidden},
		{"api", "steps", "ann", http.StatusConflict},
		{"operator", "nobody", "ann", http.StatusNotFound},
	} {
		if err := w.postDecision(d.via, d.order, "approve", d.by, d.want); err != nil {
			return err
		}
	}
	return nil
}

// runUnmatchedDecisions sends decisions before their request, too many of them, and some without any request.
func (w *world) runUnmatchedDecisions() error {
	if err := w.postDecision("api", "first", "approve", "ann", http.StatusAccepted); err != nil {
		return err
	}
	if _, err := w.postRequest("orders", "first", nil); err != nil {
		return err
	}
	for i := range approval.MaxUnmatched + 1 {
		want := http.StatusAccepted
		if i == approval.MaxUnmatched {
			want = http.StatusServiceUnavailable
		}
		if err := w.postDecision("api", "never", "reject", fmt.Sprint("n", i), want); err != nil {
			return err
		}
	}
	return nil
}

// runRepeatedRequests sends the same requests several times.
func (w *world) runRepeatedRequests() error {
	token := w.newToken()
	for range 3 {
		if _, err := w.postRequest("orders", "again", fields{"taskToken": token}); err != nil {
			return err
		}
		w.aws.SQS.PutMessage("payments", jsonText(fields{"orderId": "again-paid", "taskToken": token}), nil)
	}
	return nil
}

// runTimeouts lets approvals time out, and then sends late decisions.
func (w *world) runTimeouts() error {
	for _, workflow := range []string{"orders", "payments"} {
		order := "slow-" + workflow
		if _, err := w.postRequest(workflow, order, fields{"timeoutSeconds": 6}); err != nil {
			return err
		}
		if err := w.waitForState(order, approval.TimedOut, api.CallbackDelivered); err != nil {
			return err
		}
		if err := w.postDecision("api", order, "approve", "ann", http.StatusConflict); err != nil {
			return err
		}
	}
	return nil
}

// runEndedApprovals ends approvals in other ways: an operator cancels one, the workflow of another stops waiting, and
// the state of the third is retried.
func (w *world) runEndedApprovals() error {
	if _, err := w.postRequest("orders", "withdrawn", nil); err != nil {
		return err
	}
	cancel := "http://" + w.operator + "/v1/orders/withdrawn/cancel"
	if status, text := w.callHTTP("POST", cancel, operatorToken, `{"by": "op", "reason": "load"}`); status != http.StatusOK {
		return fmt.Errorf("cancel: %d %s", status, text)
	}
	stopped := w.newToken()
	if _, err := w.postRequest("orders", "stopped", fields{"taskToken": stopped}); err != nil {
		return err
	}
	w.aws.StepFunctions.AbortTask(stopped) // the heartbeat finds out
	if err := w.waitForState("stopped", approval.Cancelled, api.CallbackTooLate); err != nil {
		return err
	}
	retried := w.newToken()
	if _, err := w.postRequest("payments", "retried", fields{"taskToken": retried}); err != nil {
		return err
	}
	w.aws.StepFunctions.AbortTask(retried)
	_, err := w.postRequest("payments", "retried", nil)
	return err
}

// runFailedNotifications lets notifications be exhausted, and reminders come due.
func (w *world) runFailedNotifications() error {
	for i := range 3 {
		if _, err := w.postRequest("payments", fmt.Sprint("gone-", i), nil); err != nil {
			return err
		}
	}
	return nil
}

// runFailedCallbacks lets callbacks be refused, come too late, and be redriven.
func (w *world) runFailedCallbacks() error {
	for order, end := range map[string]api.CallbackState{
		"no-1": api.CallbackExhausted, "mend-1": api.CallbackExhausted, "late-1": api.CallbackTooLate,
	} {
		if _, err := w.postRequest("payments", order, fields{"callbackUrl": w.callbackURL()}); err != nil {
			return err
		}
		if err := w.postDecision("operator", order, "approve", "op", http.StatusOK); err != nil {
			return err
		}
		if err := w.waitForState(order, approval.Approved, end); err != nil {
			return err
		}
	}
	w.hooks.repair()
	code := w.readOrder("mend-1").Approvals[0].Callback.ReasonCode
	status, text := w.callHTTP("POST", "http://"+w.operator+"/v1/redrive", operatorToken, jsonText(fields{"by": "op", "reasonCode": code}))
	if status != http.StatusOK {
		return fmt.Errorf("redrive: %d %s", status, text)
	}
	return w.waitForState("mend-1", approval.Approved, api.CallbackDelivered)
}

// runSlackPresses presses buttons in Slack: by an approver, by another person, and during an outage of Slack.
func (w *world) runSlackPresses() error {
	if _, err := w.postRequest("talks", "talk", nil); err != nil {
		return err
	}
	if err := waitFor("a message in Slack", func() bool { return len(w.slack.Messages()) > 0 }); err != nil {
		return err
	}
	m := w.slack.Messages()[0]
	w.slack.FailNext(slacktest.Failure{Method: "users.info", Status: http.StatusServiceUnavailable})
	for _, press := range []struct {
		user int
		want int
	}{{0, http.StatusServiceUnavailable}, {1, http.StatusOK}, {0, http.StatusOK}} {
		r := w.slack.PressButton(slackSecret, time.Now(), w.slack.Users[press.user], m, "approve")
		r.URL = &url.URL{Scheme: "http", Host: w.public, Path: r.URL.Path}
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			return err
		}
		_ = resp.Body.Close()
		if resp.StatusCode != press.want {
			return fmt.Errorf("pressed in Slack: %d, want %d", resp.StatusCode, press.want)
		}
	}
	return w.waitForState("talk", approval.Approved, api.CallbackDelivered)
}

// runInvalidMessages sends messages that are invalid, filtered, or forged.
func (w *world) runInvalidMessages() error {
	for range 3 {
		w.aws.SQS.PutMessage("orders", "no JSON", nil)
		w.aws.SQS.PutMessage("payments", `{"orderId": "tokenless"}`, nil)
		const otherTopic = `{"Type": "Notification", "TopicArn": "arn:aws:sns:us-east-1:000000000000:other", "Message": "{}"}`
		w.aws.SQS.PutMessage("decisions", otherTopic, nil)
	}
	for _, post := range []struct {
		url, token, jsonText string
		want                 int
	}{
		{"http://" + w.public + "/webhooks/erp", hookToken, `{"ping": true}`, http.StatusNoContent},
		{"http://" + w.public + "/webhooks/erp", "forged", `{"orderId": "x"}`, http.StatusUnauthorized},
		{"http://" + w.operator + "/v1/requests?workflow=orders", apiToken, `{"orderId": "tokenless"}`, http.StatusUnprocessableEntity},
	} {
		if status, text := w.callHTTP("POST", post.url, post.token, post.jsonText); status != post.want {
			return fmt.Errorf("POST %s: %d, want %d: %s", post.url, status, post.want, text)
		}
	}
	return nil
}

// runPageViews requests pages as people, probes and mail scanners do.
func (w *world) runPageViews() error {
	if _, err := w.postRequest("orders", "scanned", nil); err != nil {
		return err
	}
	if err := waitFor("the link of scanned", func() bool { return w.hooks.linkOf("scanned") != "" }); err != nil {
		return err
	}
	for range 3 {
		if status, text := w.callHTTP("GET", w.hooks.linkOf("scanned"), "", ""); status != http.StatusOK {
			return fmt.Errorf("a page that is only looked at: %d %s", status, text)
		}
	}
	for _, get := range []string{
		w.public + "/a/forged", w.public + "/healthz",
		w.operator + "/healthz", w.operator + "/v1/orders", w.operator + "/v1/deadletters",
	} {
		if status, text := w.callHTTP("GET", "http://"+get, operatorToken, ""); status == 0 {
			return fmt.Errorf("GET %s: %s", get, text)
		}
	}
	return nil
}

// leavePending requests approvals that stay pending after the load.
func (w *world) leavePending() error {
	for i := range 3 {
		for _, workflow := range []string{"orders", "payments"} {
			if _, err := w.postRequest(workflow, fmt.Sprint("waits-", workflow, i), nil); err != nil {
				return err
			}
		}
	}
	return nil
}

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

// decided: what goes well, over every way in and out.
func (w *world) decided() error {
	for i, via := range []string{"api", "webhook", "operator", "link", "topic", "topic"} {
		order, outcome, want := fmt.Sprint("good-", i), []string{"approve", "reject"}[i%2], http.StatusOK
		w.aws.SQS.PutMessage("orders", body(fields{"orderId": order, "taskToken": w.token()}), nil)
		if err := w.becomes(order, approval.Pending, ""); err != nil {
			return err
		}
		if via == "topic" {
			w.aws.SQS.PutMessage("decisions", body(fields{"orderId": order, "decision": outcome, "decidedBy": "ann"}), nil)
		} else {
			if via == "link" {
				want = http.StatusSeeOther
			}
			if err := w.decide(via, order, outcome, "ann", want); err != nil {
				return err
			}
		}
		if err := w.becomes(order, map[string]approval.Status{"approve": approval.Approved, "reject": approval.Rejected}[outcome], api.CallbackDelivered); err != nil {
			return err
		}
	}
	if _, err := w.ask("payments", "paid", fields{"callbackUrl": w.back()}); err != nil {
		return err
	}
	for _, by := range []string{"ann", "bob"} { // the first is recorded
		if err := w.decide("api", "paid", "approve", by, http.StatusOK); err != nil {
			return err
		}
	}
	return w.becomes("paid", approval.Approved, api.CallbackDelivered)
}

// doubtful: decisions that come again, contradict, or name an approval that was
// asked anew.
func (w *world) doubtful() error {
	old, err := w.ask("orders", "twice", nil)
	if err != nil {
		return err
	}
	if _, err := w.ask("orders", "twice", nil); err != nil { // another token: superseded
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
		if err := w.decide("api", "twice", d.outcome, "ann", d.want, d.more); err != nil {
			return err
		}
	}
	return w.becomes("twice", approval.Approved, "")
}

// refused: decisions by those who may not, or that name too little.
func (w *world) refused() error {
	if _, err := w.ask("payments", "mine", fields{"requester": "ann"}); err != nil {
		return err
	}
	for _, step := range []string{"one", "two"} {
		if _, err := w.ask("orders", "steps", fields{"step": step}); err != nil {
			return err
		}
	}
	for _, d := range []struct {
		via, order, by string
		want           int
	}{
		{"api", "mine", "ann", http.StatusForbidden}, {"api", "mine", "eve", http.StatusForbidden}, {"webhook", "mine", "bob", http.StatusForbidden},
		{"api", "steps", "ann", http.StatusConflict}, {"operator", "nobody", "ann", http.StatusNotFound},
	} {
		if err := w.decide(d.via, d.order, "approve", d.by, d.want); err != nil {
			return err
		}
	}
	return nil
}

// early: decisions before their request, too many of them, and one whose request
// never comes.
func (w *world) early() error {
	if err := w.decide("api", "first", "approve", "ann", http.StatusAccepted); err != nil {
		return err
	}
	if _, err := w.ask("orders", "first", nil); err != nil {
		return err
	}
	for i := range approval.MaxUnmatched + 1 {
		want := http.StatusAccepted
		if i == approval.MaxUnmatched {
			want = http.StatusServiceUnavailable
		}
		if err := w.decide("api", "never", "reject", fmt.Sprint("n", i), want); err != nil {
			return err
		}
	}
	return nil
}

// again: requests that are known.
func (w *world) again() error {
	token := w.token()
	for range 3 {
		if _, err := w.ask("orders", "again", fields{"taskToken": token}); err != nil {
			return err
		}
		w.aws.SQS.PutMessage("payments", body(fields{"orderId": "again-paid", "taskToken": token}), nil)
	}
	return nil
}

// undecided: nobody decides in time, then somebody does.
func (w *world) undecided() error {
	for _, workflow := range []string{"orders", "payments"} {
		order := "slow-" + workflow
		if _, err := w.ask(workflow, order, fields{"timeoutSeconds": 6}); err != nil {
			return err
		}
		if err := w.becomes(order, approval.TimedOut, api.CallbackDelivered); err != nil {
			return err
		}
		if err := w.decide("api", order, "approve", "ann", http.StatusConflict); err != nil {
			return err
		}
	}
	return nil
}

// ended: approvals that an operator cancels, whose workflow stops waiting, or
// whose state is retried.
func (w *world) ended() error {
	if _, err := w.ask("orders", "withdrawn", nil); err != nil {
		return err
	}
	if status, text := w.call("POST", "http://"+w.operator+"/v1/orders/withdrawn/cancel", operatorToken, `{"by": "op", "reason": "load"}`); status != http.StatusOK {
		return fmt.Errorf("cancel: %d %s", status, text)
	}
	stopped := w.token()
	if _, err := w.ask("orders", "stopped", fields{"taskToken": stopped}); err != nil {
		return err
	}
	w.aws.StepFunctions.AbortTask(stopped) // the heartbeat is told
	if err := w.becomes("stopped", approval.Cancelled, api.CallbackTooLate); err != nil {
		return err
	}
	retried := w.token()
	if _, err := w.ask("payments", "retried", fields{"taskToken": retried}); err != nil {
		return err
	}
	w.aws.StepFunctions.AbortTask(retried)
	_, err := w.ask("payments", "retried", nil)
	return err
}

// told: notifications that nobody takes, and reminders.
func (w *world) told() error {
	for i := range 3 {
		if _, err := w.ask("payments", fmt.Sprint("gone-", i), nil); err != nil {
			return err
		}
	}
	return nil
}

// answered: callbacks that are refused, come too late, and are redriven.
func (w *world) answered() error {
	for order, end := range map[string]api.CallbackState{
		"no-1": api.CallbackExhausted, "mend-1": api.CallbackExhausted, "late-1": api.CallbackTooLate,
	} {
		if _, err := w.ask("payments", order, fields{"callbackUrl": w.back()}); err != nil {
			return err
		}
		if err := w.decide("operator", order, "approve", "op", http.StatusOK); err != nil {
			return err
		}
		if err := w.becomes(order, approval.Approved, end); err != nil {
			return err
		}
	}
	w.hooks.mend()
	code := w.order("mend-1").Approvals[0].Callback.ReasonCode
	status, text := w.call("POST", "http://"+w.operator+"/v1/redrive", operatorToken, body(fields{"by": "op", "reasonCode": code}))
	if status != http.StatusOK {
		return fmt.Errorf("redrive: %d %s", status, text)
	}
	return w.becomes("mend-1", approval.Approved, api.CallbackDelivered)
}

// talked: what is pressed in Slack, by who may and who may not.
func (w *world) talked() error {
	if _, err := w.ask("talks", "talk", nil); err != nil {
		return err
	}
	if err := await("a message in Slack", func() bool { return len(w.slack.Messages()) > 0 }); err != nil {
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
	return w.becomes("talk", approval.Approved, api.CallbackDelivered)
}

// nonsense: what can never be understood, is no decision, or is forged.
func (w *world) nonsense() error {
	for range 3 {
		w.aws.SQS.PutMessage("orders", "no JSON", nil)
		w.aws.SQS.PutMessage("payments", `{"orderId": "tokenless"}`, nil)
		w.aws.SQS.PutMessage("decisions", `{"Type": "Notification", "TopicArn": "arn:aws:sns:us-east-1:000000000000:other", "Message": "{}"}`, nil)
	}
	for _, post := range []struct {
		url, token, body string
		want             int
	}{
		{"http://" + w.public + "/webhooks/erp", hookToken, `{"ping": true}`, http.StatusNoContent},
		{"http://" + w.public + "/webhooks/erp", "forged", `{"orderId": "x"}`, http.StatusUnauthorized},
		{"http://" + w.operator + "/v1/requests?workflow=orders", apiToken, `{"orderId": "tokenless"}`, http.StatusUnprocessableEntity},
	} {
		if status, text := w.call("POST", post.url, post.token, post.body); status != post.want {
			return fmt.Errorf("POST %s: %d, want %d: %s", post.url, status, post.want, text)
		}
	}
	return nil
}

// looked: what people, probes and mail scanners look at.
func (w *world) looked() error {
	if _, err := w.ask("orders", "scanned", nil); err != nil {
		return err
	}
	if err := await("the link of scanned", func() bool { return w.hooks.link("scanned") != "" }); err != nil {
		return err
	}
	for range 3 {
		if status, text := w.call("GET", w.hooks.link("scanned"), "", ""); status != http.StatusOK {
			return fmt.Errorf("a page that is only looked at: %d %s", status, text)
		}
	}
	for _, get := range []string{w.public + "/a/forged", w.public + "/healthz", w.operator + "/healthz", w.operator + "/v1/orders", w.operator + "/v1/deadletters"} {
		if status, text := w.call("GET", "http://"+get, operatorToken, ""); status == 0 {
			return fmt.Errorf("GET %s: %s", get, text)
		}
	}
	return nil
}

// pending: approvals that wait when the load has ended.
func (w *world) pending() error {
	for i := range 3 {
		for _, workflow := range []string{"orders", "payments"} {
			if _, err := w.ask(workflow, fmt.Sprint("waits-", workflow, i), nil); err != nil {
				return err
			}
		}
	}
	return nil
}

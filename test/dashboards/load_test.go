package dashboards

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/emulator"
)

// What the load reads in bodies and pages.
var (
	orderForm  = regexp.MustCompile(`"orderId":"([^"]+)"`)
	linkForm   = regexp.MustCompile(`http://[^\s"<>]+/a/[A-Za-z0-9._-]+`)
	hiddenForm = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)"`)
)

type fields = map[string]any

// load lets everything happen that the program counts: what is good side by side,
// then the faults one after the other. At its end some approvals are pending.
func (w *world) load() error {
	var group errgroup.Group
	for _, act := range []func() error{
		w.decided, w.doubtful, w.refused, w.early, w.again, w.undecided, w.ended, w.told, w.answered, w.nonsense, w.looked,
	} {
		group.Go(act)
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, act := range []func() error{w.flaky, w.queueFaults, w.diskFull, w.pending} {
		if err := act(); err != nil {
			return err
		}
	}
	return await("the old token to be erased", func() bool { return w.counts("tokens_erased_total") })
}

// token begins a task that waits for long.
func (w *world) token() string { return w.aws.StepFunctions.NewToken(time.Hour, 0) }

func body(f fields) string {
	b, _ := json.Marshal(f) // texts, numbers and lists of them
	return string(b)
}

// ask posts a request and returns the approval's ID.
func (w *world) ask(workflow, order string, more fields) (approvalID string, err error) {
	f := fields{"orderId": order}
	if more["callbackUrl"] == nil {
		f["taskToken"] = w.token()
	}
	for k, v := range more {
		f[k] = v
	}
	status, text := w.call("POST", "http://"+w.operator+"/v1/requests?workflow="+workflow, apiToken, body(f))
	var accepted struct{ ApprovalID string }
	if err := json.Unmarshal([]byte(text), &accepted); err != nil || status != http.StatusAccepted {
		return "", fmt.Errorf("ask for %s: %d %s", order, status, text)
	}
	return accepted.ApprovalID, nil
}

// back is a callback URL.
func (w *world) back() string { return w.hooks.url + "/answer" }

// decide sends a decision by a way that says what became of it.
func (w *world) decide(via, order, outcome, by string, want int, more ...fields) error {
	f := fields{"orderId": order, "decision": outcome, "decidedBy": by, "decisionId": fmt.Sprint(via, order, outcome, by)}
	for _, m := range more {
		for k, v := range m {
			f[k] = v
		}
	}
	var status int
	var text string
	switch via {
	case "api":
		status, text = w.call("POST", "http://"+w.operator+"/v1/orders/"+order+"/decisions", apiToken, body(f))
	case "webhook":
		status, text = w.call("POST", "http://"+w.public+"/webhooks/erp", hookToken, body(f))
	case "operator":
		status, text = w.call("POST", "http://"+w.operator+"/v1/orders/"+order+"/decide", operatorToken, body(fields{"outcome": outcome, "by": by, "reason": "load"}))
	case "link":
		status, text = w.click(order, outcome)
	}
	if status != want {
		return fmt.Errorf("decide %s %s via %s: %d, want %d: %s", order, outcome, via, status, want, text)
	}
	return nil
}

// click does what a browser does with the link of the order.
func (w *world) click(order, outcome string) (int, string) {
	if err := await("the link of "+order, func() bool { return w.hooks.link(order) != "" }); err != nil {
		return 0, err.Error()
	}
	status, page := w.call("GET", w.hooks.link(order), "", "")
	if status != http.StatusOK {
		return status, page
	}
	form := url.Values{"outcome": {outcome}}
	for _, m := range hiddenForm.FindAllStringSubmatch(page, -1) {
		form.Set(m[1], m[2])
	}
	return w.call("POST", w.hooks.link(order), "", form.Encode())
}

// await waits for something.
func await(what string, is func() bool) error {
	for limit := time.Now().Add(20 * time.Second); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(limit) {
			return fmt.Errorf("waited in vain for %s", what)
		}
	}
	return nil
}

// order reads the record.
func (w *world) order(id string) approval.Order {
	var o approval.Order
	_, text := w.call("GET", "http://"+w.operator+"/v1/orders/"+id, operatorToken, "")
	_ = json.Unmarshal([]byte(text), &o) // one that cannot be read has no approvals
	return o
}

// becomes waits until the order's last approval has that status, and its callback
// that state, if one is given.
func (w *world) becomes(id string, status approval.Status, callback approval.CallbackState) error {
	return await(fmt.Sprintf("%s to be %s, %s", id, status, callback), func() bool {
		all := w.order(id).Approvals
		if len(all) == 0 {
			return false
		}
		last := all[len(all)-1]
		return last.Status == status && (callback == "" || last.Callback.State == callback)
	})
}

// decided: what goes well, over every way in and out.
func (w *world) decided() error {
	for i, via := range []string{"api", "webhook", "operator", "link", "topic", "topic"} {
		order, outcome, want := fmt.Sprint("good-", i), []string{"approve", "reject"}[i%2], http.StatusOK
		w.aws.SQS.Put("orders", body(fields{"orderId": order, "taskToken": w.token()}), nil)
		if err := w.becomes(order, approval.Pending, ""); err != nil {
			return err
		}
		if via == "topic" {
			w.aws.SQS.Put("decisions", body(fields{"orderId": order, "decision": outcome, "decidedBy": "ann"}), nil)
		} else {
			if via == "link" {
				want = http.StatusSeeOther
			}
			if err := w.decide(via, order, outcome, "ann", want); err != nil {
				return err
			}
		}
		if err := w.becomes(order, map[string]approval.Status{"approve": approval.Approved, "reject": approval.Rejected}[outcome], approval.CallbackDelivered); err != nil {
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
	return w.becomes("paid", approval.Approved, approval.CallbackDelivered)
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
		w.aws.SQS.Put("payments", body(fields{"orderId": "again-paid", "taskToken": token}), nil)
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
		if err := w.becomes(order, approval.TimedOut, approval.CallbackDelivered); err != nil {
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
	w.aws.StepFunctions.Abort(stopped) // the heartbeat is told
	if err := w.becomes("stopped", approval.Cancelled, approval.CallbackTooLate); err != nil {
		return err
	}
	retried := w.token()
	if _, err := w.ask("payments", "retried", fields{"taskToken": retried}); err != nil {
		return err
	}
	w.aws.StepFunctions.Abort(retried)
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
	for order, end := range map[string]approval.CallbackState{
		"no-1": approval.CallbackExhausted, "mend-1": approval.CallbackExhausted, "late-1": approval.CallbackTooLate,
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
	reason := w.order("mend-1").Approvals[0].Callback.LastError
	status, text := w.call("POST", "http://"+w.operator+"/v1/redrive", operatorToken, body(fields{"by": "op", "reason": reason}))
	if status != http.StatusOK {
		return fmt.Errorf("redrive: %d %s", status, text)
	}
	return w.becomes("mend-1", approval.Approved, approval.CallbackDelivered)
}

// nonsense: what can never be understood, is no decision, or is forged.
func (w *world) nonsense() error {
	for range 3 {
		w.aws.SQS.Put("orders", "no JSON", nil)
		w.aws.SQS.Put("payments", `{"orderId": "tokenless"}`, nil)
		w.aws.SQS.Put("decisions", `{"Type": "Notification", "TopicArn": "arn:aws:sns:us-east-1:000000000000:other", "Message": "{}"}`, nil)
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

// looked: what people and probes look at.
func (w *world) looked() error {
	for _, get := range []string{w.public + "/a/forged", w.public + "/healthz", w.operator + "/healthz", w.operator + "/v1/orders", w.operator + "/v1/deadletters"} {
		if status, text := w.call("GET", "http://"+get, operatorToken, ""); status == 0 {
			return fmt.Errorf("GET %s: %s", get, text)
		}
	}
	return nil
}

// flaky: Step Functions throttles, loses replies, and is so slow that a scrape
// sees calls under way.
func (w *world) flaky() error {
	w.aws.StepFunctions.SetFaults(emulator.Faults{Throttle: 0.3, LoseReply: 0.5, Latency: 700 * time.Millisecond})
	defer w.aws.StepFunctions.SetFaults(emulator.Faults{})
	var group errgroup.Group
	for i := range 20 {
		order := fmt.Sprint("flaky-", i)
		group.Go(func() error {
			if _, err := w.ask("orders", order, nil); err != nil {
				return err
			}
			if err := w.decide("api", order, "approve", "ann", http.StatusOK); err != nil {
				return err
			}
			return await(order+" to be answered", func() bool {
				all := w.order(order).Approvals
				return len(all) == 1 && strings.HasPrefix(string(all[0].Callback.State), "delivered")
			})
		})
	}
	return group.Wait()
}

// queueFaults: receives, deletes and changes of visibility fail, and a dead
// letter takes longer than the visibility timeout.
func (w *world) queueFaults() error {
	quiet := func() {
		for _, action := range []string{"SendMessage", "ChangeMessageVisibility", "DeleteMessageBatch", "ReceiveMessage"} {
			w.front.set(action, fault{})
		}
	}
	defer quiet()
	w.front.set("SendMessage", fault{slow: 2 * time.Second}) // to the dead letter queue
	for _, step := range []struct{ refused, queue, body, counts string }{
		{"", "orders", "no JSON", "sqs_visibility_extensions_total"},
		{"ChangeMessageVisibility", "orders", "no JSON", "sqs_visibility_errors_total"},
		{"DeleteMessageBatch", "payments", body(fields{"orderId": "kept", "taskToken": w.token()}), "sqs_delete_failures_total"},
		{"ReceiveMessage", "payments", body(fields{"orderId": "kept-too", "taskToken": w.token()}), "sqs_receive_errors_total"}, // ends a long poll
	} {
		if step.refused != "" {
			w.front.set(step.refused, fault{refused: true})
		}
		w.aws.SQS.Put(step.queue, step.body, nil)
		if err := await(step.counts, func() bool { return w.counts(step.counts) }); err != nil {
			return err
		}
	}
	return nil
}

// counts says whether the program has counted such a thing.
func (w *world) counts(series string) bool {
	_, text := w.call("GET", "http://"+w.operator+"/metrics", "", "")
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "approval_relay_"+series) && !strings.HasSuffix(line, " 0\n") {
			return true
		}
	}
	return false
}

// diskFull: nothing can be stored for a while.
func (w *world) diskFull() error {
	limit := func(most uint64) error {
		return unix.Prlimit(w.proc.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: most, Max: unix.RLIM_INFINITY}, nil)
	}
	if err := limit(0); err != nil {
		return err
	}
	w.aws.SQS.Put("orders", body(fields{"orderId": "unstored", "taskToken": w.token()}), nil)
	status, text := w.call("POST", "http://"+w.operator+"/v1/requests?workflow=orders", apiToken, body(fields{"orderId": "unstored-too", "taskToken": w.token()}))
	if status != http.StatusServiceUnavailable {
		return fmt.Errorf("a request while the disk is full: %d %s", status, text)
	}
	for _, series := range []string{"store_commit_errors_total", `sweeps_total{result="failed"}`, "sqs_messages_returned_total"} {
		if err := await(series, func() bool { return w.counts(series) }); err != nil {
			return err
		}
	}
	if err := limit(unix.RLIM_INFINITY); err != nil {
		return err
	}
	return w.becomes("unstored", approval.Pending, "") // it comes again by itself
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

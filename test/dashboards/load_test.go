package dashboards

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/approval"
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
		w.decided, w.doubtful, w.refused, w.early, w.again, w.undecided, w.ended, w.told, w.answered, w.nonsense, w.looked, w.talked, w.spanned,
	} {
		group.Go(act)
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, act := range []func() error{w.down, w.flaky, w.queueFaults, w.queueDepths, w.diskFull, w.pending} {
		if err := act(); err != nil {
			return err
		}
	}
	return await("the old token to be erased", func() bool { return w.counts("tokens_erased_total") })
}

// token begins a task that waits for long.
func (w *world) token() string { return w.aws.StepFunctions.OpenTask(time.Hour, 0) }

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
	maps.Copy(f, more)
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
		maps.Copy(f, m)
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
	for limit := time.Now().Add(time.Minute); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(limit) {
			return fmt.Errorf("waited in vain for %s", what)
		}
	}
	return nil
}

// order reads the record.
func (w *world) order(id string) api.Order {
	var o api.Order
	_, text := w.call("GET", "http://"+w.operator+"/v1/orders/"+id, operatorToken, "")
	_ = json.Unmarshal([]byte(text), &o) // one that cannot be read has no approvals
	return o
}

// becomes waits until the order's last approval has that status, and its callback
// that state, if one is given.
func (w *world) becomes(id string, status approval.Status, callback api.CallbackState) error {
	return await(fmt.Sprintf("%s to be %s, %s", id, status, callback), func() bool {
		all := w.order(id).Approvals
		if len(all) == 0 {
			return false
		}
		last := all[len(all)-1]
		return last.Status == status && (callback == "" || last.Callback.State == callback)
	})
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

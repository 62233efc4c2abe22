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

// Patterns that the load finds in bodies and pages.
var (
	orderForm  = regexp.MustCompile(`"orderId":"([^"]+)"`)
	linkForm   = regexp.MustCompile(`http://[^\s"<>]+/a/[A-Za-z0-9._-]+`)
	hiddenForm = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)"`)
)

type fields = map[string]any

// runLoad causes every event that the program counts: first the normal scenarios side by side, then the outages one
// after the other. Some approvals are pending when it ends.
func (w *world) runLoad() error {
	var group errgroup.Group
	for _, act := range []func() error{
		w.runDecisions, w.runRepeatedDecisions, w.runRefusedDecisions, w.runUnmatchedDecisions, w.runRepeatedRequests,
		w.runTimeouts, w.runEndedApprovals, w.runFailedNotifications, w.runFailedCallbacks, w.runInvalidMessages,
		w.runPageViews, w.runSlackPresses, w.runSpanFaults, w.runChoices,
	} {
		group.Go(act)
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, act := range []func() error{
		w.runTargetOutage, w.runFlakyTarget, w.runQueueFaults, w.runDepthFaults, w.runFullDisk, w.leavePending,
	} {
		if err := act(); err != nil {
			return err
		}
	}
	return nil
}

// newToken starts a task that waits for an hour.
func (w *world) newToken() string { return w.aws.StepFunctions.OpenTask(time.Hour, 0) }

func jsonText(f fields) string {
	b, _ := json.Marshal(f) // it has texts, numbers and lists only
	return string(b)
}

// postRequest posts a request and returns the approval's ID.
func (w *world) postRequest(workflow, order string, more fields) (approvalID string, err error) {
	f := fields{"orderId": order}
	if more["callbackUrl"] == nil {
		f["taskToken"] = w.newToken()
	}
	maps.Copy(f, more)
	status, text := w.callHTTP("POST", "http://"+w.operator+"/v1/requests?workflow="+workflow, apiToken, jsonText(f))
	var accepted struct{ ApprovalID string }
	if err := json.Unmarshal([]byte(text), &accepted); err != nil || status != http.StatusAccepted {
		return "", fmt.Errorf("ask for %s: %d %s", order, status, text)
	}
	return accepted.ApprovalID, nil
}

// callbackURL returns a callback URL of the receiver.
func (w *world) callbackURL() string { return w.hooks.url + "/answer" }

// postDecision sends a decision by a way in that answers with a status, and checks the status.
func (w *world) postDecision(via, order, outcome, by string, want int, more ...fields) error {
	f := fields{"orderId": order, "decision": outcome, "decidedBy": by, "decisionId": fmt.Sprint(via, order, outcome, by)}
	for _, m := range more {
		maps.Copy(f, m)
	}
	var status int
	var text string
	switch via {
	case "api":
		status, text = w.callHTTP("POST", "http://"+w.operator+"/v1/orders/"+order+"/decisions", apiToken, jsonText(f))
	case "webhook":
		status, text = w.callHTTP("POST", "http://"+w.public+"/webhooks/erp", hookToken, jsonText(f))
	case "operator":
		reason := jsonText(fields{"outcome": outcome, "by": by, "reason": "load"})
		status, text = w.callHTTP("POST", "http://"+w.operator+"/v1/orders/"+order+"/decide", operatorToken, reason)
	case "link":
		status, text = w.submitPage(order, outcome)
	}
	if status != want {
		return fmt.Errorf("decide %s %s via %s: %d, want %d: %s", order, outcome, via, status, want, text)
	}
	return nil
}

// submitPage opens the link of the order and submits its form, as a browser does.
func (w *world) submitPage(order, outcome string) (int, string) {
	if err := waitFor("the link of "+order, func() bool { return w.hooks.linkOf(order) != "" }); err != nil {
		return 0, err.Error()
	}
	status, page := w.callHTTP("GET", w.hooks.linkOf(order), "", "")
	if status != http.StatusOK {
		return status, page
	}
	form := url.Values{"outcome": {outcome}}
	for _, m := range hiddenForm.FindAllStringSubmatch(page, -1) {
		form.Set(m[1], m[2])
	}
	return w.callHTTP("POST", w.hooks.linkOf(order), "", form.Encode())
}

// waitFor waits until a condition is true, for a minute at most.
func waitFor(description string, isTrue func() bool) error {
	for limit := time.Now().Add(time.Minute); !isTrue(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(limit) {
			return fmt.Errorf("it took too long: %s", description)
		}
	}
	return nil
}

// readOrder returns the record of an order.
func (w *world) readOrder(id string) api.Order {
	var o api.Order
	_, text := w.callHTTP("GET", "http://"+w.operator+"/v1/orders/"+id, operatorToken, "")
	_ = json.Unmarshal([]byte(text), &o) // an order that cannot be read has no approvals
	return o
}

// waitForState waits until the order's last approval has a status, and its callback a state, if one is given.
func (w *world) waitForState(id string, status approval.Status, callback api.CallbackState) error {
	return waitFor(fmt.Sprintf("%s to be %s, %s", id, status, callback), func() bool {
		all := w.readOrder(id).Approvals
		if len(all) == 0 {
			return false
		}
		last := all[len(all)-1]
		return last.Status == status && (callback == "" || last.Callback.State == callback)
	})
}

// hasCounted reports whether a counter of the program, with these labels, is above 0.
func (w *world) hasCounted(series string) bool {
	_, text := w.callHTTP("GET", "http://"+w.operator+"/metrics", "", "")
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "approval_relay_"+series) && !strings.HasSuffix(line, " 0\n") {
			return true
		}
	}
	return false
}

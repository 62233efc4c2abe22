package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// askAgain puts a request of an order into the queue, and waits until its approval is pending.
func (r *running) askAgain(t *testing.T, p place, order, rest string) (token, approvalID string) {
	t.Helper()
	before := 0
	if o := r.order(t, order); o != nil {
		before = len(o.Approvals)
	}
	token = p.aws.StepFunctions.OpenTask(time.Hour, 0)
	p.aws.SQS.PutMessage("requests", fmt.Sprintf(`{"orderId":%q,"taskToken":%q%s}`, order, token, rest), nil)
	eventually(t, "asked", func() bool {
		o := r.order(t, order)
		if o == nil || len(o.Approvals) != before+1 || o.Approvals[before].Status != approval.Pending {
			return false
		}
		approvalID = o.Approvals[before].ApprovalID
		return true
	})
	return token, approvalID
}

// TestSecondRoundInTheSameWords sends the example of the README for two rounds of an order. The second is refused, and
// the answer says how to send it.
func TestSecondRoundInTheSameWords(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	r := p.start(t, p.file(t, true, ""))
	order := "o-" + name(t)
	path := "/v1/orders/" + order + "/decisions"
	const body = `{"decision":"approve","decidedBy":"ann@example.com"}`
	first, _ := r.askAgain(t, p, order, "")
	if got := r.program(t, path, body); got.status != http.StatusOK || got.body["verdict"] != "decided" {
		t.Fatalf("round 1: %d %s", got.status, got.text)
	}
	r.task(t, first)
	second, id := r.askAgain(t, p, order, "")
	got := r.program(t, path, body)
	if got.status != http.StatusConflict || got.body["verdict"] != "duplicate" || !strings.Contains(got.text, `"candidates":[{"approvalId":"`+id) {
		t.Fatalf("round 2: %d %s", got.status, got.text)
	}
	got = r.program(t, path, fmt.Sprintf(`{"decision":"approve","decidedBy":"ann@example.com","approvalId":%q}`, id))
	if got.status != http.StatusOK || got.body["verdict"] != "decided" {
		t.Fatalf("round 2 by its approval: %d %s", got.status, got.text)
	}
	if task := r.task(t, second); task.Effective != 1 {
		t.Errorf("%d answers", task.Effective)
	}
}

// TestAmbiguousDecisionNamesTheApprovals decides one of two executions that ask about one order.
func TestAmbiguousDecisionNamesTheApprovals(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	r := p.start(t, p.file(t, true, ""))
	order := "o-" + name(t)
	_, one := r.askAgain(t, p, order, `,"executionArn":"e-1"`)
	two, other := r.askAgain(t, p, order, `,"executionArn":"e-2"`)
	path := "/v1/orders/" + order + "/decisions"
	got := r.program(t, path, `{"decision":"approve","decidedBy":"ann@example.com"}`)
	if got.status != http.StatusConflict || got.body["verdict"] != "ambiguous" ||
		!strings.Contains(got.text, one) || !strings.Contains(got.text, other) || !strings.Contains(got.text, `"execution":"e-2"`) {
		t.Fatalf("%d %s", got.status, got.text)
	}
	got = r.program(t, path, `{"decision":"approve","decidedBy":"ann@example.com","executionArn":"e-2"}`)
	if got.status != http.StatusOK || got.body["approvalId"] != other {
		t.Fatalf("%d %s", got.status, got.text)
	}
	r.task(t, two)
	if a := r.order(t, order).Approvals[0]; a.Status != approval.Pending {
		t.Error(a.Status)
	}
}

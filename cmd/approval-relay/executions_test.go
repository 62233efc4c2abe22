package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/test/emulator"
)

// execute starts an execution whose states send their requests to the queue. The message body has what fields says of
// an attempt, beside the order, the token and a title that is different for each attempt.
func (p place) execute(t *testing.T, order string, fields func(emulator.Attempt) map[string]any, tasks ...emulator.TaskDefinition) *emulator.Execution {
	t.Helper()
	send := func(a emulator.Attempt) {
		body := map[string]any{"orderId": order, "taskToken": a.Token, "title": titleOf(a)}
		if fields != nil {
			maps.Copy(body, fields(a))
		}
		text, err := json.Marshal(body)
		if err != nil {
			t.Error(err)
		}
		p.aws.SQS.PutMessage("requests", string(text), nil)
	}
	return p.aws.StepFunctions.StartExecution(t.Context(), "orders", send, tasks...)
}

// titleOf returns the title of an attempt's request.
func titleOf(a emulator.Attempt) string {
	return fmt.Sprintf("%s %d, retry %d, redrive %d of %s.", a.State, a.Branch, a.RetryCount, a.RedriveCount, a.Execution)
}

// contextObject returns the fields that a message body can have from the context object.
func contextObject(a emulator.Attempt) map[string]any {
	return map[string]any{
		"executionArn": a.Execution,
		"stateName":    a.State,
		"enteredTime":  a.EnteredAt.UTC().Format("2006-01-02T15:04:05.000Z"),
		"retryCount":   a.RetryCount,
		"redriveCount": a.RedriveCount,
	}
}

// approvals waits until the order has n approvals, and returns them.
func (r *running) approvals(t *testing.T, order string, n int) []api.Approval {
	t.Helper()
	var all []api.Approval
	eventually(t, fmt.Sprintf("%d approvals of %s", n, order), func() bool {
		o := r.order(t, order)
		if o != nil {
			all = o.Approvals
		}
		return len(all) == n
	})
	return all
}

// settled waits until the order has n pending approvals among all of its approvals, and returns the order.
func (r *running) settled(t *testing.T, order string, n, all int) *api.Order {
	t.Helper()
	var o *api.Order
	eventually(t, fmt.Sprintf("%d of %d approvals of %s pending", n, all, order), func() bool {
		o = r.order(t, order)
		return o != nil && len(o.Approvals) == all && len(pendingOf(o)) == n
	})
	return o
}

func pendingOf(o *api.Order) []api.Approval {
	return slices.DeleteFunc(slices.Clone(o.Approvals), func(a api.Approval) bool { return a.Status != approval.Pending })
}

// attempts waits until the execution has made n attempts, and returns them.
func attempts(t *testing.T, e *emulator.Execution, n int) []emulator.Attempt {
	t.Helper()
	eventually(t, fmt.Sprintf("%d attempts", n), func() bool { return len(e.Attempts()) == n })
	return e.Attempts()
}

// linkIn waits for the notification that has a text, and returns its link.
func (r *running) linkIn(t *testing.T, text string) string {
	t.Helper()
	link := ""
	eventually(t, "a link for "+text, func() bool {
		for message := range strings.SplitSeq(r.printed.String(), "\n\n") {
			if strings.Contains(message, text) {
				link = linkForm.FindString(message)
			}
		}
		return link != ""
	})
	return strings.Replace(link, "http://relay.test", r.public, 1)
}

// requireSuccess waits for the end of the execution, which must succeed.
func requireSuccess(t *testing.T, e *emulator.Execution) {
	t.Helper()
	eventually(t, "the end of the execution", func() bool { status, _ := e.Status(); return status != emulator.ExecutionRunning })
	if status, cause := e.Status(); status != emulator.ExecutionSucceeded {
		t.Errorf("the execution has %s: %v", status, cause)
	}
}

// TestBranchesEndByTheirOwnDecisions shows a Map and a Parallel state whose requests name no step: every branch stays
// pending until the decision through its own link. A decision by the order alone is refused, with the list of what it
// could be about.
func TestBranchesEndByTheirOwnDecisions(t *testing.T) {
	t.Parallel()
	wait := emulator.TaskDefinition{Name: "Review", Timeout: time.Hour}
	other := emulator.TaskDefinition{Name: "Check", Timeout: time.Hour}
	for name, c := range map[string]struct {
		tasks  []emulator.TaskDefinition
		fields func(emulator.Attempt) map[string]any
	}{
		"a Map of 10":                             {emulator.MapOf(10, wait), nil},
		"a Map of 10, with the context object":    {emulator.MapOf(10, wait), contextObject},
		"a Parallel of 2":                         {[]emulator.TaskDefinition{wait, other}, nil},
		"a Parallel of 2 with the context object": {[]emulator.TaskDefinition{wait, other}, contextObject},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			r := p.start(t, p.file(t, false, ""))
			e := p.execute(t, "A-1", c.fields, c.tasks...)
			n := len(c.tasks)
			o := r.settled(t, "A-1", n, n)
			var got reply
			eventually(t, "an answer for the decision by order alone", func() bool { // it waits for the probes
				got = r.hub(t, decideBody("by-order", "A-1", "approve", ""))
				return got.body["verdict"] != "waiting" && got.body["verdict"] != "repeated"
			})
			candidates, _ := got.body["candidates"].([]any)
			if got.status != http.StatusConflict || got.body["verdict"] != "ambiguous" || len(candidates) != n {
				t.Errorf("by order alone: %d %s", got.status, got.text)
			}
			for _, a := range o.Approvals {
				if !strings.Contains(got.text, a.ApprovalID) {
					t.Errorf("%s is no candidate", a.ApprovalID)
				}
			}
			for i, a := range attempts(t, e, n) {
				if left := len(pendingOf(r.order(t, "A-1"))); left != n-i {
					t.Errorf("%d of %d are pending after %d decisions", left, n, i)
				}
				if got := press(t, r.linkIn(t, titleOf(a)), "approve"); got.status != http.StatusSeeOther {
					t.Errorf("%d %s", got.status, got.text)
				}
				if task := r.task(t, a.Token); task.State != emulator.TaskSucceeded {
					t.Errorf("%s: %s %s", titleOf(a), task.Error, task.Cause)
				}
			}
			requireSuccess(t, e)
		})
	}
}

// TestTwoExecutionsOfOneOrder shows that executions with one order ID do not end each other, and that a decision can
// name the execution.
func TestTwoExecutionsOfOneOrder(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	r := p.start(t, p.file(t, false, ""))
	wait := emulator.TaskDefinition{Name: "Review", Timeout: time.Hour}
	one, two := p.execute(t, "A-1", contextObject, wait), p.execute(t, "A-1", contextObject, wait)
	r.settled(t, "A-1", 2, 2)
	for i, e := range []*emulator.Execution{two, one} {
		got := r.hub(t, decideBody(fmt.Sprint("d", i), "A-1", "approve", fmt.Sprintf(`,"executionArn":%q`, e.ARN)))
		if got.body["verdict"] != "decided" {
			t.Errorf("%d %s", got.status, got.text)
		}
		requireSuccess(t, e)
	}
}

// TestRetryAsksAgain shows a state that is retried after its timeout: the older attempt is superseded, people are asked
// again, and the deadline is as far off as the first was.
func TestRetryAsksAgain(t *testing.T) {
	t.Parallel()
	for name, fields := range map[string]func(emulator.Attempt) map[string]any{
		"with the context object": contextObject,
		"only with EnteredTime": func(a emulator.Attempt) map[string]any {
			return map[string]any{"enteredTime": contextObject(a)["enteredTime"]}
		},
		"without": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			r := p.start(t, p.file(t, false, "deadline: 10m"))
			e := p.execute(t, "A-1", fields, emulator.TaskDefinition{
				Name: "Review", Timeout: 15 * time.Minute, Retries: 1, RetryOn: []string{emulator.ErrorTimeout},
			})
			first := attempts(t, e, 1)[0]
			old := r.linkIn(t, titleOf(first))
			p.aws.StepFunctions.ExpireTask(first.Token)
			second := attempts(t, e, 2)[1]
			o := r.settled(t, "A-1", 1, 2)
			before, after := o.Approvals[0], o.Approvals[1]
			if before.Status != approval.Superseded || before.SupersededBy != after.ApprovalID || after.Status != approval.Pending {
				t.Fatalf("%s, %s", before.Status, after.Status)
			}
			if left := after.Deadline.Sub(second.SentAt); left < 9*time.Minute || left > 11*time.Minute {
				t.Errorf("the deadline is %s after the message was sent", left)
			}
			page := do(t, "GET", old, "")
			if !strings.Contains(page.text, "has sent a newer request") || strings.Contains(page.text, "<form") {
				t.Errorf("the page of the old link: %d %.2000s", page.status, page.text)
			}
			if got := press(t, r.linkIn(t, titleOf(second)), "approve"); got.status != http.StatusSeeOther {
				t.Errorf("%d %s", got.status, got.text)
			}
			requireSuccess(t, e)
			if task, _ := p.aws.StepFunctions.FindTask(first.Token); task.Effective != 0 {
				t.Errorf("%+v", task)
			}
		})
	}
}

// TestRedriveAsksAgain shows a redriven execution: the approvals of the stopped run are superseded, one by one.
func TestRedriveAsksAgain(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	r := p.start(t, p.file(t, false, ""))
	e := p.execute(t, "A-1", contextObject, emulator.MapOf(3, emulator.TaskDefinition{Name: "Review", Timeout: time.Hour})...)
	r.settled(t, "A-1", 3, 3)
	e.Stop()
	if err := e.Redrive(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.settled(t, "A-1", 3, 6)
	for _, a := range attempts(t, e, 6)[3:] {
		if got := press(t, r.linkIn(t, titleOf(a)), "approve"); got.status != http.StatusSeeOther {
			t.Errorf("%d %s", got.status, got.text)
		}
	}
	requireSuccess(t, e)
}

// bodies returns the bodies of requests in a file of testdata, one a line, with a token of a new task in each.
func (p place) bodies(t *testing.T, name string) (texts, tokens []string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "bodies", name))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		token := p.aws.StepFunctions.OpenTask(time.Hour, 0)
		tokens = append(tokens, token)
		texts = append(texts, strings.Replace(line, "{{TOKEN}}", token, 1))
	}
	return texts, tokens
}

// TestMapWithoutStep takes the requests of a Map over the tasks of an order, which name neither a step nor an execution.
func TestMapWithoutStep(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	r := p.start(t, p.file(t, true, ""))
	texts, tokens := p.bodies(t, "map_without_step.ndjson")
	for _, text := range texts {
		p.aws.SQS.PutMessage("requests", text, nil)
	}
	r.settled(t, "A-1", len(texts), len(texts))
	for i, token := range tokens {
		if got := press(t, r.linkIn(t, fmt.Sprintf("check-%d", i)), "approve"); got.status != http.StatusSeeOther {
			t.Errorf("%d %s", got.status, got.text)
		}
		if task := r.task(t, token); task.State != emulator.TaskSucceeded {
			t.Errorf("%s %s", task.Error, task.Cause)
		}
	}
}

// TestManySteps takes 130 requests of one order, each with its own step.
func TestManySteps(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	r := p.start(t, p.file(t, false, ""))
	for i := range 130 {
		texts, _ := p.bodies(t, "many_steps.json")
		body := strings.Replace(texts[0], "line-N", fmt.Sprint("line-", i), 1)
		if got := r.program(t, "/v1/requests", body); got.status != http.StatusAccepted {
			t.Fatalf("request %d: %d %s", i, got.status, got.text)
		}
	}
	r.settled(t, "A-1", 130, 130)
	if dead, _ := p.aws.SQS.CountMessages("requests-dead"); dead != 0 {
		t.Errorf("%d dead letters", dead)
	}
}

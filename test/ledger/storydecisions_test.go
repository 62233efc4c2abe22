package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"time"

	"github.com/approval-relay/approval-relay/test/emulator"
)

// decideByLink decides the latest attempt through the link in its own notification. A link of an earlier attempt that
// has arrived by then is used first, and must not count.
func (s *story) decideByLink(ctx context.Context, w *world, q question) error {
	for _, a := range q.execution.Attempts() {
		if a.Branch != q.branch || a == q.latest() {
			continue
		}
		if link := w.linkOf(s.label(a)); link != "" {
			if err := w.submitLink(ctx, link, "reject", s.label(a)); err != nil {
				return err
			}
		}
	}
	link := ""
	if !waitUntil(w.patience(), func() bool { link = w.linkOf(s.label(q.latest())); return link != "" }) {
		return errors.New("no link arrived")
	}
	return w.submitLink(ctx, link, q.outcome, s.label(q.latest()))
}

// decideByStep names the step of the branch. The decision may precede its request.
func (s *story) decideByStep(ctx context.Context, w *world, q question) error {
	return s.send(ctx, w, q.latest(), q.outcome, map[string]string{"step": fmt.Sprintf("line %d", q.branch)})
}

// decideByExecution names the execution. The decision may precede its request.
func (s *story) decideByExecution(ctx context.Context, w *world, q question) error {
	return s.send(ctx, w, q.latest(), q.outcome, map[string]string{"executionArn": q.execution.ARN})
}

// decideByApproval names the approval of the latest attempt.
func (s *story) decideByApproval(ctx context.Context, w *world, q question) error {
	var found approvalView
	if !waitUntil(w.patience(), func() bool {
		o, err := w.readOrder(s.order)
		if err != nil {
			return false
		}
		i := slices.IndexFunc(o.Approvals, func(a approvalView) bool { return a.Title == s.label(q.latest()) })
		if i >= 0 {
			found = o.Approvals[i]
		}
		return i >= 0
	}) {
		return errors.New("its request is not recorded")
	}
	return s.send(ctx, w, q.latest(), q.outcome, map[string]string{"approvalId": found.ApprovalID})
}

// decideByOrder names only the order, when the latest attempt is the only pending one. It names the approval if the
// earlier attempt stays pending, as it may during an outage.
func (s *story) decideByOrder(ctx context.Context, w *world, q question) error {
	if s.way == "topic" && s.name == "second round" {
		return nil // the decision was sent before the attempt began
	}
	attempts := len(q.execution.Attempts())
	if !waitUntil(20*time.Second, func() bool {
		o, err := w.readOrder(s.order)
		pending := slices.DeleteFunc(o.Approvals, func(a approvalView) bool { return a.Status != "pending" })
		return err == nil && len(pending) == 1 && pending[0].Title == s.label(q.latest()) && len(q.execution.Attempts()) == attempts
	}) {
		return s.decideByApproval(ctx, w, q)
	}
	return s.send(ctx, w, q.latest(), q.outcome, nil)
}

// send sends a decision about an attempt, with the names that select it.
func (s *story) send(ctx context.Context, w *world, a emulator.Attempt, outcome string, names map[string]string) error {
	label := s.label(a)
	body := map[string]string{
		"orderId":    s.order,
		"decision":   outcome,
		"decidedBy":  "ann",
		"comment":    label,
		"decisionId": label,
	}
	maps.Copy(body, names)
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return w.sendDecision(ctx, s.way, s.order, string(text), 200, 202)
}

// linkOf returns the link in the notification with this title, or "".
func (w *world) linkOf(title string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.titleLinks[title]
}

var hiddenForm = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)"`)

// submitLink opens a link as a browser does and submits its form, if it has one. An approval that is closed has none.
func (w *world) submitLink(ctx context.Context, link, outcome, comment string) error {
	status, page, err := w.callUntilAnswered(ctx, "GET", link, "", "")
	if err != nil {
		return err
	}
	form := url.Values{"outcome": {outcome}, "comment": {comment}}
	for _, m := range hiddenForm.FindAllStringSubmatch(page, -1) {
		form.Set(m[1], m[2])
	}
	if len(form) == 2 {
		if status != http.StatusOK && status != http.StatusGone {
			return fmt.Errorf("the link is answered %d: %.300s", status, page)
		}
		return nil
	}
	_, _, err = w.callUntilAnswered(ctx, "POST", link, "", form.Encode())
	return err
}

// countRunning returns the number of executions that have not ended, and of stories that have not begun.
func (w *world) countRunning() int {
	n := 0
	for _, s := range w.stories {
		s.mu.Lock()
		executions := slices.Clone(s.executions)
		s.mu.Unlock()
		if len(executions) == 0 {
			n++
		}
		for _, e := range executions {
			if status, _ := e.Status(); status == emulator.ExecutionRunning {
				n++
			}
		}
	}
	return n
}

// checkStories checks that each attempt that waited was answered by its own decision, and that no other attempt was
// answered at all.
func (w *world) checkStories(v *violations) {
	for _, s := range w.stories {
		if len(*v) > maxViolations {
			return
		}
		attempts := 0
		for _, e := range s.executions {
			attempts += len(e.Attempts())
		}
		o, err := w.readFinalOrder(s.order, attempts)
		if err != nil || len(o.Approvals) != attempts {
			v.addf("order %s, %s: %d approvals of %d attempts; %v", s.order, s.name, len(o.Approvals), attempts, err)
			continue
		}
		for i, e := range s.executions {
			want := emulator.ExecutionSucceeded
			if i == 1 {
				want = emulator.ExecutionFailed
			}
			if status, cause := e.Status(); status != want {
				v.addf("order %s, %s: execution %s, want %s: %v\n%s", s.order, s.name, status, want, cause, w.linesOf(s.order))
			}
			for _, a := range e.Attempts() {
				w.checkAttempt(s, a, o, v)
			}
		}
	}
}

// checkAttempt checks an attempt against its record.
func (w *world) checkAttempt(s *story, a emulator.Attempt, o orderView, v *violations) {
	label := s.label(a)
	fault := func(format string, args ...any) {
		v.addf("%s, %s: %s\n%s", label, s.name, fmt.Sprintf(format, args...), w.linesOf(s.order))
	}
	i := slices.IndexFunc(o.Approvals, func(r approvalView) bool { return r.Title == label })
	if i < 0 {
		fault("it has no approval")
		return
	}
	record := o.Approvals[i]
	task, _ := w.aws.StepFunctions.FindTask(a.Token)
	switch {
	case task.Error == emulator.ErrorHeartbeatTimeout:
		fault("it died for want of a heartbeat after %d; its approval is %s", task.Heartbeats, record.Status)
	case task.Effective == 1:
		answer := w.checkCalls(s.order, task, v)
		if answer.Comment != label {
			fault("it was answered by the decision %q", answer.Comment)
		}
		if answer.Status != record.Status || !goodCallbackStates[record.Callback.State] {
			fault("it was answered %q, its record is %s and %s", answer.Status, record.Status, record.Callback.State)
		}
	case task.State != emulator.TaskTimedOut && task.State != emulator.TaskAborted:
		fault("%d effective answers; its task is %s", task.Effective, task.State)
	case !slices.Contains([]string{"superseded", "cancelled", "rejected"}, record.Status): // rejected through its old link
		fault("its workflow asked again, and its approval is %s", record.Status)
	}
}

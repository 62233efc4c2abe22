package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/approval-relay/approval-relay/test/emulator"
)

// scenario is an approval from its request to its answer.
type scenario struct {
	number   int
	order    string
	token    string // a task token; empty for a callback URL
	workflow string
	shape    string // the shape of the request
	way      string // the way in for its decision
	outcome  string // approve or reject
	early    bool   // the decision is sent before the request
	twice    bool   // every message is sent twice
	conflict bool   // a contradicting decision follows
	timesOut bool   // no decision is sent, so the deadline passes
	cancels  bool   // an operator cancels the approval
}

// requestShapes lists the shapes of requests, with the workflow of each.
var requestShapes = []struct{ shape, workflow string }{
	{"nested", "orders"}, {"flat", "managers"}, {"TaskToken", "steps"}, {"MyTaskToken", "steps"}, {"task_token", "steps"},
	{"quorum", "quorum"}, {"http-token", "web"}, {"http-callback", "web"},
}

// decisionWays lists the ways in for decisions.
var decisionWays = []string{"link", "sns-raw", "sns-enveloped", "hmac", "bearer", "api", "operator"}

// planScenarios returns n scenarios that cover every way in and out.
func planScenarios(n int, sf *emulator.StepFunctions) []*scenario {
	var out []*scenario
	for i := range n {
		in := requestShapes[i%len(requestShapes)]
		s := &scenario{
			number:   i,
			order:    fmt.Sprintf("e2e-%d", i),
			shape:    in.shape,
			workflow: in.workflow,
			way:      decisionWays[(i/len(requestShapes))%len(decisionWays)],
			outcome:  "approve",
			twice:    i%5 == 2,
			conflict: i%20 == 7,
			timesOut: i%50 == 13,
			cancels:  i%50 == 31,
		}
		if i%3 == 1 {
			s.outcome = "reject"
		}
		if in.shape != "http-callback" {
			s.token = sf.OpenTask(10*time.Minute, 0)
		}
		s.early = i%7 == 3 && s.way != "link" && s.way != "operator" && in.shape != "quorum" && !s.timesOut && !s.cancels
		if in.shape == "quorum" && s.way == "operator" {
			s.way = "link"
		}
		out = append(out, s)
	}
	return out
}

// body returns the request as its workflow writes it.
func (s *scenario) body(w *world) string {
	now := time.Now().UTC().Format("2006-01-02T15:04:05.000Z")
	m := map[string]any{}
	switch s.shape {
	case "nested":
		m = map[string]any{
			"taskToken":        s.token,
			"approvalRequest":  map[string]any{"orderId": s.order, "amount": 12.5},
			"approvalDeadline": now,
		}
	case "flat":
		m = map[string]any{
			"orderId":             s.order,
			"orderTotal":          99,
			"managerEmail":        "ann@example.com",
			"taskToken":           s.token,
			"taskTokenExpiration": now,
		}
	case "TaskToken", "MyTaskToken", "task_token":
		m = map[string]any{
			s.shape:          s.token,
			"order":          map[string]any{"id": s.order, "total": 7},
			"timeoutSeconds": 600,
			"executionArn":   "arn:aws:states:::execution",
		}
	case "quorum", "http-token": // they name no approvers
		m = map[string]any{"orderId": s.order, "taskToken": s.token}
	case "http-callback":
		m = map[string]any{"orderId": s.order, "callbackUrl": w.answers.url + "?order=" + s.order}
	}
	if s.timesOut {
		m["timeoutSeconds"] = 16
		if s.shape == "nested" {
			m["approvalDeadline"] = time.Now().UTC().Add(11 * time.Second).Format(time.RFC3339Nano)
		}
	}
	b, _ := json.Marshal(m)
	return string(b)
}

// sendRequest sends the request.
func (s *scenario) sendRequest(ctx context.Context, w *world) error {
	body := s.body(w)
	for range s.repetitions() {
		if strings.HasPrefix(s.shape, "http") {
			status, text, err := w.callUntilAnswered(
				ctx,
				"POST",
				"http://"+w.operator+"/v1/requests?workflow=web",
				bearerHeader(apiToken),
				body,
			)
			if err != nil || status != http.StatusAccepted {
				return fmt.Errorf("request: %d %s %w", status, text, err)
			}
			continue
		}
		_, err := w.sqs.SendMessage(ctx, &sqs.SendMessageInput{
			QueueUrl:    aws.String(w.goaws + "/000000000000/" + s.workflow),
			MessageBody: aws.String(body),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *scenario) repetitions() int {
	if s.twice {
		return 2
	}
	return 1
}

func bearerHeader(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

// approver returns the approver of this scenario, or "" if the approval is open to everybody.
func (s *scenario) approver() string {
	if s.workflow == "web" || s.workflow == "steps" {
		return ""
	}
	return "ann@example.com"
}

// sendDecision sends a decision and checks the HTTP status of the answer, if there is an answer.
func (s *scenario) sendDecision(ctx context.Context, w *world, by, who, outcome string, want ...int) error {
	if len(want) == 0 {
		want = []int{200, 202, 303}
	}
	name := who
	if name == "" {
		name = "bob"
	}
	body, _ := json.Marshal(map[string]any{
		"orderId":    s.order,
		"decision":   outcome,
		"decidedBy":  name,
		"comment":    "e2e",
		"decisionId": s.order + by + who + outcome,
	})
	var status int
	var text string
	var err error
	switch by {
	case "link":
		status, text, err = s.decideByLink(ctx, w, who, outcome)
	case "sns-raw", "sns-enveloped":
		_, err = w.sns.Publish(ctx, &sns.PublishInput{
			TopicArn: aws.String(w.topics[strings.TrimPrefix(by, "sns-")]),
			Message:  aws.String(string(body)),
		})
		return err
	case "hmac":
		status, text, err = w.callUntilAnswered(ctx, "POST", "http://"+w.public+"/webhooks/erp", signedHeader(string(body)), string(body))
	case "bearer":
		text := fmt.Sprintf(`{"ref": %q, "ok": %t, "who": %q}`, s.order, outcome == "approve", name)
		status, _, err = w.callUntilAnswered(ctx, "POST", "http://"+w.public+"/webhooks/crm", bearerHeader(bearerToken), text)
	case "api":
		status, text, err = w.callUntilAnswered(
			ctx,
			"POST",
			"http://"+w.operator+"/v1/orders/"+s.order+"/decisions",
			bearerHeader(apiToken),
			string(body),
		)
	case "operator":
		status, text, err = w.callUntilAnswered(
			ctx,
			"POST",
			"http://"+w.operator+"/v1/orders/"+s.order+"/decide",
			bearerHeader(operatorToken),
			fmt.Sprintf(`{"outcome": %q, "by": "op", "reason": "e2e"}`, outcome),
		)
	}
	if err != nil {
		return err
	}
	if slices.Contains(want, status) {
		return nil
	}
	return fmt.Errorf("decision by %s: %d, want %v: %s", by, status, want, text)
}

// runScenario carries out the scenario.
func (s *scenario) runScenario(ctx context.Context, w *world) error {
	if s.early {
		if err := s.sendDecisions(ctx, w); err != nil {
			return err
		}
		if err := s.waitUntilUnmatched(ctx, w); err != nil {
			return err
		}
	}
	if err := s.sendRequest(ctx, w); err != nil {
		return err
	}
	switch {
	case s.timesOut:
		return nil
	case s.cancels:
		return s.cancelApproval(ctx, w)
	case s.early:
		return nil
	}
	if err := s.waitUntilRecorded(ctx, w); err != nil {
		return err
	}
	if err := s.sendDecisions(ctx, w); err != nil {
		return err
	}
	if s.shape == "quorum" && s.outcome == "approve" {
		if err := s.sendDecision(ctx, w, s.way, "bob@example.com", s.outcome); err != nil {
			return err
		}
	}
	if s.conflict {
		return s.sendContradiction(ctx, w)
	}
	return nil
}

func (s *scenario) sendDecisions(ctx context.Context, w *world) error {
	for i := range s.repetitions() {
		want := []int{200, 202, 303}
		if i > 0 && (s.way == "operator" || s.way == "link") {
			want = nil // any status: the approval is decided already
		}
		err := s.sendDecision(ctx, w, s.way, s.approver(), s.outcome, want...)
		if err != nil && i == 0 {
			return err
		}
	}
	return nil
}

// sendContradiction sends the opposite decision after the first is recorded. It must be refused as a conflict.
func (s *scenario) sendContradiction(ctx context.Context, w *world) error {
	if err := s.waitUntilDecided(ctx, w); err != nil {
		return err
	}
	other := map[string]string{"approve": "reject", "reject": "approve"}[s.outcome]
	name := s.approver()
	if name == "" {
		name = "bob"
	}
	return s.sendDecision(ctx, w, "api", name, other, http.StatusConflict)
}

// wantStatus returns the final status that the approval must have.
func (s *scenario) wantStatus() string {
	switch {
	case s.timesOut:
		return "timed_out"
	case s.cancels:
		return "cancelled"
	case s.outcome == "approve":
		return "approved"
	}
	return "rejected"
}

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/approval-relay/approval-relay/test/emulator"
)

// scenario is one approval, from its request to its answer.
type scenario struct {
	n        int
	order    string
	token    string // a task token, or empty for a callback URL
	workflow string
	in       string // the shape of the request
	by       string // the way of its decision
	outcome  string // approve or reject
	first    bool   // the decision comes before the request
	twice    bool   // what is sent is sent twice
	conflict bool   // another decision contradicts it afterwards
	alone    bool   // nobody decides: its deadline passes
	cancel   bool   // an operator cancels it
}

// requests lists the ways in, with the workflow of each.
var requests = []struct{ shape, workflow string }{
	{"nested", "orders"}, {"flat", "managers"}, {"TaskToken", "steps"}, {"MyTaskToken", "steps"}, {"task_token", "steps"},
	{"quorum", "quorum"}, {"http-token", "web"}, {"http-callback", "web"},
}

// decisions lists the ways of deciding.
var decisions = []string{"link", "sns-raw", "sns-enveloped", "hmac", "bearer", "api", "operator"}

// plan makes n scenarios over every way in and out.
func plan(n int, sf *emulator.StepFunctions) []*scenario {
	var out []*scenario
	for i := range n {
		in := requests[i%len(requests)]
		s := &scenario{
			n: i, order: fmt.Sprintf("e2e-%d", i), in: in.shape, workflow: in.workflow, by: decisions[(i/len(requests))%len(decisions)],
			outcome: "approve", twice: i%5 == 2, conflict: i%20 == 7, alone: i%50 == 13, cancel: i%50 == 31,
		}
		if i%3 == 1 {
			s.outcome = "reject"
		}
		if in.shape != "http-callback" {
			s.token = sf.OpenTask(10*time.Minute, 0)
		}
		s.first = i%7 == 3 && s.by != "link" && s.by != "operator" && in.shape != "quorum" && !s.alone && !s.cancel
		if in.shape == "quorum" && s.by == "operator" {
			s.by = "link"
		}
		out = append(out, s)
	}
	return out
}

// body is the request as its workflow writes it.
func (s *scenario) body(w *world) string {
	now := time.Now().UTC().Format("2006-01-02T15:04:05.000Z")
	m := map[string]any{}
	switch s.in {
	case "nested":
		m = map[string]any{"taskToken": s.token, "approvalRequest": map[string]any{"orderId": s.order, "amount": 12.5}, "approvalDeadline": now}
	case "flat":
		m = map[string]any{"orderId": s.order, "orderTotal": 99, "managerEmail": "ann@example.com", "taskToken": s.token, "taskTokenExpiration": now}
	case "TaskToken", "MyTaskToken", "task_token":
		m = map[string]any{s.in: s.token, "order": map[string]any{"id": s.order, "total": 7}, "timeoutSeconds": 600, "executionArn": "arn:aws:states:::execution"}
	case "quorum", "http-token":
		m = map[string]any{"orderId": s.order, "taskToken": s.token}
	case "http-callback":
		m = map[string]any{"orderId": s.order, "callbackUrl": w.answers.url + "?order=" + s.order}
	}
	if s.alone {
		m["timeoutSeconds"] = 16
		if s.in == "nested" {
			m["approvalDeadline"] = time.Now().UTC().Add(11 * time.Second).Format(time.RFC3339Nano)
		}
	}
	b, _ := json.Marshal(m)
	return string(b)
}

// request sends the request.
func (s *scenario) request(ctx context.Context, w *world) error {
	body := s.body(w)
	for range s.times() {
		if strings.HasPrefix(s.in, "http") {
			status, text, err := w.call(ctx, "POST", "http://"+w.operator+"/v1/requests?workflow=web", bearer(apiToken), body)
			if err != nil || status != http.StatusAccepted {
				return fmt.Errorf("request: %d %s %w", status, text, err)
			}
			continue
		}
		_, err := w.sqs.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: aws.String(w.goaws + "/000000000000/" + s.workflow), MessageBody: aws.String(body)})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *scenario) times() int {
	if s.twice {
		return 2
	}
	return 1
}

func bearer(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

// approver names who decides in this scenario.
func (s *scenario) approver() string {
	if s.workflow == "web" || s.workflow == "steps" {
		return ""
	}
	return "ann@example.com"
}

// decide sends one decision and checks the answer of the ways that give one.
func (s *scenario) decide(ctx context.Context, w *world, by, who, outcome string, want ...int) error {
	if len(want) == 0 {
		want = []int{200, 202, 303}
	}
	name := who
	if name == "" {
		name = "bob"
	}
	body, _ := json.Marshal(map[string]any{"orderId": s.order, "decision": outcome, "decidedBy": name, "comment": "e2e", "decisionId": s.order + by + who + outcome})
	var status int
	var text string
	var err error
	switch by {
	case "link":
		status, text, err = s.click(ctx, w, who, outcome)
	case "sns-raw", "sns-enveloped":
		_, err = w.sns.Publish(ctx, &sns.PublishInput{TopicArn: aws.String(w.topics[strings.TrimPrefix(by, "sns-")]), Message: aws.String(string(body))})
		return err
	case "hmac":
		status, text, err = w.call(ctx, "POST", "http://"+w.public+"/webhooks/erp", signed(string(body)), string(body))
	case "bearer":
		text := fmt.Sprintf(`{"ref": %q, "ok": %t, "who": %q}`, s.order, outcome == "approve", name)
		status, _, err = w.call(ctx, "POST", "http://"+w.public+"/webhooks/crm", bearer(bearerToken), text)
	case "api":
		status, text, err = w.call(ctx, "POST", "http://"+w.operator+"/v1/orders/"+s.order+"/decisions", bearer(apiToken), string(body))
	case "operator":
		status, text, err = w.call(ctx, "POST", "http://"+w.operator+"/v1/orders/"+s.order+"/decide", bearer(operatorToken),
			fmt.Sprintf(`{"outcome": %q, "by": "op", "reason": "e2e"}`, outcome))
	}
	if err != nil {
		return err
	}
	if slices.Contains(want, status) {
		return nil
	}
	return fmt.Errorf("decision by %s: %d, want %v: %s", by, status, want, text)
}

var hiddenForm = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)"`)

// click opens the link as a browser does, and sends its form.
func (s *scenario) click(ctx context.Context, w *world, who, outcome string) (int, string, error) {
	link, err := s.link(ctx, w, who)
	if err != nil {
		return 0, "", err
	}
	status, page, err := w.call(ctx, "GET", link, http.Header{}, "")
	if err != nil || status != http.StatusOK {
		return status, page, err
	}
	form := url.Values{"outcome": {outcome}, "comment": {"e2e"}}
	for _, m := range hiddenForm.FindAllStringSubmatch(page, -1) {
		form.Set(m[1], m[2])
	}
	return w.call(ctx, "POST", link, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, form.Encode())
}

// link waits for the approver's link.
func (s *scenario) link(ctx context.Context, w *world, who string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 90*time.Second)
	defer cancel()
	for {
		link := w.mail.link(s.order, who)
		if link == "" {
			link = w.hooks.link(s.order, who)
		}
		if link != "" {
			return link, nil
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("order %s: no link came for %q", s.order, who)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// run plays the scenario.
func (s *scenario) run(ctx context.Context, w *world) error {
	if s.first {
		if err := s.decideTimes(ctx, w); err != nil {
			return err
		}
		if err := s.waits(ctx, w); err != nil {
			return err
		}
	}
	if err := s.request(ctx, w); err != nil {
		return err
	}
	switch {
	case s.alone:
		return nil
	case s.cancel:
		return s.cancelled(ctx, w)
	case s.first:
		return nil
	}
	if err := s.known(ctx, w); err != nil {
		return err
	}
	if err := s.decideTimes(ctx, w); err != nil {
		return err
	}
	if s.in == "quorum" && s.outcome == "approve" {
		if err := s.decide(ctx, w, s.by, "bob@example.com", s.outcome); err != nil {
			return err
		}
	}
	if s.conflict {
		return s.contradict(ctx, w)
	}
	return nil
}

func (s *scenario) decideTimes(ctx context.Context, w *world) error {
	for i := range s.times() {
		want := []int{200, 202, 303}
		if i > 0 && (s.by == "operator" || s.by == "link") {
			want = nil // whatever: it is decided already
		}
		err := s.decide(ctx, w, s.by, s.approver(), s.outcome, want...)
		if err != nil && i == 0 {
			return err
		}
	}
	return nil
}

// contradict sends the other decision once the first is recorded: it must
// change nothing.
func (s *scenario) contradict(ctx context.Context, w *world) error {
	if err := s.settled(ctx, w); err != nil {
		return err
	}
	other := map[string]string{"approve": "reject", "reject": "approve"}[s.outcome]
	name := s.approver()
	if name == "" {
		name = "bob"
	}
	return s.decide(ctx, w, "api", name, other, http.StatusConflict)
}

// record reads the order as an operator sees it.
func (s *scenario) record(ctx context.Context, w *world) (status int, o orderView, err error) {
	status, text, err := w.call(ctx, "GET", "http://"+w.operator+"/v1/orders/"+s.order, bearer(operatorToken), "")
	if err == nil && status == http.StatusOK {
		err = json.Unmarshal([]byte(text), &o)
	}
	return status, o, err
}

type orderView struct {
	Approvals []struct {
		Status   string `json:"status"`
		Callback struct {
			State string `json:"state"`
		} `json:"callback"`
	} `json:"approvals"`
	Unmatched []any `json:"unmatchedDecisions"`
}

// poll looks at the record until it is as it should be.
func (s *scenario) poll(ctx context.Context, w *world, what string, is func(orderView) bool) error {
	ctx, cancel := context.WithTimeout(ctx, 90*time.Second)
	defer cancel()
	for {
		status, o, err := s.record(ctx, w)
		if err == nil && status == http.StatusOK && is(o) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("order %s: waited for %s: %d %+v %w", s.order, what, status, o, err)
		case <-time.After(30 * time.Millisecond):
		}
	}
}

func (s *scenario) known(ctx context.Context, w *world) error {
	return s.poll(ctx, w, "its request to be recorded", func(o orderView) bool { return len(o.Approvals) == 1 })
}

func (s *scenario) waits(ctx context.Context, w *world) error {
	return s.poll(ctx, w, "its decision to wait", func(o orderView) bool { return len(o.Unmatched) > 0 })
}

func (s *scenario) settled(ctx context.Context, w *world) error {
	return s.poll(ctx, w, "its decision", func(o orderView) bool { return len(o.Approvals) == 1 && o.Approvals[0].Status != "pending" })
}

func (s *scenario) cancelled(ctx context.Context, w *world) error {
	if err := s.known(ctx, w); err != nil {
		return err
	}
	status, text, err := w.call(ctx, "POST", "http://"+w.operator+"/v1/orders/"+s.order+"/cancel", bearer(operatorToken), `{"by": "op", "reason": "e2e"}`)
	if err != nil || status != http.StatusOK {
		return fmt.Errorf("cancel: %d %s %w", status, text, err)
	}
	return nil
}

// want is the status that the approval must end in.
func (s *scenario) want() string {
	switch {
	case s.alone:
		return "timed_out"
	case s.cancel:
		return "cancelled"
	case s.outcome == "approve":
		return "approved"
	}
	return "rejected"
}

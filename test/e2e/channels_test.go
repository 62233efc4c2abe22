package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/approval-relay/approval-relay/notify/ses/sestest"
	"github.com/approval-relay/approval-relay/notify/teams/teamstest"
	"github.com/approval-relay/approval-relay/test/emulator"
)

// Each channel has a strict stand-in server that refuses what the real service refuses. Each test carries an approval
// from its request to the answer of its workflow, decided through the message of the channel.

func TestSES(t *testing.T) {
	t.Parallel()
	w, mail := newWorld(t), sestest.StartServer(t)
	subject := filepath.Join(w.dir, "subject.tmpl")
	if err := os.WriteFile(subject, []byte("{{.OrderID}}: own subject"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.startProgram(t, w.writeChannelConfig(t, fmt.Sprintf(
		`{ses: {endpoint: %q, from: '"Käufe" <relay@example.com>', configuration_set: approvals, templates: {subject: %q}}}`,
		mail.URL,
		subject,
	)))
	s := w.requestApproval(t, "e2e-1")
	if !waitUntil(t, time.Minute, func() bool { return len(mail.Emails()) > 0 }) {
		t.Fatalf("no e-mail\n%s", lastOf(w.logs.String()))
	}
	got := mail.Emails()[0]
	link := linkForm.FindString(got.Plain)
	if got.To != "ann@example.com" || got.Subject != "e2e-1: own subject" || got.ConfigurationSet != "approvals" || link == "" ||
		strings.Count(got.HTML, `<a ses:no-track href="`+link+`"`) != 2 || strings.Contains(got.Plain+got.HTML, "tracker.invalid") {
		t.Errorf("%+v", got)
	}
	w.decideThroughLink(t, s, link)
}

func TestTeams(t *testing.T) {
	t.Parallel()
	w, chat := newWorld(t), teamstest.StartWorkflow(t)
	w.startProgram(t, w.writeChannelConfig(t, fmt.Sprintf(`{teams: {webhook_url: %q, allow_internal: true}}`, chat.URL)))
	s := w.requestApproval(t, "e2e-1")
	if !waitUntil(t, time.Minute, func() bool { return len(chat.Cards()) > 0 }) {
		t.Fatalf("no card\n%s", lastOf(w.logs.String()))
	}
	card := chat.Cards()[0]
	if !strings.Contains(card.Text, "\nOrder: e2e-1\n") || !strings.Contains(card.Text, "\nFor: ann@example.com\n") {
		t.Errorf("%s", card.Text)
	}
	w.decideThroughLink(t, s, card.URL)
	if logs := w.logs.String(); strings.Contains(logs, teamstest.Signature) || strings.Contains(logs, "s3cret-path") {
		t.Error("the workflow's URL is in the log")
	}
}

// TestSNS lets a program decide after it has received the event through the topic.
func TestSNS(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	queue, err := w.sqs.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("events")})
	if err != nil {
		t.Fatal(err)
	}
	topic, err := w.sns.CreateTopic(t.Context(), &sns.CreateTopicInput{Name: aws.String("events")})
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.sns.Subscribe(t.Context(), &sns.SubscribeInput{
		TopicArn: topic.TopicArn,
		Protocol: aws.String("sqs"),
		Endpoint: aws.String("arn:aws:sqs:us-east-1:000000000000:events"),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.startProgram(t, w.writeChannelConfig(t, fmt.Sprintf(`{sns: {topic: %q}}`, *topic.TopicArn)))
	s := w.requestApproval(t, "e2e-1")
	var text string
	if !waitUntil(t, time.Minute, func() bool { text = w.receiveMessage(t, queue.QueueUrl); return text != "" }) {
		t.Fatalf("no event\n%s", lastOf(w.logs.String()))
	}
	var envelope struct {
		Message           string
		MessageAttributes map[string]struct{ StringValue string } // goaws's name; SNS calls it Value
	}
	var event struct {
		Type string
		Data struct{ OrderID, ApprovalID, Approver string }
	}
	if err := json.Unmarshal([]byte(text), &envelope); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(envelope.Message), &event); err != nil {
		t.Fatal(err)
	}
	if event.Type != "notification.request" || event.Data.OrderID != "e2e-1" ||
		event.Data.Approver != "ann@example.com" || linkForm.MatchString(text) ||
		envelope.MessageAttributes["type"].StringValue != event.Type || envelope.MessageAttributes["workflow"].StringValue != "orders" {
		t.Errorf("%s", text)
	}
	if err := s.sendDecision(context.WithoutCancel(t.Context()), w, "api", "ann@example.com", "approve"); err != nil {
		t.Fatal(err)
	}
	w.checkDelivered(t, s)
}

// TestEventBridge lets a program decide after it has received the event from the bus. The end of the approval is an event
// too.
func TestEventBridge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bus := w.aws.EventBridge.CreateEventBus("approvals")
	w.aws.EventBridge.FailNext("ThrottlingException", "fail")
	w.startProgram(t, w.writeConfigText(t, fmt.Sprintf(`
workflows:
  orders: {requests: {sqs: {queue: orders}}, notify: [], events: [bus], notify_retry: {base: 50ms, cap: 1s}}
channels:
  bus: {eventbridge: {bus: %q, endpoint: %q}}
`, bus, w.aws.URL())+w.stepFunctionsTarget()))
	s := w.requestApproval(t, "e2e-1")
	waitForType := func(want string) {
		t.Helper()
		if !waitUntil(t, time.Minute, func() bool {
			return slices.ContainsFunc(w.aws.EventBridge.Events("approvals"), func(e emulator.Event) bool {
				return e.DetailType == want && strings.Contains(e.Detail, `"subject":"e2e-1"`)
			})
		}) {
			t.Fatalf("no event %s: %+v\n%s", want, w.aws.EventBridge.Events("approvals"), lastOf(w.logs.String()))
		}
	}
	waitForType("approval.requested")
	if err := s.sendDecision(context.WithoutCancel(t.Context()), w, "api", "ann@example.com", "approve"); err != nil {
		t.Fatal(err)
	}
	w.checkDelivered(t, s)
	waitForType("approval.decided")
	waitForType("callback.delivered")
	for _, e := range w.aws.EventBridge.Events("approvals") {
		if e.Source != "approval-relay" || linkForm.MatchString(e.Detail) {
			t.Errorf("%+v", e)
		}
	}
	if text := scrapeMetrics(t, w); !strings.Contains(text, `approval_relay_aws_calls_total{operation="EventBridge.PutEvents",result="ok"}`) {
		t.Error("the calls are not counted by their name")
	}
}

// receiveMessage receives a message from a queue; without a message it returns "".
func (w *world) receiveMessage(t *testing.T, queue *string) string {
	t.Helper()
	out, err := w.sqs.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: queue})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Messages) == 0 {
		return ""
	}
	return *out.Messages[0].Body
}

// writeChannelConfig writes a configuration with a workflow and a channel.
func (w *world) writeChannelConfig(t *testing.T, channel string) string {
	t.Helper()
	return w.writeConfigText(t, `
workflows:
  orders: {requests: {sqs: {queue: orders}}, approvers: [ann@example.com], notify_retry: {base: 50ms, cap: 1s}}
channels:
  one: `+channel+"\n"+w.stepFunctionsTarget())
}

// stepFunctionsTarget returns the configuration of the target for task tokens.
func (w *world) stepFunctionsTarget() string {
	return fmt.Sprintf("targets: {stepfunctions: {stepfunctions: {endpoint: %q}}}\n", w.aws.URL())
}

// writeConfigText writes a configuration from the addresses of the counterparts and the given workflows and channels.
func (w *world) writeConfigText(t *testing.T, rest string) string {
	t.Helper()
	return w.writePublicConfig(t, "", rest)
}

// writePublicConfig is like writeConfigText and adds settings to the section public.
func (w *world) writePublicConfig(t *testing.T, public, rest string) string {
	t.Helper()
	path := filepath.Join(w.dir, "relay.yaml")
	text := fmt.Sprintf(`
log: {level: debug}
public: {listen: %q, url: "http://%s", %s}
operator: {listen: %q, tokens: {e2e: %q}, api_tokens: {e2e: {token: %q, decides_own: true}}}
store: {sqlite: %q}
keys: {file: %q}
aws: {region: us-east-1, endpoint: %q}
%s`, w.public, w.public, public, w.operator, operatorToken, apiToken,
		filepath.Join(w.dir, "relay.db"), filepath.Join(w.dir, "keys"), w.goaws, rest)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// requestApproval sends a request through the queue. It names an approver.
func (w *world) requestApproval(t *testing.T, order string) *scenario {
	t.Helper()
	return w.requestInShape(t, order, "flat")
}

// requestInShape sends a request through the queue of the workflow orders.
func (w *world) requestInShape(t *testing.T, order, shape string) *scenario {
	t.Helper()
	s := &scenario{
		order:    order,
		workflow: "orders",
		shape:    shape,
		outcome:  "approve",
		token:    w.aws.StepFunctions.OpenTask(10*time.Minute, 0),
	}
	if err := s.sendRequest(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	return s
}

// decideThroughLink opens a link, submits its form and waits for the answer of the workflow.
func (w *world) decideThroughLink(t *testing.T, s *scenario, link string) {
	t.Helper()
	w.mail.mu.Lock()
	w.mail.links[s.order+"/ann@example.com"] = link
	w.mail.mu.Unlock()
	status, page, err := s.decideByLink(context.WithoutCancel(t.Context()), w, "ann@example.com", s.outcome)
	if err != nil || status != http.StatusSeeOther && status != http.StatusOK {
		t.Fatalf("%d %v\n%s", status, err, sentencesOf(page))
	}
	w.checkDelivered(t, s)
}

// checkDelivered waits for the answer of the workflow and checks that it was sent once.
func (w *world) checkDelivered(t *testing.T, s *scenario) {
	t.Helper()
	waitUntil(t, time.Minute, func() bool {
		task, _ := w.aws.StepFunctions.FindTask(s.token)
		return task.State != emulator.TaskOpen
	})
	task, _ := w.aws.StepFunctions.FindTask(s.token)
	if task.Effective != 1 || task.State != emulator.TaskSucceeded || statusOfAnswer(t, s, task) != "approved" {
		t.Errorf("%+v\n%s", task, lastOf(w.logs.String()))
	}
}

// sentences matches the headings and paragraphs of a page.
var sentences = regexp.MustCompile(`<(?:h1|p)[ >][^<]*`)

// sentencesOf returns the headings and paragraphs of a page, which name the reason for a refusal.
func sentencesOf(page string) string { return strings.Join(sentences.FindAllString(page, -1), "\n") }

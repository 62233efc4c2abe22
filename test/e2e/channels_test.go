package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
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

// The channels are told by strict servers of their own, which refuse what the
// real ones would. Each test carries one approval from its request to the answer
// of its workflow, over what came through the channel.

func TestSES(t *testing.T) {
	t.Parallel()
	w, mail := newWorld(t), sestest.Start(t)
	subject := filepath.Join(w.dir, "subject.tmpl")
	if err := os.WriteFile(subject, []byte("{{.OrderID}}: own subject"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.start(t, w.configureChannel(t, fmt.Sprintf(
		`{ses: {endpoint: %q, from: '"Käufe" <relay@example.com>', configuration_set: approvals, templates: {subject: %q}}}`, mail.URL, subject)))
	s := w.ask(t, "e2e-1")
	if !until(t, 30*time.Second, func() bool { return len(mail.Emails()) > 0 }) {
		t.Fatalf("no e-mail\n%s", tail(w.logs.String()))
	}
	got := mail.Emails()[0]
	link := linkForm.FindString(got.Plain)
	if got.To != "ann@example.com" || got.Subject != "e2e-1: own subject" || got.ConfigurationSet != "approvals" || link == "" ||
		strings.Count(got.HTML, `<a ses:no-track href="`+link+`"`) != 2 || strings.Contains(got.Plain+got.HTML, "tracker.invalid") {
		t.Errorf("%+v", got)
	}
	w.decided(t, s, link)
}

func TestTeams(t *testing.T) {
	t.Parallel()
	w, chat := newWorld(t), teamstest.Start(t)
	w.start(t, w.configureChannel(t, fmt.Sprintf(`{teams: {webhook_url: %q, allow_internal: true}}`, chat.URL)))
	s := w.ask(t, "e2e-1")
	if !until(t, 30*time.Second, func() bool { return len(chat.Cards()) > 0 }) {
		t.Fatalf("no card\n%s", tail(w.logs.String()))
	}
	card := chat.Cards()[0]
	if !strings.Contains(card.Text, "\nOrder: e2e-1\n") || !strings.Contains(card.Text, "\nFor: ann@example.com\n") {
		t.Errorf("%s", card.Text)
	}
	w.decided(t, s, card.URL)
	if logs := w.logs.String(); strings.Contains(logs, teamstest.Signature) || strings.Contains(logs, "s3cret-path") {
		t.Error("the workflow's URL is in the log")
	}
}

// TestSNS has a machine decide on the event that the topic brought it.
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
		TopicArn: topic.TopicArn, Protocol: aws.String("sqs"), Endpoint: aws.String("arn:aws:sqs:us-east-1:000000000000:events"),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.start(t, w.configureChannel(t, fmt.Sprintf(`{sns: {topic: %q}}`, *topic.TopicArn)))
	s := w.ask(t, "e2e-1")
	var text string
	if !until(t, 30*time.Second, func() bool { text = w.receive(t, queue.QueueUrl); return text != "" }) {
		t.Fatalf("no event\n%s", tail(w.logs.String()))
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
	if event.Type != "notification.request" || event.Data.OrderID != "e2e-1" || event.Data.Approver != "ann@example.com" || linkForm.MatchString(text) ||
		envelope.MessageAttributes["type"].StringValue != event.Type || envelope.MessageAttributes["workflow"].StringValue != "orders" {
		t.Errorf("%s", text)
	}
	if err := s.decide(context.WithoutCancel(t.Context()), w, "api", "ann@example.com", "approve"); err != nil {
		t.Fatal(err)
	}
	w.delivered(t, s)
}

// receive takes one message from a queue.
func (w *world) receive(t *testing.T, queue *string) string {
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

// configureChannel writes a configuration with one workflow and one channel.
func (w *world) configureChannel(t *testing.T, channel string) string {
	t.Helper()
	return w.configureText(t, `
workflows:
  orders: {requests: {sqs: {queue: orders}}, approvers: [ann@example.com], notify_retry: {base: 50ms, cap: 1s}}
channels:
  one: `+channel+"\n"+w.stepFunctions())
}

// stepFunctions is the target of task tokens.
func (w *world) stepFunctions() string {
	return fmt.Sprintf("targets: {stepfunctions: {stepfunctions: {endpoint: %q}}}\n", w.aws.URL())
}

// configureText writes a configuration with what is around the program, and with
// that of workflows and channels.
func (w *world) configureText(t *testing.T, rest string) string {
	t.Helper()
	return w.configurePublic(t, "", rest)
}

// configurePublic is configureText, with more of what is public.
func (w *world) configurePublic(t *testing.T, public, rest string) string {
	t.Helper()
	path := filepath.Join(w.dir, "relay.yaml")
	text := fmt.Sprintf(`
log: {level: debug}
public: {listen: %q, url: "http://%s", %s}
operator: {listen: %q, tokens: {e2e: %q}, api_tokens: {e2e: %q}}
store: {sqlite: %q}
keys: {file: %q}
aws: {region: us-east-1, endpoint: %q}
%s`, w.public, w.public, public, w.operator, operatorToken, apiToken, filepath.Join(w.dir, "relay.db"), filepath.Join(w.dir, "keys"), w.goaws, rest)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// ask sends one request through the queue.
func (w *world) ask(t *testing.T, order string) *scenario {
	t.Helper()
	s := &scenario{order: order, workflow: "orders", in: "flat", outcome: "approve", token: w.aws.StepFunctions.OpenTask(10*time.Minute, 0)}
	if err := s.request(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	return s
}

// decided opens the link that came, sends its form and waits for the answer.
func (w *world) decided(t *testing.T, s *scenario, link string) {
	t.Helper()
	w.mail.mu.Lock()
	w.mail.links[s.order+"/ann@example.com"] = link
	w.mail.mu.Unlock()
	status, page, err := s.click(context.WithoutCancel(t.Context()), w, "ann@example.com", s.outcome)
	if err != nil || status != http.StatusSeeOther && status != http.StatusOK {
		t.Fatalf("%d %v\n%s", status, err, page)
	}
	w.delivered(t, s)
}

// delivered waits until the workflow has its answer, once.
func (w *world) delivered(t *testing.T, s *scenario) {
	t.Helper()
	until(t, 30*time.Second, func() bool {
		task, _ := w.aws.StepFunctions.FindTask(s.token)
		return task.State != emulator.TaskOpen
	})
	task, _ := w.aws.StepFunctions.FindTask(s.token)
	if task.Effective != 1 || task.State != emulator.TaskSucceeded || answerOf(t, s, task) != "approved" {
		t.Errorf("%+v\n%s", task, tail(w.logs.String()))
	}
}

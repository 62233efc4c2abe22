package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/approval-relay/approval-relay/notify/discord/discordtest"
	"github.com/approval-relay/approval-relay/notify/googlechat/googlechattest"
)

// A message in a chat of many people is for all approvers. Its link decides only if the approval names no approvers, so
// neither the workflow nor the request names any.

func TestDiscord(t *testing.T) {
	t.Parallel()
	w, chat := newWorld(t), discordtest.StartWebhook(t)
	w.startProgram(t, w.writeChatConfig(t, fmt.Sprintf(`{discord: {webhook_url: %q, allow_internal: true}}`, chat.URL)))
	s := w.requestInShape(t, "e2e-1", "quorum")
	if !waitUntil(t, time.Minute, func() bool { return len(chat.Messages()) > 0 }) {
		t.Fatalf("no message\n%s", lastOf(w.logs.String()))
	}
	message := chat.Messages()[0]
	if !strings.Contains(message.Text, "\nOrder: e2e-1\n") {
		t.Errorf("%s", message.Text)
	}
	w.decideThroughLink(t, s, message.URL)
	if strings.Contains(w.logs.String(), discordtest.Token) {
		t.Error("the webhook's URL is in the log")
	}
}

// TestGoogleChat also waits for a reminder, which must be in the thread of the request.
func TestGoogleChat(t *testing.T) {
	t.Parallel()
	w, chat := newWorld(t), googlechattest.StartWebhook(t)
	w.startProgram(t, w.writeChatConfig(t, fmt.Sprintf(`{googlechat: {webhook_url: %q, allow_internal: true}}`, chat.URL)))
	s := w.requestInShape(t, "e2e-1", "quorum")
	if !waitUntil(t, time.Minute, func() bool { return len(chat.Messages()) > 1 }) {
		t.Fatalf("%d messages\n%s", len(chat.Messages()), lastOf(w.logs.String()))
	}
	request, reminder := chat.Messages()[0], chat.Messages()[1]
	if !strings.Contains(request.Text, "\nOrder: e2e-1\n") ||
		!strings.Contains(reminder.Text, "\nReminder: approval needed\n") {
		t.Errorf("%s\n%s", request.Text, reminder.Text)
	}
	if request.Thread == "" || request.Thread != reminder.Thread {
		t.Errorf("the request is in the thread %q, the reminder in %q", request.Thread, reminder.Thread)
	}
	w.decideThroughLink(t, s, reminder.URL)
	logs := w.logs.String()
	if strings.Contains(logs, googlechattest.Key) || strings.Contains(logs, googlechattest.Token) {
		t.Error("the webhook's URL is in the log")
	}
}

// writeChatConfig writes a configuration with a workflow that names no approvers, and a channel.
func (w *world) writeChatConfig(t *testing.T, channel string) string {
	t.Helper()
	return w.writeConfigText(t, `
workflows:
  orders: {requests: {sqs: {queue: orders}}, reminders: [1s], notify_retry: {base: 50ms, cap: 1s}}
channels:
  one: `+channel+"\n"+w.stepFunctionsTarget())
}

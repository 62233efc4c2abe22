package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/approval-relay/approval-relay/notify/discord/discordtest"
)

// A message in a chat of many people is for all approvers. Its link decides only if the approval names no approvers, so
// neither the workflow nor the request names any.

func TestDiscord(t *testing.T) {
	t.Parallel()
	w, chat := newWorld(t), discordtest.StartWebhook(t)
	w.startProgram(t, w.writeChatConfig(t, fmt.Sprintf(`{discord: {webhook_url: %q, allow_internal: true}}`, chat.URL)))
	s := w.requestInShape(t, "e2e-1", "quorum")
	if !waitUntil(t, 30*time.Second, func() bool { return len(chat.Messages()) > 0 }) {
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

// writeChatConfig writes a configuration with a workflow that names no approvers, and a channel.
func (w *world) writeChatConfig(t *testing.T, channel string) string {
	t.Helper()
	return w.writeConfigText(t, `
workflows:
  orders: {requests: {sqs: {queue: orders}}, notify_retry: {base: 50ms, cap: 1s}}
channels:
  one: `+channel+"\n"+w.stepFunctionsTarget())
}

package e2e

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/approval-relay/approval-relay/notify/slack/slacktest"
)

const slackSecret = "canary-slack-signing-0123456789"

// press presses a button as Slack sends it, and returns the status.
func (w *world) press(t *testing.T, s *slacktest.Server, u slacktest.User, m slacktest.Message, action string) int {
	t.Helper()
	r := s.Press(slackSecret, time.Now(), u, m, action)
	r.URL = &url.URL{Scheme: "http", Host: w.public, Path: r.URL.Path}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	return resp.StatusCode
}

// message waits for a message in Slack that has all of the texts, and returns it.
func message(t *testing.T, w *world, s *slacktest.Server, texts ...string) slacktest.Message {
	t.Helper()
	var found slacktest.Message
	ok := until(t, 30*time.Second, func() bool {
		for _, m := range s.Messages() {
			all := m.Channel
			for _, b := range m.Blocks {
				if b.Text != nil {
					all += "\n" + b.Text.Text
				}
			}
			has := true
			for _, text := range texts {
				has = has && strings.Contains(all, text)
			}
			if found = m; has {
				return true
			}
		}
		return false
	})
	if !ok {
		t.Fatalf("no message with %q in %+v\n%s", texts, s.Messages(), tail(w.logs.String()))
	}
	return found
}

// TestPeople carries approvals over Slack and what happens when people do not
// answer: rooms, direct messages, who may press, covers, fallbacks, escalations,
// edits when all is over, and events for programs, across a SIGKILL.
func TestPeople(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann, bob, eve := slacktest.User{ID: "U0ANN", Email: "ann@example.com"}, slacktest.User{ID: "U0BOB", Email: "other@example.com"}, slacktest.User{ID: "U0EVE", Email: "eve@example.com"}
	s := slacktest.Start(ann, bob, eve)
	defer s.Close()
	host, port, err := net.SplitHostPort(w.mail.address)
	if err != nil {
		t.Fatal(err)
	}
	slackURL, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	config := w.configureText(t, fmt.Sprintf(`
workflows:
  room: {approvers: [ann@example.com, bob@example.com], notify: [room], events: [bus]}
  direct: {approvers: [ann@example.com], notify: [direct], min_assurance: chat}
  all: {approvers: ["group:both"], policy: all, notify: [direct], fallback: [mail]}
  slow: {approvers: [ann@example.com], notify: [direct], reminders: [1s], escalations: [{after: 2s, to: [bob@example.com]}]}
  brief: {approvers: [ann@example.com], notify: [direct], deadline: 6s}
  deaf: {approvers: [nobody@example.com], notify: [direct], undeliverable: cancel, events: [bus]}
people:
  bob@example.com: {slack: U0BOB}
  zoe@example.com: {away: [{from: 2020-01-01, until: 2100-01-01, substitutes: [bob@example.com]}]}
groups: {both: [ann@example.com, zoe@example.com]}
channels:
  room: {slack: {bot_token: %q, signing_secrets: [%q], api_url: %q, response_hosts: [%q], conversation: C0ROOM}}
  direct: {slack: {bot_token: %q, signing_secrets: [%q], api_url: %q, response_hosts: [%q]}}
  mail: {smtp: {host: %q, port: %s, tls: none, from: relay@example.com}}
  bus: {webhook: {url: %q, secrets: [%q], allow_internal: true}}
`, slacktest.Token, slackSecret, s.API(), slackURL.Host, slacktest.Token, slackSecret, s.API(), slackURL.Host, host, port, w.hooks.url, standardSecret)+w.stepFunctions())
	w.start(t, config)

	ask := func(workflow, order string) *scenario {
		s := &scenario{order: order, workflow: workflow, outcome: "approve", token: w.aws.StepFunctions.OpenTask(10*time.Minute, 0)}
		status, text, err := w.call(t.Context(), "POST", "http://"+w.operator+"/v1/requests?workflow="+workflow, bearer(apiToken),
			fmt.Sprintf(`{"orderId": %q, "taskToken": %q, "amount": 12}`, order, s.token))
		if err != nil || status != http.StatusAccepted {
			t.Fatalf("%d %s %v", status, text, err)
		}
		return s
	}

	inRoom := ask("room", "p-room")
	m := message(t, w, s, "C0ROOM", "p-room", "<@U0BOB>")
	if status := w.press(t, s, eve, m, "approve"); status != http.StatusOK {
		t.Errorf("eve: %d", status)
	}
	if !until(t, 10*time.Second, func() bool {
		return strings.Contains(strings.Join(s.Answers(), ""), "You are not asked to decide this")
	}) {
		t.Error("eve was not told")
	}
	w.kill()
	w.start(t, config)
	if status := w.press(t, s, bob, m, "approve"); status != http.StatusOK {
		t.Errorf("bob: %d", status)
	}
	w.delivered(t, inRoom)
	message(t, w, s, "C0ROOM", "Approved", "bob@example.com approved")

	byLink := ask("direct", "p-direct")
	m = message(t, w, s, "D0ANN", "p-direct")
	link := m.Blocks[len(m.Blocks)-1].Elements[2].URL
	w.mail.mu.Lock()
	w.mail.links["p-direct/ann@example.com"] = link
	w.mail.mu.Unlock()
	if status, _, err := byLink.click(t.Context(), w, "ann@example.com", "approve"); err != nil || status < 400 {
		t.Errorf("a link is not sure enough: %d %v", status, err)
	}
	w.press(t, s, ann, m, "approve")
	w.delivered(t, byLink)

	both := ask("all", "p-all") // zoe is away and unknown to Slack: she is told by mail, and bob fills her place
	w.press(t, s, ann, message(t, w, s, "D0ANN", "p-all"), "approve")
	if !until(t, 30*time.Second, func() bool { return w.mail.link("p-all", "zoe@example.com") != "" }) {
		t.Errorf("no mail to zoe\n%s", linesOf(w.logs.String(), "p-all"))
	}
	w.press(t, s, bob, message(t, w, s, "D0BOB", "p-all"), "approve")
	w.delivered(t, both)

	slow := ask("slow", "p-slow")
	message(t, w, s, "D0ANN", "p-slow", "Reminder")
	w.press(t, s, bob, message(t, w, s, "D0BOB", "p-slow", "Still undecided"), "approve")
	w.delivered(t, slow)
	message(t, w, s, "D0ANN", "p-slow", "Approved")

	tidied(t, w, s, ask)

	deaf := ask("deaf", "p-deaf")
	if err := deaf.poll(t.Context(), w, "nobody to be told", func(o orderView) bool {
		return len(o.Approvals) == 1 && o.Approvals[0].Status == "cancelled" && o.Approvals[0].Callback.State == "delivered"
	}); err != nil {
		t.Error(err)
	}
	w.told(t, "p-room", "approved")
	w.told(t, "p-deaf", "cancelled")
	logs := w.logs.String()
	for _, secret := range []string{slacktest.Token, slackSecret} {
		if strings.Contains(logs, secret) {
			t.Error("a secret is in the log")
		}
	}
	ends(t, w)
}

// tidied ends approvals by other ways than a decision: each message is edited, and
// neither its button nor its link decides any more.
func tidied(t *testing.T, w *world, s *slacktest.Server, ask func(workflow, order string) *scenario) {
	t.Helper()
	cancelled := ask("direct", "p-cancelled")
	asked := map[string]slacktest.Message{"p-cancelled": message(t, w, s, "D0ANN", "p-cancelled")}
	if err := cancelled.cancelled(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	ask("brief", "p-brief")
	asked["p-brief"] = message(t, w, s, "D0ANN", "p-brief")
	ask("direct", "p-again")
	asked["p-again"] = message(t, w, s, "D0ANN", "p-again")
	again := ask("direct", "p-again")
	for order, how := range map[string]string{"p-cancelled": "*Cancelled*", "p-brief": "*Timed out*", "p-again": "*Superseded by a newer request*"} {
		over := message(t, w, s, "D0ANN", order, how)
		for _, b := range over.Blocks {
			if b.Type == "actions" {
				t.Errorf("%s has something to press: %+v", order, over)
			}
		}
		m := asked[order]
		before := len(s.Answers())
		w.press(t, s, slacktest.User{ID: "U0ANN", Email: "ann@example.com"}, m, "approve") // as a client that has not loaded the edit
		if !until(t, 10*time.Second, func() bool { return len(s.Answers()) > before }) {
			t.Errorf("%s: who pressed too late was told nothing", order)
		}
		link := m.Blocks[len(m.Blocks)-1].Elements[2].URL
		if status, page, err := w.once(t.Context(), "GET", link, http.Header{}, ""); err != nil || status != http.StatusOK || strings.Contains(page, "<form") {
			t.Errorf("%s: its link still decides: %d %v", order, status, err)
		}
	}
	if err := again.poll(t.Context(), w, "the newer request to wait", func(o orderView) bool {
		return len(o.Approvals) == 2 && o.Approvals[0].Status == "superseded" && o.Approvals[1].Status == "pending"
	}); err != nil {
		t.Error(err)
	}
}

// told requires that programs were told of the order from its request to its
// callback, and how it ended.
func (w *world) told(t *testing.T, order, status string) {
	t.Helper()
	var outcomes int
	ok := until(t, 30*time.Second, func() bool {
		events := w.hooks.answers(order)
		outcomes = 0
		for _, e := range events {
			if o, ok := e["outcome"].(map[string]any); ok && o["status"] == status {
				outcomes++
			}
		}
		return len(events) == 3 && outcomes == 2
	})
	if !ok {
		t.Errorf("%s: events %v", order, w.hooks.answers(order))
	}
}

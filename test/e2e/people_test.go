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

// pressButton sends the press of a button as Slack does, and returns the status.
func (w *world) pressButton(t *testing.T, s *slacktest.Server, u slacktest.User, m slacktest.Message, action string) int {
	t.Helper()
	r := s.PressButton(slackSecret, time.Now(), u, m, action)
	r.URL = &url.URL{Scheme: "http", Host: w.public, Path: r.URL.Path}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	return resp.StatusCode
}

// linkOf returns the link of a message to the decision page.
func linkOf(m slacktest.Message) string {
	for _, b := range m.Blocks {
		for _, e := range b.Elements {
			if e.ActionID == "open" {
				return e.URL
			}
		}
	}
	return ""
}

// waitForMessage waits for a message in Slack that contains all of the texts.
func waitForMessage(t *testing.T, w *world, s *slacktest.Server, texts ...string) slacktest.Message {
	t.Helper()
	var found slacktest.Message
	ok := waitUntil(t, time.Minute, func() bool {
		for _, m := range s.Messages() {
			all := []string{m.Channel}
			for _, b := range m.Blocks {
				if b.Text != nil {
					all = append(all, b.Text.Text)
				}
			}
			has := true
			for _, text := range texts {
				has = has && strings.Contains(strings.Join(all, "\n"), text)
			}
			if found = m; has {
				return true
			}
		}
		return false
	})
	if !ok {
		t.Fatalf("no message with %q in %+v\n%s", texts, s.Messages(), lastOf(w.logs.String()))
	}
	return found
}

// TestPeople carries approvals over Slack and covers the cases in which people do not answer: group conversations,
// direct messages, presses by others, substitutes, fallback channels, escalations, edits of closed approvals, and
// events for programs, across a SIGKILL.
func TestPeople(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := slacktest.User{ID: "U0ANN", Email: "ann@example.com"}
	bob := slacktest.User{ID: "U0BOB", Email: "other@example.com"}
	eve := slacktest.User{ID: "U0EVE", Email: "eve@example.com"}
	s := slacktest.StartServer(ann, bob, eve)
	defer s.Close()
	host, port, err := net.SplitHostPort(w.mail.address)
	if err != nil {
		t.Fatal(err)
	}
	slackURL, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	config := w.writeConfigText(t, fmt.Sprintf(`
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
`, slacktest.Token, slackSecret, s.APIURL(), slackURL.Host, slacktest.Token, slackSecret, s.APIURL(), slackURL.Host,
		host, port, w.hooks.url, standardSecret)+w.stepFunctionsTarget())
	w.startProgram(t, config)

	ask := func(workflow, order string) *scenario {
		s := &scenario{
			order:    order,
			workflow: workflow,
			outcome:  "approve",
			token:    w.aws.StepFunctions.OpenTask(10*time.Minute, 0),
		}
		status, text, err := w.callUntilAnswered(
			t.Context(),
			"POST",
			"http://"+w.operator+"/v1/requests?workflow="+workflow,
			bearerHeader(apiToken),
			fmt.Sprintf(`{"orderId": %q, "taskToken": %q, "amount": 12}`, order, s.token),
		)
		if err != nil || status != http.StatusAccepted {
			t.Fatalf("%d %s %v", status, text, err)
		}
		return s
	}

	inRoom := ask("room", "p-room")
	m := waitForMessage(t, w, s, "C0ROOM", "p-room", "<@U0BOB>")
	if status := w.pressButton(t, s, eve, m, "approve"); status != http.StatusOK {
		t.Errorf("eve: %d", status)
	}
	if !waitUntil(t, time.Minute, func() bool {
		return strings.Contains(strings.Join(s.Answers(), ""), "You are not asked to decide this")
	}) {
		t.Error("eve gets no answer")
	}
	w.killProgram()
	w.startProgram(t, config)
	if status := w.pressButton(t, s, bob, m, "approve"); status != http.StatusOK {
		t.Errorf("bob: %d", status)
	}
	w.checkDelivered(t, inRoom)
	waitForMessage(t, w, s, "C0ROOM", "Approved", "bob@example.com approved")

	byLink := ask("direct", "p-direct")
	m = waitForMessage(t, w, s, "D0ANN", "p-direct")
	link := linkOf(m)
	w.mail.mu.Lock()
	w.mail.links["p-direct/ann@example.com"] = link
	w.mail.mu.Unlock()
	if status, _, err := byLink.decideByLink(t.Context(), w, "ann@example.com", "approve"); err != nil || status < 400 {
		t.Errorf("a link is not sure enough: %d %v", status, err)
	}
	w.pressButton(t, s, ann, m, "approve")
	w.checkDelivered(t, byLink)

	both := ask("all", "p-all") // zoe is away and unknown to Slack: she gets a mail, and bob is her substitute
	w.pressButton(t, s, ann, waitForMessage(t, w, s, "D0ANN", "p-all"), "approve")
	if !waitUntil(t, time.Minute, func() bool { return w.mail.linkOf("p-all", "zoe@example.com") != "" }) {
		t.Errorf("no mail to zoe\n%s", linesOf(w.logs.String(), "p-all"))
	}
	w.pressButton(t, s, bob, waitForMessage(t, w, s, "D0BOB", "p-all"), "approve")
	w.checkDelivered(t, both)

	slow := ask("slow", "p-slow")
	waitForMessage(t, w, s, "D0ANN", "p-slow", "Reminder")
	w.pressButton(t, s, bob, waitForMessage(t, w, s, "D0BOB", "p-slow", "Still undecided"), "approve")
	w.checkDelivered(t, slow)
	waitForMessage(t, w, s, "D0ANN", "p-slow", "Approved")

	checkClosedMessages(t, w, s, ask)

	deaf := ask("deaf", "p-deaf")
	if err := deaf.waitForOrder(t.Context(), w, "nobody to be told", func(o orderView) bool {
		return len(o.Approvals) == 1 && o.Approvals[0].Status == "cancelled" && o.Approvals[0].Callback.State == "delivered"
	}); err != nil {
		t.Error(err)
	}
	w.checkEvents(t, "p-room", "approved")
	w.checkEvents(t, "p-deaf", "cancelled")
	logs := w.logs.String()
	for _, secret := range []string{slacktest.Token, slackSecret} {
		if strings.Contains(logs, secret) {
			t.Error("a secret is in the log")
		}
	}
	checkShutdown(t, w)
}

// checkClosedMessages ends approvals by a cancellation, a deadline and a newer request. Each message is edited, and its
// button and its link no longer decide.
func checkClosedMessages(t *testing.T, w *world, s *slacktest.Server, ask func(workflow, order string) *scenario) {
	t.Helper()
	cancelled := ask("direct", "p-cancelled")
	asked := map[string]slacktest.Message{"p-cancelled": waitForMessage(t, w, s, "D0ANN", "p-cancelled")}
	if err := cancelled.cancelApproval(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	ask("brief", "p-brief")
	asked["p-brief"] = waitForMessage(t, w, s, "D0ANN", "p-brief")
	first := ask("direct", "p-again")
	asked["p-again"] = waitForMessage(t, w, s, "D0ANN", "p-again")
	w.aws.StepFunctions.ExpireTask(first.token) // and its state is retried
	again := ask("direct", "p-again")
	for order, how := range map[string]string{
		"p-cancelled": "*Cancelled*",
		"p-brief":     "*Timed out*",
		"p-again":     "*Superseded by a newer request*",
	} {
		over := waitForMessage(t, w, s, "D0ANN", order, how)
		for _, b := range over.Blocks {
			if b.Type == "actions" {
				t.Errorf("%s has something to press: %+v", order, over)
			}
		}
		m := asked[order]
		before := len(s.Answers())
		w.pressButton(
			t,
			s,
			slacktest.User{ID: "U0ANN", Email: "ann@example.com"},
			m,
			"approve",
		) // from a client that still shows the old message
		if !waitUntil(t, time.Minute, func() bool { return len(s.Answers()) > before }) {
			t.Errorf("%s: a late press gets no answer", order)
		}
		link := linkOf(m)
		if status, page, err := w.callWithLimit(t.Context(), "GET", link, http.Header{}, ""); err != nil || status != http.StatusOK ||
			strings.Contains(page, "<form") {
			t.Errorf("%s: its link still decides: %d %v", order, status, err)
		}
	}
	if err := again.waitForOrder(t.Context(), w, "the newer request to wait", func(o orderView) bool {
		return len(o.Approvals) == 2 && o.Approvals[0].Status == "superseded" && o.Approvals[1].Status == "pending"
	}); err != nil {
		t.Error(err)
	}
}

// checkEvents checks that programs received the events of an order from its request to its callback, with its status.
func (w *world) checkEvents(t *testing.T, order, status string) {
	t.Helper()
	var outcomes int
	ok := waitUntil(t, time.Minute, func() bool {
		events := w.hooks.bodiesOf(order)
		outcomes = 0
		for _, e := range events {
			if o, ok := e["outcome"].(map[string]any); ok && o["status"] == status {
				outcomes++
			}
		}
		return len(events) == 3 && outcomes == 2
	})
	if !ok {
		t.Errorf("%s: events %v", order, w.hooks.bodiesOf(order))
	}
}

package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/approval-relay/approval-relay/notify/teams/teamstest"
)

// TestTeamsBot decides by the button of a card, after a press by a stranger and one with a token for another bot.
func TestTeamsBot(t *testing.T) {
	t.Parallel()
	w, connector := newWorld(t), teamstest.StartConnector(t)
	ann := teamstest.Person{ID: "29:ann", ObjectID: "00000000-0000-0000-0000-00000000000a", Email: "ann@example.com"}
	eve := teamstest.Person{ID: "29:eve", ObjectID: "00000000-0000-0000-0000-00000000000e", Email: "eve@example.com"}
	connector.AddPerson(ann)
	connector.AddPerson(eve)
	w.startProgram(t, w.writeConfigText(t, fmt.Sprintf(`
workflows:
  orders: {approvers: [ann@example.com], requests: {sqs: {queue: orders}}, notify_retry: {base: 50ms, cap: 1s}}
channels:
  one: {teams: {app_id: %s, app_secret: %s, tenant: %s, conversation: %q, service_url: %q, login_url: %q, openid_url: %q, allow_internal: true}}
%s`, teamstest.AppID, teamstest.AppSecret, teamstest.Tenant, teamstest.Conversation, connector.URL, connector.LoginURL,
		connector.OpenIDURL, w.stepFunctionsTarget())))
	s := w.requestApproval(t, "e2e-1")
	if !waitUntil(t, time.Minute, func() bool { return len(connector.Cards()) > 0 }) {
		t.Fatalf("no card\n%s", lastOf(w.logs.String()))
	}
	button := connector.Cards()[0].Button("Approve")
	press := func(p teamstest.Person, change teamstest.Signing) (int, teamstest.Answer) {
		r := connector.Sign(connector.Press(p, button, nil), change)
		r.URL, r.RequestURI = &url.URL{Scheme: "http", Host: w.public, Path: r.URL.Path}, ""
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		body, _ := io.ReadAll(resp.Body)
		answer, _ := teamstest.ReadAnswer(resp.StatusCode, body)
		return resp.StatusCode, answer
	}
	if status, _ := press(ann, teamstest.Signing{Claims: map[string]any{"aud": "another"}}); status != http.StatusUnauthorized {
		t.Errorf("a token for another bot: %d", status)
	}
	if _, answer := press(eve, teamstest.Signing{}); !strings.Contains(answer.Text, "You are not asked") {
		t.Errorf("a stranger: %+v", answer)
	}
	if _, answer := press(ann, teamstest.Signing{}); !strings.Contains(answer.Card.Text, "ann@example.com approved") {
		t.Errorf("an approver: %+v\n%s", answer, lastOf(w.logs.String()))
	}
	w.checkDelivered(t, s)
	if !waitUntil(t, time.Minute, func() bool { return len(connector.Cards()[0].Buttons) == 0 }) {
		t.Errorf("the card still has buttons: %s", connector.Cards()[0].Titles())
	}
	if strings.Contains(w.logs.String(), teamstest.AppSecret) || strings.Contains(w.logs.String(), teamstest.BotToken) {
		t.Error("a secret of the bot is in the log")
	}
}

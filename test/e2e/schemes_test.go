package e2e

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/notify/slack/slacktest"
)

// testsByKind names for each kind of channel, scheme and target the test in which it carries an approval from its
// request to the answer of its workflow.
var testsByKind = map[string]map[string]string{
	"channels": {
		"log":         "TestLog",
		"smtp":        "TestKilled",
		"ses":         "TestSES",
		"slack":       "TestPeople, TestSlackWebhook",
		"teams":       "TestTeams",
		"discord":     "TestDiscord",
		"googlechat":  "TestGoogleChat",
		"webhook":     "TestKilled",
		"sns":         "TestSNS",
		"eventbridge": "TestEventBridge",
	},
	"webhooks": {
		"hmac":               "TestKilled",
		"bearer":             "TestKilled",
		"token":              "TestSchemes",
		"basic":              "TestSchemes",
		"query":              "TestSchemes",
		"standard":           "TestSchemes",
		"github":             "TestSchemes",
		"slack":              "TestSchemes",
		"stripe":             "TestSchemes",
		"client_certificate": "TestSchemes",
		"sns":                "TestSNSOverHTTPS",
		"gitlab":             "TestPresets",
		"jira":               "TestPresets",
		"jira_data_center":   "TestPresets",
		"servicenow":         "TestPresets",
		"docusign":           "TestPresets",
		"adobe_sign":         "TestPresets",
		"pagerduty":          "TestPresets",
		"opsgenie":           "TestPresets",
		"zendesk":            "TestPresets",
		"webflow":            "TestPresets",
		"okta":               "TestPresets",
		"azure_devops":       "TestPresets",
		"teams":              "TestPresets",
	},
	"targets": {
		"stepfunctions": "TestKilled",
		"http":          "TestKilled",
		"lambda":        "TestTargets",
		"codepipeline":  "TestTargets",
		"sqs":           "TestSQSTarget",
	},
}

// TestEveryKindIsCarried compares the table above with the kinds that the configuration knows.
func TestEveryKindIsCarried(t *testing.T) {
	t.Parallel()
	for part, kinds := range map[string][]config.Choice{
		"channels": new(config.Channel).Choices(),
		"webhooks": new(config.Scheme).Choices(),
		"targets":  new(config.Target).Choices(),
	} {
		tests := maps.Clone(testsByKind[part])
		for _, kind := range kinds {
			if tests[kind.Name] == "" {
				t.Errorf("%s: no approval is carried over %s", part, kind.Name)
			}
			delete(tests, kind.Name)
		}
		for kind := range tests {
			t.Errorf("%s: there is no kind %s", part, kind)
		}
	}
}

// TestSchemes sends decisions through every webhook scheme, each signed here by the rules of its own documentation, and
// through a form.
func TestSchemes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
	public := "whpk_" + base64.StdEncoding.EncodeToString(
		private.Public().(ed25519.PublicKey),
	) //nolint:forcetypeassert // Public returns this type
	w.startProgram(t, w.writeConfigText(t, fmt.Sprintf(`
workflows: {orders: {requests: {sqs: {queue: orders}}, notify: [], approvers: [ann@example.com]}}
webhooks:
  standard: {standard: {secrets: [%[2]q]}}
  keys: {standard: {public_keys: [%[3]q]}}
  github: {github: {secrets: [%[1]q]}, filter: 'headers["x-github-event"] == "deployment_review"'}
  chat: {slack: {secrets: [%[1]q]}}
  stripe: {stripe: {secrets: [%[1]q]}}
  proxy: {client_certificate: {header: X-Fingerprint, allowed: [0a1b2c], verified_header: X-Verified}}
  token: {token: {header: X-Gitlab-Token, tokens: [%[1]q]}}
  basic: {basic: {username: relay, passwords: [%[1]q]}}
  query: {query: {parameter: key, tokens: [%[1]q]}}
  form: {bearer: {tokens: [%[1]q]}, fields: {order: body.number, outcome: 'body["Your decision"]', by: body.mail}}
`, hmacSecret, standardSecret, public)+w.stepFunctionsTarget()))
	at := time.Now()
	now := strconv.FormatInt(at.Unix(), 10)
	mac := func(text string) string {
		m := hmac.New(sha256.New, []byte(hmacSecret))
		m.Write([]byte(text))
		return hex.EncodeToString(m.Sum(nil))
	}
	hook, err := standardwebhooks.NewWebhook(standardSecret)
	if err != nil {
		t.Fatal(err)
	}
	for source, sign := range map[string]func(body string) http.Header{
		"standard": func(body string) http.Header {
			s, err := hook.Sign("id-1", at, []byte(body))
			if err != nil {
				t.Fatal(err)
			}
			return http.Header{"Webhook-Id": {"id-1"}, "Webhook-Timestamp": {now}, "Webhook-Signature": {s}}
		},
		"keys": func(body string) http.Header {
			s := ed25519.Sign(private, []byte("id-2."+now+"."+body))
			signature := "v1a," + base64.StdEncoding.EncodeToString(s)
			return http.Header{"Webhook-Id": {"id-2"}, "Webhook-Timestamp": {now}, "Webhook-Signature": {signature}}
		},
		"github": func(body string) http.Header {
			return http.Header{"X-Hub-Signature-256": {"sha256=" + mac(body)}, "X-Github-Event": {"deployment_review"}}
		},
		"chat": func(body string) http.Header {
			return http.Header{"X-Slack-Request-Timestamp": {now}, "X-Slack-Signature": {"v0=" + mac("v0:"+now+":"+body)}}
		},
		"stripe": func(body string) http.Header {
			return http.Header{"Stripe-Signature": {"t=" + now + ",v1=" + mac(now+"."+body) + ",v0=ignored"}}
		},
		"token": func(string) http.Header { return http.Header{"X-Gitlab-Token": {hmacSecret}} },
		"basic": func(string) http.Header {
			credentials := base64.StdEncoding.EncodeToString([]byte("relay:" + hmacSecret))
			return http.Header{"Authorization": {"Basic " + credentials}}
		},
		"query": func(string) http.Header { return http.Header{} }, // see below
		"proxy": func(string) http.Header { return http.Header{"X-Fingerprint": {"0a1b2c"}, "X-Verified": {"SUCCESS"}} },
		"form": func(string) http.Header {
			return http.Header{"Authorization": {"Bearer " + hmacSecret}, "Content-Type": {"application/x-www-form-urlencoded"}}
		},
	} {
		order := "scheme-" + source
		s := w.requestApproval(t, order)
		if err := s.waitUntilRecorded(t.Context(), w); err != nil {
			t.Fatal(err)
		}
		body := fmt.Sprintf(`{"orderId": %q, "decision": "approve", "decidedBy": "ann@example.com"}`, order)
		if source == "form" {
			body = url.Values{"number": {order}, "Your decision": {"Approve"}, "mail": {"ann@example.com"}}.Encode()
		}
		to := "http://" + w.public + "/webhooks/" + source
		if status, text, err := w.callUntilAnswered(t.Context(), "POST", to, http.Header{}, body); err != nil ||
			status != http.StatusUnauthorized {
			t.Errorf("%s, unsigned: %d %s %v", source, status, text, err)
		}
		if source == "query" {
			to += "?key=" + url.QueryEscape(hmacSecret)
		}
		if status, text, err := w.callUntilAnswered(t.Context(), "POST", to, sign(body), body); err != nil || status != http.StatusOK {
			t.Errorf("%s: %d %s %v", source, status, text, err)
			continue
		}
		w.checkDelivered(t, s)
	}
	ping := `{"zen": "Keep it logically awesome."}`
	header := http.Header{"X-Hub-Signature-256": {"sha256=" + mac(ping)}, "X-Github-Event": {"ping"}}
	if status, text, err := w.callUntilAnswered(t.Context(), "POST", "http://"+w.public+"/webhooks/github", header, ping); err != nil ||
		status != http.StatusNoContent {
		t.Errorf("a ping: %d %s %v", status, text, err)
	}
	if text := scrapeMetrics(t, w); !strings.Contains(
		text,
		`approval_relay_messages_total{handler="decision-github",result="filtered"} 1`,
	) {
		t.Error("the ping was not counted")
	}
}

// TestLog decides through the link that the program prints.
func TestLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.startProgram(t, w.writeChannelConfig(t, `{log: {}}`))
	s := w.requestApproval(t, "e2e-1")
	if !waitUntil(t, time.Minute, func() bool { return linkForm.MatchString(w.logs.String()) }) {
		t.Fatalf("no link\n%s", lastOf(w.logs.String()))
	}
	w.decideThroughLink(t, s, linkForm.FindString(w.logs.String()))
}

// TestSlackWebhook presses a button in a message that was sent through an incoming webhook. The program replaces the
// message through the response URL that Slack sends with the press.
func TestSlackWebhook(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := slacktest.User{ID: "U0ANN", Email: "ann@example.com"}
	chat := slacktest.StartServer(ann)
	defer chat.Close()
	at, err := url.Parse(chat.URL)
	if err != nil {
		t.Fatal(err)
	}
	w.startProgram(t, w.writeChannelConfig(t, fmt.Sprintf(`{slack: {webhook_url: %q, signing_secrets: [%q], response_hosts: [%q]}}
people: {ann@example.com: {slack: U0ANN}}`, chat.WebhookURL(), slackSecret, at.Host)))
	s := w.requestApproval(t, "e2e-1")
	if status := w.pressButton(t, chat, ann, waitForMessage(t, w, chat, "e2e-1"), "approve"); status != http.StatusOK {
		t.Errorf("%d", status)
	}
	w.checkDelivered(t, s)
	if !waitUntil(t, time.Minute, func() bool {
		said := strings.Join(chat.Answers(), "\n")
		return strings.Contains(said, "ann@example.com approved") && strings.Contains(said, "replace_original")
	}) {
		t.Errorf("the message was not replaced: %q", chat.Answers())
	}
}

// readVotes returns the votes on an order.
func (s *scenario) readVotes(t *testing.T, w *world) []struct{ DecidedBy, Via, ShownDigest string } {
	t.Helper()
	status, text, err := w.callUntilAnswered(
		context.WithoutCancel(t.Context()),
		"GET",
		"http://"+w.operator+"/v1/orders/"+s.order,
		bearerHeader(operatorToken),
		"",
	)
	var o struct {
		Approvals []struct {
			Votes []struct{ DecidedBy, Via, ShownDigest string }
		}
	}
	if err != nil || status != http.StatusOK || json.Unmarshal([]byte(text), &o) != nil || len(o.Approvals) != 1 {
		t.Fatalf("%d %s %v", status, text, err)
	}
	return o.Approvals[0].Votes
}

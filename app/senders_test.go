package app

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	senderSecret = "a secret of senders, of enough bytes"
	senderQuery  = "query-token-canary-0123456789"
	decisionBody = `{"orderId": "A-1", "decision": "approve", "decidedBy": "ann@example.com"}`
)

// sendersFile has the webhooks of senders that sign, authenticate and register in different ways.
var sendersFile = `
workflows: {orders: {}}
webhooks:
  svix: {standard: {secrets: ["whsec_` + base64.StdEncoding.EncodeToString([]byte(senderSecret)) + `"]}}
  zendesk:
    hmac:
      header: X-Zendesk-Webhook-Signature
      encoding: base64
      timestamp_header: X-Zendesk-Webhook-Signature-Timestamp
      signed: "{timestamp}{body}"
      secrets: ["` + senderSecret + `"]
  webflow:
    hmac: {header: X-Webflow-Signature, timestamp_header: X-Webflow-Timestamp, signed: "{timestamp}:{body}", secrets: ["` + senderSecret + `"]}
  teams:
    hmac:
      header: Authorization
      prefix: "HMAC "
      encoding: base64
      secret_encoding: base64
      secrets: ["` + base64.StdEncoding.EncodeToString([]byte(senderSecret)) + `"]
    fields: {order: 'body.text.split(" ")[2].split("\n")[0]', outcome: 'body.text.split(" ")[1]', by: body.from.name}
  square: {hmac: {header: X-Square-Hmacsha256-Signature, encoding: base64, signed: "{url}{body}", secrets: ["` + senderSecret + `"]}}
  gitlab: {token: {header: X-Gitlab-Token, tokens: ["` + senderSecret + `"]}, filter: '!("x-gitlab-token" in headers)'}
  azure: {basic: {passwords: ["` + senderSecret + `"]}}
  servicenow: {query: {parameter: key, tokens: ["` + senderQuery + `"]}, handshake: graph}
  okta: {bearer: {tokens: ["` + senderSecret + `"]}, handshake: okta}
  adobe: {query: {parameter: key, tokens: ["` + senderQuery + `"]}, handshake: adobe_sign}
  slackevents: {slack: {secrets: ["` + senderSecret + `"]}}
  gh: {github: {secrets: ["` + senderSecret + `"]}}
  trello: {hmac: {header: X-Sig, secrets: ["` + senderSecret + `"]}, handshake: trello}
  plain: {hmac: {header: X-Sig, prefix: "sha256=", timestamp_header: X-Time, secrets: ["` + senderSecret + `"]}}
`

func senderMAC(text string) []byte {
	m := hmac.New(sha256.New, []byte(senderSecret))
	m.Write([]byte(text))
	return m.Sum(nil)
}

func senderBase64(text string) string { return base64.StdEncoding.EncodeToString(senderMAC(text)) }

// sent is a request of a sender, and the answer that it gets.
type sent struct {
	method, path, body string
	header             []string
	status             int
	answer             string // a part of it
}

func (s sent) send(t *testing.T, h http.Handler) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), s.method, s.path, strings.NewReader(s.body))
	for i := 0; i < len(s.header); i += 2 {
		r.Header.Add(s.header[i], s.header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func sentByAll() map[string]sent {
	now := time.Now()
	seconds := strconv.FormatInt(now.Unix(), 10)
	millis, iso := seconds+"678", now.UTC().Format(time.RFC3339)
	const teamsBody = `{"type": "message", "from": {"name": "Ann Example"}, "text": "<at>approvals</at> approve A-1\n"}`
	const emojiBody = `{"orderId": "A-8", "decision": "approve", "comment": "ok 👍 ß"}`
	const verification = `{"token": "x", "challenge": "3eZbrw1aBm2r", "type": "url_verification"}`
	const url = "http://localhost:8080/webhooks/square?x=1"
	slackHeader := []string{"X-Slack-Request-Timestamp", seconds, "X-Slack-Signature", "v0=" + hex.EncodeToString(senderMAC("v0:"+seconds+":"+verification))}
	return map[string]sent{
		"Svix's names": {"POST", "/webhooks/svix", decisionBody, []string{
			"svix-id", "msg_1", "svix-timestamp", seconds, "svix-signature", "v1," + senderBase64("msg_1."+seconds+"."+decisionBody),
		}, 202, `"verdict":"waiting"`},
		"Svix's names, another ID": {"POST", "/webhooks/svix", decisionBody, []string{
			"svix-id", "msg_2", "svix-timestamp", seconds, "svix-signature", "v1," + senderBase64("msg_1."+seconds+"."+decisionBody),
		}, 401, ""},
		"Zendesk": {"POST", "/webhooks/zendesk", decisionBody, []string{
			"X-Zendesk-Webhook-Signature-Timestamp", iso, "X-Zendesk-Webhook-Signature", senderBase64(iso + decisionBody),
		}, 202, ""},
		"Zendesk, signed with a dot": {"POST", "/webhooks/zendesk", decisionBody, []string{
			"X-Zendesk-Webhook-Signature-Timestamp", iso, "X-Zendesk-Webhook-Signature", senderBase64(iso + "." + decisionBody),
		}, 401, ""},
		"Webflow": {"POST", "/webhooks/webflow", decisionBody, []string{
			"X-Webflow-Timestamp", millis, "X-Webflow-Signature", hex.EncodeToString(senderMAC(millis + ":" + decisionBody)),
		}, 202, ""},
		"Teams": {"POST", "/webhooks/teams", teamsBody, []string{"Authorization", "HMAC " + senderBase64(teamsBody)}, 202, ""},
		"Teams, another body": {
			"POST", "/webhooks/teams", teamsBody + " ",
			[]string{"Authorization", "HMAC " + senderBase64(teamsBody)}, 401, "",
		},
		"Square": {
			"POST", "/webhooks/square?x=1", decisionBody,
			[]string{"X-Square-Hmacsha256-Signature", senderBase64(url + decisionBody)}, 202, "",
		},
		"Square, another URL": {
			"POST", "/webhooks/square?x=2", decisionBody,
			[]string{"X-Square-Hmacsha256-Signature", senderBase64(url + decisionBody)}, 401, "",
		},
		"capital hex, emoji": {"POST", "/webhooks/gh", emojiBody, []string{
			"X-Hub-Signature-256", "sha256=" + strings.ToUpper(hex.EncodeToString(senderMAC(emojiBody))),
		}, 202, ""},
		"GitLab":        {"POST", "/webhooks/gitlab", decisionBody, []string{"X-Gitlab-Token", senderSecret}, 202, ""},
		"GitLab, wrong": {"POST", "/webhooks/gitlab", decisionBody, []string{"X-Gitlab-Token", senderSecret + "x"}, 401, ""},
		"Azure DevOps": {
			"POST", "/webhooks/azure", decisionBody,
			[]string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte("any:"+senderSecret))}, 202, "",
		},
		"Azure DevOps, wrong": {
			"POST", "/webhooks/azure", decisionBody,
			[]string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte("any:x"))}, 401, "",
		},
		"a query token":        {"POST", "/webhooks/servicenow?key=" + senderQuery, decisionBody, nil, 202, ""},
		"a wrong query token":  {"POST", "/webhooks/servicenow?key=" + senderQuery + "x", decisionBody, nil, 401, ""},
		"a query token, twice": {"POST", "/webhooks/servicenow?key=x&key=" + senderQuery, decisionBody, nil, 401, ""},
		"a query token elsewhere": {"POST", "/webhooks/okta?key=" + senderQuery + "&access_token=" + strings.ReplaceAll(senderSecret, " ", "+"), decisionBody,
			[]string{}, 401, ""},

		"Okta registers": {"GET", "/webhooks/okta", "", []string{"Authorization", "Bearer " + senderSecret, "X-Okta-Verification-Challenge", "3f9c1a"},
			200, `{"verification":"3f9c1a"}`},
		"Okta, wrong token": {
			"GET", "/webhooks/okta", "",
			[]string{"Authorization", "Bearer x", "X-Okta-Verification-Challenge", "3f9c1a"}, 401, "",
		},
		"Okta, no challenge": {"GET", "/webhooks/okta", "", []string{"Authorization", "Bearer " + senderSecret}, 405, ""},
		"Acrobat Sign registers": {
			"GET", "/webhooks/adobe?key=" + senderQuery, "",
			[]string{"X-AdobeSign-ClientId", "CBJCHBCAABAA"}, 200, `{"xAdobeSignClientId":"CBJCHBCAABAA"}`,
		},
		"Acrobat Sign sends": {
			"POST", "/webhooks/adobe?key=" + senderQuery, decisionBody,
			[]string{"X-AdobeSign-ClientId", "CBJCHBCAABAA"}, 202, "",
		},
		"Slack verifies":          {"POST", "/webhooks/slackevents", verification, slackHeader, 200, "3eZbrw1aBm2r"},
		"Slack, another body":     {"POST", "/webhooks/slackevents", strings.Replace(verification, "3e", "3f", 1), slackHeader, 401, ""},
		"Microsoft Graph":         {"POST", "/webhooks/servicenow?validationToken=Validation%3A+Testing", "", nil, 200, "Validation: Testing"},
		"Graph with a wrong key":  {"POST", "/webhooks/servicenow?key=x&validationToken=a", "", nil, 401, ""},
		"Graph with HTML":         {"POST", "/webhooks/servicenow?validationToken=%3Cb%3E", "", nil, 401, ""},
		"Trello":                  {"HEAD", "/webhooks/trello", "", nil, 200, ""},
		"no handshake":            {"GET", "/webhooks/plain", "", nil, 405, ""},
		"no handshake, challenge": {"GET", "/webhooks/plain", "", []string{"X-Okta-Verification-Challenge", "3f9c1a"}, 405, ""},
		"HEAD without handshake":  {"HEAD", "/webhooks/plain", "", nil, 405, ""},
		"OPTIONS":                 {"OPTIONS", "/webhooks/plain", "", []string{"WebHook-Request-Origin", "x"}, 405, ""},
		"another source":          {"GET", "/webhooks/other", "", nil, 404, ""},
	}
}

// Each sender is understood by its settings alone, and answered as its protocol wants. What anybody else sends is
// refused, and no token reaches the log, the metrics or expressions.
func TestSendersAreUnderstood(t *testing.T) {
	t.Parallel()
	r := startReloadedApp(t, sendersFile)
	public := r.rules.Load().public
	for name, c := range sentByAll() {
		got := c.send(t, public)
		body, err := io.ReadAll(got.Body)
		require.NoError(t, err)
		require.Equal(t, c.status, got.StatusCode, "%s: %s", name, body)
		require.Contains(t, string(body), c.answer, name)
		require.Equal(t, "nosniff", got.Header.Get("X-Content-Type-Options"), name)
		require.NotContains(t, got.Header.Get("Content-Type"), "html", name)
		switch got.StatusCode {
		case http.StatusUnauthorized:
			require.NotEmpty(t, got.Header.Get("WWW-Authenticate"), name)
		case http.StatusMethodNotAllowed:
			require.Equal(t, "POST", got.Header.Get("Allow"), name)
			require.Equal(t, "application/problem+json", got.Header.Get("Content-Type"), name)
		}
		if strings.HasPrefix(name, "Acrobat Sign") {
			require.Equal(t, "CBJCHBCAABAA", got.Header.Get("X-AdobeSign-ClientId"), name)
		}
	}
	metrics := httptest.NewRecorder()
	req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil)
	req.Header.Set("Authorization", "Bearer "+reloadToken)
	r.rules.Load().operator.ServeHTTP(metrics, req)
	require.Equal(t, http.StatusOK, metrics.Code)
	require.Contains(t, metrics.Body.String(), "approval_relay_http_request")
	for place, text := range map[string]string{"the metrics": metrics.Body.String(), "the log": r.log.String()} {
		for _, canary := range []string{senderQuery, "query-token", senderSecret} {
			require.NotContains(t, text, canary, "%s shows a secret", place)
		}
	}
}

// A scheme sees the certificates that our listener has verified, and no others.
func TestOnlyVerifiedCertificatesCount(t *testing.T) {
	t.Parallel()
	leaf := &x509.Certificate{Raw: []byte("x")}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/webhooks/bank?a=b", nil)
	require.Empty(t, newWebhookRequest(r, "https://relay.example.com/webhooks/bank", nil).Certificates)
	r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}}
	require.Empty(t, newWebhookRequest(r, "https://relay.example.com/webhooks/bank", nil).Certificates)
	r.TLS.VerifiedChains = [][]*x509.Certificate{{leaf}}
	got := newWebhookRequest(r, "https://relay.example.com/webhooks/bank", nil)
	require.Equal(t, []*x509.Certificate{leaf}, got.Certificates)
	require.Equal(t, "https://relay.example.com/webhooks/bank?a=b", got.URL)
}

// The four faults of a signature look alike to the sender, who learns which headers are looked for, and have a reason
// each in the log.
func TestRefusedSignaturesLeaveAReason(t *testing.T) {
	t.Parallel()
	r := startReloadedApp(t, sendersFile)
	public := r.rules.Load().public
	now, old := strconv.FormatInt(time.Now().Unix(), 10), "1700000000"
	sign := func(sent string) string { return "sha256=" + hex.EncodeToString(senderMAC(sent+"."+decisionBody)) }
	answers := map[string]bool{}
	for _, header := range [][]string{
		nil,
		{"X-Sig", "sha256=zz", "X-Time", now},
		{"X-Sig", "sha256=00", "X-Time", now},
		{"X-Sig", sign(old), "X-Time", old},
	} {
		got := sent{method: "POST", path: "/webhooks/plain", body: decisionBody, header: header}.send(t, public)
		body, err := io.ReadAll(got.Body)
		require.NoError(t, err)
		require.Equal(t, http.StatusUnauthorized, got.StatusCode)
		answers[string(body)] = true
	}
	require.Len(t, answers, 1, "the answers differ")
	for answer := range answers {
		require.Contains(t, answer, "looked for in the headers X-Sig, X-Time")
		require.Contains(t, answer, `"field":"X-Sig"`)
	}
	for _, reason := range []string{"missing", "malformed", "mismatch", "stale"} {
		require.Contains(t, r.log.String(), "reason="+reason)
	}
	right := sent{method: "POST", path: "/webhooks/plain", body: decisionBody, header: []string{"X-Sig", sign(now), "X-Time", now}}
	require.Equal(t, http.StatusAccepted, right.send(t, public).StatusCode)
}

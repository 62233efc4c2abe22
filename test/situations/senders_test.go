package situations

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func macOf(key []byte, signed string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(signed))
	return mac.Sum(nil)
}

func base64Of(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

func decode64(t *testing.T, text string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(text)
	require.NoError(t, err)
	return b
}

// accepts requires that a body with the right headers is taken, and that the same is refused with 401 if one of the
// headers is changed.
func (r *relay) accepts(source, body string, header ...string) {
	r.Helper()
	got := r.post(source, body, header...)
	require.Contains(r, []int{http.StatusOK, http.StatusAccepted}, got.status, got.text)
	last := header[len(header)-1]
	wrong := append(append([]string{}, header[:len(header)-1]...), last[:len(last)-5]+"AAAA=")
	got = r.post(source, body, wrong...)
	require.Equal(r, http.StatusUnauthorized, got.status, got.text)
	got = r.post(source, strings.Replace(body, "A-1", "A-2", 1), header...)
	if strings.Contains(strings.Join(header, " "), sharedSecret) || strings.HasPrefix(last, "Basic") {
		return // a credential does not cover the body
	}
	require.Equal(r, http.StatusUnauthorized, got.status, got.text)
}

func TestSvixHeaderNames(t *testing.T) {
	t.Parallel()
	r := start(t, "svix-header-names")
	body := r.read("body.json")
	key := decode64(t, "d2ViaG9vay1zZWNyZXQtMDEyMzQ1Njc4OWFiY2RlZg==")
	now := strconv.FormatInt(time.Now().Unix(), 10)
	signature := "v1," + base64Of(macOf(key, "msg_2b."+now+"."+body))
	for _, prefix := range []string{"svix-", "webhook-"} {
		r.accepts("std", body, prefix+"id", "msg_2b", prefix+"timestamp", now, prefix+"signature", signature)
	}
	got := r.post("std", body, "svix-id", "msg_2b", "svix-timestamp", "1600000000",
		"svix-signature", "v1,"+base64Of(macOf(key, "msg_2b.1600000000."+body)))
	require.Equal(t, http.StatusUnauthorized, got.status, "a request of long ago")
}

func TestTimestampedHMACOtherJoiner(t *testing.T) {
	t.Parallel()
	r := start(t, "timestamped-hmac-other-joiner")
	body := r.read("body.json")
	sent := time.Now().UTC().Format(time.RFC3339)
	r.accepts("zendesk", body, "X-Zendesk-Webhook-Signature-Timestamp", sent,
		"X-Zendesk-Webhook-Signature", base64Of(macOf([]byte(sharedSecret), sent+body)))
	millis := strconv.FormatInt(time.Now().UnixMilli(), 10)
	right := hex.EncodeToString(macOf([]byte(sharedSecret), millis+":"+body))
	got := r.post("webflow", body, "X-Webflow-Timestamp", millis, "X-Webflow-Signature", right)
	require.Contains(t, []int{http.StatusOK, http.StatusAccepted}, got.status, got.text)
	joined := hex.EncodeToString(macOf([]byte(sharedSecret), millis+"."+body))
	got = r.post("webflow", body, "X-Webflow-Timestamp", millis, "X-Webflow-Signature", joined)
	require.Equal(t, http.StatusUnauthorized, got.status, "another joiner")
	old := strconv.FormatInt(time.Now().Add(-time.Hour).UnixMilli(), 10)
	got = r.post("webflow", body, "X-Webflow-Timestamp", old,
		"X-Webflow-Signature", hex.EncodeToString(macOf([]byte(sharedSecret), old+":"+body)))
	require.Equal(t, http.StatusUnauthorized, got.status, "an hour old")
}

func TestTeamsOutgoingWebhook(t *testing.T) {
	t.Parallel()
	r := start(t, "teams-outgoing-webhook")
	body := strings.TrimSuffix(r.read("body.json"), "\n")
	key := decode64(t, "vqF0En+Z0ucuRTM/01o2GuhMH3hKKk/N2bOmlM31zaA=")
	r.accepts("teams", body, "Authorization", "HMAC "+base64Of(macOf(key, body)))
	wrong := base64Of(macOf([]byte("vqF0En+Z0ucuRTM/01o2GuhMH3hKKk/N2bOmlM31zaA="), body))
	require.Equal(t, http.StatusUnauthorized, r.post("teams", body, "Authorization", "HMAC "+wrong).status, "the text is not the key")
}

func TestCredentialNotBearer(t *testing.T) {
	t.Parallel()
	r := start(t, "credential-not-bearer")
	body := r.read("body.json")
	r.accepts("azure", body, "Authorization", "Basic "+base64Of([]byte("relay:"+sharedSecret)))
	r.accepts("gitlab", body, "X-Gitlab-Token", sharedSecret)
	form := r.read("servicenow.json")
	got := r.call(http.MethodPost, r.public+"/webhooks/servicenow?key="+sharedSecret, form)
	require.Contains(t, []int{http.StatusOK, http.StatusAccepted}, got.status, got.text)
	for _, query := range []string{"", "?key=another-secret-of-enough-bytes", "?token=" + sharedSecret} {
		got = r.call(http.MethodPost, r.public+"/webhooks/servicenow"+query, form)
		require.Equal(t, http.StatusUnauthorized, got.status, query)
	}
	got = r.call(http.MethodPost, r.public+"/webhooks/gitlab?key="+sharedSecret, form)
	require.Equal(t, http.StatusUnauthorized, got.status, "a query counts only for the source that names it")
	require.NotContains(t, r.out.String(), sharedSecret)
}

func TestRegistrationHandshakes(t *testing.T) {
	t.Parallel()
	r := start(t, "registration-handshakes")
	got := r.call(http.MethodGet, r.public+"/webhooks/okta", "", append(bearer(), "X-Okta-Verification-Challenge", "3f9c1a")...)
	require.Equal(t, http.StatusOK, got.status, got.text)
	require.Equal(t, "3f9c1a", got.field("verification"))
	got = r.call(http.MethodGet, r.public+"/webhooks/adobe", "", "X-AdobeSign-ClientId", "CBJCEXAMPLE01")
	require.Equal(t, http.StatusOK, got.status, got.text)
	require.True(t, got.header.Get("X-AdobeSign-ClientId") == "CBJCEXAMPLE01" || got.field("xAdobeSignClientId") == "CBJCEXAMPLE01")
	got = r.call(http.MethodGet, r.public+"/webhooks/adobe", "", "X-AdobeSign-ClientId", "ANOTHER")
	require.NotEqual(t, http.StatusOK, got.status, "another client")

	challenge := strings.TrimSuffix(r.read("slack-challenge.json"), "\n")
	now := strconv.FormatInt(time.Now().Unix(), 10)
	signature := "v0=" + hex.EncodeToString(macOf([]byte(sharedSecret), "v0:"+now+":"+challenge))
	got = r.post("slackevents", challenge, "X-Slack-Request-Timestamp", now, "X-Slack-Signature", signature)
	require.Equal(t, http.StatusOK, got.status, got.text)
	require.Contains(t, got.text, "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P")
	got = r.post("slackevents", challenge, "X-Slack-Request-Timestamp", now, "X-Slack-Signature", "v0="+strings.Repeat("0", 64))
	require.Equal(t, http.StatusUnauthorized, got.status)
	require.NotContains(t, got.text, "3eZbrw1a", "a challenge is answered only to a verified sender")
	require.Equal(t, http.StatusMethodNotAllowed, r.call(http.MethodGet, r.public+"/webhooks/slackevents", "").status)
}

func TestRefusedSignatureLeavesAReason(t *testing.T) {
	t.Parallel()
	r := start(t, "refused-signature-leaves-no-reason")
	body := r.read("body.json")
	signed := func(at time.Time) (sent, signature string) {
		sent = strconv.FormatInt(at.Unix(), 10)
		return sent, "sha256=" + hex.EncodeToString(macOf([]byte(sharedSecret), sent+"."+body))
	}
	now, good := signed(time.Now())
	old, stale := signed(time.Now().Add(-time.Hour))
	faults := map[string][]string{
		"missing":   {},
		"malformed": {"X-Time", now, "X-Signature", "0000"},
		"mismatch":  {"X-Time", now, "X-Signature", good[:len(good)-4] + "0000"},
		"stale":     {"X-Time", old, "X-Signature", stale},
	}
	texts := map[string]bool{}
	for _, header := range faults {
		got := r.post("erp", body, header...)
		require.Equal(t, http.StatusUnauthorized, got.status)
		require.Contains(t, got.text, "X-Signature", "the sender learns which header is looked for")
		texts[got.text] = true
	}
	require.Len(t, texts, 1, "and nothing that helps to forge")
	got := r.post("erp", body, "X-Time", now, "X-Signature", good)
	require.Equal(t, http.StatusAccepted, got.status, got.text)

	list := r.asOperator(http.MethodGet, "/v1/refused", "")
	require.Equal(t, http.StatusOK, list.status, list.text)
	metrics := r.asOperator(http.MethodGet, "/metrics", "").text
	for code := range faults {
		require.Contains(t, list.text, fmt.Sprintf("%q", code), "in the list of refusals")
		require.Regexp(t, `approval_relay_refused_total\{[^}]*reason="`+code+`"[^}]*\} 1`, metrics)
		require.Regexp(t, `"level":"WARN".*"reason":"`+code+`"`, r.out.String(), "in the log")
	}
	require.NotContains(t, list.text+r.out.String(), good[10:30])
}

func TestJiraUserWithoutAddress(t *testing.T) {
	t.Parallel()
	r := start(t, "jira-user-without-address")
	for _, order := range []string{"A-1001", "A-1002"} {
		got := r.ask("orders", fmt.Sprintf(`{"orderId":%q,"taskToken":%q,"approvers":["ann@example.com"]}`, order, r.token()))
		require.Equal(t, http.StatusAccepted, got.status, got.text)
	}
	body := strings.TrimSuffix(r.read("body.json"), "\n")
	post := func(body string) answer {
		return r.post("jira", body, "X-Hub-Signature", "sha256="+hex.EncodeToString(macOf([]byte(sharedSecret), body)))
	}
	got := post(body)
	require.Equal(t, http.StatusOK, got.status, got.text)
	require.Equal(t, "approved", string(r.pending("A-1001").Status))
	other := strings.NewReplacer("5b10ac8d82e05b22cc7d4ef5", "another-account", "A-1001", "A-1002", "10124", "10125").Replace(body)
	require.Equal(t, http.StatusForbidden, post(other).status, "an account of nobody who may decide")
}

func TestSendersByConfiguration(t *testing.T) {
	t.Parallel()
	r := start(t, "senders-by-configuration")
	token := r.asked("A-7")
	got := r.post("opsgenie", r.read("opsgenie.json"), bearer()...)
	require.Equal(t, http.StatusOK, got.status, got.text)
	r.isAnswered(token)
	got = r.post("opsgenie", strings.Replace(r.read("opsgenie.json"), "Acknowledge", "AddNote", 1), bearer()...)
	require.Equal(t, http.StatusNoContent, got.status, "another event")

	token = r.asked("A-8")
	body := strings.TrimSuffix(r.read("emoji.json"), "\n")
	signature := strings.ToUpper(hex.EncodeToString(macOf([]byte(sharedSecret), body)))
	got = r.post("gh", body, "X-Hub-Signature-256", "sha256="+signature)
	require.Equal(t, http.StatusOK, got.status, got.text)
	r.isAnswered(token)
	got = r.post("gh", strings.Replace(body, "ok", "OK", 1), "X-Hub-Signature-256", "sha256="+signature)
	require.Equal(t, http.StatusUnauthorized, got.status)
}

// readRaw returns the bytes of a file of the situation.
func (r *relay) readRaw(name string) []byte {
	r.Helper()
	b, err := os.ReadFile("testdata/" + r.situation + "/" + name)
	require.NoError(r, err)
	return b
}

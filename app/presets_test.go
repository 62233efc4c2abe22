package app

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/preview"
	"github.com/approval-relay/approval-relay/webhook/preset"
)

// senderCase is a sender that is known: how it signs, and the decisions in its recorded bodies.
type senderCase struct {
	// settings are those of the configuration, with the secrets in place of SECRETS.
	settings string
	// folder is the folder in webhook/preset/testdata, if it has another name than the kind.
	folder string
	// query is added to the URL, with the secret in place of SECRET.
	query string
	// sign returns the headers of a body that is sent at a time.
	sign func(secret string, at time.Time, body []byte) http.Header
	// signsTime is true if the signature covers the time of sending.
	signsTime bool
	// separator is between several signatures in one line of the header; empty if the sender has no such lists.
	separator string
	// signature is the header with the signature, of which several lines may come; empty for tokens and passwords.
	signature string
	// bodies are the decisions in the files, without the ending .json.
	bodies map[string]wantDecision
}

// wantDecision is a decision. The order is in the body too, so that a test can change it there.
type wantDecision struct{ order, by, comment string }

func macOf(secret, text string) []byte {
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte(text))
	return m.Sum(nil)
}

func hexMAC(secret, text string) string { return hex.EncodeToString(macOf(secret, text)) }
func base64MAC(secret, text string) string {
	return base64.StdEncoding.EncodeToString(macOf(secret, text))
}

// signHex returns a function that signs the body in hex.
func signHex(header, prefix string) func(string, time.Time, []byte) http.Header {
	return func(secret string, _ time.Time, body []byte) http.Header {
		return headerOf(header, prefix+hexMAC(secret, string(body)))
	}
}

// sendValue returns a function that sends a secret as it is, behind a text.
func sendValue(header, before string) func(string, time.Time, []byte) http.Header {
	return func(secret string, _ time.Time, _ []byte) http.Header { return headerOf(header, before+secret) }
}

func sendBasic(secret string, _ time.Time, _ []byte) http.Header {
	return headerOf("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("relay:"+secret)))
}

func headerOf(pairs ...string) http.Header {
	h := http.Header{"Content-Type": {"application/json"}}
	for i := 0; i+1 < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
	}
	return h
}

// senderCases are all known senders, each signed here by the rules of its vendor's documentation.
func senderCases() map[string]senderCase {
	jira := map[string]wantDecision{
		"approve": {"OPS-1001", "5b10a2844c20165700ede21g", ""},
		"reject":  {"OPS-1001", "5b10a2844c20165700ede21g", "Over budget"},
		// A comment of the new editor is an object.
		"approve_rich_comment": {"OPS-1001", "5b10a2844c20165700ede21g", ""},
	}
	jiraDataCenter := map[string]wantDecision{"approve": {"OPS-1001", "mia", ""}, "reject": {"OPS-1001", "mia", ""}}
	gitlab := map[string]wantDecision{
		"approve":                {"finance/refunds!1001", "ada.example", ""},
		"approve_one_of_several": {"finance/refunds!1001", "ada.example", ""},
		"reject":                 {"finance/refunds!1001", "ada.example", ""},
		"reject_closed":          {"finance/refunds!1001", "ada.example", ""},
	}
	azure := map[string]wantDecision{
		"approve":       {"1001", "ada@example.com", "Approving"},
		"reject":        {"1001", "ada@example.com", "Not today"},
		"approve_stage": {"1001", "ada@example.com", "Go"},
		"reject_stage":  {"approval-1001", "ada@example.com", "Stop"},
	}
	serviceNow := map[string]wantDecision{
		"approve":          {"A-1001", "beth@example.com", "Within budget"},
		"reject":           {"A-1001", "beth@example.com", "Out of budget"},
		"approve_own_body": {"A-1001", "beth@example.com", "Within budget"},
	}
	return map[string]senderCase{
		"github": {
			settings:  `github: {secrets: SECRETS}`,
			sign:      signHex("X-Hub-Signature-256", "sha256="),
			signature: "X-Hub-Signature-256",
			bodies: map[string]wantDecision{
				"approve":              {"1001", "ada-example", "Looks good"},
				"reject":               {"1001", "ada-example", "Not on a Friday"},
				"approve_pull_request": {"octo-example/hello-world#1001", "ada-example", "Ship it"},
				"reject_pull_request":  {"octo-example/hello-world#1001", "ada-example", "The test is missing"},
			},
		},
		"gitlab": {
			settings: `gitlab: {tokens: SECRETS}`,
			sign:     sendValue("X-Gitlab-Token", ""),
			bodies:   gitlab,
		},
		"gitlab-signed": {
			settings:  `gitlab: {signing_tokens: SECRETS}`,
			folder:    "gitlab",
			sign:      signStandard,
			signsTime: true,
			separator: " ",
			bodies:    gitlab,
		},
		"jira": {
			settings:  `jira: {secrets: SECRETS}`,
			sign:      signHex("X-Hub-Signature", "sha256="),
			signature: "X-Hub-Signature",
			bodies:    jira,
		},
		"jira_data_center": {
			settings:  `jira_data_center: {secrets: SECRETS}`,
			sign:      signHex("X-Hub-Signature", "sha256="),
			signature: "X-Hub-Signature",
			bodies:    jiraDataCenter,
		},
		"jira_data_center-basic": {
			settings: `jira_data_center: {username: relay, passwords: SECRETS}`,
			folder:   "jira_data_center",
			sign:     sendBasic,
			bodies:   jiraDataCenter,
		},
		"servicenow": {
			settings: `servicenow: {username: relay, passwords: SECRETS}`,
			sign:     sendBasic,
			bodies:   serviceNow,
		},
		"servicenow-token": {
			settings: `servicenow: {header: X-Api-Key, tokens: SECRETS}`,
			folder:   "servicenow",
			sign:     sendValue("X-Api-Key", ""),
			bodies:   serviceNow,
		},
		"docusign": {
			settings: `docusign: {secrets: SECRETS}`,
			sign: func(secret string, _ time.Time, body []byte) http.Header {
				return headerOf("X-DocuSign-Signature-1", base64MAC("a key of somebody else", string(body)),
					"X-DocuSign-Signature-2", base64MAC(secret, string(body)))
			},
			signature: "X-DocuSign-Signature-2",
			bodies: map[string]wantDecision{
				"approve": {"A-1001", "ada@example.com", ""},
				"reject":  {"A-1001", "ada@example.com", "The amount is wrong"},
			},
		},
		"adobe_sign": {
			settings: `adobe_sign: {client_ids: [CBJCHBCAABAA], tokens: SECRETS}`,
			query:    "token=SECRET",
			sign: func(string, time.Time, []byte) http.Header {
				return headerOf("X-AdobeSign-ClientId", "CBJCHBCAABAA")
			},
			bodies: map[string]wantDecision{
				"approve":              {"A-1001", "ada@example.com", ""},
				"reject":               {"A-1001", "ada@example.com", ""},
				"approve_agreement_id": {"CBJ1001", "ada@example.com", ""},
			},
		},
		"adobe_sign-web": {
			settings: `adobe_sign: {tokens: SECRETS}`,
			folder:   "adobe_sign",
			query:    "token=SECRET",
			sign: func(string, time.Time, []byte) http.Header {
				return headerOf("X-AdobeSign-ClientId", "UB7E5BXCXY")
			},
			bodies: map[string]wantDecision{"approve": {"A-1001", "ada@example.com", ""}},
		},
		"pagerduty": {
			settings:  `pagerduty: {secrets: SECRETS}`,
			sign:      signHex("X-PagerDuty-Signature", "v1="),
			signature: "X-PagerDuty-Signature",
			separator: ",",
			bodies: map[string]wantDecision{
				"approve": {"A-1001", "PLH1HKV", "approve: the replica is ready"},
				"reject":  {"A-1001", "PLH1HKV", "Rejected, wait for the night"},
			},
		},
		"opsgenie": {
			settings: `opsgenie: {tokens: SECRETS}`,
			sign:     sendValue("Authorization", "Bearer "),
			bodies: map[string]wantDecision{
				"approve": {"A-1001", "ada@example.com", ""},
				"reject":  {"A-1001", "ada@example.com", "Over budget"},
			},
		},
		"zendesk": {
			settings: `zendesk: {secrets: SECRETS}`,
			sign: func(secret string, at time.Time, body []byte) http.Header {
				sent := at.UTC().Format(time.RFC3339)
				return headerOf("X-Zendesk-Webhook-Signature-Timestamp", sent,
					"X-Zendesk-Webhook-Signature", base64MAC(secret, sent+string(body)))
			},
			signsTime: true,
			signature: "X-Zendesk-Webhook-Signature",
			bodies: map[string]wantDecision{
				"approve":     {"A-1001", "ada@example.com", "Within the limit"},
				"reject":      {"A-1001", "ada@example.com", "No"},
				"approve_tag": {"A-1001", "8447388090494", ""},
				"reject_tag":  {"1001", "8447388090494", ""},
			},
		},
		"webflow": {
			settings: `webflow: {secrets: SECRETS}`,
			sign: func(secret string, at time.Time, body []byte) http.Header {
				sent := fmt.Sprint(at.UnixMilli())
				return headerOf("X-Webflow-Timestamp", sent, "X-Webflow-Signature", hexMAC(secret, sent+":"+string(body)))
			},
			signsTime: true,
			signature: "X-Webflow-Signature",
			bodies: map[string]wantDecision{
				"approve": {"A-1001", "source:webflow", "as agreed"},
				"reject":  {"A-1001", "source:webflow", "too much"},
			},
		},
		"stripe": {
			settings: `stripe: {secrets: SECRETS}`,
			sign: func(secret string, at time.Time, body []byte) http.Header {
				sent := fmt.Sprint(at.Unix())
				return headerOf("Stripe-Signature", "t="+sent+",v1="+hexMAC(secret, sent+"."+string(body))+",v0=ignored")
			},
			signsTime: true,
			bodies: map[string]wantDecision{
				"approve":              {"A-1001", "source:stripe", ""},
				"approve_payment_link": {"A-1001", "source:stripe", ""},
				"reject":               {"A-1001", "source:stripe", ""},
				"approve_review":       {"pi_1001", "source:stripe", "approved"},
				"reject_review":        {"pi_1001", "source:stripe", "refunded_as_fraud"},
			},
		},
		"okta": {
			settings: `okta: {tokens: SECRETS}`,
			sign:     sendValue("Authorization", ""),
			bodies: map[string]wantDecision{
				"approve": {"req1001", "ada@example.com", ""},
				"reject":  {"req1001", "ada@example.com", "Not in this quarter"},
			},
		},
		"okta-bearer": {
			settings: `okta: {tokens: SECRETS}`,
			folder:   "okta",
			sign:     sendValue("Authorization", "Bearer "),
			bodies:   map[string]wantDecision{"approve": {"req1001", "ada@example.com", ""}},
		},
		"azure_devops": {
			settings: `azure_devops: {username: relay, passwords: SECRETS}`,
			sign:     sendBasic,
			bodies:   azure,
		},
		"azure_devops-token": {
			settings: `azure_devops: {tokens: SECRETS}`,
			folder:   "azure_devops",
			sign:     sendValue("Authorization", "Bearer "),
			bodies:   azure,
		},
		"teams": {
			settings: `teams: {secrets: SECRETS}`,
			sign: func(secret string, _ time.Time, body []byte) http.Header {
				key, _ := base64.StdEncoding.DecodeString(secret)
				return headerOf("Authorization", "HMAC "+base64MAC(string(key), string(body)))
			},
			bodies: map[string]wantDecision{
				"approve":       {"A-1001", "22222222-0000-4000-8000-000000000000", ""},
				"reject":        {"A-1001", "22222222-0000-4000-8000-000000000000", "it is over budget & late, thanks @Grace"},
				"approve_guest": {"A-1001", "29:1ada", "ok"},
			},
		},
	}
}

func signStandard(secret string, at time.Time, body []byte) http.Header {
	key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	sent := fmt.Sprint(at.Unix())
	return headerOf("Webhook-Id", "id-1", "Webhook-Timestamp", sent,
		"Webhook-Signature", "v1,"+base64MAC(string(key), "id-1."+sent+"."+string(body)))
}

// Secrets are base64, because some senders decode them.
const (
	newSecret   = "bmV3IHNlY3JldCBvZiBhIHNlbmRlciwgMzIgYnl0ZXM="
	oldSecret   = "b2xkIHNlY3JldCBvZiBhIHNlbmRlciwgMzIgYnl0ZXM="
	otherSecret = "YW5vdGhlciBzZWNyZXQgb2Ygbm9ib2R5LCAzMiBieXQ="
)

// presetApp is an App with a source for every known sender. The source NAME has the new secret and then the old one.
type presetApp struct {
	public, operator string // URLs
	orders           int
	log              lockedBuffer
	config           *config.Config
}

func startPresetApp(t *testing.T, more ...string) *presetApp {
	t.Helper()
	var text strings.Builder
	text.WriteString(strings.Join(more, "\n"))
	fmt.Fprintf(&text, `
public: {listen: "127.0.0.1:0"}
operator: {listen: "127.0.0.1:0", tokens: {ops: %q}}
store: {memory: true}
keys: {file: %q}
workflows: {orders: {}, named: {approvers: ["somebody@example.com"]}}
webhooks:
`, reloadToken, filepath.Join(t.TempDir(), "keys"))
	for name, c := range senderCases() {
		settings := strings.ReplaceAll(c.settings, "SECRETS", fmt.Sprintf("[%q, %q]", newSecret, oldSecret))
		fmt.Fprintf(&text, "  %s:\n    %s\n", name, settings)
	}
	c, _, err := config.Parse("presets.yaml", []byte(text.String()), os.Getenv)
	require.NoError(t, err)
	p := &presetApp{config: c}
	a, err := New(t.Context(), c, Options{Log: slog.New(slog.NewTextHandler(&p.log, nil)), Stdout: io.Discard})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended, up := make(chan error, 1), make(chan [2]net.Addr, 1)
	go func() {
		ended <- a.Run(ctx, func(public, operator net.Addr) { up <- [2]net.Addr{public, operator} })
	}()
	select {
	case addresses := <-up:
		p.public, p.operator = "http://"+addresses[0].String(), "http://"+addresses[1].String()
	case err := <-ended:
		t.Fatalf("the program ended: %v\n%s", err, &p.log)
	}
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
	})
	return p
}

func (p *presetApp) call(t *testing.T, method, to string, header http.Header, body []byte) (int, http.Header, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, to, bytes.NewReader(body))
	require.NoError(t, err)
	req.Header = header
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, resp.Header, answer
}

// renumber gives a recorded body and its decision an order of their own.
func (p *presetApp) renumber(body []byte, want wantDecision) ([]byte, wantDecision) {
	p.orders++
	number := fmt.Sprint(2000 + p.orders)
	want.order = strings.Replace(want.order, "1001", number, 1)
	return bytes.ReplaceAll(body, []byte("1001"), []byte(number)), want
}

// ask makes a request for the approval of an order by a person.
func (p *presetApp) ask(t *testing.T, order, approver string) {
	t.Helper()
	request := map[string]any{"orderId": order, "taskToken": "AQC-" + order}
	if !strings.HasPrefix(approver, "source:") {
		request["approvers"] = []string{approver}
	}
	body, err := json.Marshal(request)
	require.NoError(t, err)
	header := headerOf("Authorization", "Bearer "+reloadToken)
	status, _, answer := p.call(t, http.MethodPost, p.operator+"/v1/requests?workflow=orders", header, body)
	require.Equal(t, http.StatusAccepted, status, "%s", answer)
}

// send posts a body as the sender does.
func (p *presetApp) send(t *testing.T, source string, c senderCase, secret string, header http.Header, body []byte) (int, []byte) {
	t.Helper()
	to := p.public + "/webhooks/" + source + "?" + c.queryWith(secret)
	status, _, answer := p.call(t, http.MethodPost, to, header, body)
	return status, answer
}

// requireDecided checks the only vote on an order.
func (p *presetApp) requireDecided(t *testing.T, want wantDecision, outcome string) {
	t.Helper()
	path := p.operator + "/v1/orders/" + strings.NewReplacer("/", "%2F", "#", "%23").Replace(want.order)
	status, _, text := p.call(t, http.MethodGet, path, headerOf("Authorization", "Bearer "+reloadToken), nil)
	require.Equal(t, http.StatusOK, status, "%s", text)
	var order struct {
		Approvals []struct {
			Votes []struct{ DecidedBy, Comment, Outcome string }
		}
	}
	require.NoError(t, json.Unmarshal(text, &order))
	require.Len(t, order.Approvals, 1)
	require.Len(t, order.Approvals[0].Votes, 1, "%s", text)
	vote := order.Approvals[0].Votes[0]
	by := want.by
	if source, is := strings.CutPrefix(by, "source:"); is {
		by = vote.DecidedBy[:len("source:")] + source
	}
	require.Equal(t, by, vote.DecidedBy)
	require.Equal(t, want.comment, vote.Comment)
	require.Equal(t, outcome, vote.Outcome)
}

// TestPresets sends every recorded body of every known sender, signed by either of two secrets.
func TestPresets(t *testing.T) {
	t.Parallel()
	p := startPresetApp(t)
	for source, c := range senderCases() {
		for file, want := range c.bodies {
			outcome, _, _ := strings.Cut(file, "_")
			for _, secret := range []string{newSecret, oldSecret} {
				body, want := p.renumber(c.read(t, source, file), want)
				p.ask(t, want.order, want.by)
				now := time.Now()
				header := c.sign(secret, now, body)
				shown, err := preview.ForDecision(t.Context(), p.config, source, preview.Message{
					Body: body, Headers: header, Query: c.queryWith(secret), SentAt: now,
				})
				require.NoError(t, err, "%s %s", source, file)
				require.Equal(t, "accepted", shown.Signature, "%s %s", source, file)
				require.Equal(t, want.order, shown.OrderID)
				require.Equal(t, outcome, shown.Outcome)
				status, answer := p.send(t, source, c, secret, header, body)
				require.Equal(t, http.StatusOK, status, "%s %s: %s", source, file, answer)
				p.requireDecided(t, want, outcome)
			}
		}
	}
}

// TestPresetsRefuse sends a recorded body of every known sender with a wrong, stale or missing credential.
func TestPresetsRefuse(t *testing.T) {
	t.Parallel()
	p := startPresetApp(t)
	for source, c := range senderCases() {
		body, want := p.renumber(c.read(t, source, "approve"), c.bodies["approve"])
		p.ask(t, want.order, want.by)
		now := time.Now()
		right := c.sign(newSecret, now, body)
		refused := func(what, secret string, header http.Header, body []byte) {
			t.Helper()
			status, answer := p.send(t, source, c, secret, header, body)
			require.Equal(t, http.StatusUnauthorized, status, "%s, %s: %s", source, what, answer)
			require.NotContains(t, string(answer), newSecret)
		}
		refused("wrong secret", otherSecret, c.sign(otherSecret, now, body), body)
		refused("nothing", "", headerOf(), body)
		if c.signature != "" || c.signsTime {
			changed := bytes.Replace(body, []byte("{"), []byte(`{"changed": true, `), 1)
			refused("another body", newSecret, right, changed)
		}
		if c.signsTime {
			refused("stale", newSecret, c.sign(newSecret, now.Add(-time.Hour), body), body)
			refused("from the future", newSecret, c.sign(newSecret, now.Add(time.Hour), body), body)
		}
		if name := c.signature; name != "" {
			broken := right.Clone()
			broken.Set(name, "!"+right.Get(name))
			refused("malformed", newSecret, broken, body)
			two := c.sign(otherSecret, now, body)
			two.Add(name, broken.Get(name))
			refused("two wrong lines", newSecret, two, body)
		}
		status, answer := p.send(t, source, c, newSecret, right, body) // the control: the body and the secret are right
		require.Equal(t, http.StatusOK, status, "%s: %s", source, answer)
		p.requireDecided(t, want, "approve")
	}
}

// TestPresetsTakeSeveralSignatures sends the right signature beside a wrong one, before and after it: in a list, where the
// sender sends lists, and in two lines of the header.
func TestPresetsTakeSeveralSignatures(t *testing.T) {
	t.Parallel()
	p := startPresetApp(t)
	lists := 0
	for source, c := range senderCases() {
		name := c.signature
		if c.separator != "" && name == "" {
			name = "Webhook-Signature"
		}
		if name == "" {
			continue
		}
		lists++
		for _, rightFirst := range []bool{true, false} {
			for _, separator := range []string{c.separator, "\n"} {
				if separator == "" {
					continue
				}
				body, want := p.renumber(c.read(t, source, "approve"), c.bodies["approve"])
				p.ask(t, want.order, want.by)
				now := time.Now()
				header, wrong := c.sign(newSecret, now, body), c.sign(otherSecret, now, body)
				values := []string{header.Get(name), wrong.Get(name)}
				if !rightFirst {
					slices.Reverse(values)
				}
				if separator != "\n" {
					values = []string{strings.Join(values, separator)}
				}
				header[http.CanonicalHeaderKey(name)] = values
				status, answer := p.send(t, source, c, newSecret, header, body)
				require.Equal(t, http.StatusOK, status, "%s, %q: %s", source, separator, answer)
				p.requireDecided(t, want, "approve")
			}
		}
	}
	require.Equal(t, 8, lists)
}

// TestPresetsLeaveOut sends what the senders also post. Files named other_… are no decisions, and those named refused_…
// are decisions that cannot be read.
func TestPresetsLeaveOut(t *testing.T) {
	t.Parallel()
	p := startPresetApp(t)
	for source, c := range senderCases() {
		for kind, want := range map[string]int{"other": http.StatusNoContent, "refused": http.StatusUnprocessableEntity} {
			files, err := filepath.Glob(filepath.Join(c.dir(source), kind+"_*.json"))
			require.NoError(t, err)
			for _, file := range files {
				body, err := os.ReadFile(file)
				require.NoError(t, err)
				status, answer := p.send(t, source, c, newSecret, c.sign(newSecret, time.Now(), body), body)
				if source == "teams" && kind == "refused" { // the person who wrote the message reads the answer
					require.Equal(t, http.StatusOK, status)
					require.Contains(t, string(answer), "Not recorded: o") // order or outcome
					continue
				}
				require.Equal(t, want, status, "%s %s: %s", source, file, answer)
			}
		}
	}
}

// TestPresetsAreRecorded compares the cases with the kinds and with the recorded bodies.
func TestPresetsAreRecorded(t *testing.T) {
	t.Parallel()
	tested := map[string]bool{}
	for source, c := range senderCases() {
		folder := filepath.Base(c.dir(source))
		tested[folder] = true
		if folder != source && len(c.bodies) == 1 { // another case of the folder has all bodies
			continue
		}
		files, err := filepath.Glob(filepath.Join(c.dir(source), "*.json"))
		require.NoError(t, err)
		for _, file := range files {
			name := strings.TrimSuffix(filepath.Base(file), ".json")
			if _, ok := c.bodies[name]; !ok && !strings.HasPrefix(name, "other_") && !strings.HasPrefix(name, "refused_") {
				t.Errorf("%s is not sent by %s", file, source)
			}
		}
	}
	senders := 0
	for _, kind := range config.SchemeKinds() {
		if _, isSender := kind.New().(preset.Sender); isSender {
			senders++
			require.True(t, tested[kind.Name], "there are recorded bodies of %s", kind.Name)
		}
	}
	require.Len(t, tested, senders)
}

// TestPresetsRegister sends what Okta and Acrobat Sign send before the first event. A wrong credential is refused.
func TestPresetsRegister(t *testing.T) {
	t.Parallel()
	p := startPresetApp(t)
	get := func(path string, header http.Header) (int, http.Header, string) {
		t.Helper()
		status, answered, body := p.call(t, http.MethodGet, p.public+path, header, nil)
		return status, answered, string(body)
	}
	const challenge = "X-Okta-Verification-Challenge"
	for _, secret := range []string{newSecret, oldSecret} {
		status, header, body := get("/webhooks/okta", headerOf("Authorization", secret, challenge, "3f9c1a"))
		require.Equal(t, http.StatusOK, status)
		require.JSONEq(t, `{"verification": "3f9c1a"}`, body)
		require.Equal(t, "application/json", header.Get("Content-Type"))

		client := headerOf("X-AdobeSign-ClientId", "CBJCHBCAABAA")
		status, header, body = get("/webhooks/adobe_sign?token="+url.QueryEscape(secret), client)
		require.Equal(t, http.StatusOK, status, body)
		require.Equal(t, "CBJCHBCAABAA", header.Get("X-AdobeSign-ClientId"))
		require.JSONEq(t, `{"xAdobeSignClientId": "CBJCHBCAABAA"}`, body)
	}
	status, _, body := get("/webhooks/okta", headerOf("Authorization", otherSecret, challenge, "3f9c1a"))
	require.Equal(t, http.StatusUnauthorized, status)
	require.NotContains(t, body, "3f9c1a")
	for _, path := range []string{"/webhooks/adobe_sign?token=" + url.QueryEscape(otherSecret), "/webhooks/adobe_sign?token=" + url.QueryEscape(newSecret)} {
		status, header, body := get(path, headerOf("X-AdobeSign-ClientId", "SOMEBODY"))
		require.Equal(t, http.StatusUnauthorized, status)
		require.Empty(t, header.Get("X-AdobeSign-ClientId"))
		require.NotContains(t, body, "SOMEBODY")
	}
	for _, source := range []string{"github", "jira", "teams", "okta", "adobe_sign"} {
		status, _, _ := get("/webhooks/"+source, headerOf())
		require.Equal(t, http.StatusMethodNotAllowed, status, source)
	}

	// Every event of Acrobat Sign is answered with the client ID, or it is sent again.
	c := senderCases()["adobe_sign"]
	for _, file := range []string{"approve", "other_action"} {
		event, want := p.renumber(c.read(t, "adobe_sign", file), c.bodies["approve"])
		p.ask(t, want.order, want.by)
		to := p.public + "/webhooks/adobe_sign?" + c.queryWith(newSecret)
		_, header, _ := p.call(t, http.MethodPost, to, c.sign(newSecret, time.Now(), event), event)
		require.Equal(t, "CBJCHBCAABAA", header.Get("X-AdobeSign-ClientId"), file)
	}
}

// TestTeamsReads sends messages of Teams. Each answer is a message for the thread, refusals too, and the operator learns of
// these. A wrong signature is refused as everywhere.
func TestTeamsReads(t *testing.T) {
	t.Parallel()
	p := startPresetApp(t)
	c := senderCases()["teams"]
	p.ask(t, "A-1", "22222222-0000-4000-8000-000000000000")
	message := func(text, person string) []byte {
		return fmt.Appendf(nil, `{"type": "message", "id": %q, "conversation": {"id": "c"}, "text": "<at>approvals</at> %s", "from": {"aadObjectId": %q}}`,
			text, text, person)
	}
	say := func(text, person string) string {
		t.Helper()
		body := message(text, person)
		status, answer := p.send(t, "teams", c, newSecret, c.sign(newSecret, time.Now(), body), body)
		require.Equal(t, http.StatusOK, status, "%s", answer)
		var reply struct{ Type, Text string }
		require.NoError(t, json.Unmarshal(answer, &reply))
		require.Equal(t, "message", reply.Type)
		return reply.Text
	}
	const ada, eve = "22222222-0000-4000-8000-000000000000", "66666666-0000-4000-8000-000000000000"
	require.Contains(t, say("approve A-1", eve), "Not recorded: decision refused (not_approver)")
	require.Contains(t, say("perhaps A-1", ada), "neither an approval nor a rejection")
	require.Contains(t, say("approve <b>A-9</b>", ada), "Nothing waits for a decision about &lt;b&gt;A-9&lt;/b&gt; yet")
	require.Equal(t, "Recorded: A-1 is approved.", say("approve A-1", ada))
	require.Equal(t, "It was recorded before: A-1 is approved.", say("approve A-1", ada))
	require.Contains(t, say("reject A-1", ada), "Not recorded: decision refused (conflict)")

	body := message("approve A-1", ada)
	status, answer := p.send(t, "teams", c, newSecret, c.sign(otherSecret, time.Now(), body), body)
	require.Equal(t, http.StatusUnauthorized, status)
	require.NotContains(t, string(answer), "message\"")

	for _, refused := range []string{"reason=decision", "status=403", "reason=field", "status=422", "reason=mismatch", "status=401"} {
		require.Contains(t, p.log.String(), refused)
	}
}

// TestPresetsNamePeopleByAlias decides for an approver who is named by e-mail address, while the sender knows another
// name. The control: an account that nobody has as an alias is refused.
func TestPresetsNamePeopleByAlias(t *testing.T) {
	t.Parallel()
	p := startPresetApp(t, `people: {mia@example.com: {aliases: [5b10a2844c20165700ede21g]}}`)
	c := senderCases()["jira"]
	body, want := p.renumber(c.read(t, "jira", "approve"), c.bodies["approve"])
	p.ask(t, want.order, "mia@example.com")
	stranger := bytes.ReplaceAll(body, []byte("5b10a2844c20165700ede21g"), []byte("5b10a2844c20165700ede99z"))
	status, answer := p.send(t, "jira", c, newSecret, c.sign(newSecret, time.Now(), stranger), stranger)
	require.Equal(t, http.StatusForbidden, status, "%s", answer)
	status, answer = p.send(t, "jira", c, newSecret, c.sign(newSecret, time.Now(), body), body)
	require.Equal(t, http.StatusOK, status, "%s", answer)
	want.by = "mia@example.com"
	p.requireDecided(t, want, "approve")
}

// TestGitHubContentTypes sends a review as GitHub does with either content type, and a body of another program. The
// signature covers the bytes, so that a header changes nothing. The digits of a signature may be capitals.
func TestGitHubContentTypes(t *testing.T) {
	t.Parallel()
	p := startPresetApp(t)
	c := senderCases()["github"]
	for _, contentType := range []string{"application/json", "application/x-www-form-urlencoded", "text/plain", ""} {
		for _, isForm := range []bool{false, true} {
			body, want := p.renumber(c.read(t, "github", "approve_pull_request"), c.bodies["approve_pull_request"])
			if isForm {
				body = []byte(url.Values{"payload": {string(body)}}.Encode())
			}
			p.ask(t, want.order, want.by)
			header := c.sign(newSecret, time.Now(), body)
			header.Set("Content-Type", contentType)
			status, answer := p.send(t, "github", c, newSecret, header, body)
			require.Equal(t, http.StatusOK, status, "%q, form %v: %s", contentType, isForm, answer)
			p.requireDecided(t, want, "approve")
		}
	}
	body := []byte(`{"orderId": "A-8", "decision": "approve", "decidedBy": "ann@example.com", "comment": "ok 👍 ß"}`)
	p.ask(t, "A-8", "ann@example.com")
	header := headerOf("X-Hub-Signature-256", "sha256="+strings.ToUpper(hexMAC(newSecret, string(body))))
	status, answer := p.send(t, "github", c, newSecret, header, body)
	require.Equal(t, http.StatusOK, status, "%s", answer)
	p.requireDecided(t, wantDecision{"A-8", "ann@example.com", "ok 👍 ß"}, "approve")
}

// read returns a recorded body.
func (c senderCase) read(t *testing.T, source, file string) []byte {
	t.Helper()
	body, err := os.ReadFile(filepath.Join(c.dir(source), file+".json"))
	require.NoError(t, err)
	return body
}

// queryWith returns the query of the sender's URL.
func (c senderCase) queryWith(secret string) string {
	return strings.ReplaceAll(c.query, "SECRET", url.QueryEscape(secret))
}

func (c senderCase) dir(source string) string {
	if c.folder != "" {
		source = c.folder
	}
	return filepath.Join("..", "webhook", "preset", "testdata", source)
}

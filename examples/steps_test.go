package examples

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"html"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/examples/internal/sandbox"
	"github.com/approval-relay/approval-relay/notify/slack/slacktest"
)

// stepLimit is the longest time that a step waits.
const stepLimit = time.Minute

// firstMessage returns the first message of a system to an approver.
func (r run) firstMessage(system, to string) sandbox.Message {
	ctx, cancel := context.WithTimeout(r.Context(), stepLimit)
	defer cancel()
	m, err := r.WaitForMessage(ctx, system, to)
	require.NoError(r, err)
	return m
}

// nextMessage returns the message of a system to an approver that has another link than an earlier message.
func (r run) nextMessage(system, to string, earlier sandbox.Message) (next sandbox.Message) {
	require.Eventually(r, func() bool {
		for _, m := range r.Messages() {
			if m.System == system && m.To == to && m.Link != earlier.Link {
				next = m
			}
		}
		return next.Link != ""
	}, stepLimit, 10*time.Millisecond)
	return next
}

// waitForAnswer returns the answer to the workflow.
func (r run) waitForAnswer() sandbox.Answer {
	ctx, cancel := context.WithTimeout(r.Context(), stepLimit)
	defer cancel()
	answer, err := r.WaitForAnswer(ctx)
	require.NoError(r, err)
	return answer
}

// pressButton presses a button of a message in Slack.
func (r run) pressButton(m sandbox.Message, email, action string) {
	i := slices.IndexFunc(r.Slack.Users, func(u slacktest.User) bool { return u.Email == email })
	require.GreaterOrEqual(r, i, 0)
	secret := sandbox.Environment("SLACK_SIGNING_SECRET")
	req := r.Slack.PressButton(secret, time.Now(), r.Slack.Users[i], m.Slack, action)
	body, err := io.ReadAll(req.Body)
	require.NoError(r, err)
	require.Equal(r, http.StatusOK, r.postBody(r.Public+"/slack/interactions", req.Header, string(body)))
}

// loadPage returns the page of a link.
func (r run) loadPage(link string) string {
	resp, err := r.client.Get(link)
	require.NoError(r, err)
	defer func() { _ = resp.Body.Close() }()
	page, err := io.ReadAll(resp.Body)
	require.NoError(r, err)
	require.Equal(r, http.StatusOK, resp.StatusCode, "%s", page)
	return string(page)
}

var (
	signInLink  = regexp.MustCompile(`<a class="go" href="([^"]+)">Sign in to decide</a>`)
	hiddenInput = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)"`)
)

// signIn signs in, if the page of a link asks for it, and returns the link.
func (r run) signIn(link string) string {
	if m := signInLink.FindStringSubmatch(r.loadPage(link)); m != nil {
		base, err := url.Parse(link)
		require.NoError(r, err)
		to, err := base.Parse(m[1])
		require.NoError(r, err)
		r.loadPage(to.String())
	}
	return link
}

// decideByLink decides by the form of a link's page, with values as pairs of a field and its text.
func (r run) decideByLink(link, choice string, values ...string) {
	page := r.loadPage(r.signIn(link))
	form := url.Values{"choice": {choice}, "comment": {"a comment"}}
	if len(values) > 0 { // the button of the choice opens its fields
		page = r.postForm(link, page, form)
		for i := 0; i < len(values); i += 2 {
			form.Set("value."+values[i], values[i+1])
		}
	}
	require.NotContains(r, r.postForm(link, page, form), `class="fault"`)
}

// postForm sends the form of a page, with its hidden inputs, and returns the page that follows.
func (r run) postForm(link, page string, form url.Values) string {
	for _, m := range hiddenInput.FindAllStringSubmatch(page, -1) {
		form.Set(m[1], html.UnescapeString(m[2]))
	}
	resp, err := r.client.PostForm(link, form)
	require.NoError(r, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	require.NoError(r, err)
	require.Equal(r, http.StatusOK, resp.StatusCode, "%s", text)
	return string(text)
}

// postGitHub posts a body as GitHub does, and returns the status.
func (r run) postGitHub(body string) int {
	mac := hmac.New(sha256.New, []byte(sandbox.Environment("GITHUB_WEBHOOK_SECRET")))
	mac.Write([]byte(body))
	header := http.Header{
		"Content-Type":        {"application/json"},
		"X-Github-Event":      {"deployment_review"},
		"X-Hub-Signature-256": {"sha256=" + hex.EncodeToString(mac.Sum(nil))},
	}
	require.Equal(r, http.StatusUnauthorized, r.postBody(r.Public+"/webhooks/github", http.Header{}, body))
	return r.postBody(r.Public+"/webhooks/github", header, body)
}

// postStandard posts a body with the signature of Standard Webhooks, and returns the status.
func (r run) postStandard(source, secret, body string) int {
	signer, err := standardwebhooks.NewWebhook(sandbox.Environment(secret))
	require.NoError(r, err)
	id, now := rand.Text(), time.Now()
	signature, err := signer.Sign(id, now, []byte(body))
	require.NoError(r, err)
	header := http.Header{
		"Content-Type":      {"application/json"},
		"Webhook-Id":        {id},
		"Webhook-Timestamp": {strconv.FormatInt(now.Unix(), 10)},
		"Webhook-Signature": {signature},
	}
	require.Equal(r, http.StatusUnauthorized, r.postBody(r.Public+"/webhooks/"+source, http.Header{}, body))
	return r.postBody(r.Public+"/webhooks/"+source, header, body)
}

func (r run) postBody(to string, header http.Header, body string) int {
	req, err := http.NewRequestWithContext(r.Context(), http.MethodPost, to, strings.NewReader(body))
	require.NoError(r, err)
	req.Header = header
	resp, err := http.DefaultClient.Do(req)
	require.NoError(r, err)
	defer func() { _ = resp.Body.Close() }()
	return resp.StatusCode
}

// jsonField returns a field of a JSON object by its path.
func jsonField(r run, text string, path ...string) any {
	var value any
	require.NoError(r, json.Unmarshal([]byte(text), &value))
	for _, name := range path {
		object, ok := value.(map[string]any)
		require.True(r, ok, "%s of %s", name, text)
		value = object[name]
	}
	return value
}

func fieldNames(m map[string]any) []string { return slices.Collect(maps.Keys(m)) }

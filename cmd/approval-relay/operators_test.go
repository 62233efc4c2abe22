package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/signin/signintest"
)

// consoleAddress is the address of the console as browsers have it. The browser of this test goes to the worker.
const consoleAddress = "localhost:7"

// office is a running worker with operators of every role, some of whom sign in at a provider.
type office struct {
	*running
	provider *signintest.Provider
	file     string
}

func newOffice(t *testing.T) *office {
	t.Helper()
	p, provider := newPlace(t), signintest.Start()
	t.Cleanup(provider.Close)
	provider.Redirect = "http://" + consoleAddress + "/console/oidc-callback"
	file := p.file(t, true, `approvers: [ann@example.com]
    four_eyes: true
    decision: {receipt: true}
  refunds:
    approvers: [rita@example.com]`)
	operators := `tokens:
    ops: "${OPERATOR}"
    ben: {token: ben-token-0123456789abcdef, role: operator, workflows: [orders]}
    cleo: {token: cleo-token-0123456789abcdef, role: auditor}
    screen: {token: screen-token-0123456789abcdef, role: viewer, workflows: [refunds]}
    prometheus: {token: prometheus-token-0123456789abcdef, role: metrics}
  url: http://` + consoleAddress + `
  oidc:
    issuer: ` + provider.URL + `
    client_id: ` + signintest.ClientID + `
    client_secret: ` + signintest.ClientSecret + `
    roles: {viewer: [staff], operator: [desk]}
    workflows: {desk: [orders]}`
	text := strings.Replace(read(t, file), `tokens: {ops: "${OPERATOR}"}`, operators, 1)
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return &office{p.start(t, file), provider, file}
}

// askOrder asks for an approval of the workflow orders, and returns its task token.
func (o *office) askOrder(t *testing.T, order string) string {
	t.Helper()
	token := o.aws.StepFunctions.OpenTask(time.Hour, 0)
	got := o.program(t, "/v1/requests?workflow=orders", fmt.Sprintf(`{"orderId":%q,"taskToken":%q}`, order, token))
	require.Equal(t, http.StatusAccepted, got.status, got.text)
	return token
}

// as runs a command with the token of an operator.
func (o *office) as(t *testing.T, name string, want int, args ...string) string {
	t.Helper()
	token := name + "-token-0123456789abcdef"
	if name == "ops" {
		token = operatorSecret
	}
	status, stdout, stderr := command(t, append(args, "--url", o.operator, "--token", token)...)
	require.Equal(t, want, status, "%s %v\n%s\n%s", name, args, stdout, stderr)
	return stdout + stderr
}

// end stops the worker. Its log has no secret of an operator or of the provider.
func (o *office) end(t *testing.T) {
	t.Helper()
	require.NoError(t, o.stop())
	noSecrets(t, o.running)
	require.NotContains(t, o.log.String(), "token-0123456789")
	require.NotContains(t, o.log.String(), signintest.ClientSecret)
}

// visitor is the browser of a person.
type visitor struct{ client *http.Client }

func (o *office) visitor(t *testing.T) visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		if address == consoleAddress {
			address = strings.TrimPrefix(o.operator, "http://")
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	transport := &http.Transport{DialContext: dial}
	t.Cleanup(transport.CloseIdleConnections)
	return visitor{&http.Client{Jar: jar, Transport: transport}}
}

// signIn signs a person in at the provider with groups, and returns the page behind the sign-in.
func (o *office) signIn(t *testing.T, email string, groups ...string) (b visitor, page string) {
	t.Helper()
	o.provider.Sign(signintest.Sample{Claims: map[string]any{
		"sub": email, "email": email, "email_verified": true, "groups": groups,
	}}, nil)
	b = o.visitor(t)
	_, page = b.get(t, "oidc?next=")
	return b, page
}

func (b visitor) get(t *testing.T, page string) (status int, text string) {
	t.Helper()
	resp, err := b.client.Get("http://" + consoleAddress + "/console/" + page)
	return bodyOf(t, resp, err)
}

// press sends the form of a page with an action.
func (b visitor) press(t *testing.T, page, action string, with url.Values) (status int, text string) {
	t.Helper()
	form := regexp.MustCompile(`(?s)<form method="post" action="` + action + `".*?</form>`).FindString(page)
	require.NotEmpty(t, form, "%s", page)
	sent := url.Values{}
	for _, m := range regexp.MustCompile(`type="hidden" name="([^"]+)" value="([^"]*)"`).FindAllStringSubmatch(form, -1) {
		sent.Set(m[1], m[2])
	}
	for name := range with {
		sent.Set(name, with.Get(name))
	}
	resp, err := b.client.PostForm("http://"+consoleAddress+"/console/"+action, sent)
	return bodyOf(t, resp, err)
}

func bodyOf(t *testing.T, resp *http.Response, err error) (status int, text string) {
	t.Helper()
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(body)
}

// TestRolesOnTheCommandLine holds that each role sees and does what it is for, in the built program.
func TestRolesOnTheCommandLine(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.askOrder(t, "o-1")
	o.as(t, "ops", 0, "ask", "r-1", "--workflow=refunds", "--title=Refund", "--task-token=t")

	for name, sees := range map[string][2]bool{
		"ops":    {true, true},
		"cleo":   {true, true},
		"ben":    {true, false},
		"screen": {false, true},
	} {
		list := o.as(t, name, 0, "requests")
		require.Equal(t, [2]bool{strings.Contains(list, "o-1"), strings.Contains(list, "r-1")}, sees, "%s\n%s", name, list)
	}
	o.as(t, "ben", statusNotFound, "show", "r-1")
	o.as(t, "ben", statusNotFound, "cancel", "r-1", "--reason=x")
	o.as(t, "screen", statusNotFound, "show", "o-1")
	require.Contains(t, o.as(t, "screen", statusRefused, "cancel", "r-1", "--reason=x"), `needs the right "act"`)
	o.as(t, "screen", statusRefused, "export")
	o.as(t, "cleo", statusRefused, "cancel", "r-1", "--reason=x")
	require.Contains(t, o.as(t, "cleo", 0, "export", "--state=all"), "r-1")
	o.as(t, "ben", statusRefused, "reload")
	o.as(t, "prometheus", statusRefused, "requests")
	for name, want := range map[string]int{"prometheus": http.StatusOK, "screen": http.StatusForbidden} {
		got := do(t, "GET", o.operator+"/metrics", "", "Authorization", "Bearer "+name+"-token-0123456789abcdef")
		require.Equal(t, want, got.status, name)
	}

	// A role that is taken away ends at the reload.
	text := strings.Replace(read(t, o.file), "role: operator, workflows: [orders]", "role: viewer, workflows: [refunds]", 1)
	require.NoError(t, os.WriteFile(o.file, []byte(text), 0o600))
	o.as(t, "ops", 0, "reload")
	o.as(t, "ben", statusNotFound, "show", "o-1")
	o.as(t, "ben", 0, "show", "r-1")
	o.as(t, "ben", statusRefused, "cancel", "r-1", "--reason=x")
	o.end(t)
}

// TestTwoOperatorsApprove holds that a decision of one operator at the command line waits for another one, who has
// signed in at the provider, and that the answer to the workflow and the receipt name both.
func TestTwoOperatorsApprove(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	token := o.askOrder(t, "o-1")

	out := o.as(t, "ben", 0, "decide", "approve", "o-1", "--reason=by phone")
	require.Contains(t, out, "proposed, the approval is pending")
	id := regexp.MustCompile(`approval-relay confirm o-1 (\S+)`).FindStringSubmatch(out)[1]
	require.Regexp(t, `(?m)^  proposal +`+id+`: approve, by ben, waits for a second operator until .*reason: by phone$`,
		o.as(t, "ben", 0, "show", "o-1"))
	require.Contains(t, o.as(t, "cleo", 0, "requests"), "a second operator, ann@example.com")
	require.Contains(t, o.as(t, "ben", statusConflict, "confirm", "o-1", id), "proposer")
	o.as(t, "screen", statusRefused, "confirm", "o-1", id)
	require.Contains(t, o.as(t, "ops", statusNotFound, "confirm", "o-1", "other"), "proposal: not found")
	task, _ := o.aws.StepFunctions.FindTask(token)
	require.Empty(t, task.Output)

	_, page := o.signIn(t, "eve@example.com", "strangers")
	require.NotContains(t, page, "o-1")
	viewer, _ := o.signIn(t, "vera@example.com", "staff")
	status, page := viewer.get(t, "order?id=o-1")
	require.Equal(t, http.StatusOK, status)
	require.NotContains(t, page, `action="confirm"`)
	require.NotContains(t, page, `action="decide"`)

	dana, _ := o.signIn(t, "dana@example.com", "desk")
	_, page = dana.get(t, "order?id=o-1")
	require.Contains(t, page, "Waits for a second operator")
	status, page = dana.press(t, page, "confirm", nil)
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, page, "confirmed by <bdi>dana@example.com</bdi>")

	ctx, cancel := context.WithTimeout(t.Context(), hangLimit)
	defer cancel()
	task, err := o.aws.StepFunctions.WaitForTask(ctx, token)
	require.NoError(t, err)
	answer := task.Output
	require.Contains(t, answer, `"principal":"operator:ben"`)
	require.Contains(t, answer, `"confirmedBy":"operator:dana@example.com"`)
	require.Contains(t, o.as(t, "cleo", 0, "show", "o-1"), "approve by ben, via operator, ")
	o.as(t, "screen", statusNotFound, "receipt", "o-1")
	parts := strings.Split(strings.TrimSpace(o.as(t, "cleo", 0, "receipt", "o-1")), ".")
	require.Len(t, parts, 3)
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	require.NoError(t, err)
	require.Contains(t, string(payload), `"confirmedBy":"operator:dana@example.com"`)
	require.Contains(t, o.as(t, "ops", statusConflict, "confirm", "o-1", id), "confirmed the proposal already")
	o.end(t)
}

package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/signin/signintest"
	"github.com/approval-relay/approval-relay/test/emulator"
	"github.com/approval-relay/approval-relay/test/internal/loopback"
)

// relay is a process of the built program with operators who sign in at a provider.
type relay struct {
	operator string // base URL
	aws      *emulator.Server
	oidc     *signintest.Provider
}

const adminToken = "roles-admin-0123456789abcdef"

func startRelay(t *testing.T) *relay {
	t.Helper()
	aws, err := emulator.Start()
	require.NoError(t, err)
	t.Cleanup(func() { _ = aws.Close() })
	for _, queue := range []string{"orders", "refunds"} {
		aws.SQS.CreateQueue(queue)
	}
	public, err := loopback.Address()
	require.NoError(t, err)
	operator, err := loopback.Address()
	require.NoError(t, err)
	r := &relay{operator: "http://" + operator, aws: aws, oidc: signintest.Start()}
	t.Cleanup(r.oidc.Close)
	r.oidc.Redirect = r.operator + "/console/oidc-callback"
	dir := t.TempDir()
	file := filepath.Join(dir, "relay.yaml")
	require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, `
public: {listen: %q, url: "http://%s"}
operator:
  listen: %q
  url: %q
  tokens: {root: %q}
  four_eyes: true
  oidc:
    issuer: %q
    client_id: %s
    client_secret: %s
    roles: {viewer: [staff], auditor: [audit], operator: [desk], admin: [admins]}
    workflows: {desk: [orders]}
keys: {file: %q}
store: {sqlite: %q}
aws: {region: us-east-1, endpoint: %q}
channels: {log: {log: {}}}
targets: {stepfunctions: {stepfunctions: {}}}
workflows:
  orders: {requests: {sqs: {queue: orders}}, approvers: [ann@example.com], notify: [log]}
  refunds: {requests: {sqs: {queue: refunds}}, approvers: [rita@example.com], notify: [log]}
`, public, public, operator, r.operator, adminToken, r.oidc.URL, signintest.ClientID, signintest.ClientSecret,
		filepath.Join(dir, "keys"), filepath.Join(dir, "relay.db"), aws.URL()), 0o600))
	binary := filepath.Join(dir, "approval-relay")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../../cmd/approval-relay").CombinedOutput()
	require.NoError(t, err, "%s", out)
	worker := exec.CommandContext(t.Context(), binary, "run", "--config.file="+file)
	worker.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=x", "AWS_SECRET_ACCESS_KEY=x", "AWS_EC2_METADATA_DISABLED=true")
	require.NoError(t, worker.Start())
	t.Cleanup(func() { _ = worker.Process.Kill(); _ = worker.Wait() })
	require.Eventually(t, func() bool { return r.call(t, "GET", "/readyz", "") == http.StatusOK }, time.Minute, 50*time.Millisecond)
	return r
}

// call calls the operator's API with the token of the admin.
func (r *relay) call(t *testing.T, method, path, body string) (status int) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, r.operator+path, strings.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+adminToken)
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

// signIn signs a person with a group in, in the place of whoever was signed in before.
func (r *relay) signIn(t *testing.T, ctx context.Context, person, group string) {
	t.Helper()
	_, err := chromedp.Call(ctx, network.ClearBrowserCookies, cdp.Empty{})
	require.NoError(t, err)
	r.oidc.Sign(signintest.Sample{Claims: map[string]any{
		"sub": person, "email": person, "email_verified": true, "groups": []string{group},
	}}, nil)
	perform(t, ctx, chromedp.Navigate(r.operator+"/console/"))
	perform(t, ctx, chromedp.Click(`a[href*="oidc?next"]`))
	waitForText(t, ctx, person)
}

// consolePage is a page as a walk has found it.
type consolePage struct {
	Status int
	Text   string
	Forms  []string // the actions of forms that change something
	Links  []string
}

// walk visits every page of the console that a link leads to, at most 40, and returns them by address. It leaves out exports,
// which the browser would save.
func (r *relay) walk(t *testing.T, ctx context.Context) map[string]consolePage {
	t.Helper()
	const script = `JSON.stringify({
  status: performance.getEntriesByType("navigation")[0].responseStatus,
  text: document.body.textContent,
  forms: [...document.querySelectorAll("form[method=post]")].map(f => f.getAttribute("action")),
  links: [...document.querySelectorAll("a[href]")].map(a => a.href.replace(/#.*/, "")),
})`
	pages := map[string]consolePage{}
	todo := []string{r.operator + "/console/"}
	for len(todo) > 0 && len(pages) < 40 {
		at := todo[0]
		todo = todo[1:]
		if _, seen := pages[at]; seen || !strings.HasPrefix(at, r.operator+"/console/") || strings.Contains(at, "/export?") {
			continue
		}
		perform(t, ctx, chromedp.Navigate(at))
		var page consolePage
		require.NoError(t, json.Unmarshal([]byte(evaluate(t, ctx, chromedp.Evaluate[string](script))), &page))
		pages[at] = page
		todo = append(todo, page.Links...)
	}
	return pages
}

// Operators who sign in at a provider see and are offered what their role is for, on every page that a link leads to. An act of one
// takes effect when another has confirmed it.
func TestOperatorsOfEveryRole(t *testing.T) {
	t.Parallel()
	ctx := startBrowser(t)
	r := startRelay(t)
	token := r.aws.StepFunctions.OpenTask(time.Hour, 0)
	for _, order := range []string{"orders O-1 " + token, "refunds R-1 " + r.aws.StepFunctions.OpenTask(time.Hour, 0)} {
		f := strings.Fields(order)
		body := fmt.Sprintf(`{"orderId":%q,"taskToken":%q,"title":"Title of %s"}`, f[1], f[2], f[1])
		require.Equal(t, http.StatusAccepted, r.call(t, "POST", "/v1/requests?workflow="+f[0], body))
	}
	r.aws.SQS.PutMessage("orders", `{"body":"of an orders letter"}`, nil)
	r.aws.SQS.PutMessage("refunds", `{"body":"of a refunds letter"}`, nil)

	acts := []string{"act", "controls", "dead-letters", "decide", "dismiss", "redrive"}
	for _, c := range []struct {
		person, group string
		sees          []string
		never         []string
		forms         []string // besides signing out
	}{
		{"vera@example.com", "staff", []string{"O-1", "R-1"}, []string{"of an orders letter"}, nil},
		{"aude@example.com", "audit", []string{"O-1", "R-1"}, nil, []string{"dead-letters"}}, // shows the bodies
		{"dana@example.com", "desk", []string{"O-1"}, []string{"R-1", "rita@example.com", "refunds"}, acts},
		{"adam@example.com", "admins", []string{"O-1", "R-1"}, nil, acts},
	} {
		r.signIn(t, ctx, c.person, c.group)
		pages := r.walk(t, ctx)
		require.Greater(t, len(pages), 15, c.person)
		var all strings.Builder
		forms := map[string]bool{}
		for at, p := range pages {
			require.Equal(t, http.StatusOK, p.Status, "%s: %s\n%s", c.person, at, p.Text)
			for _, text := range c.never {
				require.NotContains(t, p.Text, text, "%s: %s", c.person, at)
			}
			for _, f := range p.Forms {
				forms[f] = true
			}
			all.WriteString(p.Text)
		}
		for _, text := range c.sees {
			require.Contains(t, all.String(), text, c.person)
		}
		delete(forms, "signout")
		require.Equal(t, c.forms, slices.Sorted(maps.Keys(forms)), "what %s is offered", c.person)
	}

	r.signIn(t, ctx, "dana@example.com", "desk")
	orderPage := r.operator + "/console/order?id=O-1"
	perform(t, ctx, chromedp.Navigate(orderPage), chromedp.Click(`//details[@class="decide"]/summary`),
		chromedp.SendKeys(`form[action="decide"] textarea[name="reason"]`, "by phone"),
		chromedp.Click(`form[action="decide"] button[value="approve"]`))
	waitForText(t, ctx, "You proposed it: somebody else has to confirm it.")
	r.signIn(t, ctx, "vera@example.com", "staff")
	perform(t, ctx, chromedp.Navigate(orderPage))
	waitForText(t, ctx, "Waiting for a second operator")
	require.NotContains(t, evaluate(t, ctx, chromedp.Evaluate[string](`document.body.innerHTML`)), `action="confirm"`)
	task, _ := r.aws.StepFunctions.FindTask(token)
	require.Empty(t, task.Output, "nothing is decided yet")

	r.signIn(t, ctx, "adam@example.com", "admins")
	perform(t, ctx, chromedp.Navigate(orderPage), chromedp.Click(`form[action="confirm"] button`))
	waitForText(t, ctx, "confirmed by adam@example.com")
	task, err := r.aws.StepFunctions.WaitForTask(ctx, token)
	require.NoError(t, err)
	require.Contains(t, task.Output, `"principal":"operator:dana@example.com"`)
	require.Contains(t, task.Output, `"confirmedBy":"operator:adam@example.com"`)
}

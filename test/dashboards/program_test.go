package dashboards

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/notify/slack/slacktest"
	"github.com/approval-relay/approval-relay/test/emulator"
	"github.com/approval-relay/approval-relay/test/internal/loopback"
	"github.com/approval-relay/approval-relay/test/internal/overlay"
	"github.com/approval-relay/approval-relay/tracing/tracingtest"
)

// Secrets of the run.
const (
	operatorToken = "board-operator-0123456789abcdef"
	apiToken      = "board-api-0123456789abcdef"
	hookToken     = "board-webhook-0123456789abcdef"
	signingSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	slackSecret   = "board-slack-0123456789abcdef"
)

// world is the built program and the services around it.
type world struct {
	dir      string
	binary   string
	public   string // host:port
	operator string
	aws      *emulator.Server
	front    *faultyAWS
	hooks    *receiver
	slack    *slacktest.Server
	spans    *tracingtest.Collector
	proc     *exec.Cmd
}

// newWorld builds the program and starts the services around it.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{
		dir:      t.TempDir(),
		public:   freeAddress(t),
		operator: freeAddress(t),
		hooks:    &receiver{links: map[string]string{}, seen: map[string]int{}},
	}
	var err error
	w.binary, err = overlay.Build(w.dir, "cmd/approval-relay", overlay.Edit{ // the run is shorter than that
		File: "app/observe.go", Old: "const readDepth = 5 * time.Minute", New: "const readDepth = 200 * time.Millisecond",
	})
	require.NoError(t, err)
	w.aws, err = emulator.Start()
	require.NoError(t, err)
	t.Cleanup(func() { _ = w.aws.Close() })
	for _, q := range []string{"orders", "orders-dead", "payments", "decisions"} {
		w.aws.SQS.CreateQueue(q)
	}
	w.front = &faultyAWS{aws: w.aws, faults: map[string]fault{}}
	w.spans = tracingtest.StartCollector()
	t.Cleanup(w.spans.Close)
	w.slack = slacktest.StartServer(slacktest.User{ID: "U0ANN", Email: "ann@example.com"}, slacktest.User{ID: "U0EVE", Email: "eve@example.com"})
	t.Cleanup(w.slack.Close)
	return w
}

func freeAddress(t *testing.T) string {
	t.Helper()
	a, err := loopback.Address()
	require.NoError(t, err)
	return a
}

func startServer(t *testing.T, h http.Handler) (url string) {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s.URL
}

// writeConfig writes the configuration. The workflow orders has a queue and is answered at Step Functions. The workflow
// payments needs both approvers, and is answered at callback URLs or Step Functions.
func (w *world) writeConfig(t *testing.T, aws, hooks string) string {
	t.Helper()
	text := fmt.Sprintf(`
public: {listen: %q, url: "http://%s"}
operator: {listen: %q, tokens: {board: %q}, api_tokens: {board: {token: %q, decides_own: true}}, open_metrics: true}
store: {sqlite: %q}
keys: {file: %q}
aws: {region: us-east-1, endpoint: %q}
shutdown: {timeout: 2s}
tracing: {otlp: {endpoint: %q}}
unmatched: {ttl: 8s}
workflows:
  orders:
    requests: {sqs: {queue: orders, dead_letter_queue: orders-dead, visibility: 2s}}
    notify: [mail]
    heartbeat: 1s
    heartbeat_timeout: 10m
    sources: [api, erp, results]
    reminders: [1s]
    escalations: [{after: 2s, to: [boss]}]
    callback: {retry: {base: 50ms, cap: 400ms}}
  payments:
    requests: {sqs: {queue: payments, visibility: 2s}}
    approvers: [ann, bob]
    policy: all
    sources: [api]
    notify: [chat]
    callback: {retry: {base: 50ms, cap: 400ms}}
    notify_retry: {base: 50ms, cap: 400ms}
  talks:
    approvers: [ann@example.com]
    notify: [room]
  refunds:
    approvers: [ann, bob]
    policy: {quorum: 2}
    sources: [api]
    notify: [chat]
    decision:
      choices: [{id: approve, fields: [limit]}, {id: reject}, {id: return}, {id: abstain}]
      form: {properties: {limit: {type: integer, maximum: 500}}}
      edits: {limit: /limit}
decisions:
  results: {topic: "arn:aws:sns:us-east-1:000000000000:results", sqs: {queue: decisions, visibility: 2s}}
webhooks:
  erp: {bearer: {tokens: [%q]}, filter: "has(body.orderId)"}
channels:
  mail: {webhook: {url: "%s/mail", secrets: [%q], allow_internal: true}}
  chat: {webhook: {url: "%s/chat", secrets: [%q], allow_internal: true}}
  room: {slack: {bot_token: %q, signing_secrets: [%q], api_url: %q, conversation: C0ROOM}}
targets:
  stepfunctions: {stepfunctions: {rate: 2000, burst: 2000}}
  http: {http: {secrets: [%q], allow_http: true, allow_internal: true}}
`, w.public, w.public, w.operator, operatorToken, apiToken,
		filepath.Join(w.dir, "relay.db"), filepath.Join(w.dir, "keys"), aws, w.spans.URL, hookToken,
		hooks, signingSecret, hooks, signingSecret, slacktest.Token, slackSecret, w.slack.APIURL(), signingSecret)
	w.hooks.url = hooks
	path := filepath.Join(w.dir, "relay.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// startProgram starts the program and waits until it is ready.
func (w *world) startProgram(t *testing.T) {
	t.Helper()
	config := w.writeConfig(t, startServer(t, w.front), startServer(t, w.hooks))
	w.proc = exec.Command(w.binary, "run", "--config.file="+config)
	w.proc.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=x", "AWS_SECRET_ACCESS_KEY=x", "AWS_EC2_METADATA_DISABLED=true")
	startCommand(t, w.proc, w.logPath(), func() bool { return w.callStatus("GET", "http://"+w.operator+"/readyz", "", "") == http.StatusOK })
}

func (w *world) logPath() string { return filepath.Join(w.dir, "log") }

// startCommand starts a command that ends with the test, and waits until it is ready. Its output goes to the file log.
func startCommand(t *testing.T, cmd *exec.Cmd, log string, ready func() bool) {
	t.Helper()
	out, err := os.Create(log)
	require.NoError(t, err)
	defer func() { _ = out.Close() }() // the child has its own descriptor
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // it ends with the test process
	require.NoError(t, cmd.Start())
	done := make(chan struct{})
	go func() { defer close(done); _ = cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-done })
	for limit := time.Now().Add(time.Minute); !ready(); {
		select {
		case <-done:
			require.Failf(t, "the command ended", "%s: %s", cmd.Path, logTail(log))
		case <-time.After(20 * time.Millisecond):
		}
		require.Truef(t, time.Now().Before(limit), "%s is not ready: %s", cmd.Path, logTail(log))
	}
}

// logTail returns the end of a log.
func logTail(log string) string {
	b, _ := os.ReadFile(log)
	return string(b[max(0, len(b)-3000):])
}

// client does not follow redirects.
var client = &http.Client{
	Timeout:       40 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// callHTTP makes an HTTP request. The status is 0 without an answer.
func (w *world) callHTTP(method, url, token, body string) (status int, text string) {
	req, err := http.NewRequestWithContext(context.Background(), method, url, strings.NewReader(body))
	if err != nil {
		return 0, err.Error()
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if strings.Contains(url, "/a/") {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(b)
}

func (w *world) callStatus(method, url, token, body string) int {
	status, _ := w.callHTTP(method, url, token, body)
	return status
}

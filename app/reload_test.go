package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/config"
)

// reloadedApp is an App that runs, with a configuration file that a test rewrites.
type reloadedApp struct {
	*App
	file     string
	operator string // URL
	log      *lockedBuffer
}

// lockedBuffer is a bytes.Buffer for many goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

const reloadToken = "operator-token-of-enough-bytes"

// base is the part of the configuration that a reload cannot change.
const base = `
public: {listen: ""}
operator: {listen: "127.0.0.1:0", tokens: {ops: "` + reloadToken + `"}}
store: {memory: true}
`

// startReloadedApp runs an App with this configuration until the test ends.
func startReloadedApp(t *testing.T, text string, options ...func(*Options)) *reloadedApp {
	t.Helper()
	dir := t.TempDir()
	r := &reloadedApp{file: filepath.Join(dir, "relay.yaml"), log: &lockedBuffer{}}
	fixed := base + "keys: {file: " + filepath.Join(dir, "keys") + "}\n"
	r.write(t, fixed+text)
	load := func() (*config.Config, []config.Finding, error) { return config.Load(r.file, nil, os.Getenv) }
	c, _, err := load()
	require.NoError(t, err)
	o := Options{
		Log:    slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Stdout: io.Discard,
		File:   r.file,
		Load:   load,
	}
	for _, change := range options {
		change(&o)
	}
	r.App, err = New(t.Context(), c, o)
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended, up := make(chan error, 1), make(chan net.Addr, 1)
	go func() { ended <- r.Run(ctx, func(_, operator net.Addr) { up <- operator }) }()
	select {
	case address := <-up:
		r.operator = "http://" + address.String()
	case err := <-ended:
		t.Fatalf("the program ended: %v\n%s", err, r.log)
	}
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
	})
	return r
}

// write replaces the file as editors and Kubernetes do: by renaming another file to its name.
func (r *reloadedApp) write(t *testing.T, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(r.file+".new", []byte(text), 0o600))
	require.NoError(t, os.Rename(r.file+".new", r.file))
}

// rewrite replaces the part of the file that a reload can change.
func (r *reloadedApp) rewrite(t *testing.T, text string) {
	t.Helper()
	content, err := os.ReadFile(r.file)
	require.NoError(t, err)
	head, _, _ := strings.Cut(string(content), "keys: {")
	_, rest, _ := strings.Cut(string(content), "keys: {")
	keys, _, _ := strings.Cut(rest, "\n")
	r.write(t, head+"keys: {"+keys+"\n"+text)
}

// post sends a request to the operator's address, and returns the status and the body of the answer.
func (r *reloadedApp) post(t *testing.T, path, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.operator+path, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+reloadToken)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(text)
}

// request sends an approval request for a workflow.
func (r *reloadedApp) request(t *testing.T, workflow, order string) int {
	t.Helper()
	status, _ := r.post(t, "/v1/requests?workflow="+workflow, fmt.Sprintf(`{"orderId": %q, "taskToken": "AQC-%s"}`, order, order))
	return status
}

func TestReloadReplacesTheRules(t *testing.T) {
	t.Parallel()
	r := startReloadedApp(t, "workflows: {orders: {approvers: [ann@example.com]}}\n")
	require.Equal(t, http.StatusAccepted, r.request(t, "orders", "A-1"))
	require.Equal(t, http.StatusNotFound, r.request(t, "refunds", "R-1"))

	r.rewrite(t, "workflows: {orders: {approvers: [bob@example.com]}, refunds: {}}\nwebhooks: {erp: {bearer: {tokens: [a-token-of-enough-bytes]}}}\n")
	status, answer := r.post(t, "/-/reload", "")
	require.Equal(t, http.StatusOK, status, answer)
	require.Equal(t, http.StatusAccepted, r.request(t, "orders", "A-2"))
	require.Equal(t, http.StatusAccepted, r.request(t, "refunds", "R-1"), "a workflow that the reload added")

	require.Equal(t, "ann@example.com", r.approver(t, "A-1"), "an approval keeps what it was requested under")
	require.Equal(t, "bob@example.com", r.approver(t, "A-2"))

	r.rewrite(t, "workflows: {refunds: {}}\n")
	require.NoError(t, r.reloadNow(t))
	require.Equal(t, http.StatusAccepted, r.request(t, "refunds", "R-2"))
	require.Equal(t, http.StatusNotFound, r.request(t, "orders", "A-3"), "a workflow that the reload removed")
	require.NoError(t, r.reloadNow(t), "sources that were there before")
}

func (r *reloadedApp) reloadNow(t *testing.T) error {
	t.Helper()
	_, err := r.Reload(t.Context(), "test")
	return err
}

func (r *reloadedApp) approver(t *testing.T, order string) string {
	t.Helper()
	o, err := r.store.Get(t.Context(), order)
	require.NoError(t, err)
	require.Len(t, o.Approvals, 1)
	require.Len(t, o.Approvals[0].Approvers, 1)
	return o.Approvals[0].Approvers[0].ID
}

func TestReloadOfABrokenFileChangesNothing(t *testing.T) {
	t.Parallel()
	r := startReloadedApp(t, "workflows: {orders: {approvers: [ann@example.com]}}\n")
	before := r.rules.Load()
	r.rewrite(t, "workflows: {orders: {approvers: [bob@example.com], deadline: soon}}\nlog: {level: loud}\n")
	status, answer := r.post(t, "/-/reload", "")
	require.Equal(t, http.StatusUnprocessableEntity, status)
	require.Contains(t, answer, "workflows.orders.deadline: is not a duration")
	require.Contains(t, answer, "log.level")
	require.Same(t, before, r.rules.Load())
	require.Contains(t, r.log.String(), "configuration not reloaded")
	require.Contains(t, r.log.String(), "workflows.orders.deadline: is not a duration")
	require.Contains(t, r.scraped(t), "approval_relay_config_last_reload_successful 0")

	require.NoError(t, os.Remove(r.file))
	require.Error(t, r.reloadNow(t))
	require.Same(t, before, r.rules.Load())
	r.write(t, base+"keys: {file: "+r.config.Keys.File+"}\nworkflows: {orders: {}}\n")
	require.NoError(t, r.reloadNow(t))
	require.Contains(t, r.scraped(t), "approval_relay_config_last_reload_successful 1")
}

func (r *reloadedApp) scraped(t *testing.T) string {
	t.Helper()
	families, err := r.registry.Gather()
	require.NoError(t, err)
	var b strings.Builder
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if m.GetGauge() != nil {
				fmt.Fprintf(&b, "%s %v\n", f.GetName(), m.GetGauge().GetValue())
			}
		}
	}
	return b.String()
}

// A setting that needs a restart is named, and nothing of the file is applied.
func TestReloadNamesWhatNeedsARestart(t *testing.T) {
	t.Parallel()
	for field, change := range map[string]string{
		"shutdown":                   "shutdown: {timeout: 9s}",
		"aws":                        "aws: {region: eu-west-1}",
		"unmatched":                  "unmatched: {ttl: 2h}",
		"log.format":                 "log: {format: text}",
		"public.url":                 "",
		"workflows.new.requests.sqs": "",
		"decisions.topic":            `decisions: {topic: {topic: "arn:aws:sns:eu-west-1:111122223333:t", sqs: {queue: q}}}`,
	} {
		t.Run(field, func(t *testing.T) {
			t.Parallel()
			r := startReloadedApp(t, "workflows: {orders: {}}\n")
			before := r.rules.Load()
			switch field {
			case "public.url":
				content, err := os.ReadFile(r.file)
				require.NoError(t, err)
				r.write(t, strings.Replace(string(content), `public: {listen: ""}`, `public: {listen: "", url: "https://other.example.com"}`, 1))
			case "workflows.new.requests.sqs":
				r.rewrite(t, "workflows: {orders: {}, new: {requests: {sqs: {queue: q}}}}\n")
			default:
				r.rewrite(t, "workflows: {orders: {}, another: {}}\n"+change+"\n")
			}
			err := r.reloadNow(t)
			restart, ok := errors.AsType[*RestartError](err)
			require.True(t, ok, "%v", err)
			require.Equal(t, []string{field}, restart.Fields)
			require.Same(t, before, r.rules.Load())
		})
	}
}

// A channel or target whose settings are the same keeps its state; a removed one still serves the approvals that name it.
func TestReloadKeepsOutputs(t *testing.T) {
	t.Parallel()
	const target = `targets: {http: {http: {secrets: ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]}}}`
	r := startReloadedApp(t, target+"\nchannels: {chat: {log: {}}, hook: {log: {}}}\n")
	before := r.rules.Load()
	r.rewrite(t, target+"\nchannels: {chat: {log: {}}}\nworkflows: {orders: {deadline: 1h}}\n")
	require.NoError(t, r.reloadNow(t))
	after := r.rules.Load()
	require.NotSame(t, before, after)
	require.Same(t, before.targets.byName["http"], after.targets.byName["http"])
	require.Same(t, before.channels["chat"].Sender, after.channels["chat"].Sender)
	require.Same(t, before.channels["hook"].Sender, after.channels["hook"].Sender, "a removed channel")

	r.rewrite(t, strings.Replace(target, "LaLaSw", "LaLaSx", 1)+"\n")
	require.NoError(t, r.reloadNow(t))
	require.NotSame(t, before.targets.byName["http"], r.rules.Load().targets.byName["http"], "another secret")
}

// waitForLog waits for a text in the log, which is written after the rules are replaced.
func (r *reloadedApp) waitForLog(t *testing.T, text string) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Contains(r.log.String(), text) }, time.Minute, time.Millisecond)
}

func TestReloadByChangedFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	secretFile := filepath.Join(dir, "token")
	require.NoError(t, os.WriteFile(secretFile, []byte("a-token-of-enough-bytes"), 0o600))
	const webhook = "webhooks: {erp: {bearer: {tokens: [{file: %s}]}}}\n"
	r := startReloadedApp(t, fmt.Sprintf(webhook, secretFile), func(o *Options) { o.WatchInterval = 5 * time.Millisecond })
	before := r.rules.Load()
	require.NoError(t, os.WriteFile(secretFile, []byte("another-token-of-enough-bytes"), 0o600))
	require.Eventually(t, func() bool { return r.rules.Load() != before }, time.Minute, 5*time.Millisecond)
	r.waitForLog(t, "changed file")
}

func TestReloadByHangup(t *testing.T) {
	t.Parallel()
	hangup := make(chan os.Signal)
	r := startReloadedApp(t, "log: {level: info}\n", func(o *Options) {
		o.Hangup = hangup
		o.Level = new(slog.LevelVar)
	})
	r.rewrite(t, "log: {level: debug}\n")
	hangup <- os.Interrupt
	require.Eventually(t, func() bool { return r.options.Level.Level() == slog.LevelDebug }, time.Minute, time.Millisecond)
	r.waitForLog(t, "SIGHUP")
}

package operate

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/test/emulator"
	"github.com/approval-relay/approval-relay/test/internal/loopback"
	"github.com/approval-relay/approval-relay/test/internal/overlay"
)

const operatorToken = "operate-operator-0123456789abcdef"

// builds has the programs that the experiments share. Each is built once, by the first experiment that needs it.
var builds struct {
	mu    sync.Mutex
	dir   string
	paths map[string]string
}

func TestMain(m *testing.M) {
	status := m.Run()
	if builds.dir != "" {
		_ = os.RemoveAll(builds.dir)
	}
	os.Exit(status)
}

// program returns the path of the program, built with these edits. The name tells the variants apart.
func program(t *testing.T, variant string, edits ...overlay.Edit) string {
	t.Helper()
	builds.mu.Lock()
	defer builds.mu.Unlock()
	if path := builds.paths[variant]; path != "" {
		return path
	}
	if builds.dir == "" {
		dir, err := os.MkdirTemp("", "operate") //nolint:usetesting // all tests share it; TestMain removes it
		require.NoError(t, err)
		builds.dir, builds.paths = dir, map[string]string{}
	}
	dir := filepath.Join(builds.dir, variant)
	require.NoError(t, os.Mkdir(dir, 0o700))
	path, err := overlay.Build(dir, "cmd/approval-relay", edits...)
	require.NoError(t, err)
	builds.paths[variant] = path
	return path
}

// world has the counterparts of the workers.
type world struct {
	dir string
	aws *emulator.Server // SQS and Step Functions
}

func newWorld(t *testing.T) *world {
	t.Helper()
	aws, err := emulator.Start()
	require.NoError(t, err)
	t.Cleanup(func() { _ = aws.Close() })
	return &world{dir: t.TempDir(), aws: aws}
}

// config writes a configuration with the rest of the settings that an experiment needs, such as workflows, and its own
// store, keys or aws where it has them. A second configuration of the same world has the same store and keys, and addresses of
// its own.
func (w *world) config(t *testing.T, rest string) config {
	t.Helper()
	c := config{public: freeAddress(t), operator: freeAddress(t)}
	text := fmt.Sprintf(`
public: {listen: %q, url: "http://%s"}
operator: {listen: %q, tokens: {olga: %q}, open_metrics: true}
`, c.public, c.public, c.operator, operatorToken)
	if !strings.Contains(rest, "\nkeys:") {
		text += fmt.Sprintf("keys: {file: %q}\n", filepath.Join(w.dir, "keys"))
	}
	if !strings.Contains(rest, "\naws:") {
		text += fmt.Sprintf("aws: {region: us-east-1, endpoint: %q}\n", w.aws.URL())
	}
	if !strings.Contains(rest, "\nstore:") {
		text += fmt.Sprintf("store: {sqlite: %q}\n", filepath.Join(w.dir, "relay.db"))
	}
	file, err := os.CreateTemp(w.dir, "relay-*.yaml")
	require.NoError(t, err)
	_, err = file.WriteString(text + rest)
	require.NoError(t, err)
	require.NoError(t, file.Close())
	c.path = file.Name()
	return c
}

func freeAddress(t *testing.T) string {
	t.Helper()
	address, err := loopback.Address()
	require.NoError(t, err)
	return address
}

// config is a configuration file, and the addresses in it.
type config struct {
	path, public, operator string
}

// worker is a process of the program.
type worker struct {
	config

	cmd  *exec.Cmd
	logs lockedBuffer
	done chan struct{} // closed when the process has ended
	err  error         // how it ended
}

// lockedBuffer is a buffer for concurrent writers.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// start starts the unchanged program and waits until it is ready.
func (w *world) start(t *testing.T, c config, env ...string) *worker {
	t.Helper()
	k := w.launch(t, program(t, "plain"), c, env...)
	k.awaitReady(t)
	return k
}

// launch starts a program and does not wait.
func (w *world) launch(t *testing.T, binary string, c config, env ...string) *worker {
	t.Helper()
	k := &worker{config: c, cmd: exec.Command(binary, "run", "--config.file="+c.path), done: make(chan struct{})} //nolint:noctx // ended below
	k.cmd.Dir = w.dir
	k.cmd.Stdout, k.cmd.Stderr = &k.logs, &k.logs
	k.cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=x", "AWS_SECRET_ACCESS_KEY=x", "AWS_EC2_METADATA_DISABLED=true")
	k.cmd.Env = append(k.cmd.Env, env...)
	require.NoError(t, k.cmd.Start())
	go func() { k.err = k.cmd.Wait(); close(k.done) }()
	t.Cleanup(func() {
		k.kill()
		if t.Failed() {
			t.Logf("the end of the log of %s:\n%s", c.operator, lastOf(k.logs.String()))
		}
	})
	return k
}

func lastOf(s string) string { return s[max(0, len(s)-6000):] }

// kill ends the process with SIGKILL.
func (k *worker) kill() {
	_ = k.cmd.Process.Kill()
	<-k.done
}

// terminate sends SIGTERM.
func (k *worker) terminate(t *testing.T) {
	t.Helper()
	require.NoError(t, k.cmd.Process.Signal(syscall.SIGTERM))
}

// awaitEnd waits until the process has ended, and returns how.
func (k *worker) awaitEnd(t *testing.T) error {
	t.Helper()
	select {
	case <-k.done:
	case <-time.After(hangLimit):
		require.Fail(t, "the worker does not end")
	}
	return k.err
}

// awaitReady waits until the worker says that it is ready.
func (k *worker) awaitReady(t *testing.T) {
	t.Helper()
	await(t, "the worker is ready", func() bool {
		select {
		case <-k.done:
			require.Fail(t, "the worker ended", "%v\n%s", k.err, lastOf(k.logs.String()))
		default:
		}
		status, _ := k.readiness(t)
		return status == http.StatusOK
	})
}

// readiness returns the status and the text of /readyz, and 0 if nothing listens.
func (k *worker) readiness(t *testing.T) (status int, text string) {
	t.Helper()
	return httpDo(t, "GET", "http://"+k.operator+"/readyz", "")
}

// call calls the operator's API. If out is not nil, it gets the answer.
func (k *worker) call(t *testing.T, method, path, body string, out any) int {
	t.Helper()
	status, text := httpDo(t, method, "http://"+k.operator+path, body)
	if out != nil {
		require.NoError(t, json.Unmarshal([]byte(text), out), "%s %s: %d %s", method, path, status, text)
	}
	return status
}

// httpDo makes a request with the operator's token, and returns status 0 if there is no answer.
func httpDo(t *testing.T, method, url, body string) (status int, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), hangLimit)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+operatorToken)
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = answer.Body.Close() }()
	read, _ := io.ReadAll(answer.Body)
	return answer.StatusCode, string(read)
}

// metric returns the value of a series of the worker, such as `approval_relay_paused{mode="drain",workflow="*"}`.
func (k *worker) metric(t *testing.T, series string) string {
	t.Helper()
	_, text := httpDo(t, "GET", "http://"+k.operator+"/metrics", "")
	for line := range strings.Lines(text) {
		if value, found := strings.CutPrefix(line, series+" "); found {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// ask requests an approval over HTTP for an open task of Step Functions, and returns the token of the task.
func (w *world) ask(t *testing.T, k *worker, workflow, orderID string, timeout, heartbeat time.Duration) (token string) {
	t.Helper()
	token = w.aws.StepFunctions.OpenTask(timeout, heartbeat)
	status := k.call(t, "POST", "/v1/requests?workflow="+workflow, requestBody(orderID, token), nil)
	require.Equal(t, http.StatusAccepted, status)
	return token
}

// requestBody returns a request for an order.
func requestBody(orderID, token string) string {
	text, _ := json.Marshal(map[string]string{"orderId": orderID, "taskToken": token})
	return string(text)
}

// decide approves an order in the name of an operator.
func (k *worker) decide(t *testing.T, orderID string) {
	t.Helper()
	var answer json.RawMessage
	status := k.call(t, "POST", "/v1/orders/"+orderID+"/decide", `{"outcome":"approve","reason":"test"}`, &answer)
	require.Equal(t, http.StatusOK, status, "%s", answer)
}

// order is an order as the operator's API shows it, as far as the experiments read it.
type order struct {
	Approvals []struct {
		Status      string
		RequestedAt time.Time
		Callback    struct {
			State    string
			Truth    string
			Attempts int
		}
	}
}

// order returns an order.
func (k *worker) order(t *testing.T, orderID string) order {
	t.Helper()
	var o order
	k.call(t, "GET", "/v1/orders/"+orderID, "", &o)
	return o
}

// task returns what Step Functions knows of a task.
func (w *world) task(t *testing.T, token string) emulator.Task {
	t.Helper()
	task, found := w.aws.StepFunctions.FindTask(token)
	require.True(t, found)
	return task
}

// hangLimit bounds a wait. It is for hangs only: a busy machine may need long for anything.
const hangLimit = 3 * time.Minute

// await checks a condition twenty times a second until it is true.
func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	end := time.After(hangLimit)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-end:
			require.Fail(t, "it does not come true", what)
		case <-tick.C:
		}
	}
}

// stays checks for the time that a condition holds.
func stays(t *testing.T, limit time.Duration, what string, is func() bool) {
	t.Helper()
	end := time.After(limit)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		require.True(t, is(), what)
		select {
		case <-end:
			return
		case <-tick.C:
		}
	}
}

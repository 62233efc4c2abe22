// Package replicas tests several workers on the same DynamoDB table or PostgreSQL database while workers are killed and the
// database fails.
package replicas

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/test/emulator"
	"github.com/approval-relay/approval-relay/test/internal/loopback"
	"github.com/approval-relay/approval-relay/test/internal/overlay"
)

const apiToken = "canary-api-0123456789abcdef"

// worker is a process of the program.
type worker struct {
	operator string // host:port
	cmd      *exec.Cmd
	done     chan struct{}
	log      bytes.Buffer // read only after the process has ended
}

// world contains the workers and their counterparts.
type world struct {
	dir, binary string
	aws         *emulator.Server
	store       string // the setting store of the workers
	workers     []*worker
}

// buildDir is the folder that build uses, if it was called.
var buildDir string

// build builds the program once for all tests, with shorter leases, so that the actions of a dead worker are taken over in
// seconds.
var build = sync.OnceValues(func() (string, error) {
	var err error
	if buildDir, err = os.MkdirTemp("", "replicas"); err != nil {
		return "", err
	}
	const wiring = "app/app.go"
	return overlay.Build(buildDir, "cmd/approval-relay",
		overlay.Edit{File: wiring, Old: "actionLease = 30 * time.Second", New: "actionLease = 3 * time.Second"},
		overlay.Edit{File: wiring, Old: "callTimeout = 10 * time.Second", New: "callTimeout = 1 * time.Second"})
})

func TestMain(m *testing.M) {
	zerolog.SetGlobalLevel(zerolog.Disabled) // toxiproxy logs through the global logger
	status := m.Run()
	if buildDir != "" {
		_ = os.RemoveAll(buildDir)
	}
	os.Exit(status)
}

// newWorld starts the counterparts of the workers.
func newWorld(t *testing.T, store string) *world {
	t.Helper()
	w := &world{dir: t.TempDir(), store: store}
	var err error
	w.aws, err = emulator.Start()
	require.NoError(t, err)
	t.Cleanup(func() { _ = w.aws.Close() })
	w.binary, err = build()
	require.NoError(t, err)
	require.NoError(t, keys.NewRing(time.Now()).CreateFile(filepath.Join(w.dir, "keys"))) // shared by the workers
	return w
}

// startProcess starts a worker with a key file of this directory.
func (w *world) startProcess(t *testing.T, keyFile string) *worker {
	t.Helper()
	public, err := loopback.Address()
	require.NoError(t, err)
	p := &worker{done: make(chan struct{})}
	p.operator, err = loopback.Address()
	require.NoError(t, err)
	config := filepath.Join(w.dir, fmt.Sprint("relay", len(w.workers), ".yaml"))
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, `
public: {listen: %q, url: "http://%s"}
operator: {listen: %q, tokens: {op: canary-operator-0123456789abcdef}, api_tokens: {api: {token: %q, decides_own: true}}, open_metrics: true}
store: %s
keys: {file: %q}
aws: {region: eu-central-1, endpoint: %q}
workflows: {orders: {approvers: [ann@example.com], callback: {retry: {base: 50ms, cap: 500ms}}}}
`, public, public, p.operator, apiToken, w.store, filepath.Join(w.dir, keyFile), w.aws.URL()), 0o600))
	p.cmd = exec.Command(w.binary, "run", "--config.file="+config)
	p.cmd.Dir = w.dir
	p.cmd.Stdout = &p.log
	p.cmd.Stderr = &p.log
	p.cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local", "AWS_EC2_METADATA_DISABLED=true")
	require.NoError(t, p.cmd.Start())
	go func() { _ = p.cmd.Wait(); close(p.done) }()
	t.Cleanup(func() { _ = p.cmd.Process.Kill(); <-p.done })
	w.workers = append(w.workers, p)
	return p
}

// startWorker starts a worker and waits until it is ready.
func (w *world) startWorker(t *testing.T) *worker {
	t.Helper()
	p := w.startProcess(t, "keys")
	waitUntil(t, func() bool {
		select {
		case <-p.done:
			require.Fail(t, "the worker ended", p.log.String())
		default:
		}
		resp, err := http.Get("http://" + p.operator + "/readyz")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	return p
}

// startWorkers starts workers one after the other.
func (w *world) startWorkers(t *testing.T, n int) {
	t.Helper()
	for range n {
		w.startWorker(t)
	}
}

// kill ends the worker with SIGKILL.
func (p *worker) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// stop ends the worker with SIGINT, if it has not ended.
func (p *worker) stop() {
	_ = p.cmd.Process.Signal(os.Interrupt)
	<-p.done
}

// checkStore lets the program compare everything that the store has with the records of the orders.
func (w *world) checkStore(t *testing.T) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), w.binary, "store", "check", filepath.Join(w.dir, "relay0.yaml")).CombinedOutput()
	require.NoError(t, err, string(out))
}

// waitUntil waits for a condition that other processes fulfil.
func waitUntil(t *testing.T, done func() bool) {
	t.Helper()
	require.Eventually(t, done, time.Minute, 20*time.Millisecond)
}

// postToAny sends a body to a worker, and to the other worker if the first does not accept it.
func (w *world) postToAny(t *testing.T, first int, path, body string) {
	t.Helper()
	var last string
	for attempt := range 40 {
		p := w.workers[(first+attempt)%len(w.workers)]
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+p.operator+path, strings.NewReader(body))
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+apiToken)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			last = err.Error()
			continue
		}
		b, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode/100 == 2 {
			return
		}
		last = fmt.Sprint(resp.StatusCode, " ", string(b))
	}
	assert.Fail(t, "refused by all workers", "%s: %s", path, last)
}

func (w *world) readMetrics(t *testing.T, p *worker) string {
	t.Helper()
	resp, err := http.Get("http://" + p.operator + "/metrics")
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return string(b)
}

// Package replicas tests two workers on the same DynamoDB table while one of them is killed.
package replicas

import (
	"bytes"
	"errors"
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

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/store/dynamodb/dynamodbtest"
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
	table       *dynamodbtest.Server
	workers     []*worker
}

// newWorld builds the program with shorter leases, so that the actions of a dead worker are taken over in seconds.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{dir: t.TempDir()}
	var err error
	w.table, err = dynamodbtest.Start(t.Context())
	if errors.Is(err, dynamodbtest.ErrMissing) {
		t.Skip(err)
	}
	require.NoError(t, err)
	t.Cleanup(func() { _ = w.table.Stop() })
	w.aws, err = emulator.Start()
	require.NoError(t, err)
	t.Cleanup(func() { _ = w.aws.Close() })
	const wiring = "app/app.go"
	w.binary, err = overlay.Build(w.dir, "cmd/approval-relay",
		overlay.Edit{File: wiring, Old: "actionLease = 30 * time.Second", New: "actionLease = 3 * time.Second"},
		overlay.Edit{File: wiring, Old: "callTimeout = 10 * time.Second", New: "callTimeout = 1 * time.Second"})
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
store: {dynamodb: {table: approvals, create: true, endpoint: %q}}
keys: {file: %q}
aws: {region: eu-central-1, endpoint: %q}
workflows: {orders: {approvers: [ann@example.com], callback: {retry: {base: 50ms, cap: 500ms}}}}
`, public, public, p.operator, apiToken, w.table.URL, filepath.Join(w.dir, keyFile), w.aws.URL()), 0o600))
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

// TestForeignKeysOnASharedTable starts a worker with keys of its own beside another: it ends at once and names the keys, and
// the other goes on.
func TestForeignKeysOnASharedTable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.startWorker(t)
	w.postToAny(t, 0, "/v1/requests", `{"orderId": "o-1", "taskToken": "AQC-o-1"}`)
	own, foreign := readRing(t, filepath.Join(w.dir, "keys")), keys.NewRing(time.Now())
	require.NoError(t, foreign.CreateFile(filepath.Join(w.dir, "foreign")))

	stranger := w.startProcess(t, "foreign")
	<-stranger.done
	require.Equal(t, 1, stranger.cmd.ProcessState.ExitCode(), stranger.log.String())
	require.Contains(t, stranger.log.String(), "the store table approvals was sealed with key "+own.PrimaryID())
	require.Contains(t, stranger.log.String(), "has only key "+foreign.PrimaryID())

	w.workers = []*worker{first, w.startWorker(t)} // the control: a worker with the same keys
	w.postToAny(t, 1, "/v1/orders/o-1/decisions", `{"decisionId": "d-1", "decision": "approve", "decidedBy": "ann@example.com"}`)
}

func readRing(t *testing.T, file string) *keys.Ring {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	ring, err := keys.ParseFile(text)
	require.NoError(t, err)
	return ring
}

// TestOneOfTwoIsKilled sends requests and decisions to one of two workers and repeats them to the other. Half-way it
// kills a worker. Each workflow must get one answer, with the right decision.
func TestOneOfTwoIsKilled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.aws.StepFunctions.SetFaults(emulator.Faults{Throttle: 0.1, LoseReply: 0.1, Fail: 0.05})
	victim := w.startWorker(t)
	survivor := w.startWorker(t)
	const orders = 60
	tokens := make([]string, orders)
	var group sync.WaitGroup
	work := make(chan int)
	for range 6 {
		group.Go(func() {
			for i := range work {
				request := fmt.Sprintf(`{"orderId": "o-%d", "taskToken": %q}`, i, tokens[i])
				decision := fmt.Sprintf(`{"decisionId": "d-%d", "decision": %q, "decidedBy": "ann@example.com"}`, i, outcomeOf(i))
				path := fmt.Sprintf("/v1/orders/o-%d/decisions", i)
				both := [][2]string{{"/v1/requests", request}, {path, decision}}
				if i%5 == 0 {
					both[0], both[1] = both[1], both[0] // the decision is sent first
				}
				for n, m := range both {
					w.postToAny(t, i+n, m[0], m[1])
					w.postToAny(t, i+n+1, m[0], m[1])
				}
			}
		})
	}
	for i := range orders {
		tokens[i] = w.aws.StepFunctions.OpenTask(10*time.Minute, 0)
		if i == orders/2 {
			require.NoError(t, victim.cmd.Process.Kill())
			<-victim.done
		}
		work <- i
	}
	close(work)
	group.Wait()
	for i, token := range tokens {
		task, err := w.aws.StepFunctions.WaitForTask(t.Context(), token)
		require.NoError(t, err)
		require.Equal(t, 1, task.Effective)
		want := emulator.TaskSucceeded
		if outcomeOf(i) == "reject" {
			want = emulator.TaskFailed
		}
		require.Equal(t, want, task.State, "order o-%d: %+v", i, task)
	}
	waitUntil(t, func() bool {
		return strings.Contains(w.readMetrics(t, survivor), "\napproval_relay_approvals_pending{workflow=\"orders\"} 0\n")
	})
	_ = survivor.cmd.Process.Signal(os.Interrupt)
	<-survivor.done
	for _, p := range w.workers {
		require.NotContains(t, p.log.String(), apiToken)
		for _, token := range tokens {
			require.NotContains(t, p.log.String(), token)
		}
	}
}

func outcomeOf(i int) string {
	if i%3 == 0 {
		return "reject"
	}
	return "approve"
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

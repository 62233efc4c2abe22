package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/approval-relay/approval-relay/test/internal/loopback"
)

// Credentials for the worker's operator address, the secret of its signatures, and the approver.
const (
	operatorToken = "bench-operator-0123456789abcdef"
	apiToken      = "bench-api-0123456789abcdef"
	signingSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	approver      = "ann@example.com"
)

// worker is the program in a process of its own.
type worker struct {
	cmd      *exec.Cmd
	operator string // URL
	started  time.Duration
	client   *http.Client
	done     chan struct{}
}

// startWorker starts the program and waits until it is ready. Its files are in dir; config is added to the part of the
// configuration that names addresses and files.
func (b *bench) startWorker(ctx context.Context, dir, config string) (*worker, error) {
	public, err := loopback.Address()
	if err != nil {
		return nil, err
	}
	operator, err := loopback.Address()
	if err != nil {
		return nil, err
	}
	text := fmt.Sprintf(`public: {listen: %q, url: "http://%s"}
operator: {listen: %q, tokens: {bench: %q}, api_tokens: {bench: {token: %q, decides_own: true}}, open_metrics: true}
store: {sqlite: %q}
keys: {file: %q}
`, public, public, operator, operatorToken, apiToken, filepath.Join(dir, "orders.db"), filepath.Join(dir, "keys")) + config
	path := filepath.Join(dir, "relay.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return nil, err
	}
	logs, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	defer logs.Close() // the child process has its own handle
	w := &worker{operator: "http://" + operator, done: make(chan struct{}), client: newClient()}
	w.cmd = exec.Command(b.binary, "run", "--config.file="+path)
	w.cmd.Stdout = logs
	w.cmd.Stderr = logs
	w.cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=x", "AWS_SECRET_ACCESS_KEY=x", "AWS_EC2_METADATA_DISABLED=true")
	began := time.Now()
	if err := w.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { _ = w.cmd.Wait(); close(w.done) }()
	b.cleanups = append(b.cleanups, w.stop)
	for !w.isReady(ctx) {
		select {
		case <-w.done:
			said, _ := os.ReadFile(logs.Name())
			return nil, fmt.Errorf("the worker ended: %s", said)
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(2 * time.Millisecond):
		}
	}
	w.started = time.Since(began)
	return w, nil
}

func newClient() *http.Client {
	return &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}, Timeout: time.Minute}
}

// stop ends the worker. It may be called twice.
func (w *worker) stop() {
	_ = w.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-w.done:
	case <-time.After(30 * time.Second):
		_ = w.cmd.Process.Kill()
		<-w.done
	}
}

func (w *worker) isReady(ctx context.Context) bool {
	status, _, err := w.callOperator(ctx, "GET", "/readyz", "", "")
	return err == nil && status == http.StatusOK
}

// callOperator sends an HTTP request to the operator address.
func (w *worker) callOperator(ctx context.Context, method, path, token, body string) (status int, text []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, method, w.operator+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := w.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	text, err = io.ReadAll(resp.Body)
	return resp.StatusCode, text, err
}

// postAPI sends a body and returns an error if it is not accepted.
func (w *worker) postAPI(ctx context.Context, path, body string) error {
	status, text, err := w.callOperator(ctx, "POST", path, apiToken, body)
	if err == nil && status/100 != 2 {
		err = fmt.Errorf("POST %s: %d %s", path, status, text)
	}
	return err
}

// sumSeries returns the sum of a metric over its labels.
func (w *worker) sumSeries(ctx context.Context, name string) (float64, error) {
	_, text, err := w.callOperator(ctx, "GET", "/metrics", "", "")
	if err != nil {
		return 0, err
	}
	sum, found := 0.0, false
	for line := range strings.Lines(string(text)) {
		rest, ok := strings.CutPrefix(line, name)
		if !ok || (rest[0] != ' ' && rest[0] != '{') {
			continue
		}
		x, err := strconv.ParseFloat(strings.TrimSpace(rest[strings.LastIndexByte(rest, ' '):]), 64)
		if err != nil {
			return 0, err
		}
		sum, found = sum+x, true
	}
	if !found {
		return 0, fmt.Errorf("the worker has no metric %s", name)
	}
	return sum, nil
}

// cpuTime returns the CPU time that the worker has used.
func (w *worker) cpuTime() (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", w.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	user, err := strconv.Atoi(fields[11]) // utime and stime of proc(5), in ticks of 10 ms
	if err != nil {
		return 0, err
	}
	system, err := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond, err
}

// residentMemory returns the memory that the worker has in RAM, in bytes.
func (w *worker) residentMemory() (int, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", w.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if kb, ok := strings.CutPrefix(lines.Text(), "VmRSS:"); ok {
			n, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(kb, "kB")))
			return n << 10, err
		}
	}
	return 0, fmt.Errorf("no VmRSS of the worker")
}

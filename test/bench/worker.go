package main

import (
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
	log      string // path
	started  time.Duration
	client   *http.Client
	done     chan struct{}
}

// workerConfig is the configuration of a worker.
type workerConfig struct {
	dir   string // folder of its files
	store string // setting store; the default is a SQLite file in dir
	keys  string // path of the keys; the default is a file in dir
	rest  string // is added to the part that names addresses and files
}

// startWorker starts the program on a SQLite file in dir and waits until it is ready.
func (b *bench) startWorker(ctx context.Context, dir, config string) (*worker, error) {
	return b.startConfigured(ctx, workerConfig{dir: dir, rest: config})
}

// startConfigured starts the program and waits until it is ready.
func (b *bench) startConfigured(ctx context.Context, c workerConfig) (*worker, error) {
	path, operator, err := c.writeFile()
	if err != nil {
		return nil, err
	}
	w := &worker{operator: "http://" + operator, log: filepath.Join(c.dir, "log"), done: make(chan struct{}), client: newClient()}
	cmd := exec.Command(b.binary, "run", "--config.file="+path)
	cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=x", "AWS_SECRET_ACCESS_KEY=x", "AWS_EC2_METADATA_DISABLED=true")
	return w, b.startProcess(ctx, w, cmd)
}

// writeFile writes the file of the configuration, and returns its path and the operator address.
func (c workerConfig) writeFile() (path, operator string, err error) {
	public, err := loopback.Address()
	if err != nil {
		return "", "", err
	}
	if operator, err = loopback.Address(); err != nil {
		return "", "", err
	}
	store := c.store
	if store == "" {
		store = fmt.Sprintf("{sqlite: %q}", filepath.Join(c.dir, "orders.db"))
	}
	keys := c.keys
	if keys == "" {
		keys = filepath.Join(c.dir, "keys")
	}
	text := fmt.Sprintf(`public: {listen: %q, url: "http://%s"}
operator: {listen: %q, tokens: {bench: %q}, api_tokens: {bench: {token: %q, decides_own: true}}, open_metrics: true}
store: %s
keys: {file: %q}
`, public, public, operator, operatorToken, apiToken, store, keys) + c.rest
	path = filepath.Join(c.dir, "relay.yaml")
	return path, operator, os.WriteFile(path, []byte(text), 0o600)
}

// startProcess starts the process of a worker and waits until it is ready.
func (b *bench) startProcess(ctx context.Context, w *worker, cmd *exec.Cmd) error {
	logs, err := os.OpenFile(w.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer logs.Close() // the child process has its own handle
	w.cmd = cmd
	cmd.Stdout = logs
	cmd.Stderr = logs
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() { _ = cmd.Wait(); close(w.done) }()
	b.cleanups = append(b.cleanups, w.stop)
	for !w.isReady(ctx) {
		select {
		case <-w.done:
			said, _ := os.ReadFile(w.log)
			return fmt.Errorf("the worker ended: %s", said[max(0, len(said)-4000):])
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(2 * time.Millisecond):
		}
	}
	w.started = time.Since(began)
	return nil
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

// scrape is the text of the worker's metrics.
type scrape string

func (w *worker) scrape(ctx context.Context) (scrape, error) {
	_, text, err := w.callOperator(ctx, "GET", "/metrics", "", "")
	return scrape(text), err
}

// sum returns the sum of a metric over its labels.
func (s scrape) sum(name string) (float64, error) {
	sum, found := 0.0, false
	for line := range strings.Lines(string(s)) {
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

package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/approval-relay/approval-relay/test/emulator"
	"github.com/approval-relay/approval-relay/test/internal/loopback"
	"github.com/approval-relay/approval-relay/test/internal/overlay"
)

// Secrets of the runs. None may ever be seen.
const (
	operatorToken = "canary-operator-0123456789abcdef"
	apiToken      = "canary-api-0123456789abcdef"
	hookToken     = "canary-webhook-0123456789abcdef"
	signingSecret = "whsec_Y2FuYXJ5LXN0YW5kYXJkLTAxMjM0NTY3ODlhYmNkZWY="
)

// shutdownTimeout is the bound within which the program ends, as configured.
const shutdownTimeout = 10 * time.Second

// settings are what runs differ in.
type settings struct {
	rate, burst int      // of the calls to Step Functions; 0 is far from any limit
	env         []string // of the program
	patience    time.Duration
}

// world is the program, as processes of its own, and all that is around it.
type world struct {
	tb       testing.TB
	dir      string
	binary   string
	config   string
	settings settings
	public   string // host:port
	operator string
	aws      *emulator.Server
	queues   *toxiproxy.Proxy // before SQS
	steps    *toxiproxy.Proxy // before Step Functions
	client   *http.Client

	logs lockedBuffer // of every process of the program, and what it answered when it refused
	book book

	mu     sync.Mutex
	proc   *process
	starts int
	bad    int               // requests that nobody can understand
	links  map[string]string // by order ID
}

// process is one run of the program.
type process struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error
}

// lockedBuffer is a buffer for many writers.
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

// book is what Step Functions was asked, call by call.
type book struct {
	mu    sync.Mutex
	calls map[string][]emulator.Call // by token
	times map[string][]time.Time     // by action
}

func (b *book) write(c emulator.Call) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls[c.Token] = append(b.calls[c.Token], c)
	b.times[c.Action] = append(b.times[c.Action], c.At)
}

func (b *book) of(token string) []emulator.Call {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]emulator.Call(nil), b.calls[token]...)
}

// summary says what is in the book.
func (b *book) summary() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	calls, applied, lost, again := 0, 0, 0, 0
	for _, of := range b.calls {
		answered := false
		for _, c := range of {
			calls++
			if answered {
				again++
			}
			if c.Applied {
				applied++
				answered = true
				if !c.Replied {
					lost++
				}
			}
		}
	}
	return fmt.Sprintf("%d calls, %d answered a task, the replies to %d of them lost, %d after an answer", calls, applied, lost, again)
}

// built is the program as it is, built once for all runs.
var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "ledger")
	if err != nil {
		return "", err
	}
	return overlay.Build(dir, "cmd/approval-relay")
})

func TestMain(m *testing.M) {
	zerolog.SetGlobalLevel(zerolog.Disabled) // toxics log by the global logger
	status := m.Run()
	if bin, err := built(); err == nil && *binary == "" {
		_ = os.RemoveAll(filepath.Dir(bin))
	}
	os.Exit(status)
}

// program returns the binary to test.
func program(tb testing.TB) string {
	tb.Helper()
	if *binary != "" {
		return *binary
	}
	bin, err := built()
	if err != nil {
		tb.Fatal(err)
	}
	return bin
}

// newWorld starts all that is around the program, and writes its configuration.
func newWorld(tb testing.TB, bin string, s settings) *world {
	tb.Helper()
	w := &world{
		tb: tb, dir: tb.TempDir(), binary: bin, settings: s, links: map[string]string{},
		book:   book{calls: map[string][]emulator.Call{}, times: map[string][]time.Time{}},
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64, MaxConnsPerHost: 64}, Timeout: 50 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}
	var err error
	if w.aws, err = emulator.Start(); err != nil {
		tb.Fatal(err)
	}
	w.aws.StepFunctions.WatchCalls(w.book.write)
	for _, q := range []string{"orders", "orders-dead", "decisions"} {
		w.aws.SQS.CreateQueue(q)
	}
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())
	upstream := strings.TrimPrefix(w.aws.URL(), "http://")
	w.queues = toxiproxy.NewProxy(server, "queues", "127.0.0.1:0", upstream)
	w.steps = toxiproxy.NewProxy(server, "steps", "127.0.0.1:0", upstream)
	for _, p := range []*toxiproxy.Proxy{w.queues, w.steps} {
		if err := p.Start(); err != nil {
			tb.Fatal(err)
		}
	}
	tb.Cleanup(func() {
		w.client.CloseIdleConnections()
		_ = w.aws.Close()
		w.queues.Stop()
		w.steps.Stop()
	})
	w.public, w.operator = address(tb), address(tb)
	w.configure(w.receiver())
	return w
}

// receiver takes notifications, and keeps the links in them.
func (w *world) receiver() string {
	link := regexp.MustCompile(`http://[^\s"<>]+/a/[A-Za-z0-9._-]+`)
	order := regexp.MustCompile(`"orderId":"([^"]+)"`)
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // what was cut off has no link
		if id := order.FindSubmatch(body); id != nil {
			w.mu.Lock()
			w.links[string(id[1])] = link.FindString(string(body))
			w.mu.Unlock()
		}
		rw.WriteHeader(http.StatusNoContent)
	}))
	w.tb.Cleanup(s.Close)
	return s.URL
}

func address(tb testing.TB) string {
	tb.Helper()
	a, err := loopback.Address()
	if err != nil {
		tb.Fatal(err)
	}
	return a
}

func (w *world) configure(hook string) {
	rate, burst := w.settings.rate, w.settings.burst
	if rate == 0 {
		rate, burst = 20000, 20000
	}
	text := fmt.Sprintf(`
log: {level: info}
public: {listen: %q, url: "http://%s"}
operator: {listen: %q, tokens: {ledger: %q}, api_tokens: {ledger: %q}}
store: {sqlite: %q}
keys: {file: %q}
aws: {region: us-east-1, endpoint: "http://%s"}
shutdown: {timeout: %s}
workflows:
  orders:
    requests: {sqs: {queue: orders, dead_letter_queue: orders-dead, visibility: 4s}}
    notify: [hook]
    margin: 5s
    callback: {retry: {base: 50ms, cap: 1s}}
decisions:
  topic: {topic: "arn:aws:sns:us-east-1:000000000000:decisions", sqs: {queue: decisions, visibility: 4s}}
webhooks:
  erp: {bearer: {tokens: [%q]}}
channels:
  hook: {webhook: {url: %q, secrets: [%q], allow_internal: true}}
targets:
  stepfunctions: {stepfunctions: {endpoint: "http://%s", rate: %d, burst: %d}}
`, w.public, w.public, w.operator, operatorToken, apiToken, w.database(), filepath.Join(w.dir, "keys"), w.queues.Listen, shutdownTimeout,
		hookToken, hook, signingSecret, w.steps.Listen, rate, burst)
	w.config = filepath.Join(w.dir, "relay.yaml")
	if err := os.WriteFile(w.config, []byte(text), 0o600); err != nil {
		w.tb.Fatal(err)
	}
}

func (w *world) database() string { return filepath.Join(w.dir, "relay.db") }

// start runs the program and waits until it is ready.
func (w *world) start() error {
	p := &process{cmd: exec.Command(w.binary, "run", "--config.file="+w.config), done: make(chan struct{})}
	p.cmd.Dir = w.dir
	p.cmd.Stdout, p.cmd.Stderr = &w.logs, &w.logs
	p.cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=x", "AWS_SECRET_ACCESS_KEY=x", "AWS_EC2_METADATA_DISABLED=true")
	p.cmd.Env = append(p.cmd.Env, w.settings.env...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // a test that is ended leaves none behind
	if err := p.cmd.Start(); err != nil {
		return err
	}
	go func() { p.err = p.cmd.Wait(); close(p.done) }()
	w.mu.Lock()
	w.proc = p
	w.starts++
	w.mu.Unlock()
	w.tb.Cleanup(func() { _ = p.cmd.Process.Kill(); <-p.done })
	end := time.Now().Add(30 * time.Second)
	for time.Now().Before(end) {
		select {
		case <-p.done:
			return fmt.Errorf("the program ended: %w\n%s", p.err, tail(w.logs.String()))
		case <-time.After(10 * time.Millisecond):
		}
		if w.ready() {
			return nil
		}
	}
	return fmt.Errorf("the program is not ready\n%s", tail(w.logs.String()))
}

func (w *world) ready() bool {
	status, _, err := w.once(context.Background(), "GET", "http://"+w.operator+"/readyz", "", "")
	return err == nil && status == http.StatusOK
}

func (w *world) current() *process {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.proc
}

// kill ends the program as a power cut would.
func (w *world) kill() {
	p := w.current()
	_ = p.cmd.Process.Kill()
	<-p.done
}

// terminate ends the program as a deployment does: by itself, well, within its
// bound.
func (w *world) terminate() error {
	p := w.current()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-p.done:
	case <-time.After(shutdownTimeout + 2*time.Second): // what a busy machine may add
		return errors.New("it did not end within its bound")
	}
	if p.err != nil {
		return fmt.Errorf("it ended with %w", p.err)
	}
	return nil
}

func tail(s string) string {
	if len(s) > 3000 {
		s = s[len(s)-3000:]
	}
	return s
}

// once makes one HTTP request.
func (w *world) once(ctx context.Context, method, url, token, body string) (int, string, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := w.client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if resp.StatusCode >= 400 {
		_, _ = w.logs.Write(append(bytes.TrimSpace(b), '\n')) // to look for secrets in it
	}
	return resp.StatusCode, string(b), err
}

// call makes an HTTP request, again and again while the program is away or asks
// for it.
func (w *world) call(ctx context.Context, method, url, token, body string) (int, string, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for {
		status, text, err := w.once(ctx, method, url, token, body)
		if err == nil && status < 500 {
			return status, text, nil
		}
		select {
		case <-ctx.Done():
			return status, text, fmt.Errorf("%s %s: %w (%d %w)", method, url, ctx.Err(), status, err)
		case <-time.After(30 * time.Millisecond):
		}
	}
}

// until waits for something, and says whether it came.
func until(limit time.Duration, is func() bool) bool {
	end := time.Now().Add(limit)
	for !is() {
		if time.Now().After(end) {
			return false
		}
		time.Sleep(100 * time.Millisecond)
	}
	return true
}

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/approval-relay/approval-relay/test/emulator"
	"github.com/approval-relay/approval-relay/test/internal/loopback"
	"github.com/approval-relay/approval-relay/tracing/tracingtest"
)

// Secrets of the run. None may ever be seen.
const (
	operatorToken = "canary-operator-0123456789abcdef"
	apiToken      = "canary-api-0123456789abcdef"
	hmacSecret    = "canary-hmac-0123456789abcdef"
	bearerToken   = "canary-bearer-0123456789abcdef"
	smtpPassword  = "canary-smtp-0123456789abcdef"
	spansSecret   = "canary-spans-0123456789abcdef"
)

// world is all that is around the program.
type world struct {
	dir      string
	binary   string
	public   string // host:port
	operator string
	goaws    string // URL
	aws      *emulator.Server
	mail     *mailServer
	hooks    *receiver // of notifications
	answers  *receiver // of HTTP callbacks
	spans    *tracingtest.Collector
	sqs      *sqs.Client
	sns      *sns.Client
	topics   map[string]string
	env      []string // of the program, beside the usual

	logs lockedBuffer // of every process of the program
	mu   sync.Mutex
	proc *process
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

// build builds a command of this module without the race detector.
func build(t *testing.T, dir, pkg string) string {
	t.Helper()
	bin := filepath.Join(dir, filepath.Base(pkg))
	out, err := exec.Command("go", "build", "-o", bin, "github.com/approval-relay/approval-relay/"+pkg).CombinedOutput()
	if err != nil {
		t.Fatalf("build %s: %v\n%s", pkg, err, out)
	}
	return bin
}

// newWorld starts all that is around the program.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{dir: t.TempDir(), topics: map[string]string{}}
	w.binary = *binary
	if w.binary == "" {
		w.binary = build(t, w.dir, "cmd/approval-relay")
	}
	w.public, w.operator = address(t), address(t)
	w.goaws = startGoaws(t, build(t, w.dir, "test/internal/goawsd"))
	var err error
	if w.aws, err = emulator.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.aws.Close() })
	w.spans = tracingtest.StartCollector()
	t.Cleanup(w.spans.Close)
	w.mail, w.hooks, w.answers = startMail(t), startReceiver(t), startReceiver(t)
	w.clients(t)
	return w
}

func address(t *testing.T) string {
	t.Helper()
	a, err := loopback.Address()
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func startGoaws(t *testing.T, bin string) string {
	t.Helper()
	cmd := exec.Command(bin)
	stdin, err := cmd.StdinPipe() // it ends when this does
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stdin.Close(); _ = cmd.Wait() })
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return "http://" + strings.TrimSpace(line)
}

// clients makes queues and topics: one topic whose subscription is raw, one
// whose is not.
func (w *world) clients(t *testing.T) {
	t.Helper()
	cfg := aws.Config{Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("x", "x", "")}
	w.sqs = sqs.NewFromConfig(cfg, func(o *sqs.Options) { o.BaseEndpoint = aws.String(w.goaws) })
	w.sns = sns.NewFromConfig(cfg, func(o *sns.Options) { o.BaseEndpoint = aws.String(w.goaws) })
	for _, q := range []string{"orders", "managers", "steps", "quorum", "dlq", "decisions-raw", "decisions-enveloped"} {
		if _, err := w.sqs.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(q)}); err != nil {
			t.Fatal(err)
		}
	}
	for name, raw := range map[string]string{"raw": "true", "enveloped": "false"} {
		topic, err := w.sns.CreateTopic(t.Context(), &sns.CreateTopicInput{Name: aws.String("decisions-" + name)})
		if err != nil {
			t.Fatal(err)
		}
		w.topics[name] = *topic.TopicArn
		_, err = w.sns.Subscribe(t.Context(), &sns.SubscribeInput{
			TopicArn: topic.TopicArn, Protocol: aws.String("sqs"), Attributes: map[string]string{"RawMessageDelivery": raw},
			Endpoint: aws.String("arn:aws:sqs:us-east-1:000000000000:decisions-" + name),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// configure writes the configuration of the program.
func (w *world) configure(t *testing.T) string {
	t.Helper()
	host, port, _ := net.SplitHostPort(w.mail.address)
	text := fmt.Sprintf(`
log: {level: debug}
public: {listen: %q, url: "http://%s"}
operator: {listen: %q, tokens: {e2e: %q}, api_tokens: {e2e: %q}}
store: {sqlite: %q}
keys: {file: %q}
aws: {region: us-east-1, endpoint: %q}
shutdown: {timeout: 15s}
tracing: {otlp: {endpoint: %q, headers: {x-key: %s}}}
workflows:
  orders:
    requests: {sqs: {queue: orders, dead_letter_queue: dlq, visibility: 5s}}
    notify: [mail]
    approvers: [ann@example.com]
    callback: {retry: {base: 50ms, cap: 1s}}
  managers:
    requests: {sqs: {queue: managers, visibility: 5s}}
    notify: [mail]
    callback: {retry: {base: 50ms, cap: 1s}, on_reject: success}
  steps:
    requests: {sqs: {queue: steps, visibility: 5s}}
    notify: [hook]
    callback: {retry: {base: 50ms, cap: 1s}, output: {region: eu}, output_fields: {total: body.order.total}}
  quorum:
    requests: {sqs: {queue: quorum, visibility: 5s}}
    approvers: [ann@example.com, bob@example.com, cid@example.com]
    policy: {quorum: 2}
    notify: [hook]
    callback: {retry: {base: 50ms, cap: 1s}}
  web:
    notify: [hook]
    callback: {url_target: http, retry: {base: 50ms, cap: 1s}}
decisions:
  raw: {topic: %q, sqs: {queue: decisions-raw, visibility: 5s}}
  enveloped: {topic: %q, sqs: {queue: decisions-enveloped, visibility: 5s}}
webhooks:
  erp: {hmac: {header: X-Signature, prefix: "sha256=", secrets: [%q]}}
  crm: {bearer: {tokens: [%q]}, fields: {order: body.ref, outcome: "body.ok ? 'approve' : 'reject'", by: body.who}}
channels:
  mail: {smtp: {host: %q, port: %s, tls: none, from: relay@example.com}}
  hook: {webhook: {url: %q, secrets: [%q], allow_internal: true}}
targets:
  stepfunctions: {stepfunctions: {endpoint: %q, rate: 2000, burst: 2000}}
  http: {http: {secrets: [%q], allow_http: true, allow_internal: true}}
`, w.public, w.public, w.operator, operatorToken, apiToken, filepath.Join(w.dir, "relay.db"), filepath.Join(w.dir, "keys"), w.goaws, w.spans.URL, spansSecret,
		w.topics["raw"], w.topics["enveloped"], hmacSecret, bearerToken, host, port, w.hooks.url, standardSecret, w.aws.URL(), standardSecret)
	path := filepath.Join(w.dir, "relay.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// start runs the program and waits until it is ready.
func (w *world) start(t *testing.T, config string) {
	t.Helper()
	p := &process{cmd: exec.Command(w.binary, "run", "--config.file="+config), done: make(chan struct{})}
	p.cmd.Dir = w.dir
	p.cmd.Stdout, p.cmd.Stderr = &w.logs, &w.logs
	p.cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=x", "AWS_SECRET_ACCESS_KEY=x", "AWS_EC2_METADATA_DISABLED=true")
	p.cmd.Env = append(p.cmd.Env, w.env...)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.err = p.cmd.Wait(); close(p.done) }()
	w.mu.Lock()
	w.proc = p
	w.mu.Unlock()
	t.Cleanup(func() { _ = p.cmd.Process.Kill(); <-p.done })
	ready := until(t, 30*time.Second, func() bool {
		select {
		case <-p.done:
			t.Fatalf("the program ended: %v\n%s", p.err, tail(w.logs.String()))
		default:
		}
		resp, err := http.Get("http://" + w.operator + "/readyz")
		if err != nil {
			return false
		}
		defer func() { _ = resp.Body.Close() }()
		return resp.StatusCode == http.StatusOK
	})
	if !ready {
		t.Fatalf("the program is not ready\n%s", tail(w.logs.String()))
	}
}

// kill ends the program as a power cut would.
func (w *world) kill() {
	w.mu.Lock()
	p := w.proc
	w.mu.Unlock()
	_ = p.cmd.Process.Kill()
	<-p.done
}

// until waits for something, looking ten times a second, and says whether it came.
func until(t *testing.T, limit time.Duration, is func() bool) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	return true
}

func tail(s string) string {
	if len(s) > 4000 {
		s = s[len(s)-4000:]
	}
	return s
}

// call makes one HTTP request, again and again while the program is away or asks
// for it, and returns the answer.
func (w *world) call(ctx context.Context, method, url string, header http.Header, body string) (int, string, error) {
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	for {
		status, text, err := w.try(ctx, method, url, header, body)
		if err == nil && status < 500 {
			return status, text, nil
		}
		select {
		case <-ctx.Done():
			return 0, "", fmt.Errorf("%s %s: %w (%d %w)", method, url, ctx.Err(), status, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// try makes one HTTP request. Redirects are not followed.
func (w *world) try(ctx context.Context, method, url string, header http.Header, body string) (int, string, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	req.Header = header.Clone()
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	w.keepError(resp.StatusCode, b)
	return resp.StatusCode, string(b), err
}

// keepError keeps error bodies, to look for secrets in them.
func (w *world) keepError(status int, body []byte) {
	if status >= 400 {
		_, _ = w.logs.Write(append(bytes.TrimSpace(body), '\n'))
	}
}

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

// Secrets of the run. They must not appear in any output of the program.
const (
	operatorToken = "canary-operator-0123456789abcdef"
	apiToken      = "canary-api-0123456789abcdef"
	hmacSecret    = "canary-hmac-0123456789abcdef"
	bearerToken   = "canary-bearer-0123456789abcdef"
	smtpPassword  = "canary-smtp-0123456789abcdef"
	spansSecret   = "canary-spans-0123456789abcdef"
)

// world contains the counterparts of the program, and the program itself.
type world struct {
	dir      string
	binary   string
	public   string // host:port
	operator string
	goaws    string // URL
	aws      *emulator.Server
	mail     *mailServer
	hooks    *receiver // receives notifications
	answers  *receiver // receives HTTP callbacks
	spans    *tracingtest.Collector
	sqs      *sqs.Client
	sns      *sns.Client
	topics   map[string]string
	env      []string // more environment variables of the program

	logs lockedBuffer // output of every process of the program
	mu   sync.Mutex
	proc *process
}

// process is one run of the program.
type process struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error
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

// buildCommand builds a command of this module without the race detector.
func buildCommand(t *testing.T, dir, pkg string) string {
	t.Helper()
	bin := filepath.Join(dir, filepath.Base(pkg))
	out, err := exec.Command("go", "build", "-o", bin, "github.com/approval-relay/approval-relay/"+pkg).CombinedOutput()
	if err != nil {
		t.Fatalf("build %s: %v\n%s", pkg, err, out)
	}
	return bin
}

// newWorld starts the counterparts of the program.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{dir: t.TempDir(), topics: map[string]string{}}
	w.binary = *binaryPath
	if w.binary == "" {
		w.binary = buildCommand(t, w.dir, "cmd/approval-relay")
	}
	w.public = freeAddress(t)
	w.operator = freeAddress(t)
	w.goaws = startGoaws(t, buildCommand(t, w.dir, "test/internal/goawsd"))
	var err error
	if w.aws, err = emulator.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.aws.Close() })
	w.spans = tracingtest.StartCollector()
	t.Cleanup(w.spans.Close)
	w.mail = startMailServer(t)
	w.hooks = startReceiver(t)
	w.answers = startReceiver(t)
	w.makeQueuesAndTopics(t)
	return w
}

func freeAddress(t *testing.T) string {
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
	stdin, err := cmd.StdinPipe() // goaws ends when it is closed
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

// makeQueuesAndTopics creates queues and two topics: a topic with raw delivery and a topic without.
func (w *world) makeQueuesAndTopics(t *testing.T) {
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
			TopicArn:   topic.TopicArn,
			Protocol:   aws.String("sqs"),
			Endpoint:   aws.String("arn:aws:sqs:us-east-1:000000000000:decisions-" + name),
			Attributes: map[string]string{"RawMessageDelivery": raw},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// writeConfig writes the configuration of the program and returns its path.
func (w *world) writeConfig(t *testing.T) string {
	t.Helper()
	host, port, _ := net.SplitHostPort(w.mail.address)
	text := fmt.Sprintf(`
log: {level: debug}
public: {listen: %q, url: "http://%s"}
operator: {listen: %q, tokens: {e2e: %q}, api_tokens: {e2e: {token: %q, decides_own: true}}}
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
`, w.public, w.public, w.operator, operatorToken, apiToken, filepath.Join(w.dir, "relay.db"), filepath.Join(w.dir, "keys"),
		w.goaws, w.spans.URL, spansSecret, w.topics["raw"], w.topics["enveloped"], hmacSecret, bearerToken, host, port,
		w.hooks.url, standardSecret, w.aws.URL(), standardSecret)
	path := filepath.Join(w.dir, "relay.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// startProgram starts the program and waits until it is ready.
func (w *world) startProgram(t *testing.T, config string) {
	t.Helper()
	p := &process{cmd: exec.Command(w.binary, "run", "--config.file="+config), done: make(chan struct{})}
	p.cmd.Dir = w.dir
	p.cmd.Stdout = &w.logs
	p.cmd.Stderr = &w.logs
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
	ready := waitUntil(t, time.Minute, func() bool {
		select {
		case <-p.done:
			t.Fatalf("the program ended: %v\n%s", p.err, lastOf(w.logs.String()))
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
		t.Fatalf("the program is not ready\n%s", lastOf(w.logs.String()))
	}
}

// killProgram ends the program with SIGKILL.
func (w *world) killProgram() {
	w.mu.Lock()
	p := w.proc
	w.mu.Unlock()
	_ = p.cmd.Process.Kill()
	<-p.done
}

// waitUntil checks a condition ten times a second and reports whether it became true within the limit.
func waitUntil(t *testing.T, limit time.Duration, is func() bool) bool {
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

func lastOf(s string) string {
	if len(s) > 4000 {
		s = s[len(s)-4000:]
	}
	return s
}

// callUntilAnswered sends an HTTP request and returns the answer. It repeats the request while the program is down or
// answers with a temporary error.
func (w *world) callUntilAnswered(ctx context.Context, method, url string, header http.Header, body string) (int, string, error) {
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	for {
		status, text, err := w.callOnce(ctx, method, url, header, body)
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

// callOnce sends an HTTP request once. It does not follow redirects.
func (w *world) callOnce(ctx context.Context, method, url string, header http.Header, body string) (int, string, error) {
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
	w.keepErrorBody(resp.StatusCode, b)
	return resp.StatusCode, string(b), err
}

// keepErrorBody adds the body of an error to the logs, so that the search for secrets covers it.
func (w *world) keepErrorBody(status int, body []byte) {
	if status >= 400 {
		_, _ = w.logs.Write(append(bytes.TrimSpace(body), '\n'))
	}
}

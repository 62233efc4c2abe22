package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/app"
	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/test/emulator"
)

func TestMain(m *testing.M) {
	for name, value := range map[string]string{"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true"} {
		if err := os.Setenv(name, value); err != nil { // where the SDK looks
			panic(err)
		}
	}
	os.Exit(m.Run())
}

const (
	operatorSecret = "operator-token-0123456789"
	programSecret  = "program-token-0123456789"
	hubSecret      = "hub-secret-0123456789abcdef"
	crmSecret      = "crm-token-0123456789abcdef"
	signingSecret  = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	boss           = "boss@example.com"
)

// running is a relay that serves, on ports of its own, with AWS played by the
// emulator.
type running struct {
	aws      *emulator.Server
	config   string // the file
	public   string // URL
	operator string // URL
	printed  *buffer
	log      *buffer
	topic    string
	calls    *callbacks
	stop     func() error // ends it as SIGTERM does; again it says the same
}

// buffer is a bytes.Buffer for many goroutines.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// callbacks is a server that takes callbacks, by path.
type callbacks struct {
	*httptest.Server
	mu    sync.Mutex
	calls map[string][]string
}

func newCallbacks(t *testing.T) *callbacks {
	c := &callbacks{calls: map[string][]string{}}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.calls[r.URL.Path] = append(c.calls[r.URL.Path], string(b))
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *callbacks) of(path string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.calls[path]...)
}

// dir is where a relay keeps its files, and the AWS that it talks to.
type place struct {
	dir   string
	aws   *emulator.Server
	topic string
	calls *callbacks
}

func newPlace(t *testing.T) place {
	t.Helper()
	aws, err := emulator.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = aws.Close() })
	p := place{dir: t.TempDir(), aws: aws, topic: aws.SNS.CreateTopic("decisions"), calls: newCallbacks(t)}
	for _, q := range []string{"requests", "requests-dead", "decisions-raw"} {
		aws.SQS.CreateQueue(q)
	}
	p.api(t, url.Values{
		"Action": {"Subscribe"}, "TopicArn": {aws.SNS.CreateTopic("raw")}, "Protocol": {"sqs"}, "Endpoint": {"arn:aws:sqs:us-east-1:000000000000:decisions-raw"},
		"Attributes.entry.1.key": {"RawMessageDelivery"}, "Attributes.entry.1.value": {"true"},
	})
	return p
}

// api calls SNS.
func (p place) api(t *testing.T, form url.Values) {
	t.Helper()
	resp, err := http.PostForm(p.aws.URL(), form)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("SNS answered %s", resp.Status)
	}
}

func (p place) publish(t *testing.T, topic, body string) {
	t.Helper()
	p.api(t, url.Values{"Action": {"Publish"}, "TopicArn": {strings.Replace(p.topic, ":decisions", ":"+topic, 1)}, "Message": {body}})
}

// endsSoon is for workflows whose answers end undelivered after a few seconds. By default they are tried for an hour: a busy
// machine needs more than seconds for the end and the start of a relay.
const endsSoon = "callback: {retry: {base: 5ms, cap: 20ms, max_age: 5s}}"

// file writes the configuration; extra is added to the workflow.
func (p place) file(t *testing.T, sqlite bool, extra string) string {
	t.Helper()
	store := "memory: true"
	if sqlite {
		store = fmt.Sprintf("sqlite: %q", filepath.Join(p.dir, "relay.db"))
	}
	if !strings.Contains(extra, "callback:") {
		extra = strings.Replace(endsSoon, "5s", "1h", 1) + "\n    " + extra
	}
	text := fmt.Sprintf(`
log: {format: text, level: debug}
public: {listen: "localhost:0", url: "http://relay.test"}
operator:
  listen: 127.0.0.1:0
  tokens: {ops: "${OPERATOR}"}
  api_tokens: {shop: {token: %s, decides_own: true}}
store: {%s}
keys: {file: %q}
aws: {region: us-east-1, endpoint: %q}
shutdown: {timeout: 5s}
decisions:
  payments: {topic: %q, subscribe: true, sqs: {queue: decisions}}
  raw: {topic: %q, sqs: {queue: decisions-raw}}
webhooks:
  hub: {hmac: {prefix: sha256=, secrets: [%s]}}
  crm: {bearer: {tokens: [%s]}}
  git: {github: {secrets: ["${HUB}"]}, filter: "headers['x-github-event'] != 'ping'"}
  chat: {slack: {secrets: ["${HUB}"]}}
  pay: {stripe: {secrets: ["${HUB}"]}}
targets:
  http: {http: {secrets: [%s], allow_http: true, allow_internal: true, concurrency: 16}}
workflows:
  orders:
    requests: {sqs: {queue: requests, dead_letter_queue: requests-dead}}
    %s
`, programSecret, store, filepath.Join(p.dir, "keys"), p.aws.URL(), p.topic, strings.Replace(p.topic, ":decisions", ":raw", 1),
		hubSecret, crmSecret, signingSecret, extra)
	path := filepath.Join(p.dir, "relay.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func testenv(name string) string {
	return map[string]string{"OPERATOR": operatorSecret, "HUB": hubSecret}[name]
}

// start runs a relay until the test ends.
func (p place) start(t *testing.T, file string) *running {
	t.Helper()
	conf, _, err := config.Load(file, nil, testenv)
	if err != nil {
		t.Fatal(err)
	}
	r := &running{aws: p.aws, config: file, printed: &buffer{}, log: &buffer{}, topic: p.topic, calls: p.calls}
	ctx, cancel := context.WithCancel(context.Background())
	up, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		log, level := newLogger(conf.Log, r.log)
		load := func() (*config.Config, []config.Finding, error) { return config.Load(file, nil, testenv) }
		o := app.Options{Log: log, Level: level, Stdout: r.printed, Load: load, File: file}
		ended <- serve(ctx, conf, o, func(public, operator net.Addr) {
			r.public, r.operator = "http://"+public.String(), "http://"+operator.String()
			close(up)
		})
	}()
	r.stop = sync.OnceValue(func() error {
		cancel()
		select {
		case err := <-ended:
			return err
		case <-time.After(hangLimit):
			return errors.New("it does not end")
		}
	})
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Errorf("stop: %v\n%s", err, r.log)
		}
	})
	select {
	case <-up:
	case err := <-ended:
		cancel()
		t.Fatalf("serve: %v\n%s", err, r.log)
	case <-time.After(hangLimit):
		cancel()
		t.Fatalf("not up\n%s", r.log)
	}
	return r
}

// reply is the answer to a request of a test.
type reply struct {
	status int
	text   string
	body   map[string]any
}

// do makes one request; redirects are not followed.
func do(t *testing.T, method, to, body string, header ...string) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, to, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	out := reply{status: resp.StatusCode, text: string(b)}
	_ = json.Unmarshal(b, &out.body) // pages are no JSON
	return out
}

func sign(body string) string { return "sha256=" + digest(body) }

func digest(signed string) string {
	mac := hmac.New(sha256.New, []byte(hubSecret))
	mac.Write([]byte(signed))
	return hex.EncodeToString(mac.Sum(nil))
}

// signed posts a decision to a webhook whose scheme signs the time too.
func (r *running) signed(t *testing.T, source, body string, header func(sent string) []string) reply {
	t.Helper()
	return do(t, "POST", r.public+"/webhooks/"+source, body, header(strconv.FormatInt(time.Now().Unix(), 10))...)
}

func (r *running) program(t *testing.T, path, body string) reply {
	t.Helper()
	return do(t, "POST", r.operator+path, body, "Authorization", "Bearer "+programSecret)
}

func (r *running) hub(t *testing.T, body string) reply {
	t.Helper()
	return do(t, "POST", r.public+"/webhooks/hub", body, "X-Signature-256", sign(body))
}

func (r *running) crm(t *testing.T, body string) reply {
	t.Helper()
	return do(t, "POST", r.public+"/webhooks/crm", body, "Authorization", "Bearer "+crmSecret)
}

// decideBody is a decision as a sender writes it.
func decideBody(id, order, outcome, rest string) string {
	return fmt.Sprintf(`{"decisionId":%q,"orderId":%q,"decision":%q,"decidedBy":%q%s}`, id, order, outcome, boss, rest)
}

// hangLimit bounds a wait. It is for hangs only: a busy machine may need long for anything.
const hangLimit = 2 * time.Minute

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	end := time.Now().Add(hangLimit)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
		<-tick.C
	}
}

// order returns an order as an operator sees it, or nil.
func (r *running) order(t *testing.T, id string) *api.Order {
	t.Helper()
	got := do(t, "GET", r.operator+"/v1/orders/"+url.PathEscape(id), "", "Authorization", "Bearer "+operatorSecret)
	if got.status == http.StatusNotFound {
		return nil
	}
	var o api.Order
	if err := json.Unmarshal([]byte(got.text), &o); err != nil || got.status != http.StatusOK {
		t.Fatalf("order %s: %d %s (%v)", id, got.status, got.text, err)
	}
	return &o
}

// verdict waits for a decision to be judged, and returns how.
func (r *running) verdict(t *testing.T, order, id string, nth int) string {
	t.Helper()
	var codes []string
	eventually(t, "decision "+id+" judged", func() bool {
		codes = codes[:0]
		if o := r.order(t, order); o != nil {
			for _, e := range o.History {
				if e.Kind == approval.EventDecisionReceived && e.Note == id {
					codes = append(codes, e.Code)
				}
			}
		}
		return len(codes) > nth
	})
	return codes[nth]
}

// pending waits until the order waits for a decision.
func (r *running) pending(t *testing.T, order string) {
	t.Helper()
	eventually(t, order+" pending", func() bool {
		o := r.order(t, order)
		return o != nil && len(o.Approvals) > 0 && o.Approvals[len(o.Approvals)-1].Status == approval.Pending
	})
}

// link waits for the link that was printed for an order.
func (r *running) link(t *testing.T, order string) string {
	t.Helper()
	var link string
	eventually(t, "a link for "+order, func() bool {
		_, after, found := strings.Cut(r.printed.String(), "Order: "+order+"\n")
		if found {
			link = linkForm.FindString(after)
		}
		return link != ""
	})
	return strings.Replace(link, "http://relay.test", r.public, 1)
}

// press opens a link and presses one of its buttons.
func press(t *testing.T, link, outcome string) reply {
	t.Helper()
	page := do(t, "GET", link, "")
	if page.status != http.StatusOK {
		t.Fatalf("the page answered %d: %s", page.status, page.text)
	}
	return send(t, link, outcome, page.text)
}

// send sends the form of a page.
func send(t *testing.T, link, outcome, page string) reply {
	t.Helper()
	form := url.Values{"outcome": {outcome}, "comment": {"looked at it"}}
	for _, m := range inputForm.FindAllStringSubmatch(page, -1) {
		form.Set(m[1], m[2])
	}
	return do(t, "POST", link, form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
}

// task waits for the end of a task.
func (r *running) task(t *testing.T, token string) emulator.Task {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), hangLimit)
	defer cancel()
	task, err := r.aws.StepFunctions.WaitForTask(ctx, token)
	if err != nil {
		t.Fatalf("the task was not answered: %v\n%s", err, r.log)
	}
	return task
}

func name(*testing.T) string { return rand.Text()[:8] }

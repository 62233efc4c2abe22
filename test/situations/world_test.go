package situations

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/notify/slack/slacktest"
	"github.com/approval-relay/approval-relay/test/emulator"
	"github.com/approval-relay/approval-relay/test/internal/loopback"
)

const (
	operatorToken = "operator-token-of-enough-bytes"
	programToken  = "program-token-of-enough-bytes"
	sharedSecret  = "a-shared-secret-of-enough-bytes"
)

var binary = flag.String("binary", "", "the built program; it is built if empty")

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	if *binary != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "situations")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	*binary = filepath.Join(dir, "approval-relay")
	out, err := exec.Command("go", "build", "-o", *binary, "github.com/approval-relay/approval-relay/cmd/approval-relay").CombinedOutput()
	if err != nil {
		fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
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

// relay is the running program in a situation.
type relay struct {
	*testing.T
	situation string // folder of testdata
	dir       string
	config    string // file
	aws       *emulator.Server
	queues    *sqs.Client
	public    string // URL
	operator  string // URL
	out       *lockedBuffer
	decisions int               // for their IDs
	slack     *slacktest.Server // of the situations that have it
}

// prepare writes the configuration of a situation: its own part, and what every relay needs. Each text in place is
// replaced in the configuration.
func prepare(t *testing.T, situation string, place ...string) *relay {
	t.Helper()
	awsServer, err := emulator.Start()
	require.NoError(t, err)
	t.Cleanup(func() { _ = awsServer.Close() })
	awsServer.SQS.CreateQueue("requests")
	awsServer.SQS.CreateQueue("dlq")
	public, err := loopback.Address()
	require.NoError(t, err)
	operator, err := loopback.Address()
	require.NoError(t, err)
	r := &relay{
		T:         t,
		situation: situation,
		dir:       t.TempDir(),
		aws:       awsServer,
		public:    "http://" + public,
		operator:  "http://" + operator,
		out:       &lockedBuffer{},
	}
	r.queues = sqs.NewFromConfig(aws.Config{
		Region:       emulator.Region,
		Credentials:  credentials.NewStaticCredentialsProvider("x", "x", ""),
		BaseEndpoint: aws.String(awsServer.URL()),
	})
	own := strings.NewReplacer(place...).Replace(r.read("relay.yaml"))
	extra := ""
	if i := strings.Index(own, "public: "); i < 0 {
		extra = fmt.Sprintf("public: {listen: %q, url: %q}\n", public, r.public)
	} else {
		own = strings.Replace(own, "public: {", fmt.Sprintf("public: {listen: %q, url: %q, ", public, r.public), 1)
	}
	if !strings.Contains(own, "log: ") {
		extra += "log: {format: text, level: debug}\n"
	}
	text := extra + fmt.Sprintf(`operator: {listen: %q, tokens: {ops: %s}, api_tokens: {shop: {token: %s, decides_own: true}}}
store: {sqlite: %q}
keys: {file: %q}
aws: {region: %s, endpoint: %q}
`, operator, operatorToken, programToken, filepath.Join(r.dir, "relay.db"), filepath.Join(r.dir, "keys"),
		emulator.Region, awsServer.URL()) + own
	r.config = filepath.Join(r.dir, "relay.yaml")
	require.NoError(t, os.WriteFile(r.config, []byte(text), 0o600))
	return r
}

// start runs the program in a situation until the test ends.
func start(t *testing.T, situation string, place ...string) *relay {
	t.Helper()
	r := prepare(t, situation, place...)
	r.run()
	return r
}

// command returns a call of the program in the environment of the situation.
func (r *relay) command(args ...string) *exec.Cmd {
	cmd := exec.Command(*binary, args...)
	cmd.Dir = r.dir
	cmd.Env = append(os.Environ(), "SECRET="+sharedSecret, "AWS_ACCESS_KEY_ID=x", "AWS_SECRET_ACCESS_KEY=x", "AWS_EC2_METADATA_DISABLED=true")
	return cmd
}

func (r *relay) run() {
	r.Helper()
	cmd := r.command("run", "--config.file="+r.config)
	cmd.Stdout, cmd.Stderr = r.out, r.out
	require.NoError(r, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	r.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(time.Minute):
			_ = cmd.Process.Kill()
			r.Errorf("the program did not end\n%s", r.out)
		}
	})
	r.eventually("it is ready", func() bool {
		select {
		case err := <-ended:
			ended <- err
			r.Fatalf("the program ended: %v\n%s", err, r.out)
		default:
		}
		resp, err := http.Get(r.operator + "/readyz")
		if err != nil {
			return false
		}
		return resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
	})
}

// eventually waits until a condition holds.
func (r *relay) eventually(what string, holds func() bool) {
	r.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Minute); !holds(); <-tick.C {
		if time.Now().After(end) {
			r.Fatalf("never: %s\n%s", what, r.out)
		}
	}
}

// read returns a file of the situation. Each {{TOKEN}} in it becomes the token of a new task.
func (r *relay) read(name string) string {
	r.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", r.situation, name))
	require.NoError(r, err)
	return r.fill(string(text))
}

func (r *relay) fill(text string) string {
	return regexp.MustCompile(`\{\{TOKEN\}\}`).ReplaceAllStringFunc(text, func(string) string { return r.token() })
}

func (r *relay) token() string { return r.aws.StepFunctions.OpenTask(time.Hour, 0) }

// lines returns the lines of a file of the situation.
func (r *relay) lines(name string) []string {
	return strings.Split(strings.TrimRight(r.read(name), "\n"), "\n")
}

// answer is the answer to an HTTP request.
type answer struct {
	status int
	header http.Header
	text   string
}

// field returns a member of the JSON in an answer.
func (a answer) field(name string) string {
	var body map[string]any
	_ = json.Unmarshal([]byte(a.text), &body)
	if body[name] == nil {
		return ""
	}
	return fmt.Sprint(body[name])
}

// call makes a request. Redirects are not followed.
func (r *relay) call(method, to, body string, header ...string) answer {
	r.Helper()
	req, err := http.NewRequestWithContext(r.Context(), method, to, strings.NewReader(body))
	require.NoError(r, err)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	require.NoError(r, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	require.NoError(r, err)
	return answer{resp.StatusCode, resp.Header, string(text)}
}

// post posts a body to a webhook.
func (r *relay) post(source, body string, header ...string) answer {
	r.Helper()
	return r.call(http.MethodPost, r.public+"/webhooks/"+source, body, header...)
}

// bearer is the header of the bearer token that the situations' webhooks take.
func bearer() []string { return []string{"Authorization", "Bearer " + sharedSecret} }

// asOperator calls the operator's API.
func (r *relay) asOperator(method, path, body string) answer {
	r.Helper()
	return r.call(method, r.operator+path, body, "Authorization", "Bearer "+operatorToken, "Content-Type", "application/json")
}

// asProgram calls the API with the token of a program, whose decisions are for the persons that it names.
func (r *relay) asProgram(method, path, body string) answer {
	r.Helper()
	return r.call(method, r.operator+path, body, "Authorization", "Bearer "+programToken, "Content-Type", "application/json")
}

// ask sends a request to a workflow.
func (r *relay) ask(workflow, body string) answer {
	r.Helper()
	return r.asProgram(http.MethodPost, "/v1/requests?workflow="+workflow, body)
}

// asked sends a request for an order that must be taken.
func (r *relay) asked(order string) string {
	r.Helper()
	token := r.token()
	got := r.ask("orders", fmt.Sprintf(`{"orderId":%q,"taskToken":%q}`, order, token))
	require.Equal(r, http.StatusAccepted, got.status, got.text)
	return token
}

// decide decides an order by the API.
func (r *relay) decide(order, by string) answer {
	r.Helper()
	r.decisions++
	return r.asProgram(http.MethodPost, "/v1/orders/"+url.PathEscape(order)+"/decisions",
		fmt.Sprintf(`{"decisionId":"d-%d","decision":"approve","decidedBy":%q}`, r.decisions, by))
}

// order returns an order, or nil.
func (r *relay) order(id string) *api.Order {
	r.Helper()
	got := r.asOperator(http.MethodGet, "/v1/orders/"+url.PathEscape(id), "")
	if got.status == http.StatusNotFound {
		return nil
	}
	require.Equal(r, http.StatusOK, got.status, got.text)
	var o api.Order
	require.NoError(r, json.Unmarshal([]byte(got.text), &o))
	return &o
}

// pending waits until an order has an approval, and returns it.
func (r *relay) pending(id string) api.Approval {
	r.Helper()
	var o *api.Order
	r.eventually("order "+id+" is there", func() bool {
		o = r.order(id)
		return o != nil && len(o.Approvals) > 0
	})
	return o.Approvals[len(o.Approvals)-1]
}

// isAnswered requires that the task of a token gets the answer that it was approved, once.
func (r *relay) isAnswered(token string) {
	r.Helper()
	r.eventually("the task is answered", func() bool {
		task, ok := r.aws.StepFunctions.FindTask(token)
		return ok && task.Effective == 1
	})
}

// put puts a message on the queue of requests.
func (r *relay) put(body string, attributes map[string]emulator.Attribute) {
	r.aws.SQS.PutMessage("requests", body, attributes)
}

// deadLetter waits for a message in the dead letter queue, and returns its reason and its body.
func (r *relay) deadLetter() (reason, body string) {
	r.Helper()
	r.eventually("there is a dead letter", func() bool {
		out, err := r.queues.ReceiveMessage(r.Context(), &sqs.ReceiveMessageInput{
			QueueUrl:              aws.String(r.aws.URL() + "/" + emulator.Account + "/dlq"),
			MessageAttributeNames: []string{"All"},
		})
		require.NoError(r, err)
		if len(out.Messages) == 0 {
			return false
		}
		m := out.Messages[0]
		_, err = r.queues.DeleteMessage(r.Context(), &sqs.DeleteMessageInput{
			QueueUrl:      aws.String(r.aws.URL() + "/" + emulator.Account + "/dlq"),
			ReceiptHandle: m.ReceiptHandle,
		})
		require.NoError(r, err)
		reason, body = aws.ToString(m.MessageAttributes["ApprovalRelayReason"].StringValue), aws.ToString(m.Body)
		return true
	})
	return reason, body
}

// links returns the links that the log channel has printed, the last one last.
func (r *relay) links() []string {
	return regexp.MustCompile(`http://[0-9.:]+/a/[\w.\-]+`).FindAllString(r.out.String(), -1)
}

package clients

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/api/apitest"
	"github.com/approval-relay/approval-relay/test/internal/loopback"
	"github.com/approval-relay/approval-relay/test/internal/overlay"
)

const (
	programToken  = "canary-program-0123456789abcdef"
	operatorToken = "canary-operator-0123456789abcdef"
	// callbackSecret signs the answers: whsec_ and the base64 of 24 bytes.
	callbackSecret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"
)

const descriptionFile = "../../api/openapi.json"

// world is the running program, behind a proxy that compares its answers with the description, and a workflow that
// waits for answers.
type world struct {
	url         string // of the proxy
	callbackURL string
	description *apitest.Description

	mu       sync.Mutex
	faults   []error           // of the program's answers
	compared map[string]int    // answers by method and path
	answers  map[string][]byte // to the workflow, by path
}

// newWorld builds and starts the program.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{compared: map[string]int{}, answers: map[string][]byte{}}
	text, err := os.ReadFile(descriptionFile)
	require.NoError(t, err)
	w.description, err = apitest.New(text)
	require.NoError(t, err)

	workflow := httptest.NewServer(http.HandlerFunc(w.receiveAnswer))
	t.Cleanup(workflow.Close)
	w.callbackURL = workflow.URL

	operator, err := url.Parse("http://" + startProgram(t))
	require.NoError(t, err)
	proxy := httputil.NewSingleHostReverseProxy(operator)
	proxy.ModifyResponse = w.compare
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

// startProgram starts the program and returns its operator address.
func startProgram(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	binary, err := overlay.Build(dir, "cmd/approval-relay")
	require.NoError(t, err)
	public, err := loopback.Address()
	require.NoError(t, err)
	operator, err := loopback.Address()
	require.NoError(t, err)
	config := filepath.Join(dir, "relay.yaml")
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, `
public: {listen: %q, url: "http://%s"}
operator: {listen: %q, tokens: {op: %q}, api_tokens: {client: {token: %q, decides_own: true}}}
store: {memory: true}
targets: {http: {http: {secrets: [%q], allow_http: true, allow_internal: true}}}
workflows: {refunds: {}}
`, public, public, operator, operatorToken, programToken, callbackSecret), 0o600))

	var log bytes.Buffer
	cmd := exec.Command(binary, "run", "--config.file="+config)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &log, &log
	require.NoError(t, cmd.Start())
	done := make(chan struct{})
	go func() { _ = cmd.Wait(); close(done) }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-done
		if t.Failed() {
			t.Logf("the program's log:\n%s", log.String())
		}
	})
	require.Eventually(t, func() bool {
		resp, err := http.Get("http://" + operator + "/readyz")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	}, time.Minute, 20*time.Millisecond)
	return operator
}

// receiveAnswer takes an answer to the workflow.
func (w *world) receiveAnswer(_ http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answers[r.URL.Path] = body
	if err := errors.Join(err, w.description.CheckSchema("WorkflowAnswer", body)); err != nil {
		w.faults = append(w.faults, err)
	}
}

// compare compares an answer of the program with the description.
func (w *world) compare(resp *http.Response) error {
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	path, method := resp.Request.URL.EscapedPath(), resp.Request.Method
	err = w.description.CheckAnswer(method, path, resp.StatusCode, resp.Header.Get("Content-Type"), body)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.compared[method+" "+path]++
	if err != nil {
		w.faults = append(w.faults, err)
	}
	return nil
}

// requireDriven requires that a client drove the approval of an order to its end, and that all answers were as
// described.
func (w *world) requireDriven(t *testing.T, order string) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	require.Empty(t, w.faults)
	for _, call := range []string{
		"POST /v1/requests", "GET /v1/orders", "POST /v1/orders/" + order + "/decisions", "GET /v1/orders/" + order,
	} {
		require.Positive(t, w.compared[call], call)
	}
	require.Contains(t, string(w.answers["/"+order]), `"approved":true`)
}

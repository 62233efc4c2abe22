package ledger

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/approval-relay/approval-relay/test/emulator"
	"github.com/approval-relay/approval-relay/test/internal/loopback"
)

// Secrets of the runs. They must not appear in any output of the program.
const (
	operatorToken = "canary-operator-0123456789abcdef"
	apiToken      = "canary-api-0123456789abcdef"
	askToken      = "canary-ask-0123456789abcdef" // of the program that sends requests; another program decides
	hookToken     = "canary-webhook-0123456789abcdef"
	signingSecret = "whsec_Y2FuYXJ5LXN0YW5kYXJkLTAxMjM0NTY3ODlhYmNkZWY="
)

// shutdownTimeout is the configured time limit for the shutdown of the program.
const shutdownTimeout = 10 * time.Second

// settings has the parameters of a run.
type settings struct {
	rate, burst int      // rate limit of calls to Step Functions; 0 means a limit that is never reached
	env         []string // environment variables of the program
	drainLimit  time.Duration
	interval    time.Duration // between heartbeats of storyWorkflow; 0 means storyInterval
	database    database      // nil means a SQLite file
	members     int           // number of workers on the database; 0 means one
}

// world contains the program, in processes of its own, and its counterparts.
type world struct {
	powerLosses int // losses of power that have lost commits

	tb         testing.TB
	dir        string
	binary     string
	members    []*member
	settings   settings
	public     string // host:port, of the balancer if there are several members
	operator   string
	aws        *emulator.Server
	sqsProxy   *toxiproxy.Proxy // in front of SQS
	stepsProxy *toxiproxy.Proxy // in front of Step Functions
	client     *http.Client

	logs    lockedBuffer // output of every process of the program, and bodies of its refusals
	callLog callLog
	stories []*story // run beside the scenarios

	mu          sync.Mutex
	starts      int
	badRequests int               // number of requests that cannot be understood
	finalBy     time.Time         // every callback has ended, see finalWithin
	links       map[string]string // by order ID
	titleLinks  map[string]string // by title, which is different for each attempt of a story
}

// newWorld starts the counterparts of the program and writes its configuration.
func newWorld(tb testing.TB, bin string, s settings) *world {
	tb.Helper()
	w := &world{
		tb:       tb,
		dir:      tb.TempDir(),
		binary:   bin,
		settings: s,
		links:    map[string]string{},

		titleLinks: map[string]string{},
		callLog:    callLog{calls: map[string][]emulator.Call{}, times: map[string][]time.Time{}},
		client: &http.Client{
			Transport:     &http.Transport{MaxIdleConnsPerHost: 64, MaxConnsPerHost: 64},
			Timeout:       50 * time.Second,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	var err error
	if w.aws, err = emulator.Start(); err != nil {
		tb.Fatal(err)
	}
	w.aws.StepFunctions.WatchCalls(w.callLog.recordCall)
	for _, q := range []string{"orders", storyWorkflow, "orders-dead", "decisions"} {
		w.aws.SQS.CreateQueue(q)
	}
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())
	upstream := strings.TrimPrefix(w.aws.URL(), "http://")
	w.sqsProxy = toxiproxy.NewProxy(server, "queues", "127.0.0.1:0", upstream)
	w.stepsProxy = toxiproxy.NewProxy(server, "steps", "127.0.0.1:0", upstream)
	for _, p := range []*toxiproxy.Proxy{w.sqsProxy, w.stepsProxy} {
		if err := p.Start(); err != nil {
			tb.Fatal(err)
		}
	}
	tb.Cleanup(func() {
		w.client.CloseIdleConnections()
		_ = w.aws.Close()
		w.sqsProxy.Stop()
		w.stepsProxy.Stop()
	})
	w.addMembers(max(1, s.members))
	return w
}

// startReceiver starts a receiver of notifications that keeps the links in them.
func (w *world) startReceiver() string {
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		var body struct {
			Data struct{ OrderID, Title, Link string }
		}
		if err := json.NewDecoder(r.Body).Decode(&body); err == nil && body.Data.Link != "" { // a truncated body has no link
			w.mu.Lock()
			w.links[body.Data.OrderID] = body.Data.Link
			w.titleLinks[body.Data.Title] = body.Data.Link
			w.mu.Unlock()
		}
		rw.WriteHeader(http.StatusNoContent)
	}))
	w.tb.Cleanup(s.Close)
	return s.URL
}

func freeAddress(tb testing.TB) string {
	tb.Helper()
	a, err := loopback.Address()
	if err != nil {
		tb.Fatal(err)
	}
	return a
}

// requestURL returns the address that takes the requests of a workflow.
func (w *world) requestURL(workflow string) string {
	return "http://" + w.operator + "/v1/requests?workflow=" + workflow
}

// patience returns how long a step of the program may take, with every fault of the run.
func (w *world) patience() time.Duration { return cmp.Or(w.settings.drainLimit, 90*time.Second) }

// callOnce sends an HTTP request. A body without a token is a form.
func (w *world) callOnce(ctx context.Context, method, url, token, body string) (int, string, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	if token == "" && body != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
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
		_, _ = w.logs.Write(append(bytes.TrimSpace(b), '\n')) // so that the search for secrets covers it
	}
	return resp.StatusCode, string(b), err
}

// callUntilAnswered sends an HTTP request. It repeats the request while the program is down or answers with a temporary
// error.
func (w *world) callUntilAnswered(ctx context.Context, method, url, token, body string) (int, string, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for {
		status, text, err := w.callOnce(ctx, method, url, token, body)
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

// waitUntil waits for a condition and reports whether it became true within the limit.
func waitUntil(limit time.Duration, is func() bool) bool {
	end := time.Now().Add(limit)
	for !is() {
		if time.Now().After(end) {
			return false
		}
		time.Sleep(100 * time.Millisecond)
	}
	return true
}

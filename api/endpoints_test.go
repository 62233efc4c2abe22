package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/store/memory"
)

// bearer checks for one of these tokens.
func bearer(tokens ...string) Check {
	return func(h http.Header, _ []byte) error {
		for _, token := range tokens {
			if h.Get("Authorization") == "Bearer "+token {
				return nil
			}
		}
		return errors.New("no")
	}
}

// write returns a handler that answers with a text.
func write(contentType, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write([]byte(text))
	}
}

// consumeSite handles the topics of a site: the order ID in the answer is the topic.
func consumeSite(t *testing.T, in *Ingress) {
	t.Helper()
	for _, topic := range []string{RequestTopic("orders"), RequestTopic("invoices")} {
		consume(t, in, topic, func(m *message.Message) error {
			handlers.Reply(m, handlers.Accepted{OrderID: topic, ApprovalID: "a", Status: approval.Pending})
			return nil
		})
	}
	for _, topic := range []string{WebhookTopic("erp"), DecisionTopic()} {
		consume(t, in, topic, func(m *message.Message) error {
			handlers.Reply(m, handlers.Decided{OrderID: topic, Verdict: approval.VerdictDecided})
			return nil
		})
	}
}

// site is all routes over an empty store.
func site(t *testing.T, change ...func(*Endpoints)) (*Endpoints, *memory.Store, *observer) {
	t.Helper()
	s, w, in := memory.New(), &observer{}, NewIngress()
	consumeSite(t, in)
	tr := transitions(s)
	h := &Endpoints{
		Ingress:           in,
		Workflows:         []string{"orders"},
		ProgramToken:      bearer("api", "operator"),
		OperatorToken:     bearer("operator"),
		DecisionPage:      write("text/html", "page"),
		SignIn:            signIn{},
		SlackInteractions: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}),
		Webhooks:          map[string]SourcePolicy{"erp": {Check: bearer("erp")}},
		Metrics:           write("text/plain", "metrics"),
		Reload:            func(context.Context) (Reloaded, error) { return Reloaded{Warnings: []string{}}, nil },
		OperatorAPI: &OperatorAPI{
			Orders:      s,
			Lister:      s,
			Decider:     &handlers.Decider{Transitions: tr, UnmatchedRetention: approval.UnmatchedRetention{WaitFor: time.Hour}},
			DeadLetters: &shelf{},
			Redriver:    &handlers.Redriver{Transitions: tr, Orders: s, DeadLetters: &shelf{}},
		},
		ConsolePages: write("text/html", "console"),
		Healthy:      func() error { return nil },
		Ready:        func(context.Context) error { return nil },
		Observe:      w.observe,
	}
	for _, f := range change {
		f(h)
	}
	return h, s, w
}

// signIn lets everybody sign in.
type signIn struct{}

func (signIn) StartSignIn(w http.ResponseWriter, _ *http.Request) {
	w.WriteHeader(http.StatusSeeOther)
}

func (signIn) CompleteSignIn(w http.ResponseWriter, _ *http.Request) {
	w.WriteHeader(http.StatusSeeOther)
}

// shelf lists dead letters.
type shelf struct {
	letters []store.DeadLetter
	err     error
}

func (s *shelf) ListDeadLetters(context.Context, string, int) ([]store.DeadLetter, error) {
	return s.letters, s.err
}

func (s *shelf) PutDeadLetter(context.Context, store.DeadLetter) (string, error) { return "1", s.err }
func (s *shelf) TakeDeadLetter(context.Context, string) error                    { return s.err }

// routeTable lists every route with a body and the credentials that may use it. TestEveryRouteIsInTheTable compares it
// with the routes. The console's pages need a session and are tested in web/console.
func routeTable() map[string]struct{ body, need string } {
	return map[string]struct{ body, need string }{
		"public /a/{token}":                           {"", ""},
		"public POST /webhooks/{source}":              {"{}", "erp"},
		"public POST /slack/interactions":             {"", ""},
		"public GET /signin/{token}":                  {"", ""},
		"public GET /signin/callback":                 {"", ""},
		"public GET /healthz":                         {"", ""},
		"private GET /healthz":                        {"", ""},
		"public GET /openapi.json":                    {"", ""},
		"private GET /openapi.json":                   {"", ""},
		"private GET /readyz":                         {"", ""},
		"private GET /metrics":                        {"", "operator"},
		"private POST /v1/requests":                   {"{}", "api operator"},
		"private POST /v1/orders/{orderId}/decisions": {"{}", "api operator"},
		"private GET /v1/orders":                      {"", "operator"},
		"private GET /v1/orders/{orderId}":            {"", "operator"},
		"private POST /v1/orders/{orderId}/decide":    {`{"outcome":"approve","by":"ops","reason":"x"}`, "operator"},
		"private POST /v1/orders/{orderId}/cancel":    {`{"by":"ops","reason":"x"}`, "operator"},
		"private GET /v1/deadletters":                 {"", "operator"},
		"private POST /v1/redrive":                    {`{"by":"ops","dryRun":true}`, "operator"},
		"private POST /-/reload":                      {"", "operator"},
	}
}

func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	for name, c := range routeTable() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, s, w := site(t)
			ask(t, s, "A-1", time.Now().Add(time.Hour))
			side, route, _ := strings.Cut(name, " ")
			method, path, ok := strings.Cut(route, " ")
			if !ok {
				method, path = "GET", route
			}
			path = strings.NewReplacer("{orderId}", "A-1", "{source}", "erp", "{token}", "x").Replace(path)
			server := map[string]http.Handler{"public": h.PublicHandler(), "private": h.OperatorHandler()}[side]
			for _, credential := range []string{"", "wrong", "erp", "api", "operator"} {
				got := send(t, server, method, path, c.body, "Authorization", "Bearer "+credential)
				allowed := c.need == "" || (credential != "" && strings.Contains(" "+c.need+" ", " "+credential+" "))
				require.Equal(t, allowed, got.StatusCode < 400, "%q got %d: %s", credential, got.StatusCode, got.text)
				if !allowed {
					require.Equal(t, http.StatusUnauthorized, got.StatusCode)
				}
			}
			for _, seen := range w.routes {
				require.True(t, strings.HasPrefix(seen, route+" "), "counted under its pattern: %s", seen)
			}
			require.Len(t, w.routes, 5)

			other := map[string]string{"GET": "POST", "POST": "GET"}[method]
			if path != "/a/x" {
				require.Equal(t, http.StatusMethodNotAllowed, send(t, server, other, path, "").StatusCode)
			}
		})
	}
}

// Routes lists exactly the routes that are served.
func TestEveryRouteIsInTheTable(t *testing.T) {
	t.Parallel()
	listed := map[string]bool{}
	for _, r := range Routes() {
		listed[r] = true
	}
	inTable := map[string]bool{}
	for name := range routeTable() {
		_, route, _ := strings.Cut(name, " ")
		inTable[route] = true
	}
	for _, r := range append(ConsoleRoutes(), "GET /{$}", "GET /console") {
		inTable[r] = true
	}
	require.Equal(t, inTable, listed)

	// A route of one address is not served on the other.
	h, _, _ := site(t)
	for _, path := range []string{"/", "/console", "/console/", "/console/signin", "/console/order", "/metrics", "/readyz", "/v1/orders", "/v1/orders/A-1", "/v1/deadletters"} {
		require.Equal(t, http.StatusNotFound, send(t, h.PublicHandler(), "GET", path, "", "Authorization", "Bearer operator").StatusCode, path)
	}
	for _, path := range []string{"/a/x", "/webhooks/erp"} {
		require.Equal(t, http.StatusNotFound, send(t, h.OperatorHandler(), "POST", path, "{}", "Authorization", "Bearer erp").StatusCode, path)
	}
}

// The console is served at its routes, and the root redirects to it.
func TestConsoleRoutes(t *testing.T) {
	t.Parallel()
	h, _, w := site(t)
	for _, pattern := range ConsoleRoutes() {
		method, path, _ := strings.Cut(strings.TrimSuffix(pattern, "{$}"), " ")
		require.Equal(t, "console", send(t, h.OperatorHandler(), method, path, "").text)
		require.Equal(t, pattern+" OK", w.routes[len(w.routes)-1])
	}
	for _, path := range []string{"/", "/console"} {
		got := send(t, h.OperatorHandler(), "GET", path, "")
		require.Equal(t, http.StatusSeeOther, got.StatusCode)
		require.Equal(t, "./console/", got.Header.Get("Location"))
	}
	require.Equal(t, http.StatusNotFound, send(t, h.OperatorHandler(), "GET", "/console/elsewhere", "").StatusCode)
	require.Equal(t, http.StatusMethodNotAllowed, send(t, h.OperatorHandler(), "POST", "/console/", "").StatusCode)
}

// An unknown path and a wrong method are answered with problem details too.
func TestProblemsOfTheSite(t *testing.T) {
	t.Parallel()
	h, _, _ := site(t)
	for _, c := range []struct {
		method, path string
		status       int
		allow        string
		detail       string
	}{
		{"GET", "/v1/nope", 404, "", "no such path"},
		{"GET", "/favicon.ico", 404, "", "no such path"},
		{"DELETE", "/v1/orders", 405, "GET, HEAD", "this path does not take DELETE, only GET, HEAD"},
		{"GET", "/v1/redrive", 405, "POST", "this path does not take GET, only POST"},
	} {
		got := send(t, h.OperatorHandler(), c.method, c.path, "", "Authorization", "Bearer operator")
		require.Equal(t, c.status, got.StatusCode, c.path)
		require.Equal(t, "application/problem+json", got.Header.Get("Content-Type"), c.path)
		require.Equal(t, c.allow, got.Header.Get("Allow"), c.path)
		require.Equal(t, c.detail, got.problem.Detail, c.path)
	}
}

// A misspelt filter is refused, because without the filter the list would have everything.
func TestUnknownQueryParameters(t *testing.T) {
	t.Parallel()
	h, _, _ := site(t)
	for path, detail := range map[string]string{
		"/v1/orders?workflow=orders&limit=1": `query: has the unknown parameter "workflow"; known here: after, limit, state`,
		"/v1/orders/A-1?full=1":              `query: has the unknown parameter "full"; known here: none`,
		"/v1/deadletters?source=orders":      `query: has the unknown parameter "source"; known here: after`,
	} {
		got := send(t, h.OperatorHandler(), "GET", path, "", "Authorization", "Bearer operator")
		require.Equal(t, http.StatusUnprocessableEntity, got.StatusCode, path)
		require.Equal(t, detail, got.problem.Detail)
		require.Equal(t, "query", got.problem.Field)
		require.Equal(t, http.StatusUnauthorized, send(t, h.OperatorHandler(), "GET", path, "").StatusCode, "strangers learn nothing")
	}
	require.Equal(t, 200, send(t, h.PublicHandler(), "POST", "/webhooks/erp?a=b", "{}", "Authorization", "Bearer erp").StatusCode)
}

func TestWebhooks(t *testing.T) {
	t.Parallel()
	h, _, _ := site(t)
	got := send(t, h.PublicHandler(), "POST", "/webhooks/erp", "{}", "Authorization", "Bearer erp")
	require.JSONEq(t, `{"orderId":"http/webhooks/erp","verdict":"decided"}`, got.text)
	got = send(t, h.PublicHandler(), "POST", "/webhooks/crm", "{}", "Authorization", "Bearer erp")
	require.Equal(t, http.StatusNotFound, got.StatusCode)
	require.Equal(t, "no such source", got.problem.Detail)
}

func TestWhichWorkflowARequestIsFor(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		workflows []string
		query     string
		status    int
		text      string
	}{
		"the only one":         {[]string{"orders"}, "", 202, RequestTopic("orders")},
		"by name":              {[]string{"orders", "invoices"}, "?workflow=invoices", 202, RequestTopic("invoices")},
		"no such":              {[]string{"orders"}, "?workflow=invoices", 404, "no such workflow"},
		"several and no name":  {[]string{"orders", "invoices"}, "", 422, "name one in the query"},
		"none are configured":  {nil, "", 422, "workflow"},
		"none, but one named":  {nil, "?workflow=orders", 404, "no such workflow"},
		"not by half its name": {[]string{"orders", "invoices"}, "?workflow=order", 404, "no such workflow"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, _, _ := site(t, func(h *Endpoints) { h.Workflows = c.workflows })
			got := send(t, h.OperatorHandler(), "POST", "/v1/requests"+c.query, "{}", "Authorization", "Bearer api")
			require.Equal(t, c.status, got.StatusCode)
			require.Contains(t, got.text, c.text)
		})
	}
}

func TestHealthAndReadiness(t *testing.T) {
	t.Parallel()
	h, _, _ := site(t)
	require.Equal(t, "ok\n", send(t, h.OperatorHandler(), "GET", "/healthz", "").text)
	require.Equal(t, "ok\n", send(t, h.OperatorHandler(), "GET", "/readyz", "").text)

	h, _, _ = site(t, func(h *Endpoints) {
		h.Healthy = func() error { return errors.New("the sweeper hangs") }
		h.Ready = func(context.Context) error { return errors.New("going down") }
	})
	for path, text := range map[string]string{"/healthz": "the sweeper hangs\n", "/readyz": "going down\n"} {
		got := send(t, h.OperatorHandler(), "GET", path, "")
		require.Equal(t, http.StatusServiceUnavailable, got.StatusCode)
		require.Equal(t, text, got.text)
	}
}

// A store that hangs is not ready, and the probe gets its answer in time.
func TestReadinessOfAStoreThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &Endpoints{Ready: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}
		start := time.Now()
		require.Equal(t, http.StatusServiceUnavailable, send(t, h.readiness(), "GET", "/readyz", "").StatusCode)
		require.Equal(t, 3*time.Second, time.Since(start))
	})
}

func TestOpenMetrics(t *testing.T) {
	t.Parallel()
	h, _, _ := site(t, func(h *Endpoints) { h.OpenMetrics = true })
	require.Equal(t, "metrics", send(t, h.OperatorHandler(), "GET", "/metrics", "").text)
}

// The servers bound the connections of slow and hostile clients.
func TestServerIsBounded(t *testing.T) {
	t.Parallel()
	s := NewServer(http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	require.Positive(t, s.ReadHeaderTimeout)
	require.Positive(t, s.ReadTimeout)
	require.Positive(t, s.WriteTimeout)
	require.Positive(t, s.IdleTimeout)
	require.LessOrEqual(t, s.MaxHeaderBytes, 64<<10)
	require.Greater(t, s.WriteTimeout, 30*time.Second, "longer than a message may take")
}

// The recorder lets the page reach its connection.
func TestTheRecorderUnwraps(t *testing.T) {
	t.Parallel()
	under := httptest.NewRecorder()
	require.NoError(t, http.NewResponseController(&statusRecorder{ResponseWriter: under}).Flush())
	require.True(t, under.Flushed)
}

// A configuration that was not reloaded is answered with all its faults.
func TestReloadRefused(t *testing.T) {
	t.Parallel()
	h, _, _ := site(t, func(h *Endpoints) {
		h.Reload = func(context.Context) (Reloaded, error) {
			return Reloaded{}, &ReloadError{Message: "the configuration has faults", Faults: []string{"line 1: log.level: is wrong"}}
		}
	})
	got := send(t, h.OperatorHandler(), "POST", "/-/reload", "", "Authorization", "Bearer operator")
	require.Equal(t, http.StatusUnprocessableEntity, got.StatusCode)
	require.Equal(t, "the configuration has faults", got.problem.Detail)
	require.Equal(t, []string{"line 1: log.level: is wrong"}, got.problem.Faults)
}

package router

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// Topics of the HTTP ingress.
const (
	topicAPI = "http/decisions"
)

// RequestTopic is the ingress topic of POST /v1/requests for a workflow.
func RequestTopic(workflow string) string { return "http/requests/" + workflow }

// WebhookTopic is the ingress topic of POST /webhooks/{source}.
func WebhookTopic(source string) string { return "http/webhooks/" + source }

// APITopic is the ingress topic of POST /v1/orders/{orderId}/decisions.
func APITopic() string { return topicAPI }

// HTTP is what the routes lead to.
type HTTP struct {
	Ingress *Ingress
	Page    http.Handler // the decision page, at /a/{token}
	Slack   http.Handler // what is pressed in Slack; nil where nothing is
	// SignIn begins at /signin/{token} and ends at /signin/callback; nil where
	// people cannot sign in.
	SignIn interface {
		StartSignIn(w http.ResponseWriter, r *http.Request)
		CompleteSignIn(w http.ResponseWriter, r *http.Request)
	}
	Webhooks  map[string]Way // by source
	Workflows []string
	// API checks the credential of a program that asks and decides, Operator that
	// of a person who runs this one. An operator may do all.
	API      Check
	Operator Check
	Metrics  http.Handler
	// OpenMetrics serves /metrics without a credential.
	OpenMetrics bool
	Console     *Console
	Pages       http.Handler // the console as people see it, see ConsoleRoutes
	Healthy     func() error
	Ready       func(context.Context) error
	Observe     func(route string, status int, took time.Duration)
}

// Public returns the routes that anybody can reach: the decision page behind
// its signed links, and webhooks behind their signatures.
func (h *HTTP) Public() http.Handler {
	mux := http.NewServeMux()
	h.route(mux, "/a/{token}", h.Page)
	h.route(mux, "POST /webhooks/{source}", h.webhooks())
	if h.SignIn != nil {
		h.route(mux, "GET /signin/{token}", http.HandlerFunc(h.SignIn.StartSignIn))
		h.route(mux, "GET /signin/callback", http.HandlerFunc(h.SignIn.CompleteSignIn))
	}
	if h.Slack != nil {
		h.route(mux, "POST /slack/interactions", h.Slack)
	}
	h.route(mux, "GET /healthz", h.health())
	h.route(mux, "GET /openapi.json", http.HandlerFunc(serveOpenAPI))
	return mux
}

// Private returns the routes on the operator's address.
func (h *HTTP) Private() http.Handler {
	mux := http.NewServeMux()
	h.route(mux, "GET /healthz", h.health())
	h.route(mux, "GET /openapi.json", http.HandlerFunc(serveOpenAPI))
	h.route(mux, "GET /readyz", h.readiness())
	h.route(mux, "GET /metrics", h.metrics())

	h.route(mux, "POST /v1/requests", h.Ingress.Handler(h.requestTopic, h.API))
	h.route(mux, "POST /v1/orders/{orderId}/decisions", h.Ingress.Handler(apiTopic, h.API))

	operator := func(f func(*http.Request, []byte) (any, error)) http.Handler { return guarded(h.Operator, f) }
	h.route(mux, "GET /v1/orders", operator(h.Console.list))
	h.route(mux, "GET /v1/orders/{orderId}", operator(h.Console.show))
	h.route(mux, "POST /v1/orders/{orderId}/decide", operator(h.Console.decide))
	h.route(mux, "POST /v1/orders/{orderId}/cancel", operator(h.Console.cancel))
	h.route(mux, "GET /v1/deadletters", operator(h.Console.deadLetters))
	h.route(mux, "POST /v1/redrive", operator(h.Console.redrive))

	for _, pattern := range []string{"GET /{$}", "GET /console"} {
		h.route(mux, pattern, http.HandlerFunc(toConsole))
	}
	for _, pattern := range ConsoleRoutes() {
		h.route(mux, pattern, h.Pages)
	}
	return mux
}

// ConsoleRoutes lists the pages for people on the operator's address. They sign in
// there, with the token that programs send: what is not behind it is the form.
func ConsoleRoutes() []string {
	return []string{
		"GET /console/{$}", "GET /console/exhausted", "GET /console/order", "GET /console/letters", "GET /console/signin",
		"POST /console/signin", "POST /console/signout", "POST /console/rule", "POST /console/redrive",
	}
}

// toConsole leads to the console from beside or above it, behind whatever prefix.
func toConsole(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Location", "./console/")
	w.WriteHeader(http.StatusSeeOther)
}

func apiTopic(*http.Request) (string, error) { return topicAPI, nil }

// requestTopic finds the workflow that a request is for: the one it names, or
// the only one there is.
func (h *HTTP) requestTopic(r *http.Request) (string, error) {
	name := r.URL.Query().Get("workflow")
	if name == "" && len(h.Workflows) == 1 {
		name = h.Workflows[0]
	}
	for _, w := range h.Workflows {
		if w == name {
			return RequestTopic(w), nil
		}
	}
	if name == "" {
		return "", approval.Invalid("workflow", "is missing: there are several, name one in the query")
	}
	return "", &notFoundError{"workflow"}
}

func (h *HTTP) webhooks() http.Handler {
	sources := map[string]http.Handler{}
	for name, way := range h.Webhooks {
		topic := WebhookTopic(name)
		sources[name] = h.Ingress.handler(func(*http.Request) (string, error) { return topic, nil }, way)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if source, ok := sources[r.PathValue("source")]; ok {
			source.ServeHTTP(w, r)
			return
		}
		answer(w, nil, &notFoundError{"source"})
	})
}

func (h *HTTP) health() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { status(w, h.Healthy()) })
}

func (h *HTTP) readiness() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 3*time.Second) // a store that hangs is not ready
		defer cancel()
		status(w, h.Ready(ctx))
	})
}

func status(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(err.Error() + "\n"))
		return
	}
	_, _ = w.Write([]byte("ok\n"))
}

func (h *HTTP) metrics() http.Handler {
	if h.OpenMetrics {
		return h.Metrics
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h.Operator(r.Header, nil); err != nil {
			answer(w, nil, &credentialError{err})
			return
		}
		h.Metrics.ServeHTTP(w, r)
	})
}

// route adds a route whose answers are counted under its pattern.
func (h *HTTP) route(mux *http.ServeMux, pattern string, next http.Handler) {
	mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		rec := &recorder{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(rec, r)
		h.Observe(pattern, rec.status, time.Since(began))
	})
}

// recorder keeps the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// Routes lists every route, for metrics that start at 0 and for the docs.
func Routes() []string {
	return append([]string{
		"/a/{token}", "POST /webhooks/{source}", "POST /slack/interactions", "GET /signin/{token}", "GET /signin/callback", "GET /healthz", "GET /readyz", "GET /metrics", "GET /openapi.json", "POST /v1/requests",
		"POST /v1/orders/{orderId}/decisions", "GET /v1/orders", "GET /v1/orders/{orderId}", "POST /v1/orders/{orderId}/decide",
		"POST /v1/orders/{orderId}/cancel", "GET /v1/deadletters", "POST /v1/redrive", "GET /{$}", "GET /console",
	}, ConsoleRoutes()...)
}

// Server returns an HTTP server with limits on all that a client can draw out.
func Server(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		ReadHeaderTimeout: 5 * time.Second,  // a client that never ends its headers
		ReadTimeout:       15 * time.Second, // or its body
		WriteTimeout:      45 * time.Second, // longer than a message may take
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
}

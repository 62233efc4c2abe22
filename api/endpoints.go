package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/inbound"
	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/store"
)

// Endpoints are the parts of the program that the routes lead to.
type Endpoints struct {
	Ingress      *Ingress
	DecisionPage http.Handler // at /a/{token}
	RequestFiles http.Handler // at /a/{token}/files/{detail}
	StatusPage   http.Handler // of requesters, at /s/{token}
	// Logo serves the logo of the organisation at /assets/{name}; nil if there is none.
	Logo http.Handler
	// SlackInteractions handles buttons pressed in Slack; nil if no channel has buttons.
	SlackInteractions http.Handler
	// TeamsMessages handles buttons pressed in Microsoft Teams; nil if no channel has a bot.
	TeamsMessages http.Handler
	// SignIn lets approvers sign in; nil if no provider is configured.
	SignIn    SignIn
	Webhooks  map[string]SourcePolicy // by source
	Workflows []string                // by name, for POST /v1/requests
	// FindPrincipal finds the program or operator whose bearer token a request has.
	FindPrincipal FindPrincipal
	Metrics       http.Handler
	// OpenMetrics serves /metrics without a token.
	OpenMetrics  bool
	OperatorAPI  *OperatorAPI
	ConsolePages http.Handler // the operator's console in the browser
	// Reload reads the configuration again. A refusal is a *ReloadError.
	Reload func(context.Context) (Reloaded, error)
	// Backups copies the store; nil if the store cannot be copied.
	Backups store.BackupMaker
	// BackupSent is called, for the log, before a copy with this number of bytes is sent to a principal; nil is not.
	BackupSent func(by string, bytes int64)
	Healthy    func() error
	Ready      func(context.Context) error
	// ReadyDetail returns what a ready program lacks, one line each; nil means that there is nothing to say.
	ReadyDetail func() []string
	// ShowMessage answers a person who opens a path of no route at the public address. Nil means problem details.
	ShowMessage func(w http.ResponseWriter, r *http.Request, status int, heading, lead string)
	// PublicLimits and OperatorLimits are the limits of the two addresses.
	PublicLimits, OperatorLimits Limits
	// ReceiptKeys are the public keys of receipts, as a JWK set.
	ReceiptKeys []byte
	// Failures limits tries with wrong credentials; nil means that they are not limited.
	Failures *inbound.Failures
	// IsLink reports whether we made the token of a link, however old it is; nil means that every token passes for one.
	IsLink func(token string) bool
	// Refusals records every answer that is a refusal; nil records nothing.
	Refusals refusal.Recorder
	// Observe is called after each answer, with the pattern of its route.
	Observe func(route string, status int, took time.Duration)
}

// SignIn begins at /signin/{token} and ends at /signin/callback. SignOut is at /signin/out.
type SignIn interface {
	StartSignIn(w http.ResponseWriter, r *http.Request)
	CompleteSignIn(w http.ResponseWriter, r *http.Request)
	SignOut(w http.ResponseWriter, r *http.Request)
}

// PublicHandler serves the routes of the public address.
func (e *Endpoints) PublicHandler() http.Handler {
	return e.serveSite(refusal.SourcePublic, publicRoutes(), e.PublicLimits, e.ShowMessage)
}

// OperatorHandler serves the routes of the operator's address.
func (e *Endpoints) OperatorHandler() http.Handler {
	return e.serveSite(refusal.SourceAPI, operatorRoutes(), e.OperatorLimits, nil)
}

// showMessage answers a person with a page.
type showMessage func(w http.ResponseWriter, r *http.Request, status int, heading, lead string)

// serveSite serves the routes of an address within its limits, and records its refusals.
func (e *Endpoints) serveSite(source string, routes []route, limits Limits, show showMessage) http.Handler {
	mux := e.serveRoutes(routes, limits)
	site := &siteHandler{mux: mux, prefix: limits.Prefix, unknown: limitRate(limits.Rate, unknownPath(mux, show))}
	return inbound.ClientAddress(limits.Proxies, limits.demandTLS(e.recorded(source, site)))
}

func (e *Endpoints) serveRoutes(routes []route, limits Limits) *http.ServeMux {
	mux := http.NewServeMux()
	for _, r := range routes {
		if h := r.handler(e); h != nil {
			mux.Handle(r.pattern, e.observed(r.pattern, e.limited(r, limits, e.guarded(r, checkedQuery(r, h)))))
		}
	}
	return mux
}

// siteHandler serves the routes of an address. It answers requests that match no route with problem details, like
// all other refusals.
type siteHandler struct {
	mux     *http.ServeMux
	prefix  string
	unknown http.Handler
}

// ServeHTTP implements http.Handler. Some proxies remove the prefix of the address from the path, and others cannot.
func (s *siteHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if u, ok := withoutPrefix(r.URL, s.prefix); ok && !s.hasRoute(r) {
		r.URL = u
	}
	if s.hasRoute(r) {
		s.mux.ServeHTTP(w, r)
		return
	}
	s.unknown.ServeHTTP(w, r)
}

func (s *siteHandler) hasRoute(r *http.Request) bool {
	_, pattern := s.mux.Handler(r)
	return pattern != "" && isPlain(r.URL.EscapedPath())
}

// withoutPrefix returns a URL whose path begins with the prefix without it. A prefix has no slash at its end.
func withoutPrefix(u *url.URL, prefix string) (*url.URL, bool) {
	path, ok := strings.CutPrefix(u.Path, prefix)
	raw, rawOK := strings.CutPrefix(u.RawPath, prefix)
	if prefix == "" || !ok || !strings.HasPrefix(path, "/") || u.RawPath != "" && !rawOK {
		return nil, false
	}
	inner := *u
	inner.Path, inner.RawPath = path, raw
	return &inner, true
}

// isPlain reports whether a path is served as it stands. The mux would redirect others to a path without empty and dot
// elements, and behind a proxy that adds a prefix, that path leads out of our part of the site.
func isPlain(path string) bool {
	rest, more := path, true
	for first := true; more; first = false {
		var element string
		element, rest, more = strings.Cut(rest, "/")
		isInside := !first && more
		if element == "." || element == ".." || element == "" && isInside {
			return false
		}
	}
	return true
}

// unknownPath answers requests that match no route. It answers a person with a page if show is set.
func unknownPath(mux *http.ServeMux, show showMessage) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if allow := allowedMethods(mux, r); allow != "" {
			w.Header().Set("Allow", allow)
			writeAnswer(w, r, nil, &methodError{r.Method, allow})
			return
		}
		missing := &notFoundError{"path"}
		if show != nil && prefersPage(r) {
			describe(r, missing)
			w.Header().Add("Vary", "Accept")
			show(w, r, http.StatusNotFound, "This link is not valid",
				"It may have been cut off on its way: open it from the message itself, or copy all of it.")
			return
		}
		writeAnswer(w, r, nil, missing)
	})
}

// allowedMethods returns the methods that a path takes if it does not take that of the request. The mux tells an
// unknown path from a wrong method, and lists the right methods in a header.
func allowedMethods(mux *http.ServeMux, r *http.Request) string {
	if !isPlain(r.URL.EscapedPath()) {
		return ""
	}
	fallback, _ := mux.Handler(r)
	probe := probeWriter{header: http.Header{}}
	fallback.ServeHTTP(&probe, r)
	return probe.header.Get("Allow")
}

// probeWriter keeps the header of an answer and drops the rest.
type probeWriter struct{ header http.Header }

// Header implements http.ResponseWriter.
func (p *probeWriter) Header() http.Header { return p.header }

// Write implements http.ResponseWriter.
func (*probeWriter) Write(b []byte) (int, error) { return len(b), nil }

// WriteHeader implements http.ResponseWriter.
func (*probeWriter) WriteHeader(int) {}

// observed reports each answer of a route under its pattern.
func (e *Endpoints) observed(pattern string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		setRoute(r, pattern)
		rec, known := w.(*statusRecorder) // that of recorded
		if !known {
			rec = &statusRecorder{ResponseWriter: w, status: http.StatusOK}
		}
		next.ServeHTTP(rec, r)
		e.Observe(pattern, rec.status, time.Since(began))
	})
}

// statusRecorder keeps the status of an answer.
type statusRecorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (r *statusRecorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (r *statusRecorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// requests takes approval requests of programs.
func (e *Endpoints) requests() http.Handler {
	return e.Ingress.MessageHandler(e.requestTopic, callerPolicy())
}

// decisions takes decisions of programs.
func (e *Endpoints) decisions() http.Handler {
	return e.Ingress.MessageHandler(fixedTopic(DecisionTopic()), callerPolicy())
}

// webhooks takes decisions of third parties, each under the policy of its source.
func (e *Endpoints) webhooks() http.Handler {
	sources := map[string]http.Handler{}
	for name, policy := range e.Webhooks {
		policy.refused = e.countFailures(inbound.Signatures("webhook "+name), e.PublicLimits.Rate)
		sources[name] = e.Ingress.MessageHandler(fixedTopic(WebhookTopic(name)), policy)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if source, ok := sources[r.PathValue("source")]; ok {
			source.ServeHTTP(w, r)
			return
		}
		writeAnswer(w, r, nil, &notFoundError{"source"})
	})
}

// handshakes answers the checks by which a sender registers the endpoint. A source without a handshake takes POST only.
func (e *Endpoints) handshakes() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		policy, ok := e.Webhooks[r.PathValue("source")]
		if !ok {
			writeAnswer(w, r, nil, &notFoundError{"source"})
			return
		}
		policy.setCall(r)
		switch err := policy.answerHandshake(w, r, nil, false); {
		case errors.Is(err, errAnswered):
		case err != nil:
			writeAnswer(w, r, nil, withChallenge(err, policy.Challenge))
		default:
			w.Header().Set("Allow", http.MethodPost)
			writeAnswer(w, r, nil, &methodError{r.Method, http.MethodPost})
		}
	})
}

// requestTopic finds the workflow of a request: the workflow in the query, or the only
// configured workflow. The principal must be allowed to use it, and it must take requests.
func (e *Endpoints) requestTopic(r *http.Request) (string, error) {
	name := r.URL.Query().Get("workflow")
	if name == "" && len(e.Workflows) == 1 {
		name = e.Workflows[0]
	}
	for _, w := range e.Workflows {
		if w != name {
			continue
		}
		if p, ok := handlers.PrincipalOf(r.Context()); ok && !p.MayUse(w) {
			return "", &forbiddenError{fmt.Sprintf("%s may not use this workflow", p.ID())}
		}
		return RequestTopic(w), e.OperatorAPI.Controls.Admit(w)
	}
	if name == "" {
		return "", approval.InvalidField("workflow", "is missing: there are several, name one in the query")
	}
	return "", &notFoundError{"workflow"}
}

package api

import (
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/inbound"
	"github.com/approval-relay/approval-relay/remote"
)

// Limits are the limits of one listener. The zero value limits nothing.
type Limits struct {
	// Bodies is the memory for the bodies of requests; nil means that it is not limited.
	Bodies *inbound.Bodies
	// Rate limits all requests together; nil means that it does not.
	Rate *inbound.Rate
	// Proxies are the networks of the proxies that name the client of a request.
	Proxies []netip.Prefix
	// HSTS is the time for which browsers use https only, once they have used it; 0 does not tell them.
	HSTS time.Duration
	// HTTPS is set if browsers reach the address by https, although a proxy that is not among Proxies ends it.
	HTTPS bool
	// Prefix is the path of the address, without a slash at its end. A proxy in front may remove it, or leave it.
	Prefix string
}

// limited keeps the calls of a route within the limits of its listener and of its credential. Calls that prove by a
// link or a signature that they are meant for us are not limited by the rate of all requests. So a flood does not keep
// them away, and a proof costs little more than a refusal.
func (e *Endpoints) limited(r route, limits Limits, next http.Handler) http.Handler {
	switch {
	case strings.HasPrefix(r.pattern, "GET /healthz"), strings.HasPrefix(r.pattern, "GET /readyz"):
		return next // the worker is restarted if its probes fail
	case r.access == accessLink:
		next = e.limitLinks(limits.Rate, next)
	case r.access == accessSignature: // limited where the signature is checked
	default:
		next = limitRate(limits.Rate, next)
	}
	if limits.Bodies == nil {
		return next
	}
	return limitBodies(r.pattern, limits.Bodies, next)
}

// limitBodies gives each source of webhooks a share of the memory, and each other route.
func limitBodies(pattern string, bodies *inbound.Bodies, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		share := pattern
		if source := r.PathValue("source"); source != "" {
			share = r.URL.Path // a source that does not exist takes no body
		}
		bodies.Serve(w, r, share, next)
	})
}

// limitRate answers requests above the rate with 429.
func limitRate(limit *inbound.Rate, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if wait := limit.Wait(remote.Address(r), time.Now()); wait > 0 {
			writeAnswer(w, r, nil, &rateLimitError{wait, "more requests than this address may take; send it again later"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// limitLinks answers requests without one of our links with 429 if they are above the rate, or if their remote has
// tried too many such links. It counts the others of them.
func (e *Endpoints) limitLinks(limit *inbound.Rate, next http.Handler) http.Handler {
	links := inbound.Signatures("link")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		now, client := time.Now(), remote.Address(r)
		wait := limit.Wait(client, now)
		if e.IsLink != nil && !e.IsLink(r.PathValue("token")) {
			wait = max(wait, e.Failures.Wait(links, client, "", now))
			if wait > 0 {
				writeAnswer(w, r, nil, &rateLimitError{wait, "too many tries with links that are not ours; try again later"})
				return
			}
			e.Failures.Failed(links, client, "", now)
			next.ServeHTTP(w, r)
			return
		}
		inbound.MarkVerified(r)
		next.ServeHTTP(w, r)
	})
}

// countFailures returns a function that counts a request with a wrong credential, and returns the error for its sender:
// 429 if there were too many of its remote. It is called after the credential was checked. So a request with a right
// one is admitted whatever others send from the same address, which may be a proxy's.
func (e *Endpoints) countFailures(kind inbound.Kind, limit *inbound.Rate) func(*http.Request, error) error {
	return func(r *http.Request, err error) error { return e.countFailure(kind, limit, r, err) }
}

func (e *Endpoints) countFailure(kind inbound.Kind, limit *inbound.Rate, r *http.Request, err error) error {
	if _, wrong := errors.AsType[*credentialError](err); !wrong {
		return err
	}
	now, client := time.Now(), remote.Address(r)
	wait := max(limit.Wait(client, now), e.Failures.Wait(kind, client, "", now))
	if wait > 0 {
		return &rateLimitError{wait, "too many requests with a wrong credential or signature; try again later"}
	}
	e.Failures.Failed(kind, client, "", now)
	return err
}

// limitAnswers counts the answers with certain statuses as failures of the credential that the handler checks. After
// too many, the status is 429 instead. The handler runs all the same if verifyFirst is set: for credentials that nobody
// can guess, but whose senders may share an address.
func (e *Endpoints) limitAnswers(kind inbound.Kind, verifyFirst bool, next http.Handler, statuses ...int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		now, client := time.Now(), remote.Address(r)
		wait := e.Failures.Wait(kind, client, "", now)
		if wait > 0 && !verifyFirst {
			writeAnswer(w, r, nil, &rateLimitError{wait, "too many failed tries from this address; try again later"})
			return
		}
		answer := &limitedWriter{ResponseWriter: w, wait: wait, statuses: statuses}
		next.ServeHTTP(answer, r)
		switch {
		case answer.failed && wait == 0:
			e.Failures.Failed(kind, client, "", now)
		case answer.status == 0, answer.status < http.StatusBadRequest:
			inbound.MarkVerified(r)
		}
	})
}

// limitedWriter notices a failure, and answers it with 429 if there were too many.
type limitedWriter struct {
	http.ResponseWriter
	wait     time.Duration
	statuses []int
	status   int
	failed   bool
}

// WriteHeader implements http.ResponseWriter.
func (w *limitedWriter) WriteHeader(status int) {
	w.status = status
	for _, s := range w.statuses {
		w.failed = w.failed || s == status
	}
	if w.failed && w.wait > 0 {
		setRetryAfter(w.Header(), w.wait)
		status = http.StatusTooManyRequests
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *limitedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

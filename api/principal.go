package api

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/inbound"
	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/remote"
)

// FindPrincipal finds the program or operator whose bearer token a request has. An error means that the token is
// missing or unknown.
type FindPrincipal func(*http.Request) (handlers.Principal, error)

// verb returns the verb that a program needs for a route, or the empty text if programs may not use it.
func (a access) verb() handlers.Verb {
	switch a {
	case accessAsk, accessDecide, accessRead, accessCancel:
		return handlers.Verb(a)
	}
	return ""
}

// isJSON reports whether a route belongs to the JSON API.
func (a access) isJSON() bool { return a == accessOperator || a.verb() != "" }

// admit returns an error if the principal may not use a route with this access.
func (a access) admit(p handlers.Principal) error {
	verb := a.verb()
	switch {
	case p.IsOperator:
		return nil
	case verb == "":
		return &forbiddenError{"this needs the token of an operator; " + p.ID() + " is a program"}
	case !p.May(verb):
		return &forbiddenError{fmt.Sprintf("the token of %s lacks the verb %s", p.ID(), verb)}
	}
	return nil
}

// guarded finds the principal of a route that needs a token before its handler runs, so before anything of the body is
// read.
func (e *Endpoints) guarded(need access, next http.Handler) http.Handler {
	if !need.isJSON() && (need != accessMetrics || e.OpenMetrics) {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, err := e.findPrincipal(r)
		if err != nil {
			writeAnswer(w, r, nil, err)
			return
		}
		if call := refusal.CallOf(r.Context()); call != nil {
			call.SetPrincipal(p.ID())
		}
		if err := need.admit(p); err != nil {
			writeAnswer(w, r, nil, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(handlers.WithPrincipal(r.Context(), p)))
	})
}

// withoutReason returns the error of a bearer token with a text for its sender that is the same for every reason.
func withoutReason(err error) error {
	e, ok := errors.AsType[*refusal.Error](err)
	if !ok || e.Public != "" {
		return err
	}
	told := *e
	told.Public = "the bearer token is missing or wrong: looked for in the header Authorization"
	told.PublicField = "Authorization"
	return &told
}

// findPrincipal finds the principal of a request. A remote that has tried too many wrong tokens waits.
func (e *Endpoints) findPrincipal(r *http.Request) (handlers.Principal, error) {
	now, client, token := time.Now(), remote.Address(r), bearerToken(r)
	if wait := e.Failures.Wait(inbound.Tokens(), client, token, now); wait > 0 {
		return handlers.Principal{}, &rateLimitError{wait, "too many tries with a wrong token from this address; try again later"}
	}
	p, err := e.FindPrincipal(r)
	switch {
	case err == nil:
		e.Failures.Succeeded(inbound.Tokens(), client, token, now)
		return p, nil
	case token != "": // a call without a token is no guess
		e.Failures.Failed(inbound.Tokens(), client, token, now)
	}
	return handlers.Principal{}, InvalidCredential(withoutReason(err))
}

// bearerToken returns the token of a request, whatever its scheme is called.
func bearerToken(r *http.Request) string {
	_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.TrimSpace(token)
}

// ownPart returns the part of an order that a principal may read: a program reads the approvals that it asked for
// itself, and their events. Unmatched decisions belong to no approval, so a program reads none. It returns false if
// nothing is left.
func ownPart(o *approval.Order, p handlers.Principal) (*approval.Order, bool) {
	if p.IsOperator {
		return o, true
	}
	own := &approval.Order{ID: o.ID}
	for _, a := range o.Approvals {
		if p.Owns(a) {
			own.Approvals = append(own.Approvals, a)
		}
	}
	for _, e := range o.History {
		isOwn := slices.ContainsFunc(own.Approvals, func(a *approval.Approval) bool { return a.ID == e.Approval })
		if isOwn {
			own.History = append(own.History, e)
		}
	}
	return own, len(own.Approvals) > 0
}

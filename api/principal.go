package api

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/inbound"
	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/remote"
	"github.com/approval-relay/approval-relay/role"
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

// admit returns the scope of a principal on a route, or an error.
func (r route) admit(p handlers.Principal) (role.Scope, error) {
	verb := r.access.verb()
	switch {
	case p.IsOperator && p.Grants.May(r.right):
		return p.Grants.Scope(r.right), nil
	case p.IsOperator:
		return role.Scope{}, &forbiddenError{fmt.Sprintf("this needs the right %q; %s has the role %s",
			r.right, p.ID(), strings.Join(p.Grants.Names(), ", "))}
	case verb == "":
		return role.Scope{}, &forbiddenError{"this needs the token of an operator; " + p.ID() + " is a program"}
	case !p.May(verb):
		return role.Scope{}, &forbiddenError{fmt.Sprintf("the token of %s lacks the verb %s", p.ID(), verb)}
	}
	return role.Everything(), nil // its handler limits a program to what it asked for itself
}

// guarded finds the principal of a route that needs a token before its handler runs, so before anything of the body is
// read. The handler reads and changes nothing outside the scope in the context.
func (e *Endpoints) guarded(route route, next http.Handler) http.Handler {
	if !route.access.isJSON() && (route.access != accessMetrics || e.OpenMetrics) {
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
		scope, err := route.admit(p)
		if err != nil {
			writeAnswer(w, r, nil, err)
			return
		}
		ctx := role.WithScope(handlers.WithPrincipal(r.Context(), p), scope)
		next.ServeHTTP(w, r.WithContext(ctx))
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
// itself, and their events. The scope has limited an operator before. It returns false if
// that part is empty.
func ownPart(o *approval.Order, p handlers.Principal) (*approval.Order, bool) {
	if p.IsOperator {
		return o, true
	}
	return role.PartOf(o, p.Owns)
}

package api

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/refusal/recent"
	"github.com/approval-relay/approval-relay/role"
)

// RefusalLister has the refusals of this worker since its start, see recent.List.
type RefusalLister interface {
	Since() time.Time
	Entries(q recent.Query) []recent.Entry
	OpenBody(id, operator string) (recent.Entry, []byte, bool)
}

// RefusedList has what this worker has refused since its start, the last one first. Other workers have lists of their
// own.
type RefusedList struct {
	// Since is the start of the worker.
	Since   time.Time `json:"since"`
	Refused []Refused `json:"refused"`
}

// Refused is a message or call that was refused, or several that differ in their time and size only.
type Refused struct {
	ID string `json:"id"`
	// FirstAt and LastAt are the times of the first and of the last one.
	FirstAt time.Time `json:"firstAt"`
	LastAt  time.Time `json:"lastAt"`
	Count   int       `json:"count"`
	// Source is the way in, as metrics and logs name it: decision-NAME for a webhook, request-NAME for a queue, and api,
	// console, link, signin, slack, teams or public.
	Source string `json:"source"`
	// Reason is the kind of the reason, such as "mismatch".
	Reason string `json:"reason"`
	// Field is the header or field at fault.
	Field string `json:"field,omitempty"`
	// Detail says in words what was looked for and found.
	Detail string `json:"detail"`
	// Status is the HTTP status of the answer; it is missing for a message of a queue and for a connection that was refused.
	Status int `json:"status,omitempty"`
	// Size is the length of the last body in bytes, as far as it was read.
	Size int `json:"size"`
	// Remote is the address of the caller.
	Remote string `json:"remote,omitempty"`
	// Route is the route of the call.
	Route string `json:"route,omitempty"`
	// Principal is the program or operator whose token the call had.
	Principal string `json:"principal,omitempty"`
	// HasBody reports whether the last body was kept. Only a webhook with `keep_refused_bodies` keeps bodies.
	HasBody bool `json:"hasBody,omitempty"`
}

// RefusedBody is the body of a refused request.
type RefusedBody struct {
	Refused Refused `json:"refused"`
	// Body is the beginning of the body, at most 16 KiB.
	Body string `json:"body"`
	// Base64 reports whether Body is in base64, because it is no text.
	Base64 bool `json:"base64,omitempty"`
}

func newRefused(e recent.Entry) Refused {
	return Refused{
		ID:        e.ID,
		FirstAt:   e.First.UTC(),
		LastAt:    e.Time.UTC(),
		Count:     e.Count,
		Source:    e.Source,
		Reason:    string(e.Code),
		Field:     e.Field,
		Detail:    e.Detail,
		Status:    e.Status,
		Size:      e.Size,
		Remote:    e.Remote,
		Route:     e.Route,
		Principal: e.Principal,
		HasBody:   e.HasBody,
	}
}

func (e *Endpoints) listRefused() http.Handler { return operatorHandler(e.OperatorAPI.listRefused) }

func (e *Endpoints) showRefusedBody() http.Handler {
	return operatorHandler(e.OperatorAPI.showRefusedBody)
}

func (a *OperatorAPI) listRefused(r *http.Request, _ []byte) (any, error) {
	limit, err := pageLimit(r)
	if err != nil {
		return nil, err
	}
	q := r.URL.Query()
	reason := refusal.Code(q.Get("reason"))
	if reason != "" && !slices.Contains(refusal.Codes(), reason) {
		return nil, approval.InvalidField("reason", "is not one of %s", codeNames())
	}
	scope, _ := role.ScopeOf(r.Context())
	entries := a.Refusals.Entries(recent.Query{
		Source:   q.Get("source"),
		Code:     reason,
		Limit:    limit,
		Includes: scope.IncludesSource,
	})
	return RefusedList{Since: a.Refusals.Since().UTC(), Refused: mapSlice(entries, newRefused)}, nil
}

func codeNames() string {
	var names []string
	for _, c := range refusal.Codes() {
		names = append(names, string(c))
	}
	return strings.Join(names, ", ")
}

// showRefusedBody shows a body to an operator. The log says who looked. Bodies are of calls about any workflow, so an
// operator of some workflows sees none.
func (a *OperatorAPI) showRefusedBody(r *http.Request, _ []byte) (any, error) {
	p, _ := handlers.PrincipalOf(r.Context())
	if scope, _ := role.ScopeOf(r.Context()); !scope.All {
		return nil, &forbiddenError{"this needs a role for all workflows"}
	}
	entry, body, ok := a.Refusals.OpenBody(r.PathValue("id"), p.ID())
	if !ok {
		return nil, &notFoundError{"body of a refused request: it was not kept, or newer ones have replaced it"}
	}
	out := RefusedBody{Refused: newRefused(entry), Body: string(body)}
	if !utf8.Valid(body) {
		out.Body = base64.StdEncoding.EncodeToString(body)
		out.Base64 = true
	}
	return out, nil
}

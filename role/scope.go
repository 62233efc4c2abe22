package role

import (
	"context"
	"slices"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
)

// Scope is a set of workflows. The zero value is the empty set.
type Scope struct {
	All       bool
	Workflows []string // by name; nil if All is set
}

// Everything is the scope of all workflows.
func Everything() Scope { return Scope{All: true} }

// Includes reports whether a workflow is in the scope.
func (s Scope) Includes(workflow string) bool { return s.All || slices.Contains(s.Workflows, workflow) }

// IncludesSource reports whether all messages of a source are of workflows in the scope. A source is named as in dead
// letters, refusals and metrics: the queue of the requests of a workflow is "request-NAME". Decisions can be about any
// workflow, and so can calls.
func (s Scope) IncludesSource(source string) bool {
	if s.All {
		return true
	}
	name, isRequests := strings.CutPrefix(source, "request-")
	return isRequests && s.Includes(name)
}

// Part returns the part of an order that is in the scope: its approvals, and their events. A decision that waits for its
// request has a workflow only later, so a limited scope leaves it out. It returns false for an order without such
// approvals.
func (s Scope) Part(o *approval.Order) (*approval.Order, bool) {
	if s.All {
		return o, true
	}
	return PartOf(o, func(a *approval.Approval) bool { return s.Includes(a.Workflow) })
}

// PartOf returns the approvals of an order that are kept, and their events. It returns false if it keeps
// not a single approval.
func PartOf(o *approval.Order, keep func(*approval.Approval) bool) (*approval.Order, bool) {
	part := &approval.Order{ID: o.ID}
	kept := map[string]bool{}
	for _, a := range o.Approvals {
		if keep(a) {
			part.Approvals = append(part.Approvals, a)
			kept[a.ID] = true
		}
	}
	for _, e := range o.History {
		if kept[e.Approval] {
			part.History = append(part.History, e)
		}
	}
	return part, len(part.Approvals) > 0
}

// Limit returns the list that approval.Decision.Workflows, approval.Cancellation.Workflows and approval.Act.Workflows
// take: an empty list there means all. An empty scope must not become one, so its list names a workflow that cannot
// exist.
func (s Scope) Limit() []string {
	switch {
	case s.All:
		return nil
	case len(s.Workflows) == 0:
		return []string{""}
	}
	return s.Workflows
}

// scopeKey is the key of a scope in a context.
type scopeKey struct{}

// WithScope returns the context of a call that is limited to a scope.
func WithScope(ctx context.Context, s Scope) context.Context {
	return context.WithValue(ctx, scopeKey{}, s)
}

// WithoutScope returns the context of work that is not the call's own.
func WithoutScope(ctx context.Context) context.Context {
	return context.WithValue(ctx, scopeKey{}, nil)
}

// ScopeOf returns the scope of a call, and reports whether the call has one. Calls of operators and programs have one;
// the links of approvers, webhooks and queues have other proofs.
func ScopeOf(ctx context.Context) (Scope, bool) {
	s, ok := ctx.Value(scopeKey{}).(Scope)
	return s, ok
}

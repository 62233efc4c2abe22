package handlers

import (
	"context"
	"slices"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/role"
)

// Verb is a kind of call that the token of a program may be used for.
type Verb string

// The verbs.
const (
	VerbAsk    Verb = "ask"    // send approval requests
	VerbDecide Verb = "decide" // send decisions
	VerbRead   Verb = "read"   // read the approvals that the program asked for itself
	VerbCancel Verb = "cancel" // cancel the approvals that the program asked for itself
)

// Verbs lists every verb.
func Verbs() []string {
	return []string{string(VerbAsk), string(VerbDecide), string(VerbRead), string(VerbCancel)}
}

// Principal is the authenticated maker of a call at the operator address: a program with an API token, or an operator.
type Principal struct {
	Name       string // of the token, or the person who signed in
	IsOperator bool
	Grants     role.Grants // of an operator
	// The rights of a program.
	Verbs      []Verb
	Workflows  []string // by name; an empty list means all
	DecidesOwn bool     // the program may decide what it asked for itself
	// NamesPersons reports whether a decision counts for the person whom the program names.
	NamesPersons bool
}

// ID returns the principal as records have it: "api:NAME" or "operator:NAME".
func (p Principal) ID() string {
	if p.IsOperator {
		return approval.OperatorPrincipal(p.Name)
	}
	return approval.APIPrincipal(p.Name)
}

// May reports whether a program may make calls of this kind. What an operator may do is said by its grants.
func (p Principal) May(v Verb) bool { return slices.Contains(p.Verbs, v) }

// MayUse reports whether the principal may send requests to a workflow.
func (p Principal) MayUse(workflow string) bool {
	if p.IsOperator {
		return p.Grants.MayOn(role.Act, workflow)
	}
	return len(p.Workflows) == 0 || slices.Contains(p.Workflows, workflow)
}

// Owns reports whether a program has asked for an approval itself, so that it may read and cancel it.
func (p Principal) Owns(a *approval.Approval) bool {
	return !p.IsOperator && a.Asker == p.ID() && p.MayUse(a.Workflow)
}

// Actor returns the principal as the maker of an act, on behalf of the person that it named.
func (p Principal) Actor(onBehalfOf string) approval.Actor {
	if p.IsOperator {
		return approval.OperatorActor(p.Name, onBehalfOf)
	}
	return approval.ProgramActor(p.Name, onBehalfOf)
}

// principalKey is the key of a principal in a context.
type principalKey struct{}

// WithPrincipal returns a context of a call by an authenticated principal. The message of the call has the context, and
// nothing in a message can forge it.
func WithPrincipal(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// PrincipalOf returns the principal of a call, and reports whether it has one.
func PrincipalOf(ctx context.Context) (Principal, bool) {
	p, ok := ctx.Value(principalKey{}).(Principal)
	return p, ok
}

// signDecision records the principal of a decision. The person that a body names counts only if the principal is
// trusted to name persons; otherwise it is kept as the principal's claim.
func signDecision(ctx context.Context, d *approval.Decision) {
	p, ok := PrincipalOf(ctx)
	if !ok { // a webhook or topic
		d.Principal = approval.SourcePrincipal(d.Source)
		return
	}
	d.Principal = p.ID()
	if p.IsOperator {
		actor := p.Actor(d.By)
		d.By, d.Claimed, d.Source = actor.By, actor.Claimed, actor.Source
		return
	}
	d.Source = d.Principal
	d.Workflows = p.Workflows
	if !p.NamesPersons {
		d.Claimed, d.By = d.By, ""
	}
}

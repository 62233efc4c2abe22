package handlers

import (
	"context"
	"fmt"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/role"
)

// run runs a transition for the maker of a call. An order that is outside the scope of the call does not exist for its
// maker. The acts of operators become proposals where the configuration wants a second operator.
func (d *Decider) run(
	ctx context.Context, orderID string,
	transition func(*approval.Order, approval.Environment) ([]approval.Action, error),
) error {
	scope, isLimited := role.ScopeOf(ctx)
	isLimited = isLimited && !scope.All
	var needsSecond approval.NeedsSecond
	if d.NeedsSecond != nil {
		needsSecond = d.NeedsSecond()
	}
	return d.Transitions.Run(ctx, orderID,
		func(o *approval.Order, env approval.Environment) ([]approval.Action, error) {
			if _, visible := scope.Part(o); isLimited && !visible {
				return nil, approval.Permanent(fmt.Errorf("order: %w", approval.ErrNotFound))
			}
			env.NeedsSecond = needsSecond
			if d.ProposalChannels != nil {
				env.ProposalChannels = d.ProposalChannels()
			}
			return transition(o, env)
		})
}

// limitWorkflows limits an act to the workflows in the scope of its call. A program has the limits of its token.
func limitWorkflows(ctx context.Context, limits []string) []string {
	scope, ok := role.ScopeOf(ctx)
	if !ok || scope.All {
		return limits
	}
	return scope.Limit()
}

// redriveScope returns the scope of a redrive. The program itself is not limited.
func redriveScope(ctx context.Context) role.Scope {
	if scope, ok := role.ScopeOf(ctx); ok {
		return scope
	}
	return role.Everything()
}

// withoutCaller returns a context without the maker of a call. A dead letter that is handled again is
// still the message of its sender: the operator who redrives it is neither its principal nor its limit.
func withoutCaller(ctx context.Context) context.Context {
	ctx = context.WithValue(ctx, principalKey{}, nil)
	return role.WithoutScope(ctx)
}

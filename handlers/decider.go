package handlers

import (
	"context"

	"github.com/approval-relay/approval-relay/approval"
)

// Decider records decisions and cancellations, for all ways in.
type Decider struct {
	Transitions        *Transitions
	UnmatchedRetention approval.UnmatchedRetention
}

// Decide records a decision about an order. The verdict states whether the decision was refused. After an error it is
// not known whether the decision was recorded.
func (d *Decider) Decide(ctx context.Context, orderID string, decision approval.Decision) (approval.Verdict, error) {
	decision.ReceivedAt = d.Transitions.Now()
	decision.Trace = d.Transitions.currentTrace(ctx)
	var verdict approval.Verdict
	decide := func(o *approval.Order, env approval.Environment) (actions []approval.Action, err error) {
		verdict, actions, err = o.Decide(decision, d.UnmatchedRetention, env)
		return actions, err
	}
	err := d.Transitions.Run(ctx, orderID, decide)
	return verdict, err
}

// CancelApproval closes a pending approval without a decision.
func (d *Decider) CancelApproval(ctx context.Context, orderID string, c approval.Cancellation) (approval.Verdict, error) {
	var verdict approval.Verdict
	cancel := func(o *approval.Order, env approval.Environment) (actions []approval.Action, _ error) {
		verdict, actions = o.CancelBy(c, env)
		return actions, nil
	}
	err := d.Transitions.Run(ctx, orderID, cancel)
	return verdict, err
}

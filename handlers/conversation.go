package handlers

import (
	"context"

	"github.com/approval-relay/approval-relay/approval"
)

// Ask records a question of an approver to the requester.
func (d *Decider) Ask(ctx context.Context, orderID string, act approval.Act, text string) (approval.ActResult, error) {
	return d.act(ctx, orderID, act,
		func(o *approval.Order, env approval.Environment) (approval.Verdict, []approval.Action, error) {
			return o.Ask(act, text, env)
		})
}

// Answer records the requester's answer to a question.
func (d *Decider) Answer(
	ctx context.Context, orderID string, act approval.Act, questionID, text string,
) (approval.ActResult, error) {
	return d.act(ctx, orderID, act,
		func(o *approval.Order, env approval.Environment) (approval.Verdict, []approval.Action, error) {
			return o.Answer(act, questionID, text, env)
		})
}

// PassOn gives the seat of the acting approver to another person, if the configuration names that person for it.
func (d *Decider) PassOn(ctx context.Context, orderID string, act approval.Act, to string) (approval.ActResult, error) {
	approvers, err := d.resolvePerson("to", to)
	if err != nil {
		return approval.ActResult{}, err
	}
	return d.act(ctx, orderID, act,
		func(o *approval.Order, env approval.Environment) (approval.Verdict, []approval.Action, error) {
			if d.isRequester(o, act, approvers[0].ID) {
				return approval.Verdict{}, nil, approval.InvalidField("to", "is the requester, who may not decide")
			}
			return o.PassOn(act, approvers, env)
		})
}

// Decline records that the request is not for the acting approver to decide.
func (d *Decider) Decline(ctx context.Context, orderID string, act approval.Act) (approval.ActResult, error) {
	return d.act(ctx, orderID, act,
		func(o *approval.Order, env approval.Environment) (approval.Verdict, []approval.Action, error) {
			return o.Decline(act, env)
		})
}

// Withdraw cancels an approval in the name of its requester. The capability is that of the requester's link.
func (d *Decider) Withdraw(ctx context.Context, c approval.Capability, reason string) (approval.Verdict, error) {
	var verdict approval.Verdict
	withdraw := func(o *approval.Order, env approval.Environment) (actions []approval.Action, _ error) {
		verdict, actions = o.Withdraw(c, reason, env)
		return actions, nil
	}
	err := d.Transitions.Run(ctx, c.OrderID, withdraw)
	return verdict, err
}

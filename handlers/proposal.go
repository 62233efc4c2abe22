package handlers

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/approval-relay/approval-relay/approval"
)

// Confirm confirms the proposal of another operator, which then takes effect.
func (d *Decider) Confirm(
	ctx context.Context, orderID, proposalID string, actor approval.Actor,
) (approval.Verdict, error) {
	approvers, err := d.approversOf(ctx, orderID, proposalID)
	if err != nil {
		return approval.Verdict{}, err
	}
	confirmation := approval.Confirmation{
		ID:         "confirmation-" + rand.Text(),
		ProposalID: proposalID,
		Actor:      actor,
		Workflows:  limitWorkflows(ctx, nil),
		Approvers:  approvers,
		MarginOf:   d.answerMargin,
		IsSamePerson: func(a, b string) bool {
			return approval.SamePerson(d.people().CanonicalID(a), d.people().CanonicalID(b))
		},
	}
	var verdict approval.Verdict
	confirm := func(o *approval.Order, env approval.Environment) (actions []approval.Action, err error) {
		c := confirmation
		c.Approvers = d.withoutRequester(o, proposalID, approvers)
		verdict, actions, err = o.Confirm(c, env)
		return actions, err
	}
	err = d.run(ctx, orderID, confirm)
	if err == nil && verdict.Code == approval.VerdictUnknown {
		err = approval.Permanent(fmt.Errorf("proposal: %w", approval.ErrNotFound))
	}
	return verdict, err
}

// approversOf returns the persons whom a proposal would ask, as they are configured now: somebody may be away by now.
func (d *Decider) approversOf(ctx context.Context, orderID, proposalID string) ([]approval.Approver, error) {
	o, err := d.Transitions.Orders.Get(ctx, orderID)
	switch {
	case errors.Is(err, approval.ErrNotFound):
		return nil, nil // the transition refuses it as it refuses an order that is outside the scope of the call
	case err != nil:
		return nil, fmt.Errorf("read order %s: %w", quoteOrderID(orderID), err)
	}
	_, r := o.FindProposal(proposalID)
	if r == nil || len(r.Proposal.To) == 0 {
		return nil, nil
	}
	return d.people().ResolveApprovers(r.Proposal.To, d.Transitions.Now())
}

// withoutRequester leaves out the requester of the proposal's approval, who may not decide.
func (d *Decider) withoutRequester(o *approval.Order, proposalID string, approvers []approval.Approver) []approval.Approver {
	a, _ := o.FindProposal(proposalID)
	if a == nil {
		return nil
	}
	var out []approval.Approver
	for _, p := range approvers {
		if !d.isRequester(o, approval.Act{ApprovalID: a.ID}, p.ID) {
			out = append(out, p)
		}
	}
	return out
}

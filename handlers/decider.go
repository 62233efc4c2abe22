package handlers

import (
	"context"
	"crypto/rand"

	"github.com/approval-relay/approval-relay/approval"
)

// Decider records decisions, cancellations and the other acts of people, for all ways in.
type Decider struct {
	Transitions        *Transitions
	UnmatchedRetention approval.UnmatchedRetention
	// People returns the configured people of now, whose aliases decide in their name. It is nil without people.
	People func() *People
	// NeedsSecond returns the workflows whose operators act in twos. It is nil, or returns nil, if there are none.
	NeedsSecond func() approval.NeedsSecond
	// ProposalChannels returns the channels that tell operators about a proposal. It may be nil.
	ProposalChannels func() []string
	// Workflow returns the configured rules of a workflow of now. It is nil without workflows.
	Workflow func(name string) (Workflow, bool)
}

// readPersons reads the persons of a decision as requests name them: its maker, and the person that the maker named. A
// link names an approver as the record has it, so its name stays as it is. So do texts that are no name of a person,
// where they decide nothing: the name of an operator's token, and the person that somebody only claims.
func (d *Decider) readPersons(decision *approval.Decision) error {
	people := d.people()
	if decision.Claimed != "" {
		decision.Claimed = people.CanonicalID(decision.Claimed)
	}
	switch decision.Via {
	case approval.ViaLink:
		return nil
	case approval.ViaOperator:
		decision.By = people.CanonicalID(decision.By)
		return nil
	}
	by, err := people.ReadPerson(decision.By)
	if err != nil {
		return approval.InvalidField("by", "%s", err)
	}
	decision.By = by
	return nil
}

// Decide records a decision about an order. The verdict states whether the decision was refused. After an error it is
// not known whether the decision was recorded.
func (d *Decider) Decide(ctx context.Context, orderID string, decision approval.Decision) (approval.Verdict, error) {
	if err := d.readPersons(&decision); err != nil {
		return approval.Verdict{}, err
	}
	decision.ReceivedAt = d.Transitions.Now()
	decision.Workflows = limitWorkflows(ctx, decision.Workflows)
	decision.Trace = d.Transitions.currentTrace(ctx)
	var verdict approval.Verdict
	decide := func(o *approval.Order, env approval.Environment) (actions []approval.Action, err error) {
		verdict, actions, err = o.Decide(decision, d.UnmatchedRetention, env)
		return actions, err
	}
	err := d.run(ctx, orderID, decide)
	return verdict, err
}

// CancelApproval closes a pending approval without a decision.
func (d *Decider) CancelApproval(ctx context.Context, orderID string, c approval.Cancellation) (approval.Verdict, error) {
	c.Workflows = limitWorkflows(ctx, c.Workflows)
	c.ID = "cancellation-" + rand.Text()
	var verdict approval.Verdict
	cancel := func(o *approval.Order, env approval.Environment) (actions []approval.Action, _ error) {
		verdict, actions = o.CancelBy(c, env)
		return actions, nil
	}
	err := d.run(ctx, orderID, cancel)
	return verdict, err
}

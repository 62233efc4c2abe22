package handlers

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// transition is an act as the domain carries it out.
type transition func(*approval.Order, approval.Environment) (approval.Verdict, []approval.Action, error)

// errDryRun ends the transition of a dry run, so that nothing of it is stored.
var errDryRun = errors.New("dry run")

// act carries out an act, or only checks it.
func (d *Decider) act(ctx context.Context, orderID string, act approval.Act, do transition) (approval.ActResult, error) {
	var result approval.ActResult
	err := d.run(ctx, orderID, func(o *approval.Order, env approval.Environment) ([]approval.Action, error) {
		if act.DryRun {
			env.Lease = 0 // nothing starts
		}
		v, actions, err := do(o, env)
		result = approval.ActResult{Verdict: v}
		if a := o.FindApproval(v.ApprovalID); a != nil {
			result.Deadline = a.Deadline
			result.Asked = a.AskedBy(act.ID)
		}
		if err == nil && act.DryRun {
			err = errDryRun
		}
		return actions, err
	})
	if errors.Is(err, errDryRun) {
		err = nil
	}
	return result, err
}

// Remind sends a reminder to an approver, or to all approvers without a vote.
func (d *Decider) Remind(ctx context.Context, orderID string, act approval.Act, approver string) (approval.ActResult, error) {
	approver = d.people().CanonicalID(approver)
	act.Workflows = limitWorkflows(ctx, act.Workflows)
	return d.act(ctx, orderID, act,
		func(o *approval.Order, env approval.Environment) (approval.Verdict, []approval.Action, error) {
			return o.Remind(act, approver, env)
		})
}

// AddApprovers asks further approvers. A name may be a group.
func (d *Decider) AddApprovers(ctx context.Context, orderID string, act approval.Act, names []string) (approval.ActResult, error) {
	if len(names) == 0 || slices.ContainsFunc(names, func(name string) bool { return strings.TrimSpace(name) == "" }) {
		return approval.ActResult{}, approval.InvalidField("approvers", "are missing")
	}
	approvers, err := d.people().ResolveApprovers(names, d.Transitions.Now())
	if err != nil {
		return approval.ActResult{}, err
	}
	act.Workflows = limitWorkflows(ctx, act.Workflows)
	act.Named = names
	return d.act(ctx, orderID, act,
		func(o *approval.Order, env approval.Environment) (approval.Verdict, []approval.Action, error) {
			added := slices.DeleteFunc(slices.Clone(approvers), func(p approval.Approver) bool {
				return d.isRequester(o, act, p.ID)
			})
			return o.AddApprovers(act, added, env)
		})
}

// ReplaceApprover gives the seat of an approver to another person.
func (d *Decider) ReplaceApprover(ctx context.Context, orderID string, act approval.Act, from, to string) (approval.ActResult, error) {
	from = d.people().CanonicalID(from)
	approvers, err := d.resolvePerson("approvers", to)
	if err != nil {
		return approval.ActResult{}, err
	}
	act.Workflows = limitWorkflows(ctx, act.Workflows)
	act.Named = []string{to}
	return d.act(ctx, orderID, act,
		func(o *approval.Order, env approval.Environment) (approval.Verdict, []approval.Action, error) {
			if d.isRequester(o, act, approvers[0].ID) {
				return approval.Verdict{}, nil, approval.InvalidField("approvers", "is the requester, who may not decide")
			}
			return o.ReplaceApprover(act, from, approvers, env)
		})
}

// resolvePerson returns a person as an approver, with their substitutes if they are away.
func (d *Decider) resolvePerson(field, name string) ([]approval.Approver, error) {
	id, err := d.people().ReadPerson(name)
	switch {
	case strings.HasPrefix(strings.TrimSpace(name), groupPrefix):
		return nil, approval.InvalidField(field, "must be a person, not a group")
	case err != nil:
		return nil, approval.InvalidField(field, "%s", err)
	}
	approvers, err := d.people().ResolveApprovers([]string{id}, d.Transitions.Now())
	if err == nil && len(approvers) == 0 {
		err = approval.InvalidField(field, "is missing")
	}
	return approvers, err
}

// isRequester reports whether a person is the requester of an approval that the act can be about. The requester may be
// recorded under a name that the configuration has made an alias since.
func (d *Decider) isRequester(o *approval.Order, act approval.Act, id string) bool {
	return slices.ContainsFunc(o.Approvals, func(a *approval.Approval) bool {
		return a.Requester != "" && (act.ApprovalID == "" || a.ID == act.ApprovalID) &&
			approval.SamePerson(d.people().CanonicalID(a.Requester), d.people().CanonicalID(id))
	})
}

// ExtendDeadline sets a later deadline: a time, or a time after the present deadline.
func (d *Decider) ExtendDeadline(
	ctx context.Context, orderID string, act approval.Act, until time.Time, by time.Duration,
) (approval.ActResult, error) {
	act.Workflows = limitWorkflows(ctx, act.Workflows)
	return d.act(ctx, orderID, act,
		func(o *approval.Order, env approval.Environment) (approval.Verdict, []approval.Action, error) {
			return o.ExtendDeadline(act, approval.Extension{Until: until, By: by, MarginOf: d.answerMargin}, env)
		})
}

// Dismiss puts away an approval that needs attention and cannot be mended.
func (d *Decider) Dismiss(ctx context.Context, orderID string, act approval.Act) (approval.ActResult, error) {
	act.Workflows = limitWorkflows(ctx, act.Workflows)
	return d.act(ctx, orderID, act,
		func(o *approval.Order, env approval.Environment) (approval.Verdict, []approval.Action, error) {
			return o.Dismiss(act, env)
		})
}

// defaultMargin is the margin if the workflow is no longer configured.
const defaultMargin = time.Minute

// answerMargin returns the time between the deadline of an approval and the end of its task.
func (d *Decider) answerMargin(a *approval.Approval) time.Duration {
	margin := defaultMargin
	if d.Workflow != nil {
		if w, ok := d.Workflow(a.Workflow); ok {
			margin = w.Margin
		}
	}
	return AnswerMargin(margin, a.TaskExpires.Sub(a.AttemptStartedAt))
}

// people returns the configured people of now.
func (d *Decider) people() *People {
	if d.People == nil {
		return &People{}
	}
	return d.People()
}

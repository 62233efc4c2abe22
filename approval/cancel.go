package approval

import "slices"

// Cancellation closes a pending approval without a decision; the workflow gets the status "cancelled" as its answer.
type Cancellation struct {
	// Step, Execution and ApprovalID select the approval. If all are empty, it is the only pending approval of the order.
	Step       string
	Execution  string
	ApprovalID string
	Reason     string
	Actor      Actor
	// ID is that of the proposal, if an operator's cancellation needs a second operator.
	ID string
	// OwnOnly limits a program to approvals that it asked for itself: their Asker is the actor's principal.
	OwnOnly bool
	// Workflows limit a program to approvals of these workflows; an empty list does not limit it.
	Workflows []string
}

// Cancel cancels an approval in the name of an operator. An empty approvalID means the only pending approval of the
// order. A second run has no effect; its verdict is "repeated".
func (o *Order) Cancel(approvalID, by, reason string, env Environment) (Verdict, []Action) {
	return o.CancelBy(Cancellation{ApprovalID: approvalID, Reason: reason, Actor: OperatorActor(by, "")}, env)
}

// CancelBy carries out a cancellation. An approval that the actor may not cancel counts as unknown.
func (o *Order) CancelBy(c Cancellation, env Environment) (Verdict, []Action) {
	actions := o.expireOverdue(env)
	a, v := o.findApprovalToCancel(c)
	if a == nil {
		return v, actions
	}
	v = Verdict{ApprovalID: a.ID, Status: a.Status}
	switch {
	case a.Status == Cancelled:
		v.Code = VerdictRepeated
	case a.Status != Pending:
		v.Code = VerdictLate
	case isOperator(c.Actor.Principal) && env.NeedsSecond.on(a):
		v = o.propose(a, Act{ID: c.ID, Actor: c.Actor, Reason: c.Reason}, Proposal{Kind: ActCancel}, env)
	default:
		actions = append(actions, o.cancelApproval(a, c.Actor, c.Reason, env)...)
		v.Code = VerdictDecided
		v.Status = Cancelled
	}
	return v, actions
}

// findApprovalToCancel returns the approval of a cancellation, or a verdict: the only pending approval that the actor
// may cancel, otherwise the latest closed one.
func (o *Order) findApprovalToCancel(c Cancellation) (*Approval, Verdict) {
	var pending, closed []*Approval
	for _, a := range o.Approvals {
		switch {
		case !c.admits(a):
		case a.Status == Pending:
			pending = append(pending, a)
		default:
			closed = append(closed, a)
		}
	}
	switch {
	case len(pending) == 1:
		return pending[0], Verdict{}
	case len(pending) > 1:
		return nil, Verdict{Code: VerdictAmbiguous, Candidates: newCandidates(pending)}
	case len(closed) > 0:
		return closed[len(closed)-1], Verdict{}
	}
	return nil, Verdict{Code: VerdictUnknown}
}

// admits reports whether the cancellation can be about an approval.
func (c Cancellation) admits(a *Approval) bool {
	return Decision{Step: c.Step, Execution: c.Execution, ApprovalID: c.ApprovalID}.selects(a) &&
		(!c.OwnOnly || (a.Asker != "" && a.Asker == c.Actor.Principal)) &&
		(len(c.Workflows) == 0 || slices.Contains(c.Workflows, a.Workflow))
}

func (o *Order) cancelApproval(a *Approval, by Actor, reason string, env Environment) []Action {
	actions := o.closeApproval(a, Cancelled, truncate(reason, maxReason), env)
	e := a.newEvent(EventCancelled, env.Now)
	by.record(&e)
	e.Note = a.Reason
	e.Age = env.Now.Sub(a.RequestedAt)
	o.recordEvent(e)
	return actions
}

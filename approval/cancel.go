package approval

// Cancel closes a pending approval without a decision; the workflow gets the status "cancelled" as its answer. An empty
// approvalID means the only pending approval of the order. A second run has no effect; its verdict is "repeated".
func (o *Order) Cancel(approvalID, by, reason string, env Environment) (Verdict, []Action) {
	return o.CancelStep("", approvalID, by, reason, env)
}

// CancelStep is Cancel for an approval of a step. An empty step means any step.
func (o *Order) CancelStep(step, approvalID, by, reason string, env Environment) (Verdict, []Action) {
	actions := o.expireOverdue(env)
	a, v := o.findApprovalOf(Decision{Step: step, ApprovalID: approvalID})
	if a == nil {
		if v.Code == "" {
			v.Code = VerdictUnknown
		}
		return v, actions
	}
	v = Verdict{ApprovalID: a.ID, Status: a.Status}
	switch {
	case a.Status == Cancelled:
		v.Code = VerdictRepeated
	case a.Status != Pending:
		v.Code = VerdictLate
	default:
		actions = append(actions, o.cancelApproval(a, by, reason, env)...)
		v.Code = VerdictDecided
		v.Status = Cancelled
	}
	return v, actions
}

func (o *Order) cancelApproval(a *Approval, by, reason string, env Environment) []Action {
	actions := o.closeApproval(a, Cancelled, truncate(reason, maxReason), env)
	e := a.newEvent(EventCancelled, env.Now)
	e.By = by
	e.Note = a.Reason
	e.Age = env.Now.Sub(a.RequestedAt)
	o.recordEvent(e)
	return actions
}

package approval

import "slices"

// Decide records a decision and applies it to its approval. The verdict states the result. A refused decision is not an
// error: it has a verdict too, and is recorded. The error is for an invalid decision: it is Permanent and names the
// field at fault, and the order is unchanged.
func (o *Order) Decide(d Decision, keep UnmatchedRetention, env Environment) (Verdict, []Action, error) {
	if err := validateOrderID(o.ID); err != nil {
		return Verdict{}, nil, err
	}
	if err := validateDecision(d); err != nil {
		return Verdict{}, nil, err
	}
	if d.By == "" && d.Source != "" {
		d.By = sourceName(d.Source)
	}
	actions := o.expireOverdue(env)
	isRedelivered := o.hasDecision(d)
	v, more := o.matchDecision(d, keep, env)
	o.recordVerdict(d, v, isRedelivered, env)
	o.adds = o.adds || v.Code == VerdictRecorded || v.Code == VerdictWaiting
	return v, append(actions, more...), nil
}

// matchDecision finds the approval that the decision is about and applies the decision to it. A decision that is known
// already gets its verdict again, and never counts for a later approval.
func (o *Order) matchDecision(d Decision, keep UnmatchedRetention, env Environment) (Verdict, []Action) {
	if i := slices.IndexFunc(o.JudgedDecisions, func(j JudgedDecision) bool { return j.isAbout(d) }); i >= 0 {
		return o.judgeAgain(o.JudgedDecisions[i], d, env)
	}
	if known, counted := o.findCountedVote(d); counted {
		return o.judgeAgain(known, d, env)
	}
	a, v := o.findApprovalOf(d)
	switch {
	case a != nil:
		return o.applyDecision(a, d, env)
	case v.Code != "":
		return v, nil
	case d.Via == ViaOperator: // most likely a wrong order ID, and the operator can correct it at once
		return Verdict{Code: VerdictUnknown}, nil
	}
	return o.keepUnmatched(d, keep, env), nil
}

// hasDecision reports whether the decision arrived before, and was judged or waits.
func (o *Order) hasDecision(d Decision) bool {
	_, counted := o.findCountedVote(d)
	return counted ||
		slices.ContainsFunc(o.JudgedDecisions, func(j JudgedDecision) bool { return j.isAbout(d) }) ||
		slices.ContainsFunc(o.Unmatched, func(u UnmatchedDecision) bool { return !u.Expired && u.isAbout(d) })
}

// findCountedVote returns the earlier verdict of a decision that is among the votes. A vote is remembered as long as
// its approval, also when later decisions have displaced it from JudgedDecisions.
func (o *Order) findCountedVote(d Decision) (JudgedDecision, bool) {
	for _, a := range o.Approvals {
		for _, v := range a.Votes {
			j := JudgedDecision{ID: v.DecisionID, Source: v.Source, Outcome: v.Outcome}
			if j.isAbout(d) {
				j.Verdict = Verdict{Code: VerdictRecorded, ApprovalID: a.ID}
				return j, true
			}
		}
	}
	return JudgedDecision{}, false
}

// judgeAgain returns the verdict of a decision that was judged before.
func (o *Order) judgeAgain(known JudgedDecision, d Decision, env Environment) (Verdict, []Action) {
	v := known.Verdict
	a := o.FindApproval(v.ApprovalID)
	if a != nil {
		v.Status = a.Status
	}
	switch {
	case known.Outcome != d.Outcome:
		v.Code = VerdictConflict
	case v.IsAccepted():
		v.Code = VerdictRepeated
	}
	if a == nil {
		return v, nil
	}
	return v, o.startDueActions(a, env)
}

// findApprovalOf returns the approval that a decision is about. If the decision cannot be about any approval, it
// returns a verdict instead. If the request of the decision has not arrived yet, it returns neither.
func (o *Order) findApprovalOf(d Decision) (*Approval, Verdict) {
	if d.ApprovalID != "" {
		a := o.FindApproval(d.ApprovalID)
		if a == nil || (d.Step != "" && a.Step != d.Step) {
			return nil, Verdict{Code: VerdictUnknown}
		}
		return a, Verdict{}
	}
	var pending, closed []*Approval
	for _, a := range o.Approvals {
		switch {
		case d.Step != "" && a.Step != d.Step:
		case a.Status == Pending:
			pending = append(pending, a)
		default:
			closed = append(closed, a)
		}
	}
	switch {
	case len(pending) == 1:
		return o.approvalSeenBy(d, pending[0]), Verdict{}
	case len(pending) > 1:
		return nil, Verdict{Code: VerdictAmbiguous}
	case len(closed) > 0:
		return closed[len(closed)-1], Verdict{}
	}
	return nil, Verdict{}
}

// recordVerdict adds the verdict of a decision to the history. It also remembers the verdict by the decision's ID,
// except for a decision that waits (the list of unmatched decisions has it) and for a refusal that could turn out
// differently the next time. The history has a decision once, however often it is delivered.
func (o *Order) recordVerdict(d Decision, v Verdict, isRedelivered bool, env Environment) {
	e := Event{
		At:            env.Now,
		Kind:          EventDecisionReceived,
		Approval:      v.ApprovalID,
		Outcome:       d.Outcome,
		Code:          string(v.Code),
		Note:          d.ID,
		DecisionTrace: d.Trace,
	}
	d.actor().record(&e)
	if a := o.FindApproval(v.ApprovalID); a != nil {
		e.Workflow = a.Workflow
		e.Trace = a.Trace
	}
	if isRedelivered && v.Code == VerdictRepeated || slices.ContainsFunc(o.History, e.isRepetitionOf) {
		o.newEvents = append(o.newEvents, e) // counted, but not kept in the history a second time
	} else {
		o.recordEvent(e)
	}
	known := slices.ContainsFunc(o.JudgedDecisions, func(j JudgedDecision) bool { return j.isAbout(d) })
	settled := v.IsAccepted() || v.IsFinal()
	if known || v.Code == VerdictWaiting || !settled || v.ApprovalID == "" {
		return
	}
	o.JudgedDecisions = append(o.JudgedDecisions, JudgedDecision{
		ID:      d.ID,
		Source:  d.Source,
		Outcome: d.Outcome,
		Verdict: v,
	})
	if over := len(o.JudgedDecisions) - MaxJudgedDecisions; over > 0 {
		o.JudgedDecisions = append(o.JudgedDecisions[:0:0], o.JudgedDecisions[over:]...)
	}
}

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
	d.nameProgram()
	d.Comment = o.fitComment(d.Comment)
	actions := o.expireOverdue(env)
	isRedelivered := o.hasDecision(d)
	v, more := o.matchDecision(&d, keep, env)
	o.recordVerdict(d, v, isRedelivered, env)
	o.adds = o.adds || v.Code == VerdictRecorded || v.Code == VerdictWaiting
	return v, append(actions, more...), nil
}

// matchDecision finds the approval that the decision is about and applies the decision to it. A decision that is known
// already gets its verdict again, and never counts for a later approval. The decision is settled, see applyDecision.
func (o *Order) matchDecision(d *Decision, keep UnmatchedRetention, env Environment) (Verdict, []Action) {
	if known, judged := o.findJudged(*d); judged && !o.isVotedAnew(known, *d) {
		if v := o.judgeSameBody(known, *d); v.Code != "" {
			return v, nil
		}
		return o.judgeAgain(known, d, env)
	}
	waiting := slices.IndexFunc(o.Unmatched, func(u UnmatchedDecision) bool { return !u.Expired && u.isAbout(*d) })
	if waiting < 0 {
		return o.matchNewDecision(d, keep, env)
	}
	if v := o.Unmatched[waiting].judgeRepetition(*d); v.Code != "" {
		return v, nil
	}
	// The sender names the approval more exactly than before. If that is refused, the earlier decision still waits.
	earlier := o.Unmatched[waiting]
	o.Unmatched = slices.Delete(slices.Clone(o.Unmatched), waiting, waiting+1)
	v, actions := o.matchNewDecision(d, keep, env)
	if !v.IsAccepted() {
		earlier.JudgeAt = env.Now // the order may have changed all the same
		o.Unmatched = slices.Insert(o.Unmatched, waiting, earlier)
	}
	return v, actions
}

// matchNewDecision applies a decision that is not known yet to its approval, or keeps it until there is one.
func (o *Order) matchNewDecision(d *Decision, keep UnmatchedRetention, env Environment) (Verdict, []Action) {
	m := o.matchApproval(*d)
	switch {
	case m.isUnknown, m.isEarly() && d.Via == ViaOperator:
		// Most likely an operator has a wrong order ID, and can correct it at once.
		return Verdict{Code: VerdictUnknown}, nil
	case m.approval != nil:
		return o.applyDecision(m.approval, d, env)
	case m.isEarly(), isAnyProbing(m.candidates) && d.Via != ViaOperator:
		return o.keepUnmatched(*d, m.candidates, keep, env), nil
	}
	return Verdict{Code: VerdictAmbiguous, Candidates: newCandidates(m.candidates)}, nil
}

// hasDecision reports whether the decision arrived before, and was judged or waits.
func (o *Order) hasDecision(d Decision) bool {
	_, judged := o.findJudged(d)
	return judged ||
		slices.ContainsFunc(o.Unmatched, func(u UnmatchedDecision) bool { return !u.Expired && u.isAbout(d) })
}

// findJudged returns the earlier verdict of a decision.
func (o *Order) findJudged(d Decision) (JudgedDecision, bool) {
	if i := slices.IndexFunc(o.JudgedDecisions, func(j JudgedDecision) bool { return j.isAbout(d) }); i >= 0 {
		return o.JudgedDecisions[i], true
	}
	return o.findCountedVote(d)
}

// findCountedVote returns the earlier verdict of a decision that is among the votes. A vote is remembered as long as
// its approval, also when later decisions have displaced it from JudgedDecisions.
func (o *Order) findCountedVote(d Decision) (JudgedDecision, bool) {
	for _, a := range o.Approvals {
		for _, v := range slices.Backward(a.Votes) { // after a void vote, its voter can have voted again
			j := JudgedDecision{ID: v.DecisionID, Source: v.Source, Outcome: v.Outcome, Choice: v.Choice}
			if j.isAbout(d) {
				j.ValuesDigest = digestValues(v.Values)
				j.Verdict = Verdict{Code: VerdictRecorded, ApprovalID: a.ID}
				return j, true
			}
		}
	}
	return JudgedDecision{}, false
}

// isVotedAnew reports whether a decision with a known ID is a new vote: the vote of this ID is void, and the sender has
// seen the present content. Without the digest of that content it is the old decision, delivered again.
func (o *Order) isVotedAnew(known JudgedDecision, d Decision) bool {
	a := o.FindApproval(known.Verdict.ApprovalID)
	if a == nil || a.Status != Pending || d.ShownDigest == "" {
		return false
	}
	isCounted := func(v Vote) bool { return known.isVote(v) && !v.Void }
	return slices.ContainsFunc(a.Votes, known.isVote) && !slices.ContainsFunc(a.Votes, isCounted) &&
		d.ShownDigest == o.ContentDigest(a)
}

func (j JudgedDecision) isVote(v Vote) bool { return v.DecisionID == j.ID && v.Source == j.Source }

// judgeSameBody returns the verdict "duplicate" for a decision whose ID was derived from its body, if the decision in the
// same words was about an approval that is closed, and another approval that admits the decision is pending. Nobody can
// tell whether it is the old decision, delivered again, or a new one about the pending approval. Otherwise it returns the
// zero Verdict.
func (o *Order) judgeSameBody(known JudgedDecision, d Decision) Verdict {
	a := o.FindApproval(known.Verdict.ApprovalID)
	if !d.IDFromBody || (a != nil && a.Status == Pending) {
		return Verdict{}
	}
	candidates := o.findCandidates(d)
	if len(candidates) == 0 {
		return Verdict{}
	}
	v := known.Verdict
	v.Code = VerdictDuplicate
	v.Candidates = newCandidates(candidates)
	if a != nil {
		v.Status = a.Status
	}
	return v
}

// judgeAgain returns the verdict of a decision that was judged before.
func (o *Order) judgeAgain(known JudgedDecision, d *Decision, env Environment) (Verdict, []Action) {
	v := known.Verdict
	a := o.FindApproval(v.ApprovalID)
	isSame := known.isSame(*d, a)
	if a != nil {
		v.Status = a.Status
		*d, _, _ = a.settle(*d)
	}
	switch {
	case !isSame:
		v.Code = VerdictConflict
	case v.IsAccepted():
		v.Code = VerdictRepeated
	}
	if a == nil {
		return v, nil
	}
	return v, o.startDueActions(a, env)
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
	if v.Code == VerdictInvalid {
		e.Note = truncate(d.ID+describeFaults(v.Faults), maxReason)
	}
	if a := o.FindApproval(v.ApprovalID); a != nil {
		e.Workflow = a.Workflow
		e.Trace = a.Trace
	}
	if isRedelivered && v.Code == VerdictRepeated || slices.ContainsFunc(o.History, e.isRepetitionOf) {
		o.newEvents = append(o.newEvents, e) // counted, but not kept in the history a second time
	} else {
		o.recordEvent(e)
	}
	o.rememberVerdict(d, v)
}

// rememberVerdict remembers a verdict by the decision's ID. A vote that replaces a void vote of the same ID replaces its
// verdict too.
func (o *Order) rememberVerdict(d Decision, v Verdict) {
	known := slices.IndexFunc(o.JudgedDecisions, func(j JudgedDecision) bool { return j.isAbout(d) })
	isVote := v.Code == VerdictDecided || v.Code == VerdictRecorded
	settled := v.IsAccepted() || v.IsFinal()
	if known >= 0 && !isVote || v.Code == VerdictWaiting || !settled || v.ApprovalID == "" {
		return
	}
	judged := JudgedDecision{
		ID:           d.ID,
		Source:       d.Source,
		Outcome:      d.Outcome,
		Choice:       d.Choice,
		ValuesDigest: digestValues(d.Values),
		Verdict:      v,
	}
	if known >= 0 {
		o.JudgedDecisions[known] = judged
		return
	}
	o.JudgedDecisions = append(o.JudgedDecisions, judged)
	if over := len(o.JudgedDecisions) - MaxJudgedDecisions; over > 0 {
		o.JudgedDecisions = append(o.JudgedDecisions[:0:0], o.JudgedDecisions[over:]...)
	}
}

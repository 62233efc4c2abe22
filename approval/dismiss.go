package approval

import "slices"

// MaxDismissals is how often an approval can be dismissed: after each dismissal a redrive, or another failure, has to
// come first.
const MaxDismissals = 20

// needsAttention returns the state that an operator must see to, or "".
func (a *Approval) needsAttention() Attention {
	switch {
	case a.IsExhausted(), a.IsUnanswered():
		return AttentionAnswer
	case a.IsUndeliverable():
		return AttentionUndeliverable
	}
	return ""
}

// Dismiss puts away an approval that needs attention and cannot be mended: an exhausted callback, an answer that the
// workflow did not get or may not have got, or a pending approval that is undeliverable. Lists, counts and alerts leave it
// out from then on. Nothing else changes: the approval stays pending, its links stay valid, and an exhausted callback can
// still be redriven by the name of its order. If the act names no approval, it is the only one of the order that needs
// attention.
func (o *Order) Dismiss(act Act, env Environment) (Verdict, []Action, error) {
	if err := act.validate(ActDismiss); err != nil {
		return Verdict{}, nil, err
	}
	actions := o.expireOverdue(env)
	a, v, err := o.findApprovalToDismiss(act)
	if a == nil || err != nil {
		return v, actions, err
	}
	a.Dismissed = a.needsAttention()
	o.endAct(a, act, RecordedAct{Kind: ActDismiss}, &v, env)
	o.adds = false // it must be possible in a record that is nearly full
	return v, actions, nil
}

// findApprovalToDismiss returns the approval of a dismissal. Otherwise it returns nil with a verdict, or an error.
func (o *Order) findApprovalToDismiss(act Act) (*Approval, Verdict, error) {
	admits := Cancellation{
		Step:       act.Step,
		Execution:  act.Execution,
		ApprovalID: act.ApprovalID,
		Workflows:  act.Workflows,
	}.admits
	var found []*Approval
	isKnown := false
	for _, a := range o.Approvals {
		if !admits(a) {
			continue
		}
		isKnown = true
		if r, done := a.findAct(act.ID); done {
			v := Verdict{ApprovalID: a.ID, Status: a.Status, Code: VerdictRepeated}
			if r.Kind != ActDismiss || r.By != act.Actor.By || r.Reason != act.Reason {
				v.Code = VerdictConflict
			}
			return nil, v, nil
		}
		if a.needsAttention() != "" {
			found = append(found, a)
		}
	}
	switch {
	case !isKnown:
		return nil, Verdict{Code: VerdictUnknown}, nil
	case len(found) > 1:
		return nil, Verdict{Code: VerdictAmbiguous, Candidates: newCandidates(found)}, nil
	case len(found) == 0:
		return nil, Verdict{}, InvalidField("approval",
			"needs no attention: it is neither exhausted, unanswered nor undeliverable, or was dismissed before")
	case found[0].countActs(ActDismiss) >= MaxDismissals:
		return nil, Verdict{}, InvalidField("approval", "was dismissed %d times, which is the maximum", MaxDismissals)
	}
	return found[0], Verdict{ApprovalID: found[0].ID, Status: found[0].Status}, nil
}

// Dismissal returns the act that dismissed the approval, and reports whether it is dismissed.
func (a *Approval) Dismissal() (RecordedAct, bool) {
	if a.Dismissed == "" {
		return RecordedAct{}, false
	}
	for _, r := range slices.Backward(a.Acts) {
		if r.Kind == ActDismiss {
			return r, true
		}
	}
	return RecordedAct{}, false
}

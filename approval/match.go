package approval

import "slices"

// match is the result of the search for the approval of a decision. At most one field is set. If none is set, the
// decision is early: its request has not arrived yet.
type match struct {
	approval   *Approval   // the approval to judge the decision against, pending or closed
	candidates []*Approval // several pending approvals that admit the decision
	isUnknown  bool        // the decision names an approval that does not exist
}

func (m match) isEarly() bool { return m.approval == nil && len(m.candidates) == 0 && !m.isUnknown }

// matchApproval finds the approval that a decision is about.
//
// Candidates are the pending approvals that the decision selects, that its sender can have seen, and that admit it. One
// candidate is the approval; of several none is guessed. If there are pending approvals but no candidate, the refusal is
// loud, because its sender most likely means one of them. Without a pending approval the decision is about the latest
// closed one that admits it, unless it was sent after that one was closed: then it is early for the next.
func (o *Order) matchApproval(d Decision) match {
	if d.ApprovalID != "" {
		a := o.FindApproval(d.ApprovalID)
		if a == nil || !d.selects(a) {
			return match{isUnknown: true}
		}
		return match{approval: a}
	}
	pending, earlier := o.findPendingSeenBy(d)
	candidates := admitting(pending, d)
	switch {
	case len(candidates) == 1:
		return match{approval: candidates[0]}
	case len(candidates) > 1:
		return match{candidates: candidates}
	case len(pending) > 0:
		return match{approval: pending[0]}
	case earlier != nil:
		return match{approval: earlier}
	}
	return match{approval: o.findClosedSeenBy(d)}
}

// findCandidates returns the pending approvals that a decision without an approval ID can be about, and that admit it.
func (o *Order) findCandidates(d Decision) []*Approval {
	pending, _ := o.findPendingSeenBy(d)
	return admitting(pending, d)
}

// findPendingSeenBy returns the selected pending approvals that the sender of a decision can have seen. If the decision
// is about an attempt before one of them, it also returns that attempt.
func (o *Order) findPendingSeenBy(d Decision) (pending []*Approval, earlier *Approval) {
	for _, a := range o.Approvals {
		if a.Status != Pending || !d.selects(a) {
			continue
		}
		if seen := o.approvalSeenBy(d, a); seen != a {
			earlier = seen
		} else {
			pending = append(pending, a)
		}
	}
	return pending, earlier
}

// findClosedSeenBy returns the latest closed approval that a decision can be about, preferably one that admits it.
func (o *Order) findClosedSeenBy(d Decision) *Approval {
	var latest *Approval
	for _, a := range slices.Backward(o.Approvals) {
		switch {
		case a.Status == Pending || !d.selects(a) || d.isSentAfterClosing(a):
		case a.refusalOf(d) == "":
			return a
		case latest == nil:
			latest = a
		}
	}
	return latest
}

// selects reports whether the step, the execution and the approval that a decision names are those of an approval. An
// approval whose execution is unknown is of any execution.
func (d Decision) selects(a *Approval) bool {
	return (d.ApprovalID == "" || d.ApprovalID == a.ID) &&
		(d.Step == "" || d.Step == a.Step) &&
		(d.Execution == "" || a.Execution == "" || d.Execution == a.Execution)
}

// hasSameSelectors reports whether two decisions name the same step, execution and approval.
func (d Decision) hasSameSelectors(other Decision) bool {
	return d.Step == other.Step && d.Execution == other.Execution && d.ApprovalID == other.ApprovalID
}

// isSentAfterClosing reports whether it is known that a decision was sent after an approval was closed.
func (d Decision) isSentAfterClosing(a *Approval) bool {
	return a.Status != Pending && !d.SentAt.IsZero() && d.SentAt.After(a.ClosedAt)
}

// admitting returns the approvals that the sender of a decision may decide.
func admitting(approvals []*Approval, d Decision) []*Approval {
	var out []*Approval
	for _, a := range approvals {
		if a.refusalOf(d) == "" {
			out = append(out, a)
		}
	}
	return out
}

func isAnyProbing(approvals []*Approval) bool {
	return slices.ContainsFunc(approvals, (*Approval).isProbing)
}

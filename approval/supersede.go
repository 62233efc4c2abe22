package approval

import "slices"

// isSameQuestion reports whether two approvals are attempts of the same question: the workflow and the step are equal.
func (a *Approval) isSameQuestion(b *Approval) bool {
	return a.Workflow == b.Workflow && a.Step == b.Step
}

// supersedeOlder closes the older attempts of a new approval's question. If a newer attempt has overtaken the new
// approval, it closes the new approval instead. Of two attempts, the newer entered its state later; if one of these
// times is unknown, the newer is the attempt that arrived later.
func (o *Order) supersedeOlder(a *Approval, env Environment) []Action {
	for _, b := range o.Approvals {
		if a.isSameQuestion(b) && !a.AttemptStartedAt.IsZero() && a.AttemptStartedAt.Before(b.AttemptStartedAt) {
			return o.closeSuperseded(a, b, "superseded by a newer attempt that arrived earlier", env)
		}
	}
	var actions []Action
	for _, b := range o.Approvals {
		if b != a && a.isSameQuestion(b) {
			actions = append(actions, o.closeSuperseded(b, a, "superseded by a newer attempt with a new token", env)...)
		}
	}
	return actions
}

func (o *Order) closeSuperseded(older, newer *Approval, reason string, env Environment) []Action {
	if older.Status != Pending {
		return nil
	}
	older.SupersededBy = newer.ID
	actions := o.closeApproval(older, Superseded, reason, env)
	e := older.newEvent(EventSuperseded, env.Now)
	e.Note = "by " + newer.ID
	o.recordEvent(e)
	return actions
}

// approvalSeenBy returns the approval that the sender of a decision must have seen. Usually that is the pending
// approval. If the decision was sent before the workflow entered the state of the pending approval, it is the latest
// earlier attempt of the same question, if there is one.
func (o *Order) approvalSeenBy(d Decision, pending *Approval) *Approval {
	if d.SentAt.IsZero() || !d.SentAt.Before(pending.AttemptStartedAt) {
		return pending
	}
	for _, a := range slices.Backward(o.Approvals) {
		if a != pending && a.isSameQuestion(pending) && a.AttemptStartedAt.Before(pending.AttemptStartedAt) {
			return a
		}
	}
	return pending
}

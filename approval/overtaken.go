package approval

import "slices"

// isSameQuestion says whether the two wait for the same thing: one is the other's state,
// tried or asked for again.
func (a *Approval) isSameQuestion(b *Approval) bool {
	return a.Workflow == b.Workflow && a.Step == b.Step
}

// supersedeOlder lets the pending approvals of the same ask make way for a new one, or
// this one for one that overtook it: the last counts, by when the workflow began
// to wait. Where that is not known it is the last to come.
func (o *Order) supersedeOlder(a *Approval, env Environment) []Action {
	for _, b := range o.Approvals {
		if a.isSameQuestion(b) && !a.StateEnteredAt.IsZero() && a.StateEnteredAt.Before(b.StateEnteredAt) {
			return o.closeSuperseded(a, b, "asked again before this request came", env)
		}
	}
	var actions []Action
	for _, b := range o.Approvals {
		if b != a && a.isSameQuestion(b) {
			actions = append(actions, o.closeSuperseded(b, a, "asked again with a new token", env)...)
		}
	}
	return actions
}

func (o *Order) closeSuperseded(old, young *Approval, reason string, env Environment) []Action {
	if old.Status != Pending {
		return nil
	}
	old.SupersededBy = young.ID
	actions := o.closeApproval(old, Superseded, reason, env)
	e := old.newEvent(EventSuperseded, env.Now)
	e.Note = "by " + young.ID
	o.recordEvent(e)
	return actions
}

// approvalSeenBy returns the approval that a decision is about which was sent before the
// pending one was asked for, if an earlier try of the same ask is known: it can
// have seen that one only.
func (o *Order) approvalSeenBy(d Decision, pending *Approval) *Approval {
	if d.SentAt.IsZero() || !d.SentAt.Before(pending.StateEnteredAt) {
		return pending
	}
	for _, a := range slices.Backward(o.Approvals) {
		if a != pending && a.isSameQuestion(pending) && a.StateEnteredAt.Before(pending.StateEnteredAt) {
			return a
		}
	}
	return pending
}

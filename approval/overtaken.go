package approval

import "slices"

// sameAsk says whether the two wait for the same thing: one is the other's state,
// tried or asked for again.
func (a *Approval) sameAsk(b *Approval) bool { return a.Workflow == b.Workflow && a.Step == b.Step }

// supersede lets the pending approvals of the same ask make way for a new one, or
// this one for one that overtook it: the last counts, by when the workflow began
// to wait. Where that is not known it is the last to come.
func (o *Order) supersede(a *Approval, t Environment) []Action {
	for _, b := range o.Approvals {
		if a.sameAsk(b) && !a.StateEnteredAt.IsZero() && a.StateEnteredAt.Before(b.StateEnteredAt) {
			return o.makeWay(a, b, "asked again before this request came", t)
		}
	}
	var actions []Action
	for _, b := range o.Approvals {
		if b != a && a.sameAsk(b) {
			actions = append(actions, o.makeWay(b, a, "asked again with a new token", t)...)
		}
	}
	return actions
}

func (o *Order) makeWay(old, young *Approval, reason string, t Environment) []Action {
	if old.Status != Pending {
		return nil
	}
	old.SupersededBy = young.ID
	actions := o.close(old, Superseded, reason, t)
	e := old.event(EventSuperseded, t.Now)
	e.Note = "by " + young.ID
	o.record(e)
	return actions
}

// saw returns the approval that a decision is about which was sent before the
// pending one was asked for, if an earlier try of the same ask is known: it can
// have seen that one only.
func (o *Order) saw(d Decision, pending *Approval) *Approval {
	if d.SentAt.IsZero() || !d.SentAt.Before(pending.StateEnteredAt) {
		return pending
	}
	for _, a := range slices.Backward(o.Approvals) {
		if a != pending && a.sameAsk(pending) && a.StateEnteredAt.Before(pending.StateEnteredAt) {
			return a
		}
	}
	return pending
}

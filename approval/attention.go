package approval

import "slices"

// Attention names a state of an approval that an operator must see to, or put away with Order.Dismiss.
type Attention string

// The states that need attention.
const (
	// AttentionAnswer is an exhausted callback, or the answer to a decision of which it is known or possible that the
	// workflow did not get it.
	AttentionAnswer Attention = "answer"
	// AttentionUndeliverable is a pending approval that is unknown to every approver.
	AttentionUndeliverable Attention = "undeliverable"
)

// IsExhausted reports whether the callback is exhausted and it is not dismissed.
func (a *Approval) IsExhausted() bool {
	return a.Callback.State == CallbackExhausted && a.Dismissed != AttentionAnswer
}

// IsUnanswered reports whether the workflow has ended without our answer, or may have, although the approval was decided
// or timed out, and that is not dismissed. An approval that was cancelled or superseded has no answer to miss.
func (a *Approval) IsUnanswered() bool {
	return a.MissesAnswer() && a.Dismissed != AttentionAnswer
}

// MissesAnswer is IsUnanswered, also after a dismissal.
func (a *Approval) MissesAnswer() bool {
	return a.Status.needsAnswer() &&
		(a.Callback.State == CallbackTooLate || a.Callback.State == CallbackUnknown)
}

// needsAnswer reports whether the workflow goes on wrongly without the answer to an approval of this status.
func (s Status) needsAnswer() bool {
	switch s {
	case Approved, Rejected, Returned, TimedOut:
		return true
	case Pending, Cancelled, Superseded:
	}
	return false
}

// IsUndeliverable reports whether the approval is pending and undeliverable, and that is not dismissed.
func (a *Approval) IsUndeliverable() bool {
	return a.Status == Pending && a.Undeliverable && a.Dismissed != AttentionUndeliverable
}

// HasExhaustedCallback reports whether any approval IsExhausted.
func (o *Order) HasExhaustedCallback() bool {
	return slices.ContainsFunc(o.Approvals, (*Approval).IsExhausted)
}

// IsUnanswered reports whether any approval IsUnanswered.
func (o *Order) IsUnanswered() bool {
	return slices.ContainsFunc(o.Approvals, (*Approval).IsUnanswered)
}

// IsUndeliverable reports whether any approval IsUndeliverable.
func (o *Order) IsUndeliverable() bool {
	return slices.ContainsFunc(o.Approvals, (*Approval).IsUndeliverable)
}

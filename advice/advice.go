// Package advice has the next action of an operator about an approval, in a sentence or two. It is read at night, after an
// alert: on the page of the order, and in the output of the command show.
package advice

import (
	"cmp"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/untrusted"
)

// For returns the advice about an approval. A control that holds its answers and notifications is not nil.
func For(a *approval.Approval, now time.Time, held *store.Control) string {
	switch {
	case held == nil:
		return ForState(a, now)
	case held.Mode.IsReadOnly():
		return adviseReadOnly(a, now, *held)
	}
	return adviseHeld(a, now, *held)
}

// adviseReadOnly returns the advice about an approval in a store that is read-only. One that was moved stays so for ever.
func adviseReadOnly(a *approval.Approval, now time.Time, control store.Control) string {
	isWaiting := a.Status == approval.Pending || a.Callback.State == approval.CallbackPending
	switch {
	case control.Mode == store.ControlMoved:
		return "The store was moved to another one, and this worker should have been stopped. Look at the order in the new " +
			"store: here it stays as it was."
	case isWaiting:
		return "The store is read-only. Nobody can decide, and nothing is sent, before it is resumed. " +
			"Deadlines wait, but the task of the workflow does not."
	}
	return ForState(a, now) + " The store is read-only: nothing can be changed before it is resumed."
}

// adviseHeld returns the advice about an approval of a workflow that is paused.
func adviseHeld(a *approval.Approval, now time.Time, control store.Control) string {
	who := "An operator (" + actor(control) + ") has paused "
	if control.Workflow == "" {
		who += "all workflows"
	} else {
		who += "this workflow"
	}
	switch {
	case a.Status == approval.Pending && !a.Deadline.After(now):
	case a.Status == approval.Pending && a.FirstNotifiedAt.IsZero():
		return who + ", so nobody is notified before it is resumed. The deadline passes all the same."
	case a.Status == approval.Pending:
		return who + ". The approvers can decide, and the answer is sent when it is resumed. " +
			"The deadline passes all the same."
	case a.Callback.State == approval.CallbackPending:
		return who + ", so the answer is held: it is sent when it is resumed, if the task still waits then."
	case a.Callback.State == approval.CallbackExhausted && a.IsExhausted():
		return ForState(a, now) + " " + who + ": a redriven answer is sent when it is resumed."
	}
	return ForState(a, now)
}

// ForState returns the advice by the state of an approval.
func ForState(a *approval.Approval, now time.Time) string {
	if a.Dismissed == approval.AttentionAnswer && (a.MissesAnswer() || a.Callback.State == approval.CallbackExhausted) {
		return "Nothing to do: an operator has dismissed this. The timeline has the reason."
	}
	c := a.Callback
	switch c.State {
	case approval.CallbackExhausted:
		return adviseRedrive(a, now)
	case approval.CallbackPending:
		if c.LastError != "" {
			return "Closed, but the workflow does not have its answer yet. The callback is retried automatically; " +
				"fix the cause of its last error."
		}
		return "Closed. The callback to the workflow is under way."
	case approval.CallbackTooLate, approval.CallbackUnknown:
		return adviseUnanswered(a)
	case approval.CallbackPresumed:
		return "Nothing to do. The reply to an attempt was lost, and the workflow no longer waits: it has its answer."
	case approval.CallbackDelivered:
		if a.Callback.Reconciliation.Truth == approval.TruthAnswered {
			return "Nothing to do: the reply to an attempt was lost, but the history of the workflow shows that it has its answer."
		}
		return "Nothing to do: the workflow has its answer."
	case approval.CallbackSuperseded:
		return "Nothing to do: a newer attempt of the workflow has taken the place of this one, and is answered in its place."
	case approval.CallbackNone:
	}
	return adviseWaiting(a, now)
}

// adviseWaiting returns the advice for a pending approval.
func adviseWaiting(a *approval.Approval, now time.Time) string {
	progress, _ := ProgressOf(a)
	switch {
	case !a.Deadline.After(now):
		return "The deadline has passed. If this does not change within a minute, the sweeper is behind: " +
			"see the runbook."
	case a.HasOpenProposal(now):
		return "Waiting for a second operator, who confirms what another has proposed. Without that it expires, and nothing changes."
	case progress == Undeliverable && a.Dismissed == approval.AttentionUndeliverable:
		return "No notification was delivered, and an operator has dismissed that: the timeline has the reason. " +
			"It waits for a decision all the same, until its deadline."
	case progress == Undeliverable:
		return "Nobody knows of this request. Tell an approver yourself, or decide on behalf of one."
	case progress == Failing:
		return "Nobody has been notified yet, and the notifications fail. They are retried automatically; " +
			"fix the cause, or tell an approver yourself."
	case progress == SomeFailing:
		return "Waiting for the approvers. Some notifications fail: tell the approvers who did not get theirs, " +
			"and fix the cause."
	case len(a.Approvers) == 0:
		return "Waiting for a decision by anybody who has the link."
	}
	return "Waiting for the approvers. Nothing to do, unless they cannot be reached."
}

// ForUnmatched returns the advice for an order with decisions that wait for their request.
func ForUnmatched(o *approval.Order) string {
	if len(o.Approvals) > 0 || len(o.Unmatched) == 0 {
		return ""
	}
	for _, u := range o.Unmatched {
		if !u.Expired {
			return "A decision is here, but its request is not: it is applied as soon as the request arrives. " +
				"If that takes long, look at the workflow, and at the dead letters and refused messages for this order ID."
		}
	}
	return "A decision came for this order ID, but no request ever did. Ask its sender whether the order ID is right."
}

// actor returns the name of the operator of a control.
func actor(control store.Control) string {
	name := untrusted.SingleLine(cmp.Or(control.By, "somebody"))
	if control.Claimed != "" {
		name += " on behalf of " + untrusted.SingleLine(control.Claimed)
	}
	return name
}

// isTaskExpired reports whether the task of an approval has ended by its own time limit.
func isTaskExpired(a *approval.Approval, now time.Time) bool {
	return !a.TaskExpires.IsZero() && a.TaskExpires.Before(now)
}

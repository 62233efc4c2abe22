package console

import (
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// advise returns the next action of an operator about an approval, in a sentence or two. It is read at night, after
// an alert.
func (c *Console) advise(a *approval.Approval, now time.Time) string {
	if control, held := c.heldBy(a.Workflow); held {
		return adviseHeld(a, now, control)
	}
	return adviseState(a, now)
}

// adviseHeld returns the advice about an approval of a workflow that is paused.
func adviseHeld(a *approval.Approval, now time.Time, control store.Control) string {
	who := "An operator (" + controlActor(control) + ") has paused "
	if control.Workflow == "" {
		who += "all workflows"
	} else {
		who += "this workflow"
	}
	switch {
	case a.Status == approval.Pending && !a.Deadline.After(now):
	case a.Status == approval.Pending && a.FirstNotifiedAt.IsZero():
		return who + ", so nobody is notified before it is resumed under Controls. The deadline passes all the same."
	case a.Status == approval.Pending:
		return who + ". The approvers can decide, and the answer is sent when it is resumed under Controls. " +
			"The deadline passes all the same."
	case a.Callback.State == approval.CallbackPending:
		return who + ", so the answer is held: it is sent when it is resumed under Controls, if the task still waits then."
	case a.Callback.State == approval.CallbackExhausted && a.IsExhausted():
		return adviseState(a, now) + " " + who + ": a redriven answer is sent when it is resumed under Controls."
	}
	return adviseState(a, now)
}

// adviseState returns the advice by the state of an approval.
func adviseState(a *approval.Approval, now time.Time) string {
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
				"fix the cause of the error below."
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

// adviseUnanswered returns the advice for an answer that came too late, or may have.
func adviseUnanswered(a *approval.Approval) string {
	switch {
	case !a.MissesAnswer():
		return "Nothing to do: the workflow had ended by itself, and there is no decision that it could miss."
	case !a.Callback.Reconciliation.Due.IsZero():
		return "The workflow no longer waits. Whether it has this answer is being read from its history; " +
			"look at this page again in some minutes."
	case adviseReconciled(a) != "":
		return adviseReconciled(a)
	case a.Callback.State == approval.CallbackUnknown:
		return "The workflow no longer waits, and nobody can tell whether it has this answer: the reply to an attempt was " +
			"lost, and the task may have ended by itself. Look at the workflow; if it does not have the answer and the " +
			"order still needs it, have it started again. Then dismiss this."
	}
	return "The workflow did not wait for this answer: it had ended, or was answered by somebody else. " +
		"If the order still needs the answer, have the workflow started again. Then dismiss this."
}

// adviseRedrive returns the advice for an exhausted callback.
func adviseRedrive(a *approval.Approval, now time.Time) string {
	switch code := a.Callback.ReasonCode(); {
	case code == approval.ReasonTokenErased || code == approval.ReasonInvalidToken:
		return "The workflow never got its answer, and a redrive cannot mend it: the task token is erased or not valid. " +
			"Have the workflow’s owner start it again if the order still needs the answer; then dismiss this."
	case isTaskExpired(a, now):
		return "The workflow never got its answer, and has stopped waiting. Have its owner start it again; " +
			"a redrive will most likely come too late."
	case a.TaskExpires.IsZero():
		return "The workflow never got its answer, and may still wait. Fix the cause of the error below, then redrive."
	}
	return "The workflow still waits for its answer. Fix the cause of the error below, then redrive."
}

// adviseWaiting returns the advice for a pending approval.
func adviseWaiting(a *approval.Approval, now time.Time) string {
	switch notified := describeNotifications(a); {
	case !a.Deadline.After(now):
		return "The deadline has passed. If this does not change within a minute, the sweeper is behind: " +
			"see the runbook."
	case notified.Text == textUndeliverable && a.Dismissed == approval.AttentionUndeliverable:
		return "No notification was delivered, and an operator has dismissed that: the timeline has the reason. " +
			"It waits for a decision all the same, until its deadline."
	case notified.Text == textUndeliverable:
		return "Nobody knows of this request. Tell an approver yourself, or decide below on behalf of one."
	case notified.Tone == "bad":
		return "Nobody has been notified yet, and the notifications fail. They are retried automatically; " +
			"fix the cause, or tell an approver yourself."
	case notified.Tone == "warn":
		return "Waiting for the approvers. Some notifications fail: tell the approvers who did not get theirs, " +
			"and fix the cause."
	case len(a.Approvers) == 0:
		return "Waiting for a decision by anybody who has the link."
	}
	return "Waiting for the approvers. Nothing to do, unless they cannot be reached."
}

// adviseUnmatched returns the advice for an order with decisions that wait for their request.
func adviseUnmatched(o *approval.Order) string {
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

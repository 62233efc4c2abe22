package console

import (
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// advise returns the next action of an operator about an approval, in a sentence or two. It is read at night, after
// an alert.
func advise(a *approval.Approval, now time.Time) string {
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
	case approval.CallbackTooLate:
		return "The workflow did not wait for this answer: it had ended, or was answered by somebody else. " +
			"If the order still needs the answer, have the workflow started again."
	case approval.CallbackUnknown:
		return "The workflow no longer waits, and nobody can tell whether it has this answer: the reply to an attempt was " +
			"lost, and the task may have ended by itself. Look at the workflow; if it does not have the answer and the " +
			"order still needs it, have it started again."
	case approval.CallbackPresumed:
		return "Nothing to do. The reply to an attempt was lost, and the workflow no longer waits: it has its answer."
	case approval.CallbackDelivered, approval.CallbackSuperseded:
		return "Nothing to do."
	case approval.CallbackNone:
	}
	return adviseWaiting(a, now)
}

// adviseRedrive returns the advice for an exhausted callback.
func adviseRedrive(a *approval.Approval, now time.Time) string {
	switch {
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

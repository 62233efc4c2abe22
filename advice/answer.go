package advice

import (
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// adviseUnanswered returns the advice for an answer that came too late, or may have.
func adviseUnanswered(a *approval.Approval) string {
	switch {
	case !a.MissesAnswer():
		return "Nothing to do: the workflow had ended by itself, and there is no decision that it could miss."
	case !a.Callback.Reconciliation.Due.IsZero():
		return "The workflow no longer waits. Whether it has this answer is being read from its history; " +
			"look again in some minutes."
	case adviseReconciled(a) != "":
		return adviseReconciled(a)
	case a.Callback.State == approval.CallbackUnknown:
		return "The workflow no longer waits, and nobody can tell whether it has this answer: the reply to an attempt was " +
			"lost, and the task may have ended by itself. Look at the workflow. If it does not have the answer, tell the " +
			"requester or the workflow’s owner; if the order still needs it, have it started again. Then dismiss this."
	}
	return "The workflow did not wait for this answer: it had ended, or was answered by somebody else." + askAgain
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
		return "The workflow never got its answer, and may still wait. Fix the cause of its last error, then redrive."
	}
	return "The workflow still waits for its answer. Fix the cause of its last error, then redrive."
}

// askAgain is the advice for an answer that certainly did not arrive.
const askAgain = " Tell the requester or the workflow’s owner: if the order still needs the answer, the workflow has to be " +
	"started again. Then dismiss this."

// adviseReconciled returns the advice about an answer that the workflow did not get, if its history tells why. Otherwise
// it returns the empty text.
func adviseReconciled(a *approval.Approval) string {
	switch a.Callback.Reconciliation.Truth {
	case approval.TruthAnother:
		return "The workflow went on with an answer that is not this one: somebody else has answered its task. " +
			"Find out who, and correct what it did by hand if that answer was wrong. Then dismiss this."
	case approval.TruthTimedOut:
		return "The workflow did not get this answer: its task had ended by its own time limit before." + askAgain
	case approval.TruthEnded:
		return "The workflow did not get this answer: it had ended before, for another cause or because somebody stopped it." + askAgain
	case approval.TruthAnswered, approval.TruthNotFound, approval.TruthForbidden:
	}
	return ""
}

package console

import (
	"github.com/approval-relay/approval-relay/approval"
)

// adviseReconciled returns the advice about an answer that the workflow did not get, if its history tells why. Otherwise
// it returns the empty text.
func adviseReconciled(a *approval.Approval) string {
	const again = " If the order still needs the answer, have the workflow started again. Then dismiss this."
	switch a.Callback.Reconciliation.Truth {
	case approval.TruthAnother:
		return "The workflow went on with an answer that is not this one: somebody else has answered its task. " +
			"Find out who, and correct what it did by hand if that answer was wrong. Then dismiss this."
	case approval.TruthTimedOut:
		return "The workflow did not get this answer: its task had ended by its own time limit before." + again
	case approval.TruthEnded:
		return "The workflow did not get this answer: it had ended before, for another cause or because somebody stopped it." + again
	case approval.TruthAnswered, approval.TruthNotFound, approval.TruthForbidden:
	}
	return ""
}

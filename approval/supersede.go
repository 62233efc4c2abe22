package approval

import (
	"cmp"
	"time"
)

// isSameQuestion reports whether two approvals can be attempts of the same question: the workflow and the step are
// equal, and so are the execution and the name of the state, unless one of them is unknown. Two executions with one order
// ID, and two states without a step, ask different questions.
func (a *Approval) isSameQuestion(b *Approval) bool {
	return a.Workflow == b.Workflow && a.Step == b.Step &&
		isEqualOrUnknown(a.Execution, b.Execution) && isEqualOrUnknown(a.State, b.State)
}

func isEqualOrUnknown(a, b string) bool { return a == b || a == "" || b == "" }

// compareAttempts compares two attempts of the same question by age: the result is negative if a is older. A retry of a
// state keeps the time at which the state was entered, so the counts of redrives and retries come before the time of
// sending. If the result is 0, the older attempt is the attempt that arrived first.
func compareAttempts(a, b *Approval) int {
	return cmp.Or(
		compareKnown(a.StateEnteredAt, b.StateEnteredAt),
		cmp.Compare(a.RedriveCount, b.RedriveCount),
		cmp.Compare(a.RetryCount, b.RetryCount),
		compareKnown(a.AttemptStartedAt, b.AttemptStartedAt),
	)
}

// compareKnown compares two times. An unknown time is equal to every time.
func compareKnown(a, b time.Time) int {
	if a.IsZero() || b.IsZero() {
		return 0
	}
	return a.Compare(b)
}

// adviceSteps ends the reason of an approval that was superseded without evidence, because the reader may expect both
// approvals to wait.
const adviceSteps = "; two approvals of one order at once need different steps"

// supersedeOlder closes the older attempts of a new approval's question, or has their targets asked whether they have
// ended. If a newer attempt has overtaken the new approval, the same happens to the new approval instead. A closed
// approval supersedes nothing without evidence: the new approval may be a later round of the order.
func (o *Order) supersedeOlder(a *Approval, env Environment) []Action {
	if newer := o.newerAttempt(a); newer != nil {
		if a.CanProbe {
			a.Probe.Holding = true
			return o.requestProbe(a, newer, env)
		}
		return o.closeSuperseded(a, newer.ID, "superseded by a newer attempt that arrived earlier"+adviceSteps, env)
	}
	var actions []Action
	for _, older := range o.Approvals {
		switch {
		case older == a || older.Status != Pending || !a.isSameQuestion(older):
		case older.CanProbe:
			actions = append(actions, o.requestProbe(older, a, env)...)
		default:
			reason := "superseded by a newer attempt with a new token" + adviceSteps
			actions = append(actions, o.closeSuperseded(older, a.ID, reason, env)...)
		}
	}
	return actions
}

// newerAttempt returns an attempt of a new approval's question that is newer although it arrived earlier, or nil. A
// closed attempt is returned only if the target can be asked about the new approval.
func (o *Order) newerAttempt(a *Approval) *Approval {
	var found *Approval
	for _, b := range o.Approvals {
		isNewer := b != a && a.isSameQuestion(b) && compareAttempts(a, b) < 0
		if isNewer && (b.Status == Pending || (a.CanProbe && found == nil)) {
			found = b
		}
	}
	return found
}

func (o *Order) closeSuperseded(older *Approval, newerID, reason string, env Environment) []Action {
	if older.Status != Pending {
		return nil
	}
	older.SupersededBy = newerID
	actions := o.closeApproval(older, Superseded, reason, env)
	e := older.newEvent(EventSuperseded, env.Now)
	e.Note = "by " + newerID
	o.recordEvent(e)
	return actions
}

// approvalSeenBy returns the approval that the sender of a decision must have seen. Usually that is the pending
// approval. If the decision was sent before the attempt of the pending approval began, it is the latest earlier attempt
// of the same question that the decision selects, if there is one that was not closed before the decision was sent. An
// attempt whose execution is unknown can have earlier attempts of an execution that the decision does not name.
func (o *Order) approvalSeenBy(d Decision, pending *Approval) *Approval {
	if d.SentAt.IsZero() || !d.SentAt.Before(pending.AttemptStartedAt) {
		return pending
	}
	seen := pending
	arrivedEarlier := true
	for _, a := range o.Approvals {
		if a == pending {
			arrivedEarlier = false
			continue
		}
		age := compareAttempts(a, pending)
		isOlder := (age < 0 || (age == 0 && arrivedEarlier)) && !d.isSentAfterClosing(a)
		if isOlder && d.selects(a) && a.isSameQuestion(pending) && (seen == pending || compareAttempts(a, seen) >= 0) {
			seen = a
		}
	}
	return seen
}

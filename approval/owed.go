package approval

import (
	"slices"
	"time"
)

// OwedAnswer is the oldest owed answer of an order in a workflow.
type OwedAnswer struct {
	Workflow string
	// Since is when the approval was closed, or when its callback was redriven, later by the time of pauses that have ended.
	Since time.Time
}

// OwedAnswers lists the owed answers of an order for a store: the oldest one of each workflow. It is nil for most
// orders.
func (o *Order) OwedAnswers() []OwedAnswer {
	var all []OwedAnswer
	for _, a := range o.Approvals {
		if !a.IsOwed() {
			continue
		}
		next := OwedAnswer{Workflow: a.Workflow, Since: a.Callback.PendingSince.Add(a.Callback.Pause.Total)}
		i := slices.IndexFunc(all, func(w OwedAnswer) bool { return w.Workflow == a.Workflow })
		switch {
		case i < 0:
			all = append(all, next)
		case next.Since.Before(all[i].Since):
			all[i] = next
		}
	}
	return all
}

// IsOwed reports whether a workflow waits for an answer that this program still tries to give: the approval is closed, and
// the callback was not attempted yet, has failed, or is held back. While the first attempt is under way, the answer is not
// owed: most answers are delivered by it, and a store would write each of them twice more. An exhausted callback is not
// owed either: only an operator can go on with it, see IsExhausted.
func (a *Approval) IsOwed() bool {
	c := &a.Callback
	return a.Status != Superseded && c.State == CallbackPending &&
		(!c.AttemptRunning || c.LastError != "" || !c.HeldSince.IsZero())
}

package approval

import "time"

// Truth states how a task has ended, as its workflow tells afterwards.
type Truth string

// The truths about a task.
const (
	TruthAnswered  Truth = "answered"            // by our answer
	TruthAnother   Truth = "answered_by_another" // by an answer that is not ours
	TruthTimedOut  Truth = "timed_out"           // by its own time limits
	TruthEnded     Truth = "ended"               // with its workflow, without an answer
	TruthNotFound  Truth = "not_found"           // the workflow does not tell it, or not in time
	TruthForbidden Truth = "forbidden"           // we may not read it
)

// AllTruths lists every truth.
func AllTruths() []Truth {
	return []Truth{TruthAnswered, TruthAnother, TruthTimedOut, TruthEnded, TruthNotFound, TruthForbidden}
}

// Bounds of a reconciliation. The attempts are 5, 10, 20 s … after the one before, at most 10 minutes, for an hour in all:
// a history of a workflow can lag behind.
const (
	reconcileBase     = 5 * time.Second
	reconcileCap      = 10 * time.Minute
	reconcileAttempts = 13
	// maxReconcileTime bounds a reconciliation whose attempts are held back in this process.
	maxReconcileTime = 24 * time.Hour
)

// Reconciliation is the progress of the question how the task of an ended callback has really ended.
type Reconciliation struct {
	// Due is when the next attempt may start. While an attempt runs, it is the end of its lease.
	Due      time.Time `json:"due,omitzero"`
	Attempts int       `json:"attempts,omitempty"`
	Running  bool      `json:"running,omitempty"`
	// Truth is the answer, found At this time.
	Truth Truth     `json:"truth,omitempty"`
	At    time.Time `json:"at,omitzero"`
}

func (r Reconciliation) isUnderWay(action Action, now time.Time) bool {
	return r.Running && r.Attempts == action.Attempt && r.Due.Equal(action.LeaseExpires) && r.Due.After(now)
}

// beginReconciliation asks for the truth after an outcome that is a guess, or that the workflow's owner wants to know more
// of. A workflow that is not named cannot be asked.
func (a *Approval) beginReconciliation(env Environment) {
	c := &a.Callback
	c.Reconciliation = Reconciliation{}
	if a.Execution == "" || !a.Status.needsAnswer() && !c.MaybeApplied {
		return
	}
	switch c.State {
	case CallbackPresumed, CallbackUnknown, CallbackTooLate:
		c.Reconciliation.Due = env.Now.Add(reconcileBase)
	}
}

// startReconciliation starts the attempt that is due.
func (o *Order) startReconciliation(a *Approval, env Environment) []Action {
	r := &a.Callback.Reconciliation
	if r.Due.IsZero() || r.Due.After(env.Now) {
		return nil
	}
	r.Running = false // its lease has ended
	if r.Attempts >= reconcileAttempts || env.Now.Sub(a.Callback.EndedAt) > maxReconcileTime {
		return o.endReconciliation(a, TruthNotFound, "", env)
	}
	action := o.newAction(ActionReconcile, a, env.Now.Add(env.Lease))
	action.Attempt = r.Attempts + 1
	if !env.canStart(action, a.Token) {
		return nil
	}
	r.Attempts = action.Attempt
	r.Running = true
	r.Due = action.LeaseExpires
	return []Action{action}
}

// RecordReconciliation records the result of an attempt to find out how a task has ended. The truth is empty if the result
// is a failure, or if the workflow does not tell yet.
func (o *Order) RecordReconciliation(action Action, truth Truth, result Result, env Environment) []Action {
	a := o.FindApproval(action.ApprovalID)
	if a == nil || !a.Callback.Reconciliation.isUnderWay(action, env.Now) {
		return nil
	}
	r := &a.Callback.Reconciliation
	r.Running = false
	switch {
	case result.Kind == ResultNotMade:
		r.Attempts--
		r.Due = env.Now.Add(max(reconcileBase, result.After))
	case result.ReasonCode == ReasonDenied:
		return o.endReconciliation(a, TruthForbidden, result.Reason, env)
	case result.Kind == ResultRefused && result.ReasonCode == ReasonNotConfigured: // the target never tells
		r.Due = noTime
	case result.Kind == ResultRefused:
		return o.endReconciliation(a, TruthNotFound, result.Reason, env)
	case result.Kind == ResultOK && truth != "":
		return o.endReconciliation(a, truth, "", env)
	case r.Attempts >= reconcileAttempts:
		return o.endReconciliation(a, TruthNotFound, result.Reason, env)
	default:
		wait := min(reconcileBase<<r.Attempts, reconcileCap)
		r.Due = env.Now.Add(max(wait, result.After))
	}
	return nil
}

// endReconciliation records the truth and corrects the outcome of the callback.
func (o *Order) endReconciliation(a *Approval, truth Truth, reason string, env Environment) []Action {
	c := &a.Callback
	c.Reconciliation.Due = noTime
	c.Reconciliation.Truth = truth
	c.Reconciliation.At = env.Now
	before := c.State
	wasMissed := a.MissesAnswer()
	switch truth {
	case TruthAnswered:
		c.State = CallbackDelivered
	case TruthAnother, TruthTimedOut, TruthEnded:
		c.State = CallbackTooLate
		if a.Status == Superseded {
			c.State = CallbackSuperseded
		}
	case TruthNotFound, TruthForbidden:
	}
	e := a.newEvent(EventReconciled, env.Now)
	e.Target = a.Target
	e.Code = string(truth)
	e.Attempt = c.Reconciliation.Attempts
	e.Age = env.Now.Sub(c.EndedAt)
	e.Note = reason
	e.AnswerMissed = a.MissesAnswer() && !wasMissed
	if before == c.State {
		o.recordEvent(e)
		return nil
	}
	e.Note = "was " + string(before) + ", is " + string(c.State)
	o.recordEvent(e)
	a.notifyPrograms(callbackEventName(c.State), env)
	return o.startNotifications(a, env)
}

package approval

import "time"

// CallbackState is how far the answer to the workflow has come.
type CallbackState string

// The states of a callback. All but the first two are outcomes.
const (
	CallbackNone      CallbackState = "" // the approval is pending
	CallbackPending   CallbackState = "owed"
	CallbackDelivered CallbackState = "delivered"
	// CallbackPresumed means that the target no longer waits, and an attempt of
	// ours may be why: its reply was lost.
	CallbackPresumed CallbackState = "delivered_presumed"
	// CallbackTooLate means that the target no longer waits, and not because of us.
	CallbackTooLate CallbackState = "too_late"
	// CallbackExhausted means that we gave up. Redrive starts it again.
	CallbackExhausted CallbackState = "exhausted"
	// CallbackSuperseded means that the task of a superseded approval was closed,
	// as was to be expected.
	CallbackSuperseded CallbackState = "superseded"
)

// AllCallbackOutcomes lists how a callback can end.
func AllCallbackOutcomes() []CallbackState {
	return []CallbackState{CallbackDelivered, CallbackPresumed, CallbackTooLate, CallbackExhausted, CallbackSuperseded}
}

// Callback is the answer to the workflow, from when it is owed to how it ended.
type Callback struct {
	State        CallbackState `json:"state,omitempty"`
	PendingSince time.Time     `json:"owed_at,omitzero"`
	// Due is when the next attempt may be made; of the lease's end while one runs.
	Due                   time.Time `json:"due,omitzero"`
	Attempts              int       `json:"attempt,omitempty"` // how many have begun, ever
	AttemptsBeforeRedrive int       `json:"before,omitempty"`  // how many of them before the last redrive
	AttemptRunning        bool      `json:"running,omitempty"` // an attempt has begun, its end is not recorded
	// MaybeApplied says that an attempt may have worked although it seemed not to.
	MaybeApplied bool      `json:"maybe_applied,omitempty"`
	LastError    string    `json:"last_error,omitempty"`
	EndedAt      time.Time `json:"ended_at,omitzero"`
	Redrives     int       `json:"redrives,omitempty"`
}

// tries is how many attempts have begun since it was owed.
func (c Callback) tries() int { return c.Attempts - c.AttemptsBeforeRedrive }

func (c Callback) ended() bool { return c.State != CallbackNone && c.State != CallbackPending }

// Answer is what a target tells the workflow.
type Answer struct {
	OrderID    string
	ApprovalID string // the same for every attempt: an idempotency key
	Workflow   string
	Step       string
	Token      Token
	Status     Status // never pending
	Reason     string // where no decision closed it
	Votes      []Vote // the last one decided, where a decision did
	ClosedAt   time.Time
	Expires    time.Time // when the workflow stops waiting; zero if that is unknown

	RejectAsSuccess bool
	Output          map[string]any
}

// CurrentAnswer returns the answer that an action is about, if its attempt is still
// the one under way. A heartbeat's is valid while the approval is pending.
func (o *Order) CurrentAnswer(act Action, now time.Time) (Answer, bool) {
	a := o.FindApproval(act.ApprovalID)
	if a == nil {
		return Answer{}, false
	}
	c := a.Callback
	current := c.State == CallbackPending && c.AttemptRunning && c.Attempts == act.Attempt && c.Due.After(now)
	if act.Kind == ActionHeartbeat {
		current = a.Status == Pending
	}
	return Answer{
		OrderID:         o.ID,
		ApprovalID:      a.ID,
		Workflow:        a.Workflow,
		Step:            a.Step,
		Token:           a.Token,
		Status:          a.Status,
		Reason:          a.Reason,
		Votes:           a.Votes,
		ClosedAt:        a.ClosedAt,
		Expires:         a.TaskExpires,
		RejectAsSuccess: a.RejectAsSuccess,
		Output:          a.Output,
	}, current && !a.Token.IsZero()
}

// owedCallback begins the attempt that is due, or gives up when it would come
// too late to be of use.
func (o *Order) owedCallback(a *Approval, t Environment) []Action {
	c := &a.Callback
	if c.State != CallbackPending || c.Due.After(t.Now) {
		return nil
	}
	if c.AttemptRunning { // its lease has passed and no end was recorded
		c.AttemptRunning, c.MaybeApplied = false, true
		c.LastError = "the end of the attempt was not recorded"
		e := a.event(EventCallbackAttempt, t.Now)
		e.Target, e.Attempt, e.Code, e.Note = a.Target, c.Attempts, string(ResultFailed), c.LastError
		o.record(e)
	}
	if reason := a.pastUse(t.Now); reason != "" {
		return o.endCallback(a, CallbackExhausted, reason, t)
	}
	if !t.leases(ActionCallback, a.Target) {
		return nil
	}
	c.Attempts++
	c.AttemptRunning, c.Due = true, t.Now.Add(t.Lease)
	act := o.action(ActionCallback, a, c.Due)
	act.Attempt = c.Attempts
	return []Action{act}
}

// pastUse says why an attempt at that time would be of no use, or nothing. The
// first attempt is always made: our idea of the task's end may be wrong.
func (a *Approval) pastUse(at time.Time) string {
	switch {
	case a.Token.IsZero():
		return "the token has been erased"
	case a.Callback.tries() == 0:
		return ""
	case !a.TaskExpires.IsZero() && at.After(a.TaskExpires):
		return "the task has expired"
	case at.After(a.Callback.PendingSince.Add(a.CallbackRetry.MaxAge)):
		return "the maximum age of a callback has passed"
	}
	return ""
}

// RecordCallbackResult records the end of an attempt to answer the workflow. One
// that comes after its lease, when the attempt has been written off, counts if
// it says that the workflow was answered or no longer waits.
func (o *Order) RecordCallbackResult(act Action, r Result, t Environment) []Action {
	a := o.FindApproval(act.ApprovalID)
	if a == nil || !a.Callback.takes(act, r) {
		return nil
	}
	c := &a.Callback
	e := a.event(EventCallbackAttempt, t.Now)
	e.Target, e.Attempt, e.Code, e.Note = a.Target, act.Attempt, string(r.Kind), r.Reason
	o.record(e)
	switch {
	case r.Kind == ResultOK:
		return o.endCallback(a, CallbackDelivered, "", t)
	case r.Kind == ResultClosed && c.MaybeApplied: // as after every lease that lapsed
		return o.endCallback(a, CallbackPresumed, "", t)
	case r.Kind == ResultClosed && a.Status == Superseded:
		return o.endCallback(a, CallbackSuperseded, "", t)
	case r.Kind == ResultClosed:
		return o.endCallback(a, CallbackTooLate, "", t)
	}
	c.AttemptRunning, c.LastError = false, r.Reason
	c.MaybeApplied = c.MaybeApplied || r.MaybeApplied
	if r.Kind == ResultRefused {
		return o.endCallback(a, CallbackExhausted, r.Reason, t)
	}
	c.Due = a.nextAttempt(r, t)
	if reason := a.pastUse(c.Due); reason != "" {
		return o.endCallback(a, CallbackExhausted, reason+": "+r.Reason, t)
	}
	return nil
}

// takes says whether the end of an attempt still says anything.
func (c Callback) takes(act Action, r Result) bool {
	switch {
	case c.State == CallbackExhausted:
		return r.Kind == ResultOK // it did get through
	case c.State != CallbackPending:
		return false
	case r.Kind == ResultOK, r.Kind == ResultClosed:
		return true
	}
	return c.AttemptRunning && c.Attempts == act.Attempt
}

// lastMoment is when before a task's end no further attempt is squeezed in.
const lastMoment = 2 * time.Second

// nextAttempt is when to try again. No back-off takes more than a quarter of what
// is left of the task: a short one, or one near its end, gets its attempts too.
// Where the target wants to be left alone for longer than that end, it is half-way
// there: a late answer helps nobody.
func (a *Approval) nextAttempt(r Result, t Environment) time.Time {
	next, left := a.CallbackRetry.NextAttempt(a.Callback.tries(), t.Now, t.Jitter), a.TaskExpires.Sub(t.Now)
	if a.TaskExpires.IsZero() || left <= lastMoment {
		return later(next, t.Now.Add(r.After))
	}
	if next = later(earlier(next, t.Now.Add(left/4)), t.Now.Add(r.After)); next.After(a.TaskExpires) {
		return t.Now.Add(left / 2)
	}
	return next
}

func (o *Order) endCallback(a *Approval, s CallbackState, reason string, t Environment) []Action {
	c := &a.Callback
	c.State, c.EndedAt, c.AttemptRunning, c.Due = s, t.Now, false, noTime
	if reason != "" {
		c.LastError = reason
	}
	a.announce(eventCallback(s), t)
	e := a.event(EventCallbackEnded, t.Now)
	e.Target, e.Code, e.Attempt, e.Age, e.Note = a.Target, string(s), c.Attempts, t.Now.Sub(c.PendingSince), reason
	o.record(e)
	actions := o.owedNotifications(a, t)
	if s == CallbackExhausted {
		actions = append(actions, o.deadLetter(a, "callback given up: "+reason))
	}
	return actions
}

// RecordHeartbeatResult records the end of a heartbeat. One that failed is tried again after
// an eighth of the time between two, so that a target that throttles does not take
// us for dead. A target that no longer waits closes the approval: there is nobody
// left to be answered.
func (o *Order) RecordHeartbeatResult(act Action, r Result, t Environment) {
	a := o.FindApproval(act.ApprovalID)
	if a == nil || a.Status != Pending {
		return
	}
	e := a.event(EventHeartbeat, t.Now)
	e.Target, e.Code, e.Note = a.Target, string(r.Kind), r.Reason
	o.record(e)
	if r.Kind == ResultFailed {
		again := t.Now.Add(max(a.HeartbeatInterval/8, time.Second, r.After))
		a.HeartbeatDue = earlier(a.HeartbeatDue, again)
	}
	if r.Kind != ResultClosed {
		return
	}
	o.close(a, Cancelled, "the workflow no longer waits", Environment{Now: t.Now})
	c := a.event(EventCancelled, t.Now)
	c.Note, c.Age = a.Reason, t.Now.Sub(a.RequestedAt)
	o.record(c)
	o.endCallback(a, CallbackTooLate, "", t)
}

// RedriveCallback starts an exhausted callback again. It returns false where there is
// nothing to start: not exhausted, no token left, or redriven too often (a
// guard against loops; limit 0 means none).
func (o *Order) RedriveCallback(approvalID, by string, limit int, t Environment) (bool, []Action) {
	a := o.FindApproval(approvalID)
	if a == nil || a.Callback.State != CallbackExhausted || a.Token.IsZero() {
		return false, nil
	}
	if limit > 0 && a.Callback.Redrives >= limit {
		return false, nil
	}
	old := a.Callback
	a.Callback = Callback{
		State:        CallbackPending,
		PendingSince: t.Now,
		Due:          t.Now,
		MaybeApplied: old.MaybeApplied,
		Redrives:     old.Redrives + 1,
		LastError:    old.LastError,
		// Attempts are counted on, so that the late end of an old one is not taken for a new one's.
		Attempts:              old.Attempts,
		AttemptsBeforeRedrive: old.Attempts,
	}
	e := a.event(EventRedriven, t.Now)
	e.By, e.Attempt = by, a.Callback.Redrives
	o.record(e)
	return true, o.owedCallback(a, t)
}

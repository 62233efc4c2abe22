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

// attemptsSinceRedrive is how many attempts have begun since it was owed.
func (c Callback) attemptsSinceRedrive() int { return c.Attempts - c.AttemptsBeforeRedrive }

func (c Callback) hasEnded() bool { return c.State != CallbackNone && c.State != CallbackPending }

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

// startCallback begins the attempt that is due, or gives up when it would come
// too late to be of use.
func (o *Order) startCallback(a *Approval, env Environment) []Action {
	c := &a.Callback
	if c.State != CallbackPending || c.Due.After(env.Now) {
		return nil
	}
	if c.AttemptRunning { // its lease has passed and no end was recorded
		c.AttemptRunning, c.MaybeApplied = false, true
		c.LastError = "the end of the attempt was not recorded"
		e := a.newEvent(EventCallbackAttempt, env.Now)
		e.Target, e.Attempt, e.Code, e.Note = a.Target, c.Attempts, string(ResultFailed), c.LastError
		o.recordEvent(e)
	}
	if reason := a.reasonToStop(env.Now); reason != "" {
		return o.endCallback(a, CallbackExhausted, reason, env)
	}
	if !env.canStart(ActionCallback, a.Target) {
		return nil
	}
	c.Attempts++
	c.AttemptRunning, c.Due = true, env.Now.Add(env.Lease)
	act := o.newAction(ActionCallback, a, c.Due)
	act.Attempt = c.Attempts
	return []Action{act}
}

// reasonToStop says why an attempt at that time would be of no use, or nothing. The
// first attempt is always made: our idea of the task's end may be wrong.
func (a *Approval) reasonToStop(at time.Time) string {
	switch {
	case a.Token.IsZero():
		return "the token has been erased"
	case a.Callback.attemptsSinceRedrive() == 0:
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
func (o *Order) RecordCallbackResult(act Action, r Result, env Environment) []Action {
	a := o.FindApproval(act.ApprovalID)
	if a == nil || !a.Callback.acceptsResult(act, r) {
		return nil
	}
	c := &a.Callback
	e := a.newEvent(EventCallbackAttempt, env.Now)
	e.Target, e.Attempt, e.Code, e.Note = a.Target, act.Attempt, string(r.Kind), r.Reason
	o.recordEvent(e)
	switch {
	case r.Kind == ResultOK:
		return o.endCallback(a, CallbackDelivered, "", env)
	case r.Kind == ResultClosed && c.MaybeApplied: // as after every lease that lapsed
		return o.endCallback(a, CallbackPresumed, "", env)
	case r.Kind == ResultClosed && a.Status == Superseded:
		return o.endCallback(a, CallbackSuperseded, "", env)
	case r.Kind == ResultClosed:
		return o.endCallback(a, CallbackTooLate, "", env)
	}
	c.AttemptRunning, c.LastError = false, r.Reason
	c.MaybeApplied = c.MaybeApplied || r.MaybeApplied
	if r.Kind == ResultRefused {
		return o.endCallback(a, CallbackExhausted, r.Reason, env)
	}
	c.Due = a.nextAttemptTime(r, env)
	if reason := a.reasonToStop(c.Due); reason != "" {
		return o.endCallback(a, CallbackExhausted, reason+": "+r.Reason, env)
	}
	return nil
}

// acceptsResult says whether the end of an attempt still says anything.
func (c Callback) acceptsResult(act Action, r Result) bool {
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

// minTimeForAttempt is when before a task's end no further attempt is squeezed in.
const minTimeForAttempt = 2 * time.Second

// nextAttemptTime is when to try again. No back-off takes more than a quarter of what
// is left of the task: a short one, or one near its end, gets its attempts too.
// Where the target wants to be left alone for longer than that end, it is half-way
// there: a late answer helps nobody.
func (a *Approval) nextAttemptTime(r Result, env Environment) time.Time {
	next, left := a.CallbackRetry.NextAttempt(a.Callback.attemptsSinceRedrive(), env.Now, env.Jitter), a.TaskExpires.Sub(env.Now)
	if a.TaskExpires.IsZero() || left <= minTimeForAttempt {
		return laterOf(next, env.Now.Add(r.After))
	}
	if next = laterOf(earlierOf(next, env.Now.Add(left/4)), env.Now.Add(r.After)); next.After(a.TaskExpires) {
		return env.Now.Add(left / 2)
	}
	return next
}

func (o *Order) endCallback(a *Approval, s CallbackState, reason string, env Environment) []Action {
	c := &a.Callback
	c.State, c.EndedAt, c.AttemptRunning, c.Due = s, env.Now, false, noTime
	if reason != "" {
		c.LastError = reason
	}
	a.notifyPrograms(callbackEventName(s), env)
	e := a.newEvent(EventCallbackEnded, env.Now)
	e.Target, e.Code, e.Attempt, e.Age, e.Note = a.Target, string(s), c.Attempts, env.Now.Sub(c.PendingSince), reason
	o.recordEvent(e)
	actions := o.startNotifications(a, env)
	if s == CallbackExhausted {
		actions = append(actions, o.newDeadLetter(a, "callback given up: "+reason))
	}
	return actions
}

// RecordHeartbeatResult records the end of a heartbeat. One that failed is tried again after
// an eighth of the time between two, so that a target that throttles does not take
// us for dead. A target that no longer waits closes the approval: there is nobody
// left to be answered.
func (o *Order) RecordHeartbeatResult(act Action, r Result, env Environment) {
	a := o.FindApproval(act.ApprovalID)
	if a == nil || a.Status != Pending {
		return
	}
	e := a.newEvent(EventHeartbeat, env.Now)
	e.Target, e.Code, e.Note = a.Target, string(r.Kind), r.Reason
	o.recordEvent(e)
	if r.Kind == ResultFailed {
		again := env.Now.Add(max(a.HeartbeatInterval/8, time.Second, r.After))
		a.HeartbeatDue = earlierOf(a.HeartbeatDue, again)
	}
	if r.Kind != ResultClosed {
		return
	}
	o.closeApproval(a, Cancelled, "the workflow no longer waits", Environment{Now: env.Now})
	c := a.newEvent(EventCancelled, env.Now)
	c.Note, c.Age = a.Reason, env.Now.Sub(a.RequestedAt)
	o.recordEvent(c)
	o.endCallback(a, CallbackTooLate, "", env)
}

// RedriveCallback starts an exhausted callback again. It returns false where there is
// nothing to start: not exhausted, no token left, or redriven too often (a
// guard against loops; limit 0 means none).
func (o *Order) RedriveCallback(approvalID, by string, limit int, env Environment) (bool, []Action) {
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
		PendingSince: env.Now,
		Due:          env.Now,
		MaybeApplied: old.MaybeApplied,
		Redrives:     old.Redrives + 1,
		LastError:    old.LastError,
		// Attempts are counted on, so that the late end of an old one is not taken for a new one's.
		Attempts:              old.Attempts,
		AttemptsBeforeRedrive: old.Attempts,
	}
	e := a.newEvent(EventRedriven, env.Now)
	e.By, e.Attempt = by, a.Callback.Redrives
	o.recordEvent(e)
	return true, o.startCallback(a, env)
}

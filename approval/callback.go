package approval

import "time"

// CallbackState is the state of the answer to the workflow.
type CallbackState string

// The states of a callback. The first two are not final; all others are outcomes.
const (
	CallbackNone      CallbackState = "" // the approval is pending
	CallbackPending   CallbackState = "owed"
	CallbackDelivered CallbackState = "delivered"
	// CallbackPresumed means that the target no longer waits, and that it most likely has our answer: the reply to an
	// attempt was lost, and the task cannot have ended by itself meanwhile.
	CallbackPresumed CallbackState = "delivered_presumed"
	// CallbackUnknown means that the target no longer waits, and that it is not known whether it has our answer: the
	// reply to an attempt was lost, but the task may as well have ended by itself.
	CallbackUnknown CallbackState = "unknown"
	// CallbackTooLate means that the target no longer waits, and that we have not answered it.
	CallbackTooLate CallbackState = "too_late"
	// CallbackExhausted means that the callback has failed for good: all retries were used, the target refused the
	// answer, or the token is erased. RedriveCallback starts it again, unless the token is erased.
	CallbackExhausted CallbackState = "exhausted"
	// CallbackSuperseded means that the task of a superseded approval was closed already, as expected.
	CallbackSuperseded CallbackState = "superseded"
)

// AllCallbackOutcomes lists the final states of a callback.
func AllCallbackOutcomes() []CallbackState {
	return []CallbackState{
		CallbackDelivered,
		CallbackPresumed,
		CallbackUnknown,
		CallbackTooLate,
		CallbackExhausted,
		CallbackSuperseded,
	}
}

// Callback is the progress of the answer to the workflow.
type Callback struct {
	State        CallbackState `json:"state,omitempty"`
	PendingSince time.Time     `json:"owed_at,omitzero"`
	// Due is when the next attempt may start. While an attempt runs, it is the end of its lease.
	Due                   time.Time `json:"due,omitzero"`
	Attempts              int       `json:"attempt,omitempty"` // all attempts that were started
	AttemptsBeforeRedrive int       `json:"before,omitempty"`  // the attempts before the last redrive
	AttemptRunning        bool      `json:"running,omitempty"` // an attempt was started and has no recorded result
	// MaybeApplied is set when a failed attempt may have answered the workflow all the same.
	MaybeApplied bool `json:"maybe_applied,omitempty"`
	// MaybeAppliedAt is when the latest of these attempts was found to have failed.
	MaybeAppliedAt time.Time `json:"maybe_applied_at,omitzero"`
	LastError      string    `json:"last_error,omitempty"`
	// LastReasonCode is the code of LastError. Records of older versions have none: use ReasonCode.
	LastReasonCode ReasonCode `json:"last_reason_code,omitempty"`
	// HeldSince is when an attempt was first held back in this process; zero after an attempt that was made.
	HeldSince time.Time `json:"held_since,omitzero"`
	// RefusedSince is the time of the first refusal of the present series of refusals that may pass, see RetryRefusal.
	RefusedSince time.Time `json:"refused_since,omitzero"`
	Pause        Pause     `json:"pause,omitzero"`
	EndedAt      time.Time `json:"ended_at,omitzero"`
	// Reconciliation asks how the task has really ended, after an outcome that is a guess.
	Reconciliation Reconciliation `json:"reconcile,omitzero"`
	Redrives       int            `json:"redrives,omitempty"`
}

// attemptsSinceRedrive returns the number of attempts that were started since the last redrive, or since the beginning
// if the callback was never redriven.
func (c Callback) attemptsSinceRedrive() int { return c.Attempts - c.AttemptsBeforeRedrive }

// isFirstAttempt reports whether no attempt was made since the beginning, the last redrive or the last pause.
func (c Callback) isFirstAttempt() bool { return c.attemptsSinceRedrive() == 0 || c.Pause.Resumed }

// ReasonCode returns the code of the last failure, or ReasonUnknown for a record that an older version wrote.
func (c Callback) ReasonCode() ReasonCode { return c.LastReasonCode.OrUnknown() }

func (c Callback) hasEnded() bool { return c.State != CallbackNone && c.State != CallbackPending }

// Answer is the content of a callback: everything that a target may send to the workflow.
type Answer struct {
	OrderID    string
	ApprovalID string // the same for every attempt: an idempotency key
	Workflow   string
	Step       string
	Execution  string // empty if unknown
	Token      Token
	Status     Status // never pending
	Reason     string // why the approval was closed, unless a decision closed it
	Votes      []Vote // DecidingVote finds the one that closed it
	// HasOwnRules adds the choice, the values and the changes to the answer, see DecisionRules.
	HasOwnRules bool
	Agent       *AgentRequest // adds the value with which an agent resumes
	ClosedAt    time.Time
	Expires     time.Time // when the workflow stops waiting; zero if unknown

	RejectAsSuccess bool
	Output          map[string]any
	Receipt         string // signed, if the workflow wants one; see package receipt
}

// CurrentAnswer returns the answer for an action, and reports whether the action is still current: a callback, probe or
// reconciliation while its attempt is under way, a heartbeat while the workflow may still get our answer.
func (o *Order) CurrentAnswer(action Action, now time.Time) (Answer, bool) {
	a := o.FindApproval(action.ApprovalID)
	if a == nil {
		return Answer{}, false
	}
	var current bool
	switch {
	case action.Kind == ActionReconcile: // it needs no token
		return a.newAnswer(o.ID), a.Callback.Reconciliation.isUnderWay(action, now)
	case action.Kind != ActionHeartbeat:
		current = a.Callback.isUnderWay(action, now)
	case action.Probe:
		current = a.isProbing() && a.Probe.isUnderWay(action) && a.Probe.Due.After(now)
	default:
		current = a.isAnswerAwaited()
	}
	return a.newAnswer(o.ID), current && !a.Token.IsZero()
}

// newAnswer returns the answer to the workflow of an approval.
func (a *Approval) newAnswer(orderID string) Answer {
	return Answer{
		OrderID:         orderID,
		ApprovalID:      a.ID,
		Workflow:        a.Workflow,
		Step:            a.Step,
		Execution:       a.Execution,
		Token:           a.Token,
		Status:          a.Status,
		Reason:          a.Reason,
		Votes:           a.Votes,
		HasOwnRules:     a.HasOwnRules(),
		Agent:           a.Agent,
		ClosedAt:        a.ClosedAt,
		Expires:         a.TaskExpires,
		RejectAsSuccess: a.RejectAsSuccess,
		Output:          a.Output,
	}
}

// isUnderWay reports whether the action's attempt runs and its lease has not ended. The number of an attempt that was
// not made is used again, so the end of the lease tells the two apart.
func (c Callback) isUnderWay(action Action, now time.Time) bool {
	return c.isRunning(action) && c.Due.Equal(action.LeaseExpires) && c.Due.After(now)
}

func (c Callback) isRunning(action Action) bool {
	return c.State == CallbackPending && c.AttemptRunning && c.Attempts == action.Attempt
}

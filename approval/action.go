package approval

import "time"

// ActionKind names a kind of action.
type ActionKind string

// The kinds of actions.
const (
	ActionNotify     ActionKind = "notify"
	ActionCallback   ActionKind = "call_back"
	ActionHeartbeat  ActionKind = "heartbeat"
	ActionDeadLetter ActionKind = "dead_letter" // announce an action or a decision that has failed for good
)

// Action is something to carry out now, as a transition decided. The record states already that it has started. The
// process that receives it carries it out and records the result before LeaseExpires; after that time another process
// gets the next attempt.
type Action struct {
	Kind         ActionKind `json:"kind"`
	OrderID      string     `json:"order_id"`
	ApprovalID   string     `json:"approval_id,omitempty"`
	Notification string     `json:"notification,omitempty"`
	Workflow     string     `json:"workflow,omitempty"`
	Target       string     `json:"target,omitempty"`  // of a callback or heartbeat
	Channel      string     `json:"channel,omitempty"` // of a notification
	Attempt      int        `json:"attempt,omitempty"`
	LeaseExpires time.Time  `json:"until"`
	Reason       string     `json:"reason,omitempty"` // of a dead letter
	Trace        string     `json:"trace,omitempty"`  // the traceparent of the approval
}

func (o *Order) newAction(kind ActionKind, a *Approval, leaseExpires time.Time) Action {
	return Action{
		Kind:         kind,
		OrderID:      o.ID,
		ApprovalID:   a.ID,
		Workflow:     a.Workflow,
		Target:       a.Target,
		LeaseExpires: leaseExpires,
		Trace:        a.Trace,
	}
}

// newDeadLetter returns the announcement of a dead letter. The approval is nil if the dead letter is a decision without
// a request.
func (o *Order) newDeadLetter(a *Approval, reason string) Action {
	action := Action{Kind: ActionDeadLetter, OrderID: o.ID, Reason: reason}
	if a != nil {
		action.ApprovalID = a.ID
		action.Workflow = a.Workflow
		action.Target = a.Target
		action.Trace = a.Trace
	}
	return action
}

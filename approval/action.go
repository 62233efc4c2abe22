package approval

import "time"

// ActionKind names a kind of action.
type ActionKind string

// The kinds of actions.
const (
	ActionNotify     ActionKind = "notify"
	ActionCallback   ActionKind = "call_back"
	ActionHeartbeat  ActionKind = "heartbeat"
	ActionReconcile  ActionKind = "reconcile"   // ask how the task of an ended callback has ended
	ActionDeadLetter ActionKind = "dead_letter" // announce that an action or a decision has failed for good
)

// Action is a piece of work that a transition hands to its caller, to be carried out now. In the record the action has
// already started. The caller records its result before LeaseExpires; after that time any process may get the next
// attempt. A dead letter has neither a lease nor a result.
type Action struct {
	Kind         ActionKind `json:"kind"`
	OrderID      string     `json:"order_id"`
	ApprovalID   string     `json:"approval_id,omitempty"`
	Notification string     `json:"notification,omitempty"`
	Workflow     string     `json:"workflow,omitempty"`
	Target       string     `json:"target,omitempty"`  // of a callback or heartbeat
	Channel      string     `json:"channel,omitempty"` // of a notification
	Attempt      int        `json:"attempt,omitempty"`
	Probe        bool       `json:"probe,omitempty"`  // of a heartbeat: it asks if the task of an attempt is still open
	LeaseExpires time.Time  `json:"until"`            // of a heartbeat: when the next heartbeat is due
	Reason       string     `json:"reason,omitempty"` // of a dead letter
	Trace        string     `json:"trace,omitempty"`  // the traceparent of the approval
}

// OutputName returns the name of the channel or target that the action uses.
func (a Action) OutputName() string {
	if a.Kind == ActionNotify {
		return a.Channel
	}
	return a.Target
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

package approval

import "time"

// ActionKind is what must be done.
type ActionKind string

// The actions.
const (
	ActionNotify     ActionKind = "notify"
	ActionCallback   ActionKind = "call_back"
	ActionHeartbeat  ActionKind = "heartbeat"
	ActionDeadLetter ActionKind = "dead_letter" // announce what was given up
)

// Action is something that must now happen, as a transition decided it. It is
// already begun in the record: whoever was given it has until Until to do it and
// to record its end; after that the next attempt is given to another.
type Action struct {
	Kind         ActionKind `json:"kind"`
	OrderID      string     `json:"order_id"`
	ApprovalID   string     `json:"approval_id,omitempty"`
	Notification string     `json:"notification,omitempty"`
	Workflow     string     `json:"workflow,omitempty"`
	Target       string     `json:"target,omitempty"`  // of call_back and heartbeat
	Channel      string     `json:"channel,omitempty"` // of notify
	Attempt      int        `json:"attempt,omitempty"`
	LeaseExpires time.Time  `json:"until"`
	Reason       string     `json:"reason,omitempty"` // of a dead letter
	Trace        string     `json:"trace,omitempty"`  // the approval's
}

func (o *Order) newAction(kind ActionKind, a *Approval, until time.Time) Action {
	return Action{
		Kind:         kind,
		OrderID:      o.ID,
		ApprovalID:   a.ID,
		Workflow:     a.Workflow,
		Target:       a.Target,
		LeaseExpires: until,
		Trace:        a.Trace,
	}
}

func (o *Order) newDeadLetter(a *Approval, reason string) Action {
	act := Action{Kind: ActionDeadLetter, OrderID: o.ID, Reason: reason}
	if a != nil {
		act.ApprovalID, act.Workflow, act.Target, act.Trace = a.ID, a.Workflow, a.Target, a.Trace
	}
	return act
}

package handlers

import (
	"slices"
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// UrgentBefore is the time before the end of a task in which its answer goes before all answers that are not urgent.
const UrgentBefore = 2 * time.Minute

// Reservation is the capacity that an action needs.
type Reservation struct {
	Action approval.Action
	Token  approval.Token // of a callback or heartbeat; it may be a URL, whose host has a capacity of its own
	Urgent bool           // the workflow stops waiting soon
}

// reservations has the capacity that a transition reserved. A store may run a transition several times, and may not
// store it. What is not dispatched in the end is released.
type reservations struct {
	dispatcher Dispatcher
	actions    []approval.Action
}

// reserve reserves the capacity for an action of an order.
func (r *reservations) reserve(o *approval.Order, action approval.Action, token approval.Token, now time.Time) bool {
	urgent := false
	if a := o.FindApproval(action.ApprovalID); a != nil && !a.TaskExpires.IsZero() {
		urgent = a.TaskExpires.Sub(now) < UrgentBefore
	}
	if !r.dispatcher.Reserve(Reservation{Action: action, Token: token, Urgent: urgent}) {
		return false
	}
	r.actions = append(r.actions, action)
	return true
}

// keepOnly releases the capacity of all actions but these.
func (r *reservations) keepOnly(kept []approval.Action) {
	for _, action := range r.actions {
		if !slices.Contains(kept, action) {
			r.dispatcher.Release(action)
		}
	}
	r.actions = nil
}

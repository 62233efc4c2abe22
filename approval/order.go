// Package approval is the domain of approval-relay. An Order is the record of one order ID: the approvals that
// workflows requested, the decisions that arrived for them (also decisions that arrived before their request), the
// notifications and callbacks that are due, and a bounded history.
//
// Only transitions change an order: AddRequest, Decide, Cancel, CancelBy, Advance, RedriveCallback, ReleaseLeases,
// and the methods that record the result of an action. A transition is a pure computation: it performs no I/O, and it
// gets the time and a random number from its Environment. It returns the actions that are due now. A transition may run
// again with the same input, because it records every fact once.
//
// An action passes through three stages. A transition starts it: the record then has the attempt as running under a
// lease. The caller stores the record and carries the action out. A second transition records the result. If the
// process dies in between, the lease ends, and Advance starts the next attempt.
package approval

import (
	"slices"
	"time"
)

// Limits of the record of an order. They keep the record small enough for every store (a DynamoDB item holds at most
// 400 KB), however much is sent to the order.
const (
	MaxUnmatched       = 32   // decisions that wait for their request
	MaxApprovals       = 1000 // approvals of an order, closed approvals included; the next request is refused for now
	MaxApprovers       = 50   // approvers of an approval
	MaxJudgedDecisions = 200  // verdicts that are remembered by the decision's ID
	MaxNotifications   = 300  // notifications of an approval; finished notifications make way for new ones
	MaxEscalations     = 10   // escalations of an approval
)

// Order is the record of one order ID. An Order with an ID and otherwise zero values is an order without any history.
type Order struct {
	ID              string              `json:"id"`
	Approvals       []*Approval         `json:"approvals,omitempty"`
	Unmatched       []UnmatchedDecision `json:"unmatched,omitempty"`
	JudgedDecisions []JudgedDecision    `json:"seen,omitempty"`
	History         []Event             `json:"history,omitempty"`
	// ShedParts names the parts of the record that Shed has removed.
	ShedParts []string `json:"shed,omitempty"`

	newEvents  []Event           // see NewEvents
	heartbeats []HeartbeatChange // see HeartbeatChanges
	adds       bool              // see Adds
	newTexts   []func()          // shorten the texts that the transition added, see ShortenNewTexts
}

// FindApproval returns the approval with this ID, or nil.
func (o *Order) FindApproval(approvalID string) *Approval {
	for _, a := range o.Approvals {
		if a.ID == approvalID {
			return a
		}
	}
	return nil
}

// IsEmpty reports whether the order has neither approvals nor unmatched decisions. A store removes an empty order.
func (o *Order) IsEmpty() bool { return len(o.Approvals) == 0 && len(o.Unmatched) == 0 }

// PendingApproval is the summary of a pending approval that a store counts.
type PendingApproval struct {
	ApprovalID string
	Workflow   string
	Since      time.Time
}

// PendingApprovals lists the pending approvals for the counts of a store.
func (o *Order) PendingApprovals() []PendingApproval {
	var out []PendingApproval
	for _, a := range o.Approvals {
		if a.Status == Pending {
			out = append(out, PendingApproval{ApprovalID: a.ID, Workflow: a.Workflow, Since: a.RequestedAt})
		}
	}
	return out
}

// IsRetrying reports whether any approval IsRetrying.
func (o *Order) IsRetrying() bool { return slices.ContainsFunc(o.Approvals, (*Approval).IsRetrying) }

// IsRetrying reports whether an attempt to notify or to call back has failed, or was held back because its target is
// failing, and another attempt is due later.
func (a *Approval) IsRetrying() bool {
	callbackRetries := a.Callback.State == CallbackPending && a.Callback.LastError != ""
	return callbackRetries || slices.ContainsFunc(a.Notifications, func(n *Notification) bool {
		return n.State == NotificationPending && n.LastError != ""
	})
}

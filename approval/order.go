// Package approval is the domain of approval-relay: one order, one record.
//
// An Order holds everything that is known about one order ID: the approvals
// that workflows asked for, the decisions that came for them (also those that
// came first), the notifications and the callback that are owed, and a bounded
// history. All that ever changes it are its transitions (Request, Decide,
// Cancel, Advance, Redrive and the recording of what was done). A transition is
// a computation: it does no I/O, reads no clock and draws no random number;
// what it needs of those comes in a Turn. It returns what must now happen as
// Actions, and it may be run again: what was recorded is not recorded twice.
package approval

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"
)

// Bounds of one order's record. They keep a record small enough for any store
// (DynamoDB's item limit is 400 KB) whatever is sent to it.
const (
	MaxHistory         = 100 // events; the oldest go first
	MaxUnmatched       = 32  // decisions that wait for their request
	MaxApprovals       = 100 // approvals of one order, closed ones included
	MaxApprovers       = 50  // approvers of one approval
	MaxJudgedDecisions = 200 // decision IDs remembered
	// MaxNotifications of one approval; ended ones make room for reminders.
	MaxNotifications = 300
	MaxEscalations   = 10 // of one approval
)

// TokenGrace is how long a token is kept after its callback has ended, so that
// an operator who finds a mistake within the hour can still act on it.
const TokenGrace = time.Hour

// Order is all that is known about one order ID. The zero value with an ID is
// an order that nothing is known of.
type Order struct {
	ID              string              `json:"id"`
	Approvals       []*Approval         `json:"approvals,omitempty"`
	Unmatched       []UnmatchedDecision `json:"unmatched,omitempty"`
	JudgedDecisions []JudgedDecision    `json:"seen,omitempty"`
	History         []Event             `json:"history,omitempty"`

	newEvents []Event // what this transition added, see Fresh
}

// Environment is the world as a transition sees it: when it runs, and for how long the
// actions that it returns are leased to the caller.
type Environment struct {
	// Now is the time of the transition.
	Now time.Time
	// Lease is how long the caller has for the actions that are returned to it;
	// until then nobody else is given them. With zero no action is begun or
	// returned: what is owed stays due, for the sweeper to find.
	Lease time.Duration
	// HasCapacity says whether the caller has room for one more action of the kind, for
	// the channel or target of that name; what it has none for stays due. Nil
	// means that there is room.
	HasCapacity func(kind ActionKind, name string) bool
	// Jitter, in [0,1), spreads retries.
	Jitter float64
}

// canStart says whether an action may be begun and given to the caller.
func (env Environment) canStart(kind ActionKind, name string) bool {
	return env.Lease > 0 && (env.HasCapacity == nil || env.HasCapacity(kind, name))
}

// Status is the state of an approval. Only pending can change, and once.
type Status string

// The statuses of an approval.
const (
	Pending    Status = "pending"
	Approved   Status = "approved"
	Rejected   Status = "rejected"
	TimedOut   Status = "timed_out"
	Cancelled  Status = "cancelled"
	Superseded Status = "superseded"
)

// AllStatuses lists every status, in the order of a life.
func AllStatuses() []Status {
	return []Status{Pending, Approved, Rejected, TimedOut, Cancelled, Superseded}
}

// Approval is our record of one approval request.
type Approval struct {
	// ID is derived from the task token, see TokenID.
	ID      string `json:"id"`
	Request        // what was asked; fixed from the first request on

	Status       Status    `json:"status"`
	RequestedAt  time.Time `json:"requested_at"`
	ClosedAt     time.Time `json:"closed_at,omitzero"`
	SupersededBy string    `json:"superseded_by,omitempty"` // an approval ID
	Reason       string    `json:"reason,omitempty"`        // why it was closed, where no decision did it
	Votes        []Vote    `json:"votes,omitempty"`

	Notifications []*Notification `json:"notifications,omitempty"`
	// NotificationsMade counts them, those that made room for later ones too.
	NotificationsMade  int `json:"notifications_made,omitempty"`
	NotificationRounds int `json:"rounds,omitempty"` // of notifications: the request, reminders, escalations
	RemindersSent      int `json:"reminders_sent,omitempty"`
	EscalationsDone    int `json:"escalations_done,omitempty"`
	// FirstNotifiedAt is when the first message to people was sent.
	FirstNotifiedAt time.Time `json:"told_at,omitzero"`
	// Undeliverable says that nobody was told, and that nobody will be as it is.
	Undeliverable bool      `json:"undeliverable,omitempty"`
	HeartbeatDue  time.Time `json:"heartbeat_due,omitzero"`
	Callback      Callback  `json:"callback"`
}

// Field is one labelled value of the order, as it is shown to an approver.
type Field struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Approver is one who may decide.
type Approver struct {
	// ID names the approver: an e-mail address, a name, or "source:NAME" for a
	// third-party system. SamePerson compares it.
	ID string `json:"id"`
	// Nonce makes the approver's link; a link with another nonce is revoked.
	Nonce string `json:"nonce"`
	// SubstituteFor is the approver whose place this one fills, being their cover while they
	// are away: whichever of the two decides, it counts once.
	SubstituteFor string `json:"for,omitempty"`
	// Escalated says that this one was added because the others had not decided.
	Escalated bool `json:"escalated,omitempty"`
	// Channels and Fallback are in place of the ask's, where there are any.
	Channels         []string `json:"channels,omitempty"`
	FallbackChannels []string `json:"fallback,omitempty"`
}

// Escalation adds approvers at a time, if the approval is still pending then.
// Those who were asked before may go on to decide.
type Escalation struct {
	At        time.Time  `json:"at"`
	Approvers []Approver `json:"approvers"`
}

// UndeliverablePolicy is what happens to an approval of which nobody could be told.
type UndeliverablePolicy string

// The ways to go on. Each is seen in the metrics.
const (
	UndeliverableWait     UndeliverablePolicy = ""         // for the deadline, or for somebody who knows without us
	UndeliverableEscalate UndeliverablePolicy = "escalate" // at once, if there is somebody left
	UndeliverableCancel   UndeliverablePolicy = "cancel"   // and the workflow goes on at once
)

// Request is what a request asks for. Everything that the answer will depend on is
// in it, so that a later change of configuration cannot change a running
// approval.
type Request struct {
	Token    Token  `json:"-"` // sealed by the store, never part of the record's JSON
	Target   string `json:"target"`
	Workflow string `json:"workflow"`
	Step     string `json:"step,omitempty"` // which of the order's approvals this is

	Title     string  `json:"title,omitempty"`
	Details   []Field `json:"details,omitempty"`
	Execution string  `json:"execution,omitempty"` // the workflow's own run, for people
	Requester string  `json:"requester,omitempty"` // cannot approve
	// Trace is where in a trace the request was handled, a W3C traceparent; empty
	// where nothing is traced. What follows, hours later or in another process,
	// joins that trace.
	Trace string `json:"trace,omitempty"`

	// Approvers may decide. When there is none, whoever reaches us may: the
	// link then names nobody.
	Approvers []Approver `json:"approvers,omitempty"`
	Policy    Policy     `json:"policy"`
	// MinAssurance is the least that a person's decision must rest on.
	MinAssurance Assurance `json:"min_assurance,omitempty"`
	// Sources that may decide beside people, by name; empty means any that is
	// configured.
	Sources []string `json:"sources,omitempty"`

	// Channels tell each approver by all of them; where one has given up, the next
	// of Fallback is tried.
	Channels         []string `json:"channels,omitempty"`
	FallbackChannels []string `json:"fallback,omitempty"`
	// GroupChannels are channels, also among Channels or Fallback, that many people read:
	// one message there is for all approvers.
	GroupChannels []string `json:"rooms,omitempty"`
	// ProgramChannels are channels by which programs are told what happens.
	ProgramChannels []string            `json:"events,omitempty"`
	Reminders       []time.Time         `json:"reminders,omitempty"`   // in order
	Escalations     []Escalation        `json:"escalations,omitempty"` // in order
	OnUndeliverable UndeliverablePolicy `json:"unheard,omitempty"`

	// StateEnteredAt is when the workflow began to wait, by its own clock or its queue's;
	// zero if unknown. Queues do not keep order: by it we know which of two asks for
	// the same step is the state's last try.
	StateEnteredAt time.Time `json:"asked_at,omitzero"`
	// Deadline is when the approval times out.
	Deadline time.Time `json:"deadline"`
	// TaskExpires is when the workflow itself stops waiting; zero if unknown.
	// No callback is tried after it.
	TaskExpires time.Time `json:"task_expires,omitzero"`
	// HeartbeatInterval is how often the target is told that we still wait; 0 is never.
	HeartbeatInterval time.Duration `json:"heartbeat,omitempty"`

	RejectAsSuccess bool   `json:"reject_as_success,omitempty"`
	Output          Output `json:"output,omitempty"` // added to the answer

	CallbackRetry     RetrySchedule `json:"callback_retry"`
	NotificationRetry RetrySchedule `json:"notify_retry"`
	Retention         time.Duration `json:"retention"` // from closing to removal, see removeAt
}

// Output is what is added to the answer. Read from a record its numbers are as
// they were written: an order number of 19 digits is not rounded to a float.
type Output map[string]any

// UnmarshalJSON implements json.Unmarshaler.
func (o *Output) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		return err
	}
	*o = m
	return nil
}

// FindApproval returns the approval with that ID, or nil.
func (o *Order) FindApproval(approvalID string) *Approval {
	for _, a := range o.Approvals {
		if a.ID == approvalID {
			return a
		}
	}
	return nil
}

// IsEmpty says that nothing is known of the order: a store removes it.
func (o *Order) IsEmpty() bool { return len(o.Approvals) == 0 && len(o.Unmatched) == 0 }

// PendingApprovals lists the pending approvals as (workflow, since) for a store's
// counts.
func (o *Order) PendingApprovals() []PendingApproval {
	var out []PendingApproval
	for _, a := range o.Approvals {
		if a.Status == Pending {
			out = append(out, PendingApproval{ApprovalID: a.ID, Workflow: a.Workflow, Since: a.RequestedAt})
		}
	}
	return out
}

// PendingApproval is what a store counts.
type PendingApproval struct {
	ApprovalID string
	Workflow   string
	Since      time.Time
}

// IsRetrying says that an attempt of the order's has failed, to notify or to call
// back, and that it is to be made again.
func (o *Order) IsRetrying() bool {
	return slices.ContainsFunc(o.Approvals, func(a *Approval) bool {
		return a.Callback.State == CallbackPending && a.Callback.LastError != "" ||
			slices.ContainsFunc(a.Notifications, func(n *Notification) bool { return n.State == NotificationPending && n.LastError != "" })
	})
}

// HasExhaustedCallback says that a callback of the order was given up.
func (o *Order) HasExhaustedCallback() bool {
	return slices.ContainsFunc(o.Approvals, func(a *Approval) bool { return a.Callback.State == CallbackExhausted })
}

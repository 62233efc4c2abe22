package approval

import "time"

// EventKind names a kind of event of an order.
type EventKind string

// The kinds of events. The history and the metrics are both made from events, so that they agree. The history leaves
// out a few kinds, see isUnrecorded.
const (
	EventRequested             EventKind = "requested"
	EventRequestRepeated       EventKind = "request_repeated"
	EventSuperseded            EventKind = "superseded"
	EventDecisionReceived      EventKind = "decision"  // a decision arrived; Code is its verdict
	EventDecided               EventKind = "decided"   // the approval was approved, rejected or returned; Age since the request
	EventEdited                EventKind = "edited"    // a vote edited the request; Note has the places, Attempt counts void votes
	EventTimedOut              EventKind = "timed_out" // Age since the request
	EventCancelled             EventKind = "cancelled"
	EventUnmatchedExpired      EventKind = "unmatched_expired"
	EventReminded              EventKind = "reminded"
	EventEscalated             EventKind = "escalated"           // By lists the added approvers
	EventUndeliverable         EventKind = "undeliverable"       // every notification to approvers failed
	EventNotified              EventKind = "notified"            // Age since the notification was queued
	EventFirstNotified         EventKind = "told"                // the first message was sent; Age since the request
	EventNotificationFailed    EventKind = "notification_failed" // of a single attempt
	EventNotificationExhausted EventKind = "notification_exhausted"
	EventHeartbeat             EventKind = "heartbeat"        // Code: ok, closed, refused, failed
	EventProbed                EventKind = "probed"           // the target was asked if the task is open; Code as above
	EventReadingNote           EventKind = "reading_note"     // Note states what of the request was not used, and why
	EventCallbackAttempt       EventKind = "callback_attempt" // Code: as above, or interrupted
	EventCallbackEnded         EventKind = "callback_ended"   // Code is the callback's state; Age since it became due
	EventRedriven              EventKind = "redriven"
	// EventReconciled is the end of a question how a task has ended; Code is the truth, see Truth.
	EventReconciled  EventKind = "reconciled"
	EventTokenErased EventKind = "token_erased"
	// EventAct is an act that is neither a decision nor a cancellation; Code is its kind, see ActKind.
	EventAct EventKind = "act"
)

// Event is a fact about an order, for its history, the metrics, the log and the spans. The meaning of Code, Age, By and
// Attempt depends on the kind.
type Event struct {
	At       time.Time `json:"at"`
	Kind     EventKind `json:"kind"`
	Approval string    `json:"approval,omitempty"`
	Workflow string    `json:"workflow,omitempty"`
	// By is the principal that caused the event. For notifications and escalations it is the approver concerned.
	By string `json:"by,omitempty"`
	// Principal is the authenticated maker of the call, and Claimed the person that it named, see Decision.
	Principal string `json:"principal,omitempty"`
	Claimed   string `json:"claimed,omitempty"`

	// From, To and Until are of an act: the approver that gives the place to others, the approvers that are asked, and
	// the new deadline.
	From  string    `json:"from,omitempty"`
	To    string    `json:"to,omitempty"`
	Until time.Time `json:"until,omitzero"`

	Via     Via     `json:"via,omitempty"`
	Source  string  `json:"source,omitempty"`
	Outcome Outcome `json:"outcome,omitempty"`
	Code    string  `json:"code,omitempty"`
	Channel string  `json:"channel,omitempty"`
	Target  string  `json:"target,omitempty"`
	Note    string  `json:"note,omitempty"`
	// ReasonCode is the code of the failure of an attempt; Note is its text.
	ReasonCode ReasonCode    `json:"reason_code,omitempty"`
	Attempt    int           `json:"attempt,omitempty"` // the number of the attempt, reminder, escalation or redrive
	Age        time.Duration `json:"age,omitempty"`
	TimeLeft   time.Duration `json:"left,omitempty"` // from the decision to the deadline

	// AnswerMissed is set if the end of a callback leaves the workflow without an answer that it needs, or may do so. The
	// metrics use it; the state of the approval tells the same.
	AnswerMissed bool `json:"-"`

	// Trace is the approval's traceparent. DecisionTrace is the traceparent of the decision that caused the event, if
	// it had one. Spans use both; the history does not keep them.
	Trace         string `json:"-"`
	DecisionTrace string `json:"-"`
}

// NewEvents returns the events since the order was read from its store, for metrics and logs.
func (o *Order) NewEvents() []Event { return o.newEvents }

// AsStored returns the order as a store would read it, without new events. The two orders share everything else.
func (o *Order) AsStored() *Order {
	stored := *o
	stored.newEvents = nil
	stored.heartbeats = nil
	stored.adds = false
	return &stored
}

// newEvent returns an event about an approval.
func (a *Approval) newEvent(kind EventKind, now time.Time) Event {
	return Event{
		At:       now,
		Kind:     kind,
		Approval: a.ID,
		Workflow: a.Workflow,
		Trace:    a.Trace,
	}
}

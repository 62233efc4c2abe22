package approval

import "time"

// EventKind names what happened to an order.
type EventKind string

// What can happen to an order. Each is an entry of the history and feeds the
// metrics, so that the two cannot disagree.
const (
	EventRequested             EventKind = "requested"
	EventRequestRepeated       EventKind = "request_repeated"
	EventSuperseded            EventKind = "superseded"
	EventDecisionReceived      EventKind = "decision"  // one that came in, Code says its verdict
	EventDecided               EventKind = "decided"   // the approval is approved or rejected; Age since the request
	EventTimedOut              EventKind = "timed_out" // Age since the request
	EventCancelled             EventKind = "cancelled"
	EventUnmatchedExpired      EventKind = "unmatched_expired"
	EventReminded              EventKind = "reminded"
	EventEscalated             EventKind = "escalated"           // By: to whom
	EventUndeliverable         EventKind = "undeliverable"       // nobody could be told
	EventNotified              EventKind = "notified"            // Age since the notification was owed
	EventFirstNotified         EventKind = "told"                // the first message to people was sent; Age since the request
	EventNotificationFailed    EventKind = "notification_failed" // one attempt
	EventNotificationExhausted EventKind = "notification_exhausted"
	EventHeartbeat             EventKind = "heartbeat" // Code: ok, closed, refused, failed
	EventCallbackAttempt       EventKind = "callback_attempt"
	EventCallbackEnded         EventKind = "callback_ended" // Code: the callback's state; Age since it was owed
	EventRedriven              EventKind = "redriven"
	EventTokenErased           EventKind = "token_erased"
)

// Event is one entry of an order's history.
type Event struct {
	At       time.Time     `json:"at"`
	Kind     EventKind     `json:"kind"`
	Approval string        `json:"approval,omitempty"`
	Workflow string        `json:"workflow,omitempty"`
	By       string        `json:"by,omitempty"`
	Via      Via           `json:"via,omitempty"`
	Source   string        `json:"source,omitempty"`
	Outcome  Outcome       `json:"outcome,omitempty"`
	Code     string        `json:"code,omitempty"`
	Channel  string        `json:"channel,omitempty"`
	Target   string        `json:"target,omitempty"`
	Note     string        `json:"note,omitempty"`
	Attempt  int           `json:"attempt,omitempty"`
	Age      time.Duration `json:"age,omitempty"`
	TimeLeft time.Duration `json:"left,omitempty"` // to the deadline, of a decision that decided

	// Trace is the approval's, and From is where the decision came from, if that
	// was traced. Both are for spans, and no part of the history.
	Trace         string `json:"-"`
	DecisionTrace string `json:"-"`
}

// isUnrecorded kinds are counted but not kept in the history, where they would push
// out what matters.
func (e Event) isUnrecorded() bool {
	switch e.Kind {
	case EventHeartbeat:
		return e.Code == string(ResultOK)
	case EventRequestRepeated, EventFirstNotified:
		return true
	case EventDecisionReceived:
		return e.Code == string(VerdictRepeated)
	}
	return false
}

// NewEvents returns the events that were added since the order was read from its
// store, for metrics and logs.
func (o *Order) NewEvents() []Event { return o.newEvents }

// AsStored returns the order as a store would read it: nothing is fresh. The two
// share all else.
func (o *Order) AsStored() *Order {
	stored := *o
	stored.newEvents = nil
	return &stored
}

func (o *Order) recordEvent(e Event) {
	o.newEvents = append(o.newEvents, e)
	if e.isUnrecorded() {
		return
	}
	if n := len(o.History); n >= 2 && e.repeatsFailure(o.History[n-1]) && e.repeatsFailure(o.History[n-2]) {
		o.History = append(o.History[:n-1:n-1], e) // of a row of failures the first and the last are kept
		return
	}
	o.History = append(o.History, e)
	if over := len(o.History) - MaxHistory; over > 0 {
		o.History = append(o.History[:0:0], o.History[over:]...)
	}
}

// repeatsFailure says whether the event is an attempt that failed, as that one did before it.
// A day of them, a minute apart, would push out who asked and who decided.
func (e Event) repeatsFailure(before Event) bool {
	switch e.Kind {
	case EventCallbackAttempt, EventNotificationFailed, EventHeartbeat:
		return e.Code == string(ResultFailed) && before.Kind == e.Kind && before.Code == e.Code && before.Approval == e.Approval &&
			before.Target == e.Target && before.Channel == e.Channel && before.By == e.By
	}
	return false
}

// newEvent starts an Event about an approval.
func (a *Approval) newEvent(kind EventKind, now time.Time) Event {
	return Event{
		At:       now,
		Kind:     kind,
		Approval: a.ID,
		Workflow: a.Workflow,
		Trace:    a.Trace,
	}
}

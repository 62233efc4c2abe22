package approval

import (
	"math"
	"slices"
)

// Limits of the history. Events for audit have no limit of their own: each has a cause that is limited, such as a
// request or a vote, and nobody can displace them by sending more of anything else.
const (
	maxRefusedEvents = 30  // decisions that did not count
	maxOtherEvents   = 100 // the deliveries, with their failures
)

// eventClass determines which events an event can displace: only older events of its own class.
type eventClass int

const (
	classAudit eventClass = iota
	classRefused
	classOther
)

// class returns the class of an event. For audit are who asked, who decided what, how each approval and its callback
// ended, and every act of an operator that had an effect.
func (e Event) class() eventClass {
	switch e.Kind {
	case EventRequested, EventSuperseded, EventDecided, EventEdited, EventTimedOut, EventCancelled, EventEscalated,
		EventCallbackEnded, EventReconciled, EventRedriven, EventAct:
		return classAudit
	case EventDecisionReceived:
		switch VerdictCode(e.Code) {
		case VerdictDecided, VerdictRecorded:
			return classAudit
		case VerdictWaiting: // limited by MaxUnmatched
			return classOther
		}
		return classRefused
	}
	return classOther
}

// limit returns how many events of the class the history keeps.
func (c eventClass) limit() int {
	switch c {
	case classRefused:
		return maxRefusedEvents
	case classOther:
		return maxOtherEvents
	}
	return math.MaxInt
}

// HistoryIsFull reports whether the history may have lost older events of some class.
func (o *Order) HistoryIsFull() bool {
	return o.countEvents(classRefused) >= maxRefusedEvents || o.countEvents(classOther) >= maxOtherEvents
}

func (o *Order) countEvents(c eventClass) int {
	n := 0
	for _, e := range o.History {
		if e.class() == c {
			n++
		}
	}
	return n
}

// Most transitions have two new events at most, and most orders have at least four in their history.
const (
	usualEvents  = 2
	usualHistory = 4
)

// recordEvent adds an event to the new events and to the history. In a series of equal failures the history keeps the
// first and the last.
func (o *Order) recordEvent(e Event) {
	if o.newEvents == nil {
		o.newEvents = make([]Event, 0, usualEvents)
	}
	o.newEvents = append(o.newEvents, e)
	if e.isUnrecorded() {
		return
	}
	if n := len(o.History); n >= 2 && e.repeatsFailure(o.History[n-1]) && e.repeatsFailure(o.History[n-2]) {
		// The copy leaves the old array as it is: an order from AsStored may share it.
		o.History = append(o.History[:n-1:n-1], e)
		return
	}
	if o.History == nil {
		o.History = make([]Event, 0, usualHistory)
	}
	o.History = append(o.History, e)
	class := e.class()
	if class != classAudit && o.countEvents(class) > class.limit() {
		oldest := slices.IndexFunc(o.History, func(old Event) bool { return old.class() == class })
		o.History = append(o.History[:oldest:oldest], o.History[oldest+1:]...)
	}
}

// removeEventsOf removes the events of removed approvals from the history.
func (o *Order) removeEventsOf(approvals map[string]bool) {
	if len(approvals) > 0 {
		o.keepEvents(func(e Event) bool { return !approvals[e.Approval] })
	}
}

// keepEvents removes the other events from the history. It leaves the old array as it is, see recordEvent.
func (o *Order) keepEvents(keep func(Event) bool) {
	var kept []Event
	for _, e := range o.History {
		if keep(e) {
			kept = append(kept, e)
		}
	}
	o.History = kept
}

// isUnrecorded reports whether the event is counted by the metrics but left out of the history, because it would
// displace more important events, or because another event tells the same.
func (e Event) isUnrecorded() bool {
	switch e.Kind {
	case EventHeartbeat:
		return e.Code == string(ResultOK)
	case EventProbed: // the branches of a large Map state are probed many times
		return e.Code == string(ResultOK) && e.Attempt > 1
	case EventRequestRepeated, EventFirstNotified, EventTokenErased:
		return true
	}
	return false
}

// isRepetitionOf reports whether two events differ at most in their time and their traces.
func (e Event) isRepetitionOf(other Event) bool {
	other.At = e.At
	other.Trace = e.Trace
	other.DecisionTrace = e.DecisionTrace
	return e == other
}

// repeatsFailure reports whether the event is a failed or interrupted attempt of the same action as the earlier event. A
// day of failures, one each minute, would displace all other deliveries from the history.
func (e Event) repeatsFailure(earlier Event) bool {
	switch e.Kind {
	case EventCallbackAttempt, EventNotificationFailed, EventHeartbeat:
	default:
		return false
	}
	return (e.Code == string(ResultFailed) || e.Code == string(ResultInterrupted)) &&
		e.Code == earlier.Code &&
		e.Kind == earlier.Kind &&
		e.Approval == earlier.Approval &&
		e.Target == earlier.Target &&
		e.Channel == earlier.Channel &&
		e.By == earlier.By
}

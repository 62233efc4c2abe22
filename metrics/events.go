package metrics

import (
	"context"

	"github.com/approval-relay/approval-relay/approval"
)

// Observe counts the events of an order. It is called once for each event, after the event was stored.
func (m *Metrics) Observe(ctx context.Context, events []approval.Event) {
	traceID := m.traceID(ctx)
	for _, e := range events {
		m.countEvent(e, traceID)
	}
}

// countEvent has a case for every kind of event. A test makes sure of that.
func (m *Metrics) countEvent(e approval.Event, traceID string) {
	switch e.Kind {
	case approval.EventRequested:
		m.approvals.requests.inc(e.Workflow)
	case approval.EventRequestRepeated:
		m.approvals.repeatedRequests.inc(e.Workflow)
	case approval.EventSuperseded:
		m.approvals.superseded.inc(e.Workflow)
	case approval.EventDecisionReceived:
		m.countDecision(e)
	case approval.EventDecided:
		m.approvals.decided.inc(e.Workflow, string(e.Outcome))
		m.approvals.decisionSeconds.observeInTrace(traceID, e.Age, e.Workflow)
		m.approvals.timeLeftSeconds.observeDuration(e.TimeLeft, e.Workflow)
	case approval.EventEdited:
		m.approvals.edited.inc(e.Workflow)
	case approval.EventTimedOut:
		m.approvals.timedOut.inc(e.Workflow)
	case approval.EventCancelled:
		m.approvals.cancelled.inc(e.Workflow)
	case approval.EventUnmatchedExpired:
		m.decisions.unmatchedExpired.inc()
	case approval.EventReminded:
		m.notifications.reminders.inc(e.Workflow)
	case approval.EventEscalated:
		m.notifications.escalated.inc(e.Workflow)
	case approval.EventUndeliverable:
		m.notifications.undeliverable.inc(e.Workflow)
	case approval.EventFirstNotified:
		m.notifications.firstSeconds.observeInTrace(traceID, e.Age, e.Workflow)
	case approval.EventNotified, approval.EventNotificationFailed, approval.EventNotificationExhausted:
		m.countNotification(e, traceID)
	case approval.EventHeartbeat:
		m.callbacks.heartbeats.inc(e.Target, e.Code)
	case approval.EventProbed:
		m.callbacks.probes.inc(e.Target, e.Code)
	case approval.EventReadingNote:
		m.approvals.readingNotes.inc(e.Workflow)
	case approval.EventCallbackAttempt:
		m.countCallbackAttempt(e)
	case approval.EventCallbackEnded:
		m.countCallback(e, traceID)
	case approval.EventReconciled:
		m.callbacks.reconciled.inc(e.Target, e.Code)
		if e.AnswerMissed {
			m.callbacks.missed.inc(e.Target, string(approval.CallbackTooLate))
		}
	case approval.EventRedriven:
		m.callbacks.redriven.inc()
	case approval.EventTokenErased:
		m.callbacks.erasedTokens.inc()
	case approval.EventAct:
		m.approvals.acts.inc(e.Code)
	}
}

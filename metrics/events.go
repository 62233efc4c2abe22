package metrics

import (
	"context"
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// Observe counts what happened to an order. It is called once for each event,
// after it was stored.
func (m *Metrics) Observe(ctx context.Context, events []approval.Event) {
	trace := m.trace(ctx)
	for _, e := range events {
		m.observe(e, trace)
	}
}

// trace returns the ID of the sampled trace that the context is in, or "".
func (m *Metrics) trace(ctx context.Context) string {
	if m.conf.TraceID == nil {
		return ""
	}
	return m.conf.TraceID(ctx)
}

// observe has a case for every kind of event; a test holds it to that.
func (m *Metrics) observe(e approval.Event, trace string) {
	switch e.Kind {
	case approval.EventRequested:
		m.requests.inc(e.Workflow)
	case approval.EventRequestRepeated:
		m.repeated.inc(e.Workflow)
	case approval.EventSuperseded:
		m.superseded.inc(e.Workflow)
	case approval.EventDecisionReceived:
		m.decision(e)
	case approval.EventDecided:
		m.decided.inc(e.Workflow, string(e.Outcome))
		m.decisionSeconds.traced(trace, e.Age, e.Workflow, string(e.Outcome))
		m.timeLeft.since(e.TimeLeft, e.Workflow)
	case approval.EventTimedOut:
		m.timeouts.inc(e.Workflow)
	case approval.EventCancelled:
		m.cancelled.inc(e.Workflow)
	case approval.EventUnmatchedExpired:
		m.unmatchedExpired.inc()
	case approval.EventReminded:
		m.reminders.inc(e.Workflow)
	case approval.EventEscalated:
		m.escalations.inc(e.Workflow)
	case approval.EventUndeliverable:
		m.undeliverable.inc(e.Workflow)
	case approval.EventFirstNotified:
		m.toldSeconds.traced(trace, e.Age, e.Workflow)
	case approval.EventNotified, approval.EventNotificationFailed, approval.EventNotificationExhausted:
		m.notification(e, trace)
	case approval.EventHeartbeat:
		m.heartbeats.inc(e.Target, e.Code)
	case approval.EventCallbackAttempt:
		m.callbackAttempts.inc(e.Target, e.Code)
		m.retried("call_back", e.Attempt)
	case approval.EventCallbackEnded:
		m.callbackEnded(e, trace)
	case approval.EventRedriven:
		m.redriven.inc(e.Workflow)
	case approval.EventTokenErased:
		m.erased.inc(e.Workflow)
	}
}

func (m *Metrics) decision(e approval.Event) {
	m.decisions.inc(string(e.Via), e.Code, string(e.Outcome))
	verdict, result := approval.Verdict{Code: approval.VerdictCode(e.Code)}, "refused"
	switch {
	case verdict.IsAccepted():
		result = "taken"
	case verdict.IsFinal():
		result = "settled"
	}
	if e.Source != "" {
		m.sourceDecisions.inc(e.Source, result)
	}
}

func (m *Metrics) notification(e approval.Event, trace string) {
	if e.Kind == approval.EventNotificationExhausted { // its last attempt has an event of its own
		m.notifications.inc(e.Channel)
		m.notifyFailed.inc(e.Channel)
		return
	}
	m.notifyRequests.inc(e.Channel)
	m.retried("notify", e.Attempt)
	if e.Kind == approval.EventNotificationFailed {
		m.notifyRequestsFailed.inc(e.Channel)
		return
	}
	m.notifications.inc(e.Channel)
	m.notifySeconds.traced(trace, e.Age, e.Channel)
}

// callbackEnded takes the time of those that arrived only: one that was refused
// at once would make a good figure of a failure.
func (m *Metrics) callbackEnded(e approval.Event, trace string) {
	m.callbacks.inc(e.Target, e.Code)
	switch approval.CallbackState(e.Code) {
	case approval.CallbackDelivered, approval.CallbackPresumed:
		m.callbackSeconds.traced(trace, e.Age, e.Target)
	}
}

func (m *Metrics) retried(kind string, attempt int) {
	if attempt > 1 {
		m.retries.inc(kind)
	}
}

// DeadLettered counts a message that was given up, by the handler that it was
// for; "order" stands for what is in the order's own record.
func (m *Metrics) DeadLettered(source string) { m.deadLetters.inc(source) }

// Message counts a message that a handler ended.
func (m *Metrics) Message(ctx context.Context, handler, result string, took time.Duration) {
	m.messages.inc(handler, result)
	m.handlerSeconds.traced(m.trace(ctx), took, handler)
}

// Dispatched counts an action that was handed out.
func (m *Metrics) Dispatched(kind approval.ActionKind) { m.dispatched.inc(string(kind)) }

// Running adds to the actions under way, or takes from them.
func (m *Metrics) Running(kind approval.ActionKind, delta int) { m.running.add(delta, string(kind)) }

// Held adds to the places of a target that are not called, or takes from them.
func (m *Metrics) Held(target string, delta int) { m.held.add(delta, target) }

// Swept counts a sweep, and the orders that it claimed.
func (m *Metrics) Swept(claimed int, err error) {
	m.claimed.add(claimed)
	if err != nil {
		m.sweeps.inc("failed")
		return
	}
	m.sweeps.inc("ok")
	m.lastSweep.set(float64(time.Now().UnixMilli()) / 1000)
}

// Committed counts a commit of the store and the updates that shared it.
func (m *Metrics) Committed(updates int, took time.Duration, err error) {
	m.commits.inc()
	m.commitSeconds.since(took)
	if err != nil {
		m.commitErrors.inc()
		return
	}
	m.updates.add(updates)
	m.batchSize.observe(float64(updates))
}

// Stored observes how long a call of the store took.
func (m *Metrics) Stored(operation string, took time.Duration) { m.storeSeconds.since(took, operation) }

// Waited observes how long an attempt waited for its turn at a target's rate limit.
func (m *Metrics) Waited(target string, d time.Duration) { m.limiterWait.since(d, target) }

// AWSCalled counts a call to AWS, by service and operation, and by how it ended.
func (m *Metrics) AWSCalled(operation, result string) { m.awsCalls.inc(operation, result) }

// ClockSkew sets by how much our clock is ahead of AWS's.
func (m *Metrics) ClockSkew(skew time.Duration) { m.clockSkew.set(skew.Seconds()) }

// Exported counts the spans of one export.
func (m *Metrics) Exported(spans int, err error) {
	if err != nil {
		m.spans.add(spans, "lost")
		return
	}
	m.spans.add(spans, "exported")
}

// Slack counts what was pressed in Slack: pressed, refused or failed.
func (m *Metrics) Slack(event string) { m.slack.inc(event) }

// Page counts what happened to a decision page: viewed, posted or refused.
func (m *Metrics) Page(event string) {
	switch event {
	case "viewed":
		m.pageViews.inc()
	case "posted":
		m.pagePosts.inc()
	case "refused":
		m.pageNos.inc()
	}
}

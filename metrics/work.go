package metrics

import (
	"context"
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// workSeries show how messages, actions and sweeps move.
type workSeries struct {
	messages       counter
	handlerSeconds histogram
	dispatched     counter
	running        gauge
	waiting        gauge
	notMade        counter
	sweeps         counter
	claimedOrders  counter
	lastSweep      gauge
}

func newWorkSeries(b *builder, config Config) workSeries {
	handler := b.configuredLabel("handler", config, func(c Config) []string { return c.Handlers }, "notifications", "callbacks").
		late(isHTTPHandler)
	handlerKind := label{name: "handler", values: handlerKinds()}
	messageResult := label{name: "result", values: []string{"ok", "filtered", "refused", "invalid", "full", "failed"}}
	kind := label{name: "kind", values: texts([]approval.ActionKind{
		approval.ActionNotify, approval.ActionCallback, approval.ActionHeartbeat, approval.ActionReconcile,
		approval.ActionDeadLetter,
	})}
	outgoing := label{name: "kind", values: texts([]approval.ActionKind{
		approval.ActionNotify, approval.ActionCallback, approval.ActionHeartbeat, approval.ActionReconcile,
	})}
	sweepResult := label{name: "result", values: []string{"ok", "failed"}}
	return workSeries{
		messages: b.newCounter("messages_total",
			"Messages handled, by result: ok; filtered by the source's filter; refused with a verdict; "+
				"invalid, so that a retry cannot help; full, because the order cannot hold more now; or failed. Messages with "+
				"the last two results are redelivered.", handler, messageResult),
		handlerSeconds: b.newHistogram("handler_duration_seconds",
			"Time that a handler took for a message, by the kind of handler: of all queues of requests, request; of requests by "+
				"HTTP, request-http; of all sources of decisions, decision.", callBuckets, handlerKind),
		dispatched: b.newCounter("actions_dispatched_total",
			"Actions given to their handlers.", kind),
		running: b.newGauge("actions_running",
			"Actions under way.", kind),
		waiting: b.newGauge("actions_waiting_orders",
			"Orders whose due action waits for capacity: as many actions of its channel, target or host as "+
				"may be are under way.", outgoing),
		notMade: b.newCounter("actions_not_made_total",
			"Actions that were begun and held back before any call, by an open circuit breaker or by the "+
				"worker's own rate limit. They are no attempts, and are begun again later.", outgoing),
		sweeps: b.newCounter("sweeps_total",
			"Sweeps for orders with something due.", sweepResult),
		claimedOrders: b.newCounter("sweeper_orders_claimed_total",
			"Orders that sweeps claimed."),
		lastSweep: b.newGauge("sweeper_last_success_timestamp_seconds",
			"When the last successful sweep ended; 0 before the first."),
	}
}

// MessageHandled counts a message by the result of its handler.
func (m *Metrics) MessageHandled(ctx context.Context, handler, result string, took time.Duration) {
	m.work.messages.inc(handler, result)
	m.work.handlerSeconds.observeInTrace(m.traceID(ctx), took, handlerKindOf(handler))
}

// ActionDispatched counts an action that was given to its handler.
func (m *Metrics) ActionDispatched(kind approval.ActionKind) { m.work.dispatched.inc(string(kind)) }

// RunningActionsChanged adds to the number of actions under way.
func (m *Metrics) RunningActionsChanged(kind approval.ActionKind, delta int) {
	m.work.running.add(delta, string(kind))
}

// WaitingOrdersChanged adds to the number of orders that wait for capacity.
func (m *Metrics) WaitingOrdersChanged(kind approval.ActionKind, delta int) {
	m.work.waiting.add(delta, string(kind))
}

// ActionNotMade counts an action that was held back before any call.
func (m *Metrics) ActionNotMade(kind approval.ActionKind) { m.work.notMade.inc(string(kind)) }

// SweepEnded counts a sweep, and the orders that it claimed.
func (m *Metrics) SweepEnded(claimed int, err error) {
	m.work.claimedOrders.add(claimed)
	if err != nil {
		m.work.sweeps.inc("failed")
		return
	}
	m.work.sweeps.inc("ok")
	m.work.lastSweep.set(float64(time.Now().UnixMilli()) / 1000)
}

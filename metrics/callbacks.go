package metrics

import (
	"slices"
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// callbackSeries show the answers to workflows.
type callbackSeries struct {
	ended           counter
	missed          counter
	attempts        counter
	deliverySeconds histogram
	waitSeconds     histogram
	retries         counter
	heartbeats      counter
	probes          counter
	openBreakers    gauge
	rateLimit       gauge
	redriven        counter
	reconciled      counter
	erasedTokens    counter
	deadLetters     counter
}

func newCallbackSeries(b *builder, config Config) callbackSeries {
	target := b.configuredLabel("target", config, func(c Config) []string { return c.Targets })
	outcome := label{name: "outcome", values: texts(approval.AllCallbackOutcomes())}
	missed := label{name: "outcome", values: texts([]approval.CallbackState{
		approval.CallbackTooLate, approval.CallbackUnknown,
	})}
	result := label{name: "result", values: texts([]approval.ResultKind{
		approval.ResultOK, approval.ResultClosed, approval.ResultRefused, approval.ResultFailed,
	})}
	attempt := label{name: result.name, values: append(slices.Clone(result.values), string(approval.ResultInterrupted))}
	retried := label{name: "kind", values: texts([]approval.ActionKind{approval.ActionNotify, approval.ActionCallback})}
	source := b.configuredLabel("source", config, func(c Config) []string { return c.Handlers }, "order").
		late(isHTTPHandler)
	return callbackSeries{
		ended: b.newCounter("callbacks_total",
			"Callbacks that ended, by outcome. An exhausted callback is a workflow without an answer.", target, outcome),
		missed: b.newCounter("answers_missed_total",
			"Answers to decided or timed out approvals that the workflow did not get (too_late), or may not have got (unknown): "+
				"it had ended. An answer that was exhausted is not among them.", target, missed),
		attempts: b.newCounter("callback_attempts_total",
			"Attempts to answer a workflow, by result. interrupted: a worker ended before it recorded the result, and the "+
				"attempt is made again.", target, attempt),
		deliverySeconds: b.newHistogram("callback_delivery_seconds",
			"Time from the end of an approval until its answer was delivered, including retries.", callbackBuckets, target),
		waitSeconds: b.newHistogram("rate_limit_wait_seconds",
			"Time that attempts waited for the worker's own rate limit. Targets that share a limit are "+
				"counted under the first of them.", callBuckets, target),
		retries: b.newCounter("retries_total",
			"Attempts after the first, of notifications and callbacks.", retried),
		heartbeats: b.newCounter("heartbeats_total",
			"Heartbeats to waiting workflows, by result.", target, result),
		probes: b.newCounter("probes_total",
			"Questions to a target whether the task of an older attempt is still open, by answer. "+
				"closed: that attempt was superseded.", target, result),
		openBreakers: b.newGauge("circuit_breakers_open",
			"Open circuit breakers of a target: its AWS API, or hosts of its callback URLs, that failed "+
				"several times in a row and are called once in a while only.", target),
		rateLimit: b.newGauge("target_rate_limit",
			"Calls a second that a worker makes by a target, at most, as configured; 0 without a limit.", target),
		redriven: b.newCounter("callbacks_redriven_total",
			"Exhausted callbacks that an operator restarted."),
		reconciled: b.newCounter("callbacks_reconciled_total",
			"Ended callbacks of which the workflow was asked how its task has ended, by the answer.", target,
			label{name: "truth", values: texts(approval.AllTruths())}),
		erasedTokens: b.newCounter("tokens_erased_total",
			"Task tokens that were erased after their callback had ended."),
		deadLetters: b.newCounter("dead_letters_total",
			"Dead letters, by the handler of the message. The source order stands for exhausted callbacks "+
				"and notifications, and for decisions that expired before a matching request arrived.", source),
	}
}

// countCallbackAttempt counts an attempt to answer a workflow.
func (m *Metrics) countCallbackAttempt(e approval.Event) {
	m.callbacks.attempts.inc(e.Target, e.Code)
	m.countRetry(approval.ActionCallback, e.Attempt)
}

// countCallback counts a callback that ended. Only delivered callbacks count towards the delivery time: a callback that
// was refused at once would improve the figure by failing.
func (m *Metrics) countCallback(e approval.Event, traceID string) {
	m.callbacks.ended.inc(e.Target, e.Code)
	if e.AnswerMissed {
		m.callbacks.missed.inc(e.Target, e.Code)
	}
	switch approval.CallbackState(e.Code) {
	case approval.CallbackDelivered, approval.CallbackPresumed:
		m.callbacks.deliverySeconds.observeInTrace(traceID, e.Age, e.Target)
	}
}

// countRetry counts an attempt unless it is the first.
func (m *Metrics) countRetry(kind approval.ActionKind, attempt int) {
	if attempt > 1 {
		m.callbacks.retries.inc(string(kind))
	}
}

// CircuitBreakersChanged adds to the number of open circuit breakers of a target.
func (m *Metrics) CircuitBreakersChanged(target string, delta int) {
	m.callbacks.openBreakers.add(delta, target)
}

// TargetLimited sets the calls a second that a worker makes by a target, at most.
func (m *Metrics) TargetLimited(target string, perSecond float64) {
	m.callbacks.rateLimit.set(perSecond, target)
}

// RateLimitWaited observes how long an attempt waited for the rate limit of a target.
func (m *Metrics) RateLimitWaited(target string, waited time.Duration) {
	m.callbacks.waitSeconds.observeDuration(waited, target)
}

// DeadLettered counts a dead letter, by the handler of its message. The source "order" stands for a dead letter in the
// order's own record.
func (m *Metrics) DeadLettered(source string) { m.callbacks.deadLetters.inc(source) }

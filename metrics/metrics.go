// Package metrics holds every series of the program. New is the operator's table
// of contents: what can be seen, and what it means. Callers name what happened,
// never a label; the values of labels are bounded, and exist at 0 from the start.
package metrics

import (
	"context"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/approval-relay/approval-relay/approval"
)

// Config names what is configured, so that its series exist before anything
// happens. Whatever is not named counts as "other".
type Config struct {
	Workflows []string
	Channels  []string
	Targets   []string
	Sources   []string // of decisions
	Handlers  []string // of the router, beside those of the in-process topics
	Queues    []string // of SQS, by their configured names
	Routes    []string // of HTTP, as http.ServeMux has their patterns

	// AWSOperations are the operations of AWS that the program calls, such as SQS.ReceiveMessage.
	AWSOperations []string

	// TraceID returns the ID of the sampled trace that a context is in, or "": the
	// exemplar of what is observed in it. Nil where nothing is traced.
	TraceID func(context.Context) string
}

// Metrics is every series of the program. Its methods are what can happen.
type Metrics struct {
	b    *builder
	conf Config

	requests, repeated, superseded              counter
	decisions, sourceDecisions, decided         counter
	timeouts, cancelled, unmatchedExpired       counter
	reminders, escalations, undeliverable       counter
	notifications, notifyFailed                 counter
	notifyRequests, notifyRequestsFailed        counter
	callbacks, callbackAttempts, retries        counter
	heartbeats, redriven, erased                counter
	deadLetters, messages, sweeps, claimed      counter
	dispatched, commits, commitErrors, updates  counter
	httpRequests, pageViews, pagePosts, pageNos counter
	slack, spans, awsCalls                      counter
	decisionSeconds, timeLeft                   histogram
	toldSeconds, notifySeconds                  histogram
	callbackSeconds, handlerSeconds             histogram
	commitSeconds, batchSize, requestSeconds    histogram
	storeSeconds, limiterWait                   histogram
	running, lastSweep, held, clockSkew         gauge

	sqs sqsSeries
}

// The buckets of the histograms, in seconds where not said otherwise.
var (
	minute, hour, day = 60.0, 3600.0, 86400.0

	toPeople = []float64{minute, 5 * minute, 15 * minute, 30 * minute, hour, 2 * hour, 4 * hour, 8 * hour, day, 2 * day, 3 * day, 7 * day, 14 * day, 30 * day}
	toAnswer = []float64{.001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, minute, 5 * minute, 15 * minute, hour}
	toTell   = []float64{.01, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, minute, 5 * minute, 15 * minute, hour}
	toHandle = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, minute}
	toCommit = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5}
	toArrive = []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30, minute, 5 * minute, 15 * minute, hour, 6 * hour, day}
	inBatch  = []float64{1, 2, 4, 8, 16, 32, 64, 128, 256} // updates
)

// New registers every series, with every configured label value at 0. It panics
// where the registry has one of them already.
func New(reg prometheus.Registerer, conf Config) *Metrics {
	b := &builder{reg: reg}
	m := &Metrics{b: b, conf: conf}

	workflow := label{"workflow", conf.Workflows}
	channel := label{"channel", conf.Channels}
	target := label{"target", conf.Targets}
	source := label{"source", conf.Sources}
	handler := label{"handler", slices.Concat(conf.Handlers, []string{"notifications", "callbacks"})}
	gaveUp := label{"source", slices.Concat(conf.Handlers, []string{"order"})}
	route := label{"route", conf.Routes}
	outcome := label{"outcome", []string{string(approval.Approve), string(approval.Reject)}}
	via := label{"via", texts(approval.AllVias())}
	verdict := label{"verdict", texts(approval.AllVerdicts())}
	end := label{"outcome", texts(approval.AllCallbackOutcomes())}
	kind := label{"kind", texts(kinds)}
	result := label{"result", texts(results)}

	// What workflows ask, and what becomes of it.
	m.requests = b.counter("requests_total", "Approval requests that were recorded.", workflow)
	m.repeated = b.counter("requests_repeated_total", "Approval requests that were known already: redeliveries.", workflow)
	m.decided = b.counter("decided_total", "Approvals that were approved or rejected.", workflow, outcome)
	m.timeouts = b.counter("timeouts_total", "Approvals that nobody decided before their deadline.", workflow)
	m.cancelled = b.counter("cancelled_total", "Approvals that were cancelled, or whose workflow stopped waiting.", workflow)
	m.superseded = b.counter("superseded_total", "Approvals that were asked anew with another task token.", workflow)
	m.decisionSeconds = b.histogram("approval_decision_seconds", "From the request to the decision that closed it.", toPeople, workflow, outcome)
	m.timeLeft = b.histogram("decision_time_left_seconds", "From the decision that closed an approval to the deadline that it was in time for.", toPeople, workflow)

	// What people and third parties answer.
	m.decisions = b.counter("decisions_total", "Decisions that came in, by what became of them; one that waited for its request counts again when that has come.", via, verdict, outcome)
	m.sourceDecisions = b.counter("source_decisions_total", "Decisions of each configured source: taken, settled (nothing to mend) or refused.", source, label{"result", []string{"taken", "settled", "refused"}})
	m.unmatchedExpired = b.counter("unmatched_expired_total", "Decisions whose request never came.")
	m.pageViews = b.counter("link_views_total", "Decision pages that were shown; mail scanners look at them too, so what is beyond link_posts_total was looked at and not answered (a link is not remembered as seen: GET writes nothing).")
	m.pagePosts = b.counter("link_posts_total", "Forms of decision pages that were sent.")
	m.pageNos = b.counter("link_refusals_total", "Links and forms that were refused: forged, expired or revoked.")
	m.slack = b.counter("slack_interactions_total", "Buttons pressed in Slack: pressed (taken), refused, or failed because the store or Slack was out of reach.", label{"result", []string{"pressed", "refused", "failed"}})

	// Whom we tell.
	m.notifications = b.counter("notifications_total", "Notifications that ended: sent, or given up.", channel)
	m.notifyFailed = b.counter("notifications_failed_total", "Notifications that were given up.", channel)
	m.notifyRequests = b.counter("notification_requests_total", "Attempts to send a notification.", channel)
	m.notifyRequestsFailed = b.counter("notification_requests_failed_total", "Attempts to send a notification that failed.", channel)
	m.notifySeconds = b.histogram("notification_delivery_seconds", "From when a notification was owed to when it was sent, retries included.", toTell, channel)
	m.toldSeconds = b.histogram("first_notification_seconds", "From the request to the first message to people that was sent.", toTell, workflow)
	m.reminders = b.counter("reminders_total", "Reminders that came due.", workflow)
	m.escalations = b.counter("escalations_total", "Approvals that more approvers were added to, because nobody had decided.", workflow)
	m.undeliverable = b.counter("undeliverable_total", "Approvals of which nobody could be told: every notification was given up.", workflow)

	// How workflows are answered.
	m.callbacks = b.counter("callbacks_total", "Callbacks that ended, by outcome; exhausted ones were given up.", target, end)
	m.callbackAttempts = b.counter("callback_attempts_total", "Attempts to answer a workflow, by how they ended.", target, result)
	m.callbackSeconds = b.histogram("callback_delivery_seconds", "From when an answer was owed to when it was delivered, retries included.", toAnswer, target)
	m.limiterWait = b.histogram("limiter_wait_seconds", "How long attempts waited for their turn at our own rate limit; targets that share a limit count as the first of them.", toHandle, target)
	m.retries = b.counter("retries_total", "Attempts after the first, of notifications and callbacks.", label{"kind", []string{"notify", "call_back"}})
	m.heartbeats = b.counter("heartbeats_total", "Heartbeats to workflows, by how they ended.", target, result)
	m.held = b.gauge("target_places_held", "Places of a target, the AWS API or the hosts of callback URLs, that did not answer several times in a row: they are asked once in a while, the rest waits.", target)
	m.redriven = b.counter("redriven_total", "Exhausted callbacks that an operator started again.", workflow)
	m.erased = b.counter("tokens_erased_total", "Task tokens that were erased after their callback had ended.", workflow)
	m.deadLetters = b.counter("dead_letters_total", "Messages given up, by the handler they were for; order stands for callbacks and notifications given up, and decisions that waited in vain.", gaveUp)

	// How the work moves.
	m.messages = b.counter("messages_total", "Messages that handlers ended.", handler, label{"result", []string{"ok", "filtered", "refused", "invalid", "failed"}})
	m.handlerSeconds = b.histogram("handler_seconds", "How long handlers took for a message.", toHandle, handler)
	m.dispatched = b.counter("actions_dispatched_total", "Actions handed out.", kind)
	m.running = b.gauge("actions_running", "Actions handed out that have not ended.", kind)
	m.sweeps = b.counter("sweeps_total", "Sweeps for orders that have something due.", label{"result", []string{"ok", "failed"}})
	m.claimed = b.counter("sweeper_claimed_total", "Orders that sweeps claimed.")
	m.lastSweep = b.gauge("sweeper_last_success_timestamp_seconds", "When the last sweep ended well; 0 before the first.")

	// The store.
	m.commits = b.counter("store_commits_total", "Commits of the store, failed ones included.")
	m.commitErrors = b.counter("store_commit_errors_total", "Commits of the store that failed.")
	m.updates = b.counter("store_updates_total", "Orders updated in commits that did not fail.")
	m.commitSeconds = b.histogram("store_commit_seconds", "How long a commit took.", toCommit)
	m.batchSize = b.histogram("store_commit_updates", "How many updates shared a commit.", inBatch)

	m.storeSeconds = b.histogram("store_seconds", "How long calls of the store took; an update's until it is durable.", toCommit, label{"operation", []string{"update", "get", "claim", "list"}})

	// HTTP.
	m.httpRequests = b.counter("http_requests_total", "HTTP requests answered, by class of status.", route, label{"code", []string{"2xx", "3xx", "4xx", "5xx"}})
	m.requestSeconds = b.histogram("http_request_seconds", "How long HTTP requests took.", toHandle, route)

	// AWS.
	m.awsCalls = b.counter("aws_calls_total", "Calls to AWS, the SDK's own retries included in one: ok, throttled, denied (credentials refused, or none), refused, or failed (5xx, or no answer).", label{"operation", conf.AWSOperations}, label{"result", []string{"ok", "throttled", "denied", "refused", "failed"}})
	m.clockSkew = b.gauge("aws_clock_skew_seconds", "By how much our clock was ahead of AWS's at the last answer, to about a second; 0 before the first.")

	// Tracing.
	m.spans = b.counter("trace_spans_total", "Spans that were exported, or lost because the collector did not take them.", label{"result", []string{"exported", "lost"}})

	m.sqs = newSQSSeries(b, label{"queue", conf.Queues})
	return m
}

var (
	kinds   = []approval.ActionKind{approval.ActionNotify, approval.ActionCallback, approval.ActionHeartbeat, approval.ActionDeadLetter}
	results = []approval.ResultKind{approval.ResultOK, approval.ResultClosed, approval.ResultRefused, approval.ResultFailed}
)

func texts[S ~string](in []S) []string {
	out := make([]string, len(in))
	for i, s := range in {
		out[i] = string(s)
	}
	return out
}

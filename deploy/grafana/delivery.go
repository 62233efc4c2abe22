package grafana

// deliveryDashboard is for the operators of callbacks and notifications.
func deliveryDashboard() Dashboard {
	const about = "Whether workflows get their answers and approvers their notifications: attempts, retries, and " +
		"failures."
	var parts []part
	parts = append(parts, deliveryTotals()...)
	parts = append(parts, callbackPanels()...)
	parts = append(parts, notificationPanels()...)
	parts = append(parts, retryPanels()...)
	own := variables(
		labelVariable("target", "Target", "approval_relay_callbacks_total", ofInstance),
		labelVariable("channel", "Channel", "approval_relay_notifications_total", ofInstance))
	return newDashboard("delivery", about, "now-6h", own, parts...)
}

func deliveryTotals() []part {
	return []part{
		newRow("Now, and in this period"),
		newStat("Workflows without answer",
			"Orders with an exhausted callback: each is a workflow that waits in vain. The alert "+
				"ApprovalRelayCallbacksExhausted. `approval-relay requests --state=exhausted` lists them; repair the cause, then "+
				"`approval-relay redrive`.",
			"short",
			query{"", `sum(max by (namespace, job) (approval_relay_exhausted_orders{@all}))`},
		).colouredFrom(1, "red"),
		newStat("Dead letters stored",
			"Dead letters in the store's own table: `approval-relay deadletters` lists them. A queue with a dead letter queue "+
				"keeps its dead letters there; `approval-relay redrive --dry-run` counts both.",
			"short",
			query{"", `sum(max by (namespace, job) (approval_relay_dead_letters{@all}))`},
		).colouredFrom(1, "yellow"),
		newStat("Answered within a minute",
			"Share of the answers that were delivered within a minute, in this period; those that came too late or may not have "+
				"arrived are among the rest. The objective is 99.9 % over 30 days. The "+
				"alerts ApprovalRelayCallbackLatencyFastBurn and ApprovalRelayCallbackLatencySlowBurn watch how fast the rest, "+
				"the error budget, is spent.",
			"percentunit",
			query{"", `
				sum(increase(approval_relay_callback_delivery_seconds_bucket{@target, le=~"60(\\.0)?"}[@period]))
				/ (sum(increase(approval_relay_callback_delivery_seconds_count{@target}[@period]))
				+ sum(increase(approval_relay_callbacks_total{@target, outcome="exhausted"}[@period]))
				+ sum(increase(approval_relay_answers_missed_total{@target}[@period]))) >= 0`},
		).goodFrom(0.99, 0.999).withoutData("none due"),
		newStat("Error budget left",
			"What is left of the error budget, if this period is the budget's: 0.1 % of the answers may be slow, exhausted, too late or "+
				"unknown. Choose 30 days for the objective. Below 0 it is spent.",
			"percentunit",
			query{"", `
				1 - (sum(increase(approval_relay_callback_delivery_seconds_count{@target}[@period]))
				+ sum(increase(approval_relay_callbacks_total{@target, outcome="exhausted"}[@period]))
				+ sum(increase(approval_relay_answers_missed_total{@target}[@period]))
				- sum(increase(approval_relay_callback_delivery_seconds_bucket{@target, le=~"60([.]0)?"}[@period])))
				/ (0.001 * (sum(increase(approval_relay_callback_delivery_seconds_count{@target}[@period]))
				+ sum(increase(approval_relay_callbacks_total{@target, outcome="exhausted"}[@period]))
				+ sum(increase(approval_relay_answers_missed_total{@target}[@period])) > 0))`},
		).goodFrom(0, 0.25).withoutData("none due"),
		newStat("Callbacks exhausted",
			"Callbacks that were exhausted in this period, so that their workflow has no answer.",
			"short",
			query{"", `sum(increase(approval_relay_callbacks_total{@target, outcome="exhausted"}[@period]))`},
		).colouredFrom(1, "red"),
		newStat("Notifications exhausted",
			"Notifications that were exhausted in this period. The alert ApprovalRelayNotificationsExhausted: notify the "+
				"approvers in another way.",
			"short",
			query{"", `sum(increase(approval_relay_notifications_failed_total{@channel}[@period]))`},
		).colouredFrom(1, "yellow"),
		newStat("Undeliverable approvals",
			"Approvals whose notifications were all exhausted, or that had none, in this period. The alert "+
				"ApprovalRelayUndeliverable: notify somebody who may decide.",
			"short",
			query{"", `sum(increase(approval_relay_approvals_undeliverable_total{@all}[@period]))`},
		).colouredFrom(1, "red"),
		newStat("New dead letters",
			"Messages that became dead letters in this period, because a retry cannot help. The alert "+
				"ApprovalRelayDeadLetters: `approval-relay redrive --dry-run` counts them by reason.",
			"short",
			query{"", `sum(increase(approval_relay_dead_letters_total{@all, source!="order"}[@period]))`},
		).colouredFrom(1, "yellow"),
	}
}

func callbackPanels() []part {
	return []part{
		newRow("Callbacks: the answers to workflows"),
		newBars("Callbacks ended",
			"delivered. delivered_presumed: an earlier attempt was applied, but its reply was lost; several in an hour are the alert "+
				"ApprovalRelayAnswersPresumed. unknown: the same, but the task may as well have ended by itself. too_late: the "+
				"workflow had stopped waiting. superseded: a later attempt of the state replaced it. exhausted: all retries were used.",
			query{"{{outcome}}", `sum by (outcome) (increase(approval_relay_callbacks_total{@target}[@step]))`}),
		newBars("Missed answers",
			"Answers to decided or timed out approvals that the workflow did not get (too_late) or may not have got (unknown). The "+
				"first is the alert ApprovalRelayCallbacksTooLate; `approval-relay requests --state=unanswered` lists them.",
			query{"{{outcome}}", `sum by (outcome) (increase(approval_relay_answers_missed_total{@target}[@step]))`}),
		newBars("Truth about ended callbacks",
			"How tasks had ended, as the history of their executions told afterwards. forbidden: the role may not read it "+
				"(states:GetExecutionHistory).",
			query{"{{truth}}", `sum by (truth) (increase(approval_relay_callbacks_reconciled_total{@target}[@step]))`}),
		newLines("Time to answer",
			"Time from the end of an approval until its answer was delivered, including retries. The dashed line is the "+
				"objective of one minute.",
			"s",
			query{"p50", `
				histogram_quantile(0.5, sum by (le) (rate(approval_relay_callback_delivery_seconds_bucket{@target}[@step])))`},
			query{"p90", `
				histogram_quantile(0.9, sum by (le) (rate(approval_relay_callback_delivery_seconds_bucket{@target}[@step])))`},
			query{"p99", `
				histogram_quantile(0.99, sum by (le) (rate(approval_relay_callback_delivery_seconds_bucket{@target}[@step])))`},
		).colouredFrom(60, "red"),
		newBars("Attempts",
			"ok. closed: the workflow no longer waits. refused: a retry cannot help. failed: it is tried again. interrupted: a "+
				"worker ended before it recorded the result, and the attempt is made again.",
			query{"{{result}}", `sum by (result) (increase(approval_relay_callback_attempts_total{@target}[@step]))`}),
		newLines("Failed attempts, by target",
			"Share of the attempts that failed or were refused. Half of them, for five minutes, is the alert "+
				"ApprovalRelayTargetFailing; a twentieth, for half an hour, is ApprovalRelayTargetDegraded.",
			"percentunit",
			query{"{{target}}", `
				sum by (target) (rate(approval_relay_callback_attempts_total{@target, result!~"ok|closed|interrupted"}[@step]))
				/ sum by (target) (rate(approval_relay_callback_attempts_total{@target}[@step]))`},
		).badFrom(0.1, 0.5),
		newLines("Open circuit breakers",
			"Circuit breakers that opened after five failures in a row: of an AWS API, or of hosts of callback URLs. While one is "+
				"open, one trial call a second is made, beside heartbeats and answers to tasks that end soon. Other callbacks "+
				"wait in their records.",
			"short",
			query{"{{target}}", `sum by (target) (approval_relay_circuit_breakers_open{@target})`},
		).colouredFrom(1, "yellow"),
		newLines("Rate limit wait (p90)",
			"Time that attempts waited for the worker's own rate limit. It rises when more answers are due than `rate` "+
				"allows.",
			"s",
			query{"{{target}}", `
				histogram_quantile(0.9, sum by (target, le) (
				rate(approval_relay_rate_limit_wait_seconds_bucket{@target}[@step])))`},
		).badFrom(1, 10),
		newLines("Time to answer everything",
			"Time that the workers would take to answer every pending approval at their rate limit, by target, if all ended now. If it is "+
				"longer than a minute and than the time that the oldest approval usually has left, the alert ApprovalRelayDeadlineRisk "+
				"fires.",
			"s",
			query{"{{target}}", `
				scalar(sum(max by (namespace, job, workflow) (approval_relay_approvals_pending{@all})))
				/ sum by (target) (approval_relay_target_rate_limit{@target} > 0)`},
		).badFrom(30, 60),
		newBars("Heartbeats",
			"Heartbeats to waiting workflows. closed: the workflow no longer waits, so its approval is cancelled. A probe asks "+
				"whether an older attempt of a state still waits: closed means that it was superseded, ok that both wait. If half of "+
				"them fail, the alert ApprovalRelayHeartbeatsFailing fires: without heartbeats, states end by themselves.",
			query{"{{result}}", `sum by (result) (increase(approval_relay_heartbeats_total{@target}[@step]))`},
			query{"probe {{result}}", `sum by (result) (increase(approval_relay_probes_total{@target}[@step]))`}),
		newLines("Heartbeats kept in memory",
			"Pending approvals whose heartbeats the workers keep in memory, and for how long the latest of them has been due. If the lag "+
				"stays above 30 seconds, the rate limit of the target or its answers are too slow for so many, and the alert "+
				"ApprovalRelayHeartbeatsLate fires.",
			"short",
			query{"approvals", `sum(approval_relay_heartbeats_scheduled{@all})`},
			query{"lag in seconds", `max(approval_relay_heartbeat_lag_seconds{@all})`}),
		newBars("Callbacks redriven, task tokens erased",
			"Exhausted callbacks that an operator restarted. Task tokens are erased with the delivery of their callback, or "+
				"an hour after its end.",
			query{"redriven", `sum(increase(approval_relay_callbacks_redriven_total{@all}[@step]))`},
			query{"tokens erased", `sum(increase(approval_relay_tokens_erased_total{@all}[@step]))`}),
	}
}

func notificationPanels() []part {
	return []part{
		newRow("Notifications: the messages to approvers"),
		newBars("Notifications sent",
			"Notifications that were sent, by channel.",
			query{"{{channel}}", `
				sum by (channel) (increase(approval_relay_notifications_total{@channel}[@step]))
				- sum by (channel) (increase(approval_relay_notifications_failed_total{@channel}[@step]))`}),
		newBars("Notifications exhausted",
			"Notifications that were exhausted, by channel: refused for good, or failing until `notify_retry.max_age`.",
			query{"{{channel}}", `sum by (channel) (increase(approval_relay_notifications_failed_total{@channel}[@step]))`}),
		newLines("Failed attempts, by channel",
			"Share of the attempts to send that failed. Half of them, for ten minutes, is the alert "+
				"ApprovalRelayNotificationsFailing: approvers may not know about their approvals.",
			"percentunit",
			query{"{{channel}}", `
				sum by (channel) (rate(approval_relay_notification_requests_failed_total{@channel}[@step]))
				/ sum by (channel) (rate(approval_relay_notification_requests_total{@channel}[@step]))`},
		).badFrom(0.1, 0.5),
		newLines("Time to notify",
			"Time from the event that required a notification until it was sent, including retries.",
			"s",
			query{"p50", `
				histogram_quantile(0.5, sum by (le) (
				rate(approval_relay_notification_delivery_seconds_bucket{@channel}[@step])))`},
			query{"p90", `
				histogram_quantile(0.9, sum by (le) (
				rate(approval_relay_notification_delivery_seconds_bucket{@channel}[@step])))`},
			query{"p99", `
				histogram_quantile(0.99, sum by (le) (
				rate(approval_relay_notification_delivery_seconds_bucket{@channel}[@step])))`},
		).badFrom(60, 900),
		newLines("Time to the first notification (p50)",
			"Time from the request to the first notification that was sent, by workflow.",
			"s",
			query{"{{workflow}}", `
				histogram_quantile(0.5, sum by (workflow, le) (
				rate(approval_relay_first_notification_seconds_bucket{@all}[@step])))`},
		).badFrom(60, 900),
		newBars("Undeliverable approvals",
			"Approvals whose notifications were all exhausted, by workflow.",
			query{"{{workflow}}", `sum by (workflow) (increase(approval_relay_approvals_undeliverable_total{@all}[@step]))`}),
	}
}

func retryPanels() []part {
	return []part{
		newRow("Retries and dead letters"),
		newBars("Retries",
			"Attempts after the first, of notifications and of callbacks.",
			query{"{{kind}}", `sum by (kind) (increase(approval_relay_retries_total{@all}[@step]))`}),
		newLines("Waiting for a retry",
			"Orders with a notification or a callback that failed and waits for its next attempt. Many mean that a channel or a "+
				"target is down: the panels above name it.",
			"short",
			query{"orders", `sum(max by (namespace, job) (approval_relay_retrying_orders{@all}))`}),
		newLines("Oldest answer owed",
			"How long the oldest answer has been owed, by workflow: it exists, but its callback fails, is held by a pause, or waits for "+
				"capacity. And how long five or more have been owed, without paused workflows: half an hour is the alert "+
				"ApprovalRelayAnswersOwed.",
			"s",
			query{"{{workflow}}", `max by (workflow) (approval_relay_oldest_owed_age_seconds{@all})`},
			query{"five or more", `max(approval_relay_fifth_oldest_owed_age_seconds{@all})`},
		).badFrom(300, 1800),
		newLines("Answers owed",
			"Orders whose answer is owed: its callback failed and is tried again, is held, or waits for capacity. On DynamoDB, the "+
				"oldest thousand are counted.",
			"short",
			query{"orders", `sum(max by (namespace, job) (approval_relay_owed_orders{@all}))`}),
		newBars("Dead letters",
			"Dead letters, by the handler of the message. order: exhausted callbacks and notifications, and decisions that "+
				"expired before a matching request arrived.",
			query{"{{source}}", `sum by (source) (increase(approval_relay_dead_letters_total{@all}[@step]))`}),
		newLines("Waiting for an operator",
			"Workflows without an answer, and dead letters in the store's own table. Both stay until an operator "+
				"redrives them.",
			"short",
			query{"workflows without answer", `sum(max by (namespace, job) (approval_relay_exhausted_orders{@all}))`},
			query{"dead letters", `sum(max by (namespace, job) (approval_relay_dead_letters{@all}))`},
		).colouredFrom(1, "yellow"),
		newLines("Actions under way",
			"Actions under way, by kind. Each channel and target has a capacity of its own, see the orders that wait for "+
				"it.",
			"short",
			query{"{{kind}}", `sum by (kind) (approval_relay_actions_running{@all})`},
		),
		newLines("Orders that wait for capacity",
			"Orders whose due action waits until an action of the same channel, target or host ends. Below: actions that an open "+
				"circuit breaker or the worker's own rate limit held back; they are no attempts.",
			"short",
			query{"{{kind}}", `sum by (kind) (approval_relay_actions_waiting_orders{@all})`},
			query{"{{kind}} held back", `sum by (kind) (increase(approval_relay_actions_not_made_total{@all}[@step]))`},
		),
	}
}

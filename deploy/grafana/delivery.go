package grafana

// delivery is for whoever must know that workflows get their answers and people
// their messages.
func delivery() Dashboard {
	return dashboard("delivery", "delivery", "Whether workflows get their answers and people their messages: attempts, retries, and what was given up.", "now-6h",
		variables(
			choice("target", "Target", "approval_relay_callbacks_total", `{job=~"$job", instance=~"$instance"}`),
			choice("channel", "Channel", "approval_relay_notifications_total", `{job=~"$job", instance=~"$instance"}`)),

		row("Now, and in this period"),
		number("Orders without their answer", "Orders with a callback that was given up: each is a workflow that waits in vain. The alert ApprovalRelayCallbackExhausted. `approval-relay requests --state=exhausted` lists them; mend the cause, then `approval-relay redrive`.", "short",
			query{"", `sum(approval_relay_exhausted_orders{@all})`}).limit(1, "red"),
		number("Dead letters kept", "Dead letters in the store's own table: `approval-relay deadletters` lists them. Those of a queue with a dead letter queue are in that; `approval-relay redrive --dry-run` counts both.", "short",
			query{"", `sum(approval_relay_dead_letters{@all})`}).limit(1, "yellow"),
		number("Answered within a minute", "Share of the answers that reached their workflow within a minute, in this period. The objective is 99.9 % over 30 days; the alerts ApprovalRelayCallbacksSlow and ApprovalRelayCallbacksSlowly watch the rate at which the rest is spent.", "percentunit",
			query{"", `sum(increase(approval_relay_callback_delivery_seconds_bucket{@target, le=~"60(\\.0)?"}[@period])) / (sum(increase(approval_relay_callback_delivery_seconds_count{@target}[@period])) + sum(increase(approval_relay_callbacks_total{@target, outcome="exhausted"}[@period]))) >= 0`}).least(0.99, 0.999).empty("none owed"),
		number("Callbacks given up", "Callbacks that ended without their workflow having been answered, in this period.", "short",
			query{"", `sum(increase(approval_relay_callbacks_total{@target, outcome="exhausted"}[@period]))`}).limit(1, "red"),
		number("Notifications given up", "Notifications that reached nobody, in this period. The alert ApprovalRelayNotificationGivenUp: tell the approvers otherwise.", "short",
			query{"", `sum(increase(approval_relay_notifications_failed_total{@channel}[@period]))`}).limit(1, "yellow"),
		number("Messages not understood", "Messages that can never be handled and became dead letters, in this period. The alert ApprovalRelayDeadLetters: `approval-relay redrive --dry-run` counts them by reason.", "short",
			query{"", `sum(increase(approval_relay_dead_letters_total{@all, source!="order"}[@period]))`}).limit(1, "yellow"),

		row("Callbacks: how workflows are answered"),
		bars("How callbacks ended", "delivered. delivered_presumed: an earlier attempt got through, whose reply was lost. too_late: the workflow had stopped waiting. superseded: its state was retried. exhausted: given up.",
			query{"{{outcome}}", `sum by (outcome) (increase(approval_relay_callbacks_total{@target}[@step]))`}),
		lines("Time to answer", "From when an answer was owed to when it was delivered, retries included. The dashed line is the objective's minute.", "s",
			query{"half", `histogram_quantile(0.5, sum by (le) (rate(approval_relay_callback_delivery_seconds_bucket{@target}[@step])))`},
			query{"nine tenths", `histogram_quantile(0.9, sum by (le) (rate(approval_relay_callback_delivery_seconds_bucket{@target}[@step])))`},
			query{"99 of 100", `histogram_quantile(0.99, sum by (le) (rate(approval_relay_callback_delivery_seconds_bucket{@target}[@step])))`}).limit(60, "red"),
		bars("Attempts", "ok. closed: the workflow no longer waits. refused: for good. failed: tried again.",
			query{"{{result}}", `sum by (result) (increase(approval_relay_callback_attempts_total{@target}[@step]))`}),
		lines("Attempts that fail, by target", "Share of the attempts that failed or were refused. Half, for five minutes, is the alert ApprovalRelayTargetRefuses.", "percentunit",
			query{"{{target}}", `sum by (target) (rate(approval_relay_callback_attempts_total{@target, result!="ok", result!="closed"}[@step])) / sum by (target) (rate(approval_relay_callback_attempts_total{@target}[@step]))`}).bounds(0.1, 0.5),
		bars("Heartbeats", "Heartbeats to waiting workflows. closed: the workflow no longer waits, so its approval is cancelled.",
			query{"{{result}}", `sum by (result) (increase(approval_relay_heartbeats_total{@target}[@step]))`}),
		bars("Redriven, and tokens erased", "Exhausted callbacks that an operator started again; task tokens that were erased, an hour after their callback had ended.",
			query{"redriven", `sum(increase(approval_relay_redriven_total{@all}[@step]))`},
			query{"tokens erased", `sum(increase(approval_relay_tokens_erased_total{@all}[@step]))`}),

		row("Notifications: how people are told"),
		bars("Sent", "Notifications that were sent, by channel.",
			query{"{{channel}}", `sum by (channel) (increase(approval_relay_notifications_total{@channel}[@step])) - sum by (channel) (increase(approval_relay_notifications_failed_total{@channel}[@step]))`}),
		bars("Given up", "Notifications that were given up, by channel: refused for good, or after `notify_retry.max_age`.",
			query{"{{channel}}", `sum by (channel) (increase(approval_relay_notifications_failed_total{@channel}[@step]))`}),
		lines("Attempts that fail, by channel", "Share of the attempts to send that failed. Half, for ten minutes, is the alert ApprovalRelayNobodyNotified: approvers do not know that they are asked.", "percentunit",
			query{"{{channel}}", `sum by (channel) (rate(approval_relay_notification_requests_failed_total{@channel}[@step])) / sum by (channel) (rate(approval_relay_notification_requests_total{@channel}[@step]))`}).bounds(0.1, 0.5),
		lines("Time to tell", "From when a notification was owed to when it was sent, retries included.", "s",
			query{"half", `histogram_quantile(0.5, sum by (le) (rate(approval_relay_notification_delivery_seconds_bucket{@channel}[@step])))`},
			query{"nine tenths", `histogram_quantile(0.9, sum by (le) (rate(approval_relay_notification_delivery_seconds_bucket{@channel}[@step])))`}).bounds(60, 900),

		row("Retries and dead letters"),
		bars("Retries", "Attempts after the first, of notifications and of callbacks.",
			query{"{{kind}}", `sum by (kind) (increase(approval_relay_retries_total{@all}[@step]))`}),
		bars("Dead letters", "Messages that were given up, by what they were for. order: callbacks and notifications given up, and decisions that waited in vain.",
			query{"{{source}}", `sum by (source) (increase(approval_relay_dead_letters_total{@all}[@step]))`}),
		lines("What waits for an operator", "Orders without their answer, and dead letters in the store's own table: both stay until somebody redrives them.", "short",
			query{"orders without their answer", `sum(approval_relay_exhausted_orders{@all})`},
			query{"dead letters kept", `sum(approval_relay_dead_letters{@all})`}).limit(1, "yellow"),
		lines("Actions under way", "Calls handed out that have not ended, by kind. Each channel and target takes 128 at once: at that, one of them is so slow that the rest waits.", "short",
			query{"{{kind}}", `sum by (kind) (approval_relay_actions_running{@all})`}).bounds(64, 128),
	)
}

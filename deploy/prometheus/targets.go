package prometheus

import "fmt"

// targetAlerts are about failed calls to workflows.
func targetAlerts() []alert {
	return []alert{
		{
			name: "ApprovalRelayTargetFailing",
			// A single order makes at most 40 attempts in ten minutes. An order or two of one host wake nobody.
			expr: `
				sum @by(target) (rate(approval_relay_callback_attempts_total{result!~"ok|closed|interrupted"}[10m]))
				/ sum @by(target) (rate(approval_relay_callback_attempts_total[10m])) > 0.5
				and sum @by(target) (increase(approval_relay_callback_attempts_total{result!~"ok|closed|interrupted"}[10m])) > 40`,
			hold:     "5m",
			severity: page,
			summary: "{{ $value | humanizePercentage }} of the callback attempts by target {{ $labels.target }} " +
				"fail.",
			description: "They are tried again, but the states of the workflows may time out first. approval-relay show " +
				"ORDER has the error.",
			board: deliveryBoard,
		},
		{
			name: "ApprovalRelayTargetDegraded",
			expr: `
				(sum @by(target) (rate(approval_relay_callback_attempts_total{result!~"ok|closed|interrupted"}[30m]))
				/ sum @by(target) (rate(approval_relay_callback_attempts_total[30m])) > 0.05
				and sum @by(target) (increase(approval_relay_callback_attempts_total{result!~"ok|closed|interrupted"}[30m])) > 10)
				or
				(sum @by(target) (rate(approval_relay_heartbeats_total{result!~"ok|closed"}[30m]))
				/ sum @by(target) (rate(approval_relay_heartbeats_total[30m])) > 0.05
				and sum @by(target) (increase(approval_relay_heartbeats_total{result!~"ok|closed"}[30m])) > 10)`,
			hold:     "30m",
			severity: ticket,
			summary: "{{ $value | humanizePercentage }} of the callback attempts or heartbeats by target {{ " +
				"$labels.target }} have failed " +
				"for half an hour.",
			description: "One state machine or host of several refuses, or calls are throttled. approval-relay requests " +
				"--state=retrying " +
				"lists the orders, approval-relay show ORDER has the error.",
			board: deliveryBoard,
		},
	}
}

// failingHeartbeats is the share of heartbeats that failed in a window, if it is more than half and they are several.
func failingHeartbeats(window string) string {
	return fmt.Sprintf(`
		sum @by(target) (rate(approval_relay_heartbeats_total{result!~"ok|closed"}[%[1]s]))
		/ sum @by(target) (rate(approval_relay_heartbeats_total[%[1]s])) > 0.5
		and sum @by(target) (increase(approval_relay_heartbeats_total{result!~"ok|closed"}[%[1]s])) > 2.5`, window)
}

// owedAlerts are about workflows that wait for an answer or a heartbeat for long.
func owedAlerts() []alert {
	return []alert{
		{
			name: "ApprovalRelayAnswersOwed",
			// The age of the fifth oldest answer: one order or four of one host wake nobody, and neither do many that are each
			// tried again for some seconds. The window
			// holds the alert over a restart. The answers of a resumed workflow have some minutes to go out.
			expr: `
				max @by (max_over_time(approval_relay_fifth_oldest_owed_age_seconds[5m])) > 1800`,
			hold:     "10m",
			severity: page,
			summary:  "Five orders or more have waited for their answer for {{ $value | humanizeDuration }} or longer.",
			description: "Their workflows wait for an answer that exists, and each attempt fails or is held back. " +
				"approval-relay requests --state=retrying lists the orders, approval-relay show ORDER has the error.",
			board: deliveryBoard,
		},
		{
			name: "ApprovalRelayAnswerOwedLong",
			// The answers of a paused workflow are held on purpose. After a resume they have some minutes to go out.
			expr: `
				(max @by(workflow) (max_over_time(approval_relay_oldest_owed_age_seconds[10m])) > 3600
				unless @on(workflow) max @by(workflow) (max_over_time(approval_relay_paused{mode="pause"}[15m])) > 0)
				unless @on max @by (max_over_time(approval_relay_paused{workflow="*",mode="pause"}[15m])) > 0`,
			hold:     "5m",
			severity: ticket,
			summary:  "An order of {{ $labels.workflow }} has waited for its answer for {{ $value | humanizeDuration }}.",
			description: "Its callback is tried again until callback.retry.max_age. approval-relay requests --state=retrying lists the " +
				"order, approval-relay show ORDER has the error: the owner of the target may have to mend it.",
			board: deliveryBoard,
		},
		{
			name: "ApprovalRelayHeartbeatsFailing",
			// A waiting state ends after its HeartbeatSeconds without a heartbeat, so few failures matter. A failed heartbeat
			// comes again after an eighth of its interval: of intervals up to two hours, three are in an hour.
			expr: failingHeartbeats("15m") + `
				or ` + failingHeartbeats("1h") + `
				and sum @by(target) (increase(approval_relay_heartbeats_total{result!~"ok|closed"}[20m])) > 0`,
			hold:     "5m",
			severity: page,
			summary:  "{{ $value | humanizePercentage }} of the heartbeats by target {{ $labels.target }} fail.",
			description: "States with HeartbeatSeconds end by themselves soon. Look at the permission " +
				"states:SendTaskHeartbeat, at " +
				"throttling, and at the network.",
			board: deliveryBoard,
		},
		{
			name: "ApprovalRelayHeartbeatsLate",
			// A state outlives a heartbeat that is late by some seconds: HeartbeatSeconds is twice the interval or more. After a
			// start, all are due within a quarter of the interval, and the rate limit may need some minutes for them.
			expr: `
				max @by (approval_relay_heartbeat_lag_seconds) > 30`,
			hold:     "10m",
			severity: page,
			summary:  "Heartbeats are late by {{ $value | humanizeDuration }}.",
			description: "More approvals wait than the rate limit of the target lets through in an interval, or its calls are slow. " +
				"States end by themselves when a heartbeat is late by HeartbeatSeconds less the interval.",
			board: deliveryBoard,
		},
	}
}

package prometheus

// workerAlerts are about the processes: whether they are up, and stay up.
func workerAlerts() []alert {
	return []alert{
		{
			name: "ApprovalRelayDown",
			// A scrape that fails now and then does not count. An installation whose targets are gone is named for an hour.
			// After that, absent still tells when no worker at all is scraped; it has no namespace.
			expr: `
				max @by (max_over_time(up{job="approval-relay"}[2m])) == 0
				or (group @by (count_over_time(up{job="approval-relay"}[1h])) unless group @by (up{job="approval-relay"}))
				or (absent(up{job="approval-relay"}) unless on () group(count_over_time(up{job="approval-relay"}[50m])))`,
			hold:     "2m",
			severity: page,
			summary: "No approval-relay worker of {{ $labels.namespace }} is up, or none is scraped under the job " +
				"approval-relay.",
			description: "Links, webhooks and the API do not work, and no answer is sent; messages wait in their queues. " +
				"Look at " +
				"the last lines of the worker's log. If the workers run, the scrape configuration names another job.",
			board: workerBoard,
		},
		{
			name: "ApprovalRelayWorkerDown",
			expr: `
				min @by(instance) (max_over_time(up{job="approval-relay"}[2m])) == 0
				unless @on (max @by (max_over_time(up{job="approval-relay"}[2m])) == 0)`,
			hold:     "13m",
			severity: ticket,
			summary: "The worker {{ $labels.instance }} has been down for a quarter of an hour, while others of {{ " +
				"$labels.namespace }} are up.",
			description: "The other workers do all the work. Look at the last lines of its log, or at a rollout that " +
				"does not end.",
			board: workerBoard,
		},
		{
			name: "ApprovalRelayRestarts",
			expr: `
				max @by(instance) (changes(process_start_time_seconds{job="approval-relay"}[30m])) > 3
				or max @by(instance) (changes(process_start_time_seconds{job="approval-relay"}[6h])) > 7`,
			severity: ticket,
			summary:  "The worker {{ $labels.instance }} ends again and again: it has started {{ $value }} times lately.",
			description: "Four times in half an hour, or eight in six hours, is no rollout. The last lines of its log before " +
				"each start have the reason; without one, it was killed: look at its memory limit and its liveness probe.",
			board: workerBoard,
		},
	}
}

// surroundingAlerts are about what a process depends on: its configuration, its clock, its credentials.
func surroundingAlerts() []alert {
	return []alert{
		{
			name: "ApprovalRelayConfigNotReloaded",
			expr: `
				min @by(instance) (approval_relay_config_last_reload_successful) == 0`,
			hold:     "5m",
			severity: ticket,
			summary: "The configuration of {{ $labels.instance }} was not reloaded; the worker runs with the one it " +
				"had.",
			description: "The log line \"configuration not reloaded\" lists every fault. A worker that starts now may " +
				"refuse the file.",
			board: workerBoard,
		},
		{
			name: "ApprovalRelayClockSkew",
			expr: `
				max @by(instance) (abs(approval_relay_aws_clock_skew_seconds)) > 30`,
			hold:        "10m",
			severity:    ticket,
			summary:     "The clock of {{ $labels.instance }} differs from AWS's by {{ $value | humanizeDuration }}.",
			description: "Repair the time synchronization of the node. At five minutes AWS refuses every call.",
			board:       workerBoard,
		},
		{
			name: "ApprovalRelayClockUncertain",
			expr: `
				min @by (approval_relay_clock_uncertain) == 1`,
			hold:     "5m",
			severity: page,
			summary:  "The workers of {{ $labels.namespace }} do not trust their clocks, and hold every deadline.",
			description: "A clock has jumped, or is minutes from AWS's. The workers are not ready. Repair the time synchronization " +
				"of the nodes; the deadlines pass as soon as the clock is trusted again.",
			board: workerBoard,
		},
		{
			name: "ApprovalRelayAWSDenied",
			// A single answer is tried again within five minutes, so its denials are in every window. Reading a queue's URL and
			// depth, and the history of an execution, may be denied without harm.
			expr: `
				(sum @by(operation) (increase(approval_relay_aws_calls_total{
				result="denied", operation!~"SQS[.]GetQueue.*|SFN[.](DescribeExecution|GetExecutionHistory)"}[8m])) > 0)
				unless
				sum @by(operation) (increase(approval_relay_aws_calls_total{result="denied"}[8m]))
				< 0.1 * sum @by(operation) (increase(approval_relay_aws_calls_total[8m]))`,
			hold:     "12m",
			severity: page,
			summary:  "AWS denies {{ $labels.operation }}, or there are no credentials for it.",
			description: "No message is lost, but what needs this call stands still. Compare the role's policy with " +
				"docs/security.md, " +
				"and look at the worker's identity.",
			board: workerBoard,
		},
	}
}

package prometheus

// approvalAlerts are about approvals that nobody decides. They are for the owners of the workflows, by day: nobody on
// call can decide.
func approvalAlerts() []alert {
	return []alert{
		{
			name: "ApprovalRelayTimeoutsFastBurn",
			// The objective is 95 % decided in time, over 30 days. 14.4 times the budget's rate spends 2 % of it in an hour.
			expr: `
				approval_relay:approvals_timed_out:ratio_rate1h > 14.4 * 0.05
				and approval_relay:approvals_timed_out:ratio_rate5m > 14.4 * 0.05
				and sum @by(workflow) (increase(approval_relay_approvals_timed_out_total[1h])) > 4.5`,
			severity:    ticket,
			owner:       true,
			summary:     "{{ $value | humanizePercentage }} of the approvals of {{ $labels.workflow }} timed out in the last hour.",
			description: "The approvers do not know, or do not decide. Are they told, and are the pages viewed?",
			board:       approvalsBoard,
		},
		{
			name: "ApprovalRelayTimeoutsSlowBurn",
			// Three times the budget is spent, in the last hour and over the day.
			expr: `
				approval_relay:approvals_timed_out:ratio_rate1h > 3 * 0.05
				and approval_relay:approvals_timed_out:ratio_rate1d > 3 * 0.05
				and sum @by(workflow) (increase(approval_relay_approvals_timed_out_total[1d])) > 2.5`,
			hold:     "15m",
			severity: ticket,
			owner:    true,
			summary: "{{ $value | humanizePercentage }} of the approvals of {{ $labels.workflow }} timed out in the last hour. The day " +
				"exceeds its budget too.",
			description: "Add reminders or escalations, or set a longer deadline, such as one that covers a weekend.",
			board:       approvalsBoard,
		},
		{
			name: "ApprovalRelayOldestPending",
			// If some deadlines are longer than this threshold, raise it.
			expr: `
				time() - min @by(workflow) (approval_relay_oldest_pending_timestamp_seconds) > 3 * 86400`,
			hold:        "1h",
			severity:    ticket,
			owner:       true,
			summary:     "An approval of {{ $labels.workflow }} has been pending for {{ $value | humanizeDuration }}.",
			description: "Remind its approvers, ask others, or extend or cancel it: approval-relay requests lists the oldest first.",
			board:       approvalsBoard,
		},
	}
}

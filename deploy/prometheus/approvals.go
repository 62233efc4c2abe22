package prometheus

import "fmt"

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
			name: "ApprovalRelayDeadlineRisk",
			// The time that all pending approvals need at the rate limit of the slowest target in use, if it is longer than a
			// minute and than the time that the oldest one has left of the usual deadline.
			expr: `
				(sum @by (max @by(workflow) (approval_relay_approvals_pending))
				/ min @by (sum @by(target) (approval_relay_target_rate_limit > 0)
				and @on(target) sum @by(target) (increase(approval_relay_callbacks_total[1d])) > 0) > 60)
				> @on
				((` + ofDay("approval_decision_seconds", "sum") + `
				+ ` + ofDay("decision_time_left_seconds", "sum") + `)
				/ ` + ofDay("decision_time_left_seconds", "count") + `
				- (time() - min @by (approval_relay_oldest_pending_timestamp_seconds)))`,
			hold:     "10m",
			severity: ticket,
			summary: "All pending approvals of {{ $labels.namespace }} need {{ $value | humanizeDuration }} to be answered at the rate " +
				"limit, and the oldest are near their deadline.",
			description: "If many deadlines pass at the same moment, the last answers come too late. Raise the rate limit or the quota, " +
				"widen the margin, or add workers.",
			board: deliveryBoard,
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

// ofDay is the increase of the sum or count of a histogram in a day. The histogram is classic or native.
func ofDay(histogram, part string) string {
	return fmt.Sprintf(`sum @by (increase(approval_relay_%[1]s_%[2]s[1d])
		or histogram_%[2]s(increase(approval_relay_%[1]s[1d])))`, histogram, part)
}

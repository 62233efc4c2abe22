package prometheus

// notificationAlerts are about the messages to people.
func notificationAlerts() []alert {
	return []alert{
		{
			name: "ApprovalRelayNotificationsFailing",
			// A single notification makes at most twelve attempts in a quarter of an hour.
			expr: `
				sum @by(channel) (rate(approval_relay_notification_requests_failed_total[15m]))
				/ sum @by(channel) (rate(approval_relay_notification_requests_total[15m])) > 0.5
				and sum @by(channel) (increase(approval_relay_notification_requests_failed_total[15m])) > 12`,
			hold:     "10m",
			severity: page,
			summary: "{{ $value | humanizePercentage }} of the attempts to notify by channel {{ $labels.channel }} fail, so approvers " +
				"may not know about their approvals.",
			description: "Repair the channel; approval-relay show ORDER has its error. Meanwhile reach the approvers in another way.",
			board:       deliveryBoard,
		},
		{
			name:     "ApprovalRelayUndeliverable",
			expr:     counted(`approval_relay_approvals_undeliverable_total`, "workflow", "1h"),
			severity: ticket,
			owner:    true,
			summary:  "Approvals of {{ $labels.workflow }} are undeliverable, so their approvers do not know about them.",
			description: "approval-relay requests --state=undeliverable lists them. Ask somebody else, or correct the addresses and " +
				"remind.",
			board: approvalsBoard,
		},
		{
			name:        "ApprovalRelayNotificationsExhausted",
			expr:        counted(`approval_relay_notifications_failed_total`, "channel", "1h"),
			severity:    ticket,
			summary:     "Notifications of channel {{ $labels.channel }} are exhausted. They were not delivered.",
			description: "approval-relay show ORDER lists them. Notify the approvers in another way, and correct their addresses.",
			board:       deliveryBoard,
		},
	}
}

// chatAlerts are about the buttons in chats.
func chatAlerts() []alert {
	return []alert{
		{
			name: "ApprovalRelaySlackFailing",
			expr: `
				sum @by (increase(approval_relay_slack_interactions_total{result="failed"}[15m])) > 2.5
				and
				sum @by (increase(approval_relay_slack_interactions_total{result="failed"}[15m]))
				> 0.25 * sum @by (increase(approval_relay_slack_interactions_total[15m]))`,
			hold:     "5m",
			severity: ticket,
			summary:  "{{ printf \"%.0f\" $value }} presses of buttons in Slack failed in a quarter of an hour.",
			description: "The store or Slack is out of reach. The buttons can be pressed again; the links to the pages work without " +
				"Slack.",
			board: approvalsBoard,
		},
		{
			name: "ApprovalRelayTeamsFailing",
			expr: `
				sum @by (increase(approval_relay_teams_interactions_total{result="failed"}[15m])) > 2.5
				and
				sum @by (increase(approval_relay_teams_interactions_total{result="failed"}[15m]))
				> 0.25 * sum @by (increase(approval_relay_teams_interactions_total[15m]))`,
			hold:     "5m",
			severity: ticket,
			summary:  "{{ printf \"%.0f\" $value }} presses of buttons in Teams failed in a quarter of an hour.",
			description: "The store or the Bot Connector is out of reach. The buttons can be pressed again; the links to the " +
				"pages work without Teams.",
			board: approvalsBoard,
		},
	}
}

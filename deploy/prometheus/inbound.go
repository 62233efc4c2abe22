package prometheus

// inboundAlerts are about the answers to senders, approvers and callers.
func inboundAlerts() []alert {
	return []alert{
		{
			name:     "ApprovalRelayDeadLetters",
			expr:     counted(`approval_relay_dead_letters_total{source!="order"}`, "source", "15m"),
			severity: ticket,
			summary:  "Messages of {{ $labels.source }} became dead letters.",
			description: "approval-relay redrive --dry-run counts them by reason. Repair the sender, then redrive them " +
				"by that reason.",
			board: deliveryBoard,
		},
		{
			name: "ApprovalRelayOrderFull",
			// A short time is normal: with a distributed Map, the next approvals of an order wait until others end.
			expr: `
				sum @by(handler) (rate(approval_relay_messages_total{result="full"}[5m])) > 0`,
			hold:     "15m",
			severity: ticket,
			summary:  "Requests or decisions of {{ $labels.handler }} are refused for now: their order is full.",
			description: "The log line \"the order is full\" has the order. Give each item an order ID of its own, or " +
				"shorten the retention.",
			board: workerBoard,
		},
		{
			name: "ApprovalRelayCredentialsRefused",
			// A sender of decisions, by what it sends; and the API, by its answers.
			expr: `
				(sum @by(source, reason) (rate(approval_relay_refused_total{source=~"decision-.+"}[15m]))
				/ @on(source) group_left ()
				(sum @by(source) (rate(approval_relay_refused_total{source=~"decision-.+"}[15m]))
				+ @on(source) sum @by(source) (label_replace(
				rate(approval_relay_messages_total{handler=~"decision-.+", result=~"ok|filtered"}[15m]),
				"source", "$1", "handler", "(.+)"))) > 0.5
				or
				sum @by(source, reason) (rate(approval_relay_refused_total{source="api"}[15m]))
				/ @on group_left () sum @by (rate(approval_relay_http_requests_total{route=~".+ /(v1/.+|metrics)"}[15m])) > 0.5)
				and sum @by(source, reason) (increase(approval_relay_refused_total[15m])) > 4.5`,
			hold:     "15m",
			severity: ticket,
			summary: "{{ $value | humanizePercentage }} of what {{ $labels.source }} receives is refused, for the " +
				"reason {{ $labels.reason }}.",
			description: "approval-relay refused lists the last ones with the header or field at fault.",
			board:       workerBoard,
		},
		{
			name: "ApprovalRelayLinksRefused",
			expr: `
				sum @by (increase(approval_relay_decision_page_requests_total{result="refused"}[15m])) > 50`,
			severity: ticket,
			summary:  "{{ printf \"%.0f\" $value }} requests for decision pages were refused in 15 minutes.",
			description: "Old mails that are opened late are harmless. A sudden rise of forged links is not: look at the " +
				"access log.",
			board: approvalsBoard,
		},
	}
}

package prometheus

// tableAlerts are about a DynamoDB table.
func tableAlerts() []alert {
	return []alert{
		{
			name: "ApprovalRelayTableThrottled",
			// A throttled call is tried again, so that a few cost only time.
			expr: `
				(sum @by (increase(approval_relay_aws_calls_total{operation=~"DynamoDB.+",result="throttled"}[10m])) > 0.01
				* sum @by (increase(approval_relay_aws_calls_total{operation=~"DynamoDB.+"}[10m])))`,
			hold:     "10m",
			severity: ticket,
			summary:  "More than one in a hundred calls to the DynamoDB table of {{ $labels.namespace }} is throttled.",
			description: "Updates wait for their next attempt. The table, one of its partitions or the account is at its limit: " +
				"raise the throughput of the table, or wait until it has grown with the load.",
			board: workerBoard,
		},
	}
}

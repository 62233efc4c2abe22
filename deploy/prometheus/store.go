package prometheus

// storeAlerts are about the store and the sweeper.
func storeAlerts() []alert {
	return []alert{
		{
			name: "ApprovalRelayStoreFailing",
			// A failed commit is tried again by its sender, and a scrape whose read took too long says little. Both must last.
			expr: `
				(sum @by (increase(approval_relay_store_commit_errors_total[2m])) > 0
				unless
				sum @by (increase(approval_relay_store_commit_errors_total[2m]))
				< 0.05 * sum @by (increase(approval_relay_store_commits_total[2m])))
				or min @by (avg_over_time(approval_relay_store_up[3m])) < 0.5
				or max @by (approval_relay_store_unreadable_orders) > 0`,
			hold:     "3m",
			severity: page,
			summary:  "The store of {{ $labels.namespace }} fails to commit updates, or it or a record cannot be read.",
			description: "Senders get 503 and queues keep their messages. Look at the disk (SQLite) or at throttled and denied calls " +
				"(DynamoDB); for unreadable records, compare the keys with the store's.",
			board: workerBoard,
		},
		{
			name: "ApprovalRelaySweeperStuck",
			// A worker sweeps twice a second, so its time of the last sweep changes with every scrape, whatever its clock says.
			expr: `
				(max @by(instance) (changes(approval_relay_sweeper_last_success_timestamp_seconds[3m])) == 0)
				and (max @by(instance) (count_over_time(approval_relay_sweeper_last_success_timestamp_seconds[3m])) > 2)
				and max @by(instance) (approval_relay_sweeper_last_success_timestamp_seconds)`,
			hold:        "1m",
			severity:    page,
			summary:     "No sweep of {{ $labels.instance }} has succeeded for three minutes.",
			description: "Deadlines, retries, reminders and heartbeats of this worker stand still: its store hangs or fails.",
			board:       workerBoard,
		},
		{
			name: "ApprovalRelaySweeperBehind",
			// Both times are of the worker's clock. Without its last sweep, the time of the sample stands in. What a pause or an
			// uncertain clock holds stays due, and is done within minutes afterwards.
			expr: `
				(max @by (
				approval_relay_sweeper_last_success_timestamp_seconds
				- @on(instance) approval_relay_oldest_due_timestamp_seconds
				or @on(instance) (
				timestamp(approval_relay_oldest_due_timestamp_seconds) - approval_relay_oldest_due_timestamp_seconds)) > 60)
				unless @on (max @by (max_over_time(approval_relay_paused{mode="pause"}[5m])) > 0)
				unless @on (min @by (max_over_time(approval_relay_clock_uncertain[5m])) > 0)`,
			hold:     "2m",
			severity: page,
			summary:  "The sweeper is behind, and an action that was due {{ $value | humanizeDuration }} ago has not started.",
			description: "More is due than the workers can do, or a target, host or channel is so slow that its capacity is used up. " +
				"Look at the orders that wait for capacity.",
			board: workerBoard,
		},
	}
}

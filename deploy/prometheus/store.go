package prometheus

import "fmt"

// storeWorks are the workers with a store that works.
const storeWorks = `(
				(approval_relay_store_up == 1 or approval_relay_store_unreadable_orders == 0)
				unless @on(instance) approval_relay:store_failing)`

// failingStores are the workers whose store fails. A failed commit is tried again by its sender, and a scrape whose read
// took too long says little: both must last. Where little is committed, errors must come twice within 20 minutes.
func failingStores() string {
	const errors, commits = "sum @by(instance) (increase(approval_relay_store_commit_errors_total[%s]%s))",
		"sum @by(instance) (increase(approval_relay_store_commits_total[%s]))"
	return fmt.Sprintf(`
		group @by(instance) (
		(%[1]s > 0 unless %[1]s < 0.05 * %[2]s)
		or (%[3]s > 0 and %[4]s > 0 and %[5]s > 2.5 unless %[5]s < 0.5 * %[6]s)
		or avg_over_time(approval_relay_store_up[3m]) < 0.5
		or approval_relay_store_unreadable_orders > 0)`,
		fmt.Sprintf(errors, "2m", ""), fmt.Sprintf(commits, "2m"),
		fmt.Sprintf(errors, "10m", ""), fmt.Sprintf(errors, "10m", " offset 10m"),
		fmt.Sprintf(errors, "20m", ""), fmt.Sprintf(commits, "20m"))
}

// storeAlerts are about the store and the sweeper.
func storeAlerts() []alert {
	return []alert{
		{
			name: "ApprovalRelayStoreFailing",
			// It wakes nobody while another worker's store works: that worker does all the work.
			expr: `
				(group @by (approval_relay:store_failing) unless @on ` + storeWorks + `)`,
			hold:     "3m",
			severity: page,
			summary:  "The store of {{ $labels.namespace }} fails to commit updates, or it or a record cannot be read.",
			description: "Senders get 503 and queues keep their messages. Look at the disk (SQLite) or at throttled and denied calls " +
				"(DynamoDB); for unreadable records, compare the keys with the store's.",
			board: workerBoard,
		},
		{
			name: "ApprovalRelayWorkerStoreFailing",
			expr: `
				approval_relay:store_failing and @on ` + storeWorks,
			hold:     "10m",
			severity: ticket,
			summary: "The worker {{ $labels.instance }} fails to commit updates to its store, or cannot read it or a record, " +
				"while others can.",
			description: "It is not ready, and the other workers do all the work. Look at its log: its network, credentials or keys.",
			board:       workerBoard,
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
			// Both times are of the worker's clock. Without its last sweep, the time of the sample stands in. Actions that a
			// pause or an uncertain clock holds stay due, and are done within minutes afterwards.
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

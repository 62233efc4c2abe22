package grafana

// workerDashboard is for the operators of the program.
func workerDashboard() Dashboard {
	const about = "Whether the program is up and keeps up: queues, handlers, HTTP, AWS, store, sweeper, runtime."
	var parts []part
	parts = append(parts, workerTotals()...)
	parts = append(parts, queuePanels()...)
	parts = append(parts, handlerPanels()...)
	parts = append(parts, awsPanels()...)
	parts = append(parts, storePanels()...)
	parts = append(parts, runtimePanels()...)
	queue := labelVariable("queue", "Queue", "approval_relay_sqs_receives_total", ofInstance)
	return newDashboard("worker", about, "now-3h", variables(queue), parts...)
}

func workerTotals() []part {
	const slowestCommits = "p99 commit time"
	return []part{
		newRow("Now"),
		newStat("Workers",
			"Worker processes that are scraped. If there is none, the alert ApprovalRelayDown fires; if one of several is down, "+
				"ApprovalRelayWorkerDown does.",
			"short",
			query{"", `count(approval_relay_build_info{@all})`},
		).withThresholds(thresholdSteps("red", threshold{1, "green"})).withoutData("none"),
		newStat("Uptime",
			"Time since the youngest process was started. If it stays short, the process is being restarted: the alert "+
				"ApprovalRelayRestarts.",
			"s",
			query{"", `time() - max(process_start_time_seconds{@all})`},
		).goodFrom(60, 600),
		newStat("Store",
			"Whether every process could read its store for the last scrape. If none can, the alert ApprovalRelayStoreFailing "+
				"fires; if one of several cannot, ApprovalRelayWorkerStoreFailing does.",
			"short",
			query{"", `min(approval_relay_store_up{@all})`},
		).withThresholds(thresholdSteps("red", threshold{1, "green"})).withTexts("failing", "ok"),
		newStat("Last sweep",
			"Time since the last successful sweep, in the slowest process. Three minutes are the alert "+
				"ApprovalRelaySweeperStuck.",
			"s",
			query{"", `time() - min(approval_relay_sweeper_last_success_timestamp_seconds{@all} > 0)`},
		).badFrom(10, 120).withoutData("none yet"),
		newStat("Overdue",
			"Delay of the action that is due longest: a deadline, a reminder or a retry. A minute is the alert "+
				"ApprovalRelaySweeperBehind.",
			"s",
			query{"", `clamp_min(time() - min(approval_relay_oldest_due_timestamp_seconds{@all}), 0)`},
		).badFrom(10, 60).withoutData("nothing due"),
		newStat("Failed commits",
			"Commits that failed in this period. If they go on, the alert ApprovalRelayStoreFailing fires; the usual cause is a full "+
				"disk.",
			"short",
			query{"", `sum(increase(approval_relay_store_commit_errors_total{@all}[@period]))`},
		).colouredFrom(1, "red"),
		newTable("Processes",
			"Version and uptime of each process, and the time of its slowest commits in this period.",
			"instance", "Instance",
			query{"Processes", `
				sum by (instance, version, revision, goversion) (approval_relay_build_info{@all})`},
			query{"Uptime", `time() - max by (instance) (process_start_time_seconds{@all})`},
			query{slowestCommits, `
				histogram_quantile(0.99, sum by (instance, le) (
				increase(approval_relay_store_commit_duration_seconds_bucket{@all}[@period])))`},
		).columnInSeconds("Uptime", 0).columnInSeconds(slowestCommits, 3).sized(columns, 5),
	}
}

func queuePanels() []part {
	return []part{
		newRow("Queues (SQS)"),
		newLines("Received and deleted",
			"Messages per second, including redeliveries. A message is deleted when it was handled or became a dead letter.",
			"cps",
			query{"received, {{queue}}", `sum by (queue) (rate(approval_relay_sqs_messages_received_total{@queue}[@step]))`},
			query{"deleted, {{queue}}", `sum by (queue) (rate(approval_relay_sqs_messages_deleted_total{@queue}[@step]))`}),
		newLines("Age when received (p90)",
			"Time that messages spent in their queue. Five minutes are the alert ApprovalRelayQueueLag.",
			"s",
			query{"{{queue}}", `
				histogram_quantile(0.9, sum by (queue, le) (
				rate(approval_relay_sqs_message_age_seconds_bucket{@queue}[@step])))`},
		).badFrom(60, 300),
		newLines("In flight",
			"Messages received by these workers and not settled yet. The maximum of a worker is the queue's `concurrency`.",
			"short",
			query{"{{queue}}", `sum by (queue) (approval_relay_sqs_messages_in_flight{@queue})`}),
		newLines("API calls per message",
			"Receive, delete and visibility calls for each message received. Every call costs. Idle queues are polled too, so "+
				"this falls with load, to about 0.2.",
			"short",
			query{"{{queue}}", `
				sum by (queue) (rate(approval_relay_sqs_receives_total{@queue}[@step])
				+ rate(approval_relay_sqs_deletes_total{@queue}[@step])
				+ rate(approval_relay_sqs_visibility_extensions_total{@queue}[@step])
				+ rate(approval_relay_sqs_messages_returned_total{@queue}[@step]))
				/ sum by (queue) (rate(approval_relay_sqs_messages_received_total{@queue}[@step]))`}),
		newLines("Receive calls",
			"All receive calls, and those that returned no message. An idle queue has one empty long poll in 20 s.",
			"cps",
			query{"all, {{queue}}", `sum by (queue) (rate(approval_relay_sqs_receives_total{@queue}[@step]))`},
			query{"empty, {{queue}}", `sum by (queue) (rate(approval_relay_sqs_empty_receives_total{@queue}[@step]))`}),
		newLines("Usable",
			"1 if the worker's last receive call succeeded, and 0 if it failed, or if the queue could not be used since the start. "+
				"At 0 for all workers, ApprovalRelayNotConsuming fires; at 0 for one of several, ApprovalRelayWorkerNotConsuming does.",
			"short",
			query{"{{queue}}, {{instance}}", `min by (queue, instance) (approval_relay_sqs_receiving{@queue})`}),
		newLines("Queue depth",
			"Messages that wait in the queue, as SQS counts them every five minutes, approximately. If some wait while no "+
				"message is received, ApprovalRelayQueueGrowing fires. If it cannot be read, ApprovalRelayQueueDepthUnknown fires.",
			"short",
			query{"{{queue}}", `max by (queue) (approval_relay_sqs_queue_messages{@queue, state="visible"})`},
			query{"failed reads, {{queue}}", `sum by (queue) (increase(approval_relay_sqs_queue_read_errors_total{@queue}[@step]))`}),
		newLines("In flight, of all consumers",
			"Messages received by any consumer and not settled yet, as SQS counts them. At about 120,000 SQS delivers no more. "+
				"The alert ApprovalRelayQueueInFlight fires at 96,000.",
			"short",
			query{"{{queue}}", `max by (queue) (approval_relay_sqs_queue_messages{@queue, state="in_flight"})`},
		).badFrom(60000, 96000),
		newBars("Errors",
			"receive: calls that failed; if no message arrives either, ApprovalRelayNotConsuming fires. delete: handled messages "+
				"that are delivered again. visibility: failed changes of a visibility timeout. undecodable: messages that are not "+
				"what they claim to be, such as an SNS envelope of another topic.",
			query{"receive, {{queue}}", `sum by (queue) (increase(approval_relay_sqs_receive_errors_total{@queue}[@step]))`},
			query{"delete, {{queue}}", `sum by (queue) (increase(approval_relay_sqs_delete_failures_total{@queue}[@step]))`},
			query{"visibility, {{queue}}", `sum by (queue) (increase(approval_relay_sqs_visibility_errors_total{@queue}[@step]))`},
			query{"undecodable, {{queue}}", `
				sum by (queue) (increase(approval_relay_sqs_messages_undecodable_total{@queue}[@step]))`}),
		newBars("Returned and extended",
			"Messages returned to their queue because handling failed, and visibility timeouts extended because a handler is "+
				"still at work.",
			query{"returned, {{queue}}", `sum by (queue) (increase(approval_relay_sqs_messages_returned_total{@queue}[@step]))`},
			query{"extended, {{queue}}", `
				sum by (queue) (increase(approval_relay_sqs_visibility_extensions_total{@queue}[@step]))`}),
	}
}

func handlerPanels() []part {
	return []part{
		newRow("Handlers and HTTP"),
		newLines("Messages",
			"Messages handled per second. filtered: the source's filter does not match. refused: a decision that its verdict "+
				"refuses. invalid: a retry cannot help. failed: the message is delivered again. full: the order cannot hold more now, so "+
				"it is delivered again; after 15 minutes, ApprovalRelayOrderFull fires.",
			"cps",
			query{"{{result}}", `sum by (result) (rate(approval_relay_messages_total{@all}[@step]))`}),
		newLines("Handler time (p90)",
			"Time that handlers took for a message, by kind of handler.",
			"s",
			query{"{{handler}}", `
				histogram_quantile(0.9, sum by (handler, le) (
				rate(approval_relay_handler_duration_seconds_bucket{@all}[@step])))`},
		).badFrom(1, 10),
		newLines("HTTP requests",
			"HTTP requests answered per second, by class of status.",
			"reqps",
			query{"{{code}}", `sum by (code) (rate(approval_relay_http_requests_total{@all}[@step]))`}),
		newLines("HTTP request time (p90)",
			"Time that HTTP requests took, by route.",
			"s",
			query{"{{route}}", `
				histogram_quantile(0.9, sum by (route, le) (
				rate(approval_relay_http_request_duration_seconds_bucket{@all}[@step])))`},
		).badFrom(1, 10),
		newLines("Refused requests, by route",
			"Share of the requests that were answered with a 4xx. The next panel has the reasons.",
			"percentunit",
			query{"{{route}}", `
				sum by (route) (rate(approval_relay_http_requests_total{@all, code="4xx"}[@step]))
				/ sum by (route) (rate(approval_relay_http_requests_total{@all}[@step]))`},
		).badFrom(0.1, 0.5),
		newBars("Refusals, by reason",
			"Messages and calls that were refused, by way in and reason. The console has the last ones under Refused lately, with "+
				"the field at fault and the sender's address. If one reason is half of what a sender or the API gets, for 15 minutes, "+
				"ApprovalRelayCredentialsRefused fires.",
			query{"{{source}}, {{reason}}", `
				sum by (source, reason) (increase(approval_relay_refused_total{@all}[@step])) > 0`}),
		newLines("Connections, by address",
			"Open connections. A flood of the public address shows here first; it takes nothing from the operator's address.",
			"short",
			query{"{{instance}}, {{listener}}", `max by (instance, listener) (approval_relay_connections{@all})`}),
		newBars("Connections closed at the limit",
			"displaced: an idle connection gave way to a newer one, because the address had max_connections. refused: a new "+
				"connection was closed, because the worker was busy with every other one.",
			query{"{{listener}}, {{reason}}", `
				sum by (listener, reason) (increase(approval_relay_connections_closed_total{@all}[@step]))`}),
		newLines("Memory for bodies, by address",
			"Memory that the bodies of requests in progress take. The public address has 8 MiB, the operator's 32 MiB; beyond "+
				"it, slow bodies give way.",
			"bytes",
			query{"{{instance}}, {{listener}}", `max by (instance, listener) (approval_relay_body_memory_bytes{@all})`}),
	}
}

func awsPanels() []part {
	return []part{
		newRow("AWS"),
		newLines("Calls",
			"Calls to AWS per second, by operation. Each costs, and counts against a quota. Operations without calls are left out.",
			"cps",
			query{"{{operation}}", `sum by (operation) (rate(approval_relay_aws_calls_total{@all}[@step])) > 0`}),
		newBars("Failed calls",
			"throttled: above a quota, or above the throughput of the DynamoDB table; the alert ApprovalRelayTableThrottled. "+
				"denied: AWS refused the credentials, or there were none; the alert ApprovalRelayAWSDenied. "+
				"refused: any other 4xx, such as a task that no longer waits. failed: 5xx, or no answer.",
			query{"{{result}}, {{operation}}", `
				sum by (operation, result) (increase(approval_relay_aws_calls_total{@all, result!="ok"}[@step])) > 0`}),
		newLines("Units of the DynamoDB table",
			"Capacity units per second that the workers use, and writes that were computed again, because another worker had "+
				"written the order. docs/sizing.md has the units of an approval.",
			"short",
			query{"{{kind}}", `sum by (kind) (rate(approval_relay_dynamodb_units_total{@all}[@step]))`},
			query{"conflicts", `sum (rate(approval_relay_dynamodb_conflicts_total{@all}[@step]))`}),
		newBars("New connections",
			"Connections opened to channels, targets and AWS. They are kept between calls: far fewer than calls is well. As many as "+
				"calls: the other end closes them early, or each message of smtp has its own.",
			query{"{{to}}", `sum by (to) (increase(approval_relay_outgoing_connections_total{@all}[@step])) > 0`}),
		newLines("Clock skew",
			"How far the worker's clock is ahead of AWS's, to about a second. Half a minute in either direction is the alert "+
				"ApprovalRelayClockSkew.",
			"s",
			query{"{{instance}}", `max by (instance) (approval_relay_aws_clock_skew_seconds{@all})`}),
		newLines("Uncertain clocks",
			"1 while a worker does not trust its clock: it has jumped, or is more than 5 minutes from AWS's. Deadlines are held. If "+
				"all do, the alert ApprovalRelayClockUncertain fires.",
			"short",
			query{"{{instance}}", `max by (instance) (approval_relay_clock_uncertain{@all})`}),
		newLines("Paused and drained",
			"What operators have switched off: drain takes no new requests, pause also begins no notifications and no callbacks. "+
				"* stands for all workflows. After half an hour of pause, ApprovalRelayAnswersHeld fires, and after four hours of either, "+
				"ApprovalRelayPausedLong.",
			"short",
			query{"{{workflow}}, {{mode}}", `
				max by (workflow, mode) (approval_relay_paused{@all}) > 0
				or max by (mode) (approval_relay_paused{@all})`}),
		newLines("Configuration",
			"1 if the configuration was read successfully the last time, and 0 if a reload failed: the worker runs with the one "+
				"that it had; the alert ApprovalRelayConfigNotReloaded.",
			"short",
			query{"{{instance}}", `min by (instance) (approval_relay_config_last_reload_successful{@all})`}),
		newLines("Age of the configuration",
			"Time since the configuration was last read successfully, at the start or by a reload.",
			"s",
			query{"{{instance}}", `
				time() - max by (instance) (approval_relay_config_last_reload_success_timestamp_seconds{@all})`}),
		newLines("Spans",
			"Spans of traces per second: exported, or dropped because the collector did not take them. Empty if tracing is off.",
			"cps",
			query{"{{result}}", `sum by (result) (rate(approval_relay_trace_spans_total{@all}[@step]))`}),
	}
}

func storePanels() []part {
	return []part{
		newRow("Store and sweeper").collapsed(),
		newLines("Store call time (p90)",
			"Time of the calls of the store, by operation. An update ends when it is durable.",
			"s",
			query{"{{operation}}", `
				histogram_quantile(0.9, sum by (operation, le) (
				rate(approval_relay_store_call_duration_seconds_bucket{@all}[@step])))`},
		).badFrom(0.1, 1),
		newLines("Commits and updates",
			"Commits and updates per second. Simultaneous updates share a commit.",
			"cps",
			query{"commits", `sum(rate(approval_relay_store_commits_total{@all}[@step]))`},
			query{"updates", `sum(rate(approval_relay_store_updates_total{@all}[@step]))`},
			query{"failed commits", `sum(rate(approval_relay_store_commit_errors_total{@all}[@step]))`}),
		newLines("Commit time",
			"Time of a commit, mostly that of the disk: a commit is durable before the message is acknowledged.",
			"s",
			query{"p50", `
				histogram_quantile(0.5, sum by (le) (rate(approval_relay_store_commit_duration_seconds_bucket{@all}[@step])))`},
			query{"p99", `
				histogram_quantile(0.99, sum by (le) (rate(approval_relay_store_commit_duration_seconds_bucket{@all}[@step])))`},
		).badFrom(0.1, 1),
		newLines("Updates per commit",
			"Average number of updates that share a commit. It rises with load, and makes the store fast.",
			"short",
			query{"updates", `
				sum(rate(approval_relay_store_commit_updates_sum{@all}[@step]))
				/ sum(rate(approval_relay_store_commit_updates_count{@all}[@step]))`}),
		newLines("Orders that cannot be opened",
			"Orders whose records a worker cannot open with its keys, by process. Above 0 the worker is not ready, and the "+
				"alert ApprovalRelayStoreFailing fires: restore the key file that belongs to the store.",
			"short",
			query{"{{instance}}", `max by (instance) (approval_relay_store_unreadable_orders{@all})`},
		).withThresholds(thresholdSteps("green", threshold{1, "red"})),
		newLines("Sweeps",
			"Sweeps, and the orders that they claimed, per second. An idle worker sweeps twice a second.",
			"cps",
			query{"sweeps, {{result}}", `sum by (result) (rate(approval_relay_sweeps_total{@all}[@step]))`},
			query{"orders claimed", `sum(rate(approval_relay_sweeper_orders_claimed_total{@all}[@step]))`}),
		newLines("Overdue",
			"Delay of the action that is due longest, by process.",
			"s",
			query{"{{instance}}", `
				clamp_min(time() - min by (instance) (approval_relay_oldest_due_timestamp_seconds{@all}), 0)`},
		).badFrom(10, 60),
		newLines("Actions",
			"Actions given to their handlers per second, by kind.",
			"cps",
			query{"{{kind}}", `sum by (kind) (rate(approval_relay_actions_dispatched_total{@all}[@step]))`}),
	}
}

func runtimePanels() []part {
	return []part{
		newRow("Runtime").collapsed(),
		newLines("CPU",
			"Cores in use, by process.",
			"short",
			query{"{{instance}}", `sum by (instance) (rate(process_cpu_seconds_total{@all}[@step]))`}),
		newLines("Memory",
			"Resident memory, and Go's heap in use, by process.",
			"bytes",
			query{"resident, {{instance}}", `sum by (instance) (process_resident_memory_bytes{@all})`},
			query{"heap, {{instance}}", `sum by (instance) (go_memstats_heap_inuse_bytes{@all})`}),
		newLines("Goroutines",
			"Goroutines, by process. They grow with the messages and calls under way, and fall again.",
			"short",
			query{"{{instance}}", `sum by (instance) (go_goroutines{@all})`}),
		newLines("File descriptors",
			"Share of the process's limit of file descriptors, which are connections mostly.",
			"percentunit",
			query{"{{instance}}", `max by (instance) (process_open_fds{@all} / process_max_fds{@all})`},
		).badFrom(0.7, 0.9),
	}
}

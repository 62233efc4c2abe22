package prometheus

// workerScenarios are about processes, scrapes, configuration and clocks.
func workerScenarios() []scenario {
	return []scenario{
		{
			name: "restart: 40 seconds down, the new pod has another address", minutes: 30,
			series: []series{of("up", flat(1, 10), flat(0, 0.5), staleFor(19.5)), of(`up{instance="b"}`, gone(11), flat(1, 19))},
		},
		{
			name: "one of two workers is down for half an hour", minutes: 60,
			series: []series{of("up", flat(1, 60)), of(`up{instance="b"}`, flat(1, 10), flat(0, 30), flat(1, 20))},
			fires:  []string{"ticket ApprovalRelayWorkerDown"}, within: 26, ends: true,
		},
		{
			name: "one of two workers is down for three minutes", minutes: 40,
			series: []series{of("up", flat(1, 40)), of(`up{instance="b"}`, flat(1, 10), flat(0, 3), flat(1, 27))},
		},
		{
			name: "rollout: the new pod never answers, two old ones serve", minutes: 45,
			series: []series{
				of("up", flat(1, 45)), of(`up{instance="b"}`, flat(1, 45)),
				of(`up{instance="c"}`, gone(10), flat(0, 35)),
			},
			fires: []string{"ticket ApprovalRelayWorkerDown"},
		},
		{
			name: "rollout of three workers, one after the other", minutes: 40,
			series: []series{
				of("up", flat(1, 10), staleFor(30)), of(`up{instance="b"}`, flat(1, 12), staleFor(28)),
				of(`up{instance="c"}`, flat(1, 14), staleFor(26)),
				of(`up{instance="d"}`, gone(9), flat(0, 1), flat(1, 30)),
				of(`up{instance="e"}`, gone(11), flat(0, 1), flat(1, 28)),
				of(`up{instance="f"}`, gone(13), flat(0, 1), flat(1, 26)),
			},
		},
		{
			name: "the only worker is down", minutes: 30,
			series: []series{of("up", flat(1, 10), flat(0, 20))},
			fires:  []string{"page ApprovalRelayDown"}, within: 14, labels: []string{`namespace="prod"`, `job="approval-relay"`},
		},
		{
			name: "both workers are down", minutes: 40,
			series: []series{of("up", flat(1, 10), flat(0, 30)), of(`up{instance="b"}`, flat(1, 12), flat(0, 28))},
			fires:  []string{"page ApprovalRelayDown"}, within: 16,
		},
		{
			name: "the target disappears, as its service was deleted", minutes: 30,
			series: []series{of("up", flat(1, 10), staleFor(20))},
			fires:  []string{"page ApprovalRelayDown"}, within: 15,
		},
		{
			name: "two hours after the only target disappeared", minutes: 130, bare: true,
			series: []series{of("up", flat(1, 10), staleFor(120))},
			fires:  []string{"page ApprovalRelayDown"}, labels: []string{`job="approval-relay"`},
		},
		{
			name: "one installation of two is gone, the other is scraped", minutes: 30,
			series: []series{
				of(`up{namespace="shop"}`, flat(1, 30)),
				of(`up{namespace="bank"}`, flat(1, 10), staleFor(20)),
			},
			fires: []string{"page ApprovalRelayDown"}, labels: []string{`namespace="bank"`},
		},
		{
			name: "one installation of two is down, the other is up", minutes: 30,
			series: []series{of(`up{namespace="shop"}`, flat(1, 30)), of(`up{namespace="bank"}`, flat(1, 10), flat(0, 20))},
			fires:  []string{"page ApprovalRelayDown"}, labels: []string{`namespace="bank"`},
		},
		{
			name: "the workers are scraped under another job", minutes: 30, bare: true,
			series: []series{of(`up{job="relay"}`, flat(1, 30))},
			fires:  []string{"page ApprovalRelayDown"},
		},
		{
			name: "one scrape in ten fails", minutes: 60,
			series: []series{of("up", repeat(12, flat(1, 4.5), flat(0, 0.5))...)},
		},
		{
			name: "crash loop: two minutes up, half a minute down, for an hour", minutes: 70,
			series: []series{
				of("up", append([]segment{flat(1, 5)}, repeat(26, flat(1, 2), flat(0, 0.5))...)...),
				of("process_start_time_seconds", crashes(26)...),
			},
			fires: []string{"ticket ApprovalRelayRestarts"}, within: 20,
		},
		{
			name: "three restarts of a careful operator in half an hour", minutes: 60,
			series: []series{of("process_start_time_seconds", flat(0, 10), flat(600, 10), flat(1200, 10), flat(1800, 30))},
		},
		{
			name: "a restart in place: counters begin again in the middle of an hour", minutes: 60,
			series: []series{
				of("process_start_time_seconds", flat(-86400, 10), flat(600, 50)),
				of(`approvals_undeliverable_total{workflow="orders"}`, flat(5, 10), flat(0, 50)),
				of(`dead_letters_total{source="request-orders"}`, flat(7, 10), flat(0, 50)),
				of(`callbacks_total{target="sfn",outcome="too_late"}`, flat(3, 10), flat(0, 50)),
				of(`notifications_failed_total{channel="mail"}`, flat(4, 10), flat(0, 50)),
			},
		},
		{
			name: "a deployment: the old pod is gone, the new one counts anew", minutes: 60,
			series: []series{
				of("up", flat(1, 20), staleFor(40)), of(`up{instance="b"}`, gone(20), flat(1, 40)),
				of("process_start_time_seconds", flat(-86400, 20), staleFor(40)),
				of(`process_start_time_seconds{instance="b"}`, gone(20), flat(1200, 40)),
				of("sweeper_last_success_timestamp_seconds", since(0, 60, 20), staleFor(40)),
				of(`sweeper_last_success_timestamp_seconds{instance="b"}`, gone(20), since(1200, 60, 40)),
				of(`sqs_receiving{queue="request-orders"}`, flat(1, 20), staleFor(40)),
				of(`sqs_receiving{queue="request-orders",instance="b"}`, gone(20), flat(0, 1), flat(1, 39)),
				of(`callbacks_total{target="sfn",outcome="too_late"}`, flat(3, 20), staleFor(40)),
				of(`callbacks_total{target="sfn",outcome="too_late",instance="b"}`, gone(20), flat(0, 40)),
				of("exhausted_orders", flat(0, 20), staleFor(40)), of(`exhausted_orders{instance="b"}`, gone(20), flat(0, 40)),
			},
		},
		{
			name: "a fresh Prometheus scrapes a worker that has counted for days", minutes: 60,
			series: []series{
				of(`approvals_undeliverable_total{workflow="orders"}`, flat(5, 60)),
				of(`dead_letters_total{source="request-orders"}`, flat(7, 60)),
				of(`callbacks_total{target="sfn",outcome="too_late"}`, flat(3, 60)),
				of(`callbacks_total{target="sfn",outcome="exhausted"}`, flat(3, 60)),
				of(`notifications_failed_total{channel="mail"}`, flat(4, 60)),
			},
		},
		{
			name: "Prometheus itself is away for four minutes", minutes: 40,
			series: []series{
				of("up", flat(1, 10), gone(4), flat(1, 26)),
				of("sweeper_last_success_timestamp_seconds", since(0, 60, 10), gone(4), since(840, 60, 26)),
				of("oldest_due_timestamp_seconds", since(2, 60, 10), gone(4), since(842, 60, 26)),
				of("store_up", flat(1, 10), gone(4), flat(1, 26)),
				of("store_commit_errors_total", flat(3, 10), gone(4), flat(3, 26)),
				of(`sqs_receiving{queue="request-orders"}`, flat(1, 10), gone(4), flat(1, 26)),
			},
		},
		{
			name: "every second scrape is missing", minutes: 60,
			series: []series{
				of("up", repeat(60, flat(1, 0.5), gone(0.5))...),
				of("sweeper_last_success_timestamp_seconds", everySecond(60)...),
				of("store_up", repeat(60, flat(1, 0.5), gone(0.5))...),
			},
		},
		{
			name: "no traffic for a day", minutes: 24 * 60,
			series: []series{
				of("sweeper_last_success_timestamp_seconds", since(0, 60, 24*60)), of("store_up", flat(1, 24*60)),
				of(`sqs_receives_total{queue="request-orders"}`, grow(3, 24*60)),
				of(`sqs_receive_errors_total{queue="request-orders"}`, flat(0, 24*60)),
				of(`sqs_messages_received_total{queue="request-orders"}`, flat(0, 24*60)),
				of(`sqs_queue_messages{queue="request-orders",state="visible"}`, flat(0, 24*60)),
				of(`callback_delivery_seconds_bucket{target="sfn",le="60.0"}`, flat(0, 24*60)),
				of(`callback_delivery_seconds_count{target="sfn"}`, flat(0, 24*60)),
				of(`callbacks_total{target="sfn",outcome="exhausted"}`, flat(0, 24*60)),
				of(`callback_attempts_total{target="sfn",result="failed"}`, flat(0, 24*60)),
				of(`heartbeats_total{target="sfn",result="failed"}`, flat(0, 24*60)),
				of(`approvals_timed_out_total{workflow="orders"}`, flat(0, 24*60)),
				of(`approvals_decided_total{workflow="orders"}`, flat(0, 24*60)), of("exhausted_orders", flat(0, 24*60)),
			},
		},
		{
			name: "the clock of the worker is three minutes behind that of Prometheus", minutes: 60,
			series: []series{
				of("sweeper_last_success_timestamp_seconds", since(-180, 60, 60)),
				of("oldest_due_timestamp_seconds", since(-179, 60, 60)),
				of("aws_clock_skew_seconds", flat(-180, 60)),
			},
			fires: []string{"ticket ApprovalRelayClockSkew"},
		},
		{
			name: "no worker trusts its clock for half an hour", minutes: 60,
			series: []series{
				of("clock_uncertain", flat(0, 10), flat(1, 30), flat(0, 20)),
				of(`clock_uncertain{instance="b"}`, flat(0, 10), flat(1, 30), flat(0, 20)),
			},
			fires: []string{"page ApprovalRelayClockUncertain"}, within: 17, ends: true,
		},
		{
			name: "one of two workers does not trust its clock, another one for two minutes", minutes: 60,
			series: []series{
				of("clock_uncertain", flat(0, 10), flat(1, 50)),
				of(`clock_uncertain{instance="b"}`, flat(0, 20), flat(1, 2), flat(0, 38)),
			},
		},
		{
			name: "the clock is 20 seconds off", minutes: 60,
			series: []series{of("aws_clock_skew_seconds", flat(20, 60))},
		},
		{
			name: "a reload is refused, and mended after twenty minutes", minutes: 60,
			series: []series{of("config_last_reload_successful", flat(1, 10), flat(0, 20), flat(1, 30))},
			fires:  []string{"ticket ApprovalRelayConfigNotReloaded"}, within: 16, ends: true,
		},
		{
			name: "one denied call, as a token was rotated under it", minutes: 60,
			series: []series{
				of(`aws_calls_total{operation="SFN.SendTaskSuccess",result="denied"}`, flat(0, 10), flat(1, 50)),
				of(`aws_calls_total{operation="SFN.SendTaskSuccess",result="ok"}`, grow(1, 60)),
			},
		},
		{
			name: "one denied call, and no other for an hour", minutes: 60,
			series: []series{of(`aws_calls_total{operation="SFN.SendTaskSuccess",result="denied"}`, flat(0, 10), flat(1, 50))},
		},
		{
			name: "SES denies every call; its series begins with the first", minutes: 60,
			series: []series{of(`aws_calls_total{operation="other",result="denied"}`, gone(10), since(1, 2, 50))},
			fires:  []string{"page ApprovalRelayAWSDenied"}, within: 25, labels: []string{`operation="other"`},
		},
		{
			name: "one of a hundred calls is denied, as one queue of many has no permission", minutes: 60,
			series: []series{
				of(`aws_calls_total{operation="SQS.ChangeMessageVisibility",result="denied"}`, grow(1, 60)),
				of(`aws_calls_total{operation="SQS.ChangeMessageVisibility",result="ok"}`, grow(99, 60)),
			},
		},
		{
			name: "the history of executions may not be read, nor the depth of a queue", minutes: 60,
			series: []series{
				of(`aws_calls_total{operation="SFN.GetExecutionHistory",result="denied"}`, grow(5, 60)),
				of(`aws_calls_total{operation="SFN.DescribeExecution",result="denied"}`, grow(5, 60)),
				of(`aws_calls_total{operation="SQS.GetQueueAttributes",result="denied"}`, grow(0.2, 60)),
			},
		},
	}
}

// crashes are the times of start of a process that starts every two and a half minutes.
func crashes(times int) []segment {
	all := []segment{flat(-3600, 5)}
	for i := range times {
		start := float64(300 + 150*i)
		all = append(all, flat(start, 2), gone(0.5))
	}
	return all
}

// everySecond has a sample of the clock in every second scrape.
func everySecond(minutes int) []segment {
	var all []segment
	for i := range minutes {
		all = append(all, flat(float64(60*i), 0.5), gone(0.5))
	}
	return all
}

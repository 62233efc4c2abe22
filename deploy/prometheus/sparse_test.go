package prometheus

// sparseScenarios are about installations with little traffic, and about series that have just begun.
func sparseScenarios() []scenario {
	const day = 24 * 60
	const denied = `aws_calls_total{operation="SFN.SendTaskSuccess",result="denied"}`
	return []scenario{
		{
			name: "one answer an hour, and all are late", minutes: day,
			series: answered("sfn", []segment{flat(0, day)}, hourly(24)),
			fires: []string{
				"page ApprovalRelayCallbackLatencyFastBurn", "ticket ApprovalRelayCallbackLatencySlowBurn",
			},
			within: 8 * 60,
		},
		{
			name: "1 % of the attempts fail all day, and every answer arrives in time", minutes: 3 * day,
			series: append(answered("sfn", []segment{grow(100, day)}, []segment{grow(100, day)}),
				of(`callback_attempts_total{target="sfn",result="ok"}`, grow(100, day)),
				of(`callback_attempts_total{target="sfn",result="failed"}`, grow(1, day)), of("retrying_orders", flat(1, day))),
		},
		{
			name: "a quiet night, the disk is full: a message comes again every six minutes", minutes: 120,
			series: []series{
				of("store_up", flat(1, 120)), of("store_commits_total", steps(5, 30, 6, 15)...),
				of("store_commit_errors_total", steps(0, 30, 6, 15)...),
			},
			fires: []string{"page ApprovalRelayStoreFailing"}, within: 60,
		},
		{
			name: "a quiet night, four commits fail within 20 seconds", minutes: 120,
			series: []series{
				of("store_up", flat(1, 120)), of("store_commit_errors_total", flat(0, 30), flat(4, 90)),
				of("store_commits_total", flat(0, 30), flat(4, 90)),
			},
		},
		{
			name: "the answer of the only approval is denied, and tried again every five minutes", minutes: 120,
			series: []series{of(denied, append([]segment{flat(0, 20), flat(6, 2)}, steps(6, 3, 5, 19)...)...)},
			fires:  []string{"page ApprovalRelayAWSDenied"}, within: 40,
		},
		{
			name: "heartbeats come once an hour, and fail: each is tried again after eight minutes", minutes: 150,
			series: []series{
				of(`heartbeats_total{target="sfn",result="failed"}`, steps(0, 20, 8, 16)...),
				of(`heartbeats_total{target="sfn",result="ok"}`, flat(4, 150)),
			},
			fires: []string{"page ApprovalRelayHeartbeatsFailing"}, within: 60,
		},
		{
			name: "a reload adds a workflow and a target, and their first events are before the first scrape", minutes: 60,
			series: []series{
				of(`approvals_undeliverable_total{workflow="new"}`, gone(20), flat(1, 40)),
				of(`approvals_undeliverable_total{workflow="orders"}`, flat(5, 60)),
				of(`answers_missed_total{target="new",outcome="too_late"}`, gone(20), flat(1, 40)),
				of(`answers_missed_total{target="sfn",outcome="too_late"}`, flat(3, 60)),
			},
			fires:  []string{"ticket ApprovalRelayCallbacksTooLate", "ticket ApprovalRelayUndeliverable"},
			within: 22,
		},
		{
			name: "exhausted for days: nothing is scraped for an hour, and that pages once only", minutes: 12 * 60,
			series: []series{
				of("up", flat(1, 300), gone(60), flat(1, 360)),
				of("process_start_time_seconds", flat(-9e5, 300), gone(60), flat(-9e5, 360)),
				of("exhausted_orders", flat(2, 300), gone(60), flat(2, 360)),
				of(`callbacks_total{target="sfn",outcome="exhausted"}`, flat(2, 300), gone(60), flat(2, 360)),
			},
			fires: []string{
				"page ApprovalRelayCallbacksExhausted", "page ApprovalRelayDown", "ticket ApprovalRelayCallbacksStillExhausted",
			},
			silent: "ApprovalRelayCallbacksExhausted", after: 300,
		},
	}
}

// steps are the values of a counter that stays for some minutes, and then grows by 1 every so many minutes.
func steps(from, first, every float64, times int) []segment {
	all := []segment{flat(from, first)}
	for i := range times {
		all = append(all, flat(from+float64(i)+1, every))
	}
	return all
}

// hourly is a counter that grows by 1 every hour.
func hourly(hours int) []segment { return steps(0, 60, 60, hours-1) }

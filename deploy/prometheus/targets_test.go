package prometheus

// fifth is the age of the fifth oldest answer that is owed.
const fifth = "fifth_oldest_owed_age_seconds"

// oldest is the age of the oldest answer that is owed to a workflow.
func oldest(workflow string) string { return `oldest_owed_age_seconds{workflow="` + workflow + `"}` }

// owedScenarios are about answers that are owed for long.
func owedScenarios() []scenario {
	return []scenario{
		{
			name: "a target is away for twenty minutes with a hundred orders, and all are answered within five more", minutes: 90,
			series: []series{
				of(oldest("orders"), flat(0, 10), grow(60, 25), flat(0, 55)), of(fifth, flat(0, 10), grow(60, 25), flat(0, 55)),
			},
		},
		{
			name: "a target is away for an hour and a half with a hundred orders, then all are answered", minutes: 150,
			series: []series{
				of(oldest("orders"), flat(0, 10), grow(60, 90), flat(0, 50)), of(fifth, flat(0, 10), grow(60, 90), flat(0, 50)),
			},
			fires:  []string{"page ApprovalRelayAnswersOwed", "ticket ApprovalRelayAnswerOwedLong"},
			within: 80, ends: true,
		},
		{
			name: "three in a hundred of a thousand answers a minute are throttled: some always wait, each for a minute", minutes: 24 * 60,
			series: []series{
				of("retrying_orders", flat(30, 24*60)), of(oldest("orders"), flat(90, 24*60)), of(fifth, flat(60, 24*60)),
				of("owed_orders", flat(30, 24*60)),
				of(`callback_attempts_total{target="sfn",result="failed"}`, grow(30, 24*60)),
				of(`callback_attempts_total{target="sfn",result="ok"}`, grow(970, 24*60)),
			},
		},
		{
			name: "the host of one customer has been down for a day with an order, and answers of others are throttled", minutes: 120,
			series: []series{
				of("retrying_orders", flat(31, 120)), of(oldest("orders"), since(86400, 60, 120)), of(oldest("refunds"), flat(90, 120)),
				of(fifth, flat(60, 120)),
			},
			fires: []string{"ticket ApprovalRelayAnswerOwedLong"}, within: 20, labels: []string{`workflow="orders"`},
		},
		{
			name: "one slow target among three: its answers wait for an hour, those of the others for seconds", minutes: 120,
			series: []series{
				of(oldest("orders"), flat(2, 120)), of(oldest("refunds"), flat(0, 120)),
				of(oldest("payouts"), flat(0, 10), grow(60, 110)), of(fifth, flat(0, 10), grow(60, 110)),
			},
			fires:  []string{"page ApprovalRelayAnswersOwed", "ticket ApprovalRelayAnswerOwedLong"},
			within: 90, labels: []string{`namespace="prod"`},
		},
		{
			name: "three workers report the same owed answers", minutes: 60,
			series: []series{
				of(fifth, since(0, 25, 60)), of(fifth+`{instance="b"}`, since(0, 25, 60)), of(fifth+`{instance="c"}`, since(0, 25, 60)),
				of(oldest("orders"), since(0, 25, 60)), of(`oldest_owed_age_seconds{workflow="orders",instance="b"}`, since(0, 25, 60)),
			},
		},
		{
			name: "one of three workers cannot read the store, and answers wait", minutes: 60,
			series: []series{
				of(fifth, flat(0, 5), grow(60, 15), staleFor(40)), of(fifth+`{instance="b"}`, flat(0, 5), grow(60, 55)),
			},
			fires: []string{"page ApprovalRelayAnswersOwed"}, within: 50,
		},
		{
			name: "the worker restarts twice while answers wait", minutes: 90,
			series: []series{
				of(fifth, flat(0, 5), grow(60, 31), staleFor(2), since(33*60, 60, 10), staleFor(2), since(45*60, 60, 40)),
			},
			fires: []string{"page ApprovalRelayAnswersOwed"}, within: 55,
		},
		{
			name: "every second scrape fails while answers wait", minutes: 90,
			series: []series{of(fifth, repeat(45, since(2400, 0, 1), staleFor(1))...)},
			fires:  []string{"page ApprovalRelayAnswersOwed"}, within: 20,
		},
		{
			name: "a store that cannot be read has no ages", minutes: 60,
			series: []series{of(fifth, flat(0, 10), staleFor(50)), of(oldest("orders"), flat(0, 10), staleFor(50))},
		},
		{
			name: "answers are owed in one of two installations", minutes: 60,
			series: []series{of(fifth, flat(0, 60)), of(fifth+`{namespace="bank"}`, since(600, 60, 60))},
			fires:  []string{"page ApprovalRelayAnswersOwed"}, labels: []string{`namespace="bank"`},
		},
		{
			name: "a workflow is paused for two hours, and its answers are held until the resume", minutes: 180,
			series: []series{
				of(`paused{workflow="orders",mode="pause"}`, flat(0, 10), flat(1, 120), flat(0, 50)),
				of(oldest("orders"), flat(0, 10), grow(60, 123), flat(0, 47)), of(fifth, flat(0, 130), since(7200, 60, 3), flat(0, 47)),
			},
			fires: []string{"ticket ApprovalRelayAnswersHeld"}, ends: true,
		},
		{
			name: "all workflows are paused for two hours", minutes: 150,
			series: []series{
				of(`paused{workflow="*",mode="pause"}`, flat(0, 10), flat(1, 120), flat(0, 20)),
				of(oldest("orders"), flat(0, 10), grow(60, 120), flat(0, 20)), of(fifth, flat(0, 150)),
			},
			fires: []string{"ticket ApprovalRelayAnswersHeld"},
		},
		{
			name: "a workflow is paused, and the answers of another one are owed", minutes: 120,
			series: []series{
				of(`paused{workflow="orders",mode="pause"}`, flat(1, 120)), of(`paused{workflow="refunds",mode="pause"}`, flat(0, 120)),
				of(oldest("orders"), since(60, 60, 120)), of(oldest("refunds"), since(60, 60, 120)), of(fifth, since(0, 60, 120)),
			},
			fires: []string{
				"page ApprovalRelayAnswersOwed", "ticket ApprovalRelayAnswerOwedLong", "ticket ApprovalRelayAnswersHeld",
			},
			labels: []string{`namespace="prod"`},
		},
	}
}

// targetScenarios are about the calls to workflows.
func targetScenarios() []scenario {
	const failed = `callback_attempts_total{target="http",result="failed"}`
	const ok = `callback_attempts_total{target="http",result="ok"}`
	beat := func(result string) string { return `heartbeats_total{target="sfn",result="` + result + `"}` }
	return []scenario{
		{
			name: "the callback host of one customer is down at night, with one order", minutes: 120,
			series: []series{
				of(failed, flat(0, 10), grow(2, 110)), of("retrying_orders", flat(0, 10), flat(1, 110)),
				of(oldest("orders"), flat(0, 10), grow(60, 110)), of(fifth, flat(0, 120)),
			},
			fires: []string{"ticket ApprovalRelayAnswerOwedLong", "ticket ApprovalRelayTargetDegraded"},
		},
		{
			name: "the callback host of one customer is down for ten minutes, with one order", minutes: 120,
			series: []series{
				of(failed, flat(0, 10), grow(2, 10), grow(0, 100)), of("retrying_orders", flat(0, 10), flat(1, 10), flat(0, 100)),
			},
		},
		{
			name: "three workers with 512 callbacks at once are killed", minutes: 120,
			series: []series{
				of(`callback_attempts_total{target="http",result="interrupted"}`, flat(0, 10), flat(1536, 110)),
				of(ok, flat(0, 10), flat(500, 110)),
			},
		},
		{
			name: "one state machine of ten refuses for five hours", minutes: 310,
			series: []series{
				of(failed, flat(0, 10), grow(1, 300)), of(ok, grow(9, 310)),
				of("retrying_orders", flat(0, 10), since(0, 1, 300)),
				of(oldest("orders"), flat(0, 10), grow(60, 300)), of(oldest("refunds"), flat(0, 310)),
				of(fifth, flat(0, 15), grow(60, 295)),
			},
			fires: []string{
				"page ApprovalRelayAnswersOwed", "ticket ApprovalRelayAnswerOwedLong", "ticket ApprovalRelayTargetDegraded",
			},
			within: 80,
		},
		{
			name: "a target is down, and its circuit breaker makes an attempt a second", minutes: 60,
			series: []series{of(failed, flat(0, 15), grow(60, 45)), of(ok, grow(5, 15), grow(0, 45))},
			fires:  []string{"page ApprovalRelayTargetFailing", "ticket ApprovalRelayTargetDegraded"}, labels: []string{`target="http"`},
		},
		{
			name: "five mails wait for their retry for six hours, callbacks are fine", minutes: 6 * 60,
			series: []series{
				of(oldest("orders"), flat(0, 6*60)), of(fifth, flat(0, 6*60)),
				of("retrying_orders", flat(5, 6*60)), of(ok, grow(5, 6*60)),
				of(failed, grow(0.02, 6*60)),
			},
		},
		{
			name: "3 % of the attempts are throttled, for a day", minutes: 24 * 60,
			series: []series{of(failed, grow(3, 24*60)), of(ok, grow(97, 24*60))},
		},
		{
			name: "fifty workflows are stopped by their owner: their tasks are closed", minutes: 60,
			series: []series{
				of(`callback_attempts_total{target="sfn",result="closed"}`, flat(0, 10), grow(50, 1), grow(0, 49)),
				of(beat("closed"), flat(0, 10), grow(50, 1), grow(0, 49)), of(beat("ok"), grow(10, 60)),
			},
		},
		{
			name: "all heartbeats are refused for an hour", minutes: 110,
			series: []series{of(beat("refused"), flat(0, 10), grow(5, 100)), of(beat("ok"), grow(5, 10), grow(0, 100))},
			fires:  []string{"page ApprovalRelayHeartbeatsFailing", "ticket ApprovalRelayTargetDegraded"}, within: 80,
		},
		{
			name: "the heartbeats of the only pending approval fail", minutes: 60,
			series: []series{of(beat("failed"), flat(0, 10), grow(0.5, 50)), of(beat("ok"), grow(0.25, 10), grow(0, 50))},
			fires:  []string{"page ApprovalRelayHeartbeatsFailing"}, within: 30,
		},
		{
			name: "more approvals wait than the rate limit lets through", minutes: 60,
			series: []series{of("heartbeat_lag_seconds", flat(0, 20), grow(20, 40))},
			fires:  []string{"page ApprovalRelayHeartbeatsLate"}, within: 40,
		},
		{
			name: "a start with half a million heartbeats", minutes: 60,
			series: []series{of("heartbeat_lag_seconds", flat(0, 20), flat(90, 5), flat(0, 35))},
		},
		{
			name: "a heartbeat fails now and then", minutes: 240,
			series: []series{of(beat("failed"), repeat(4, grow(1, 1), grow(0, 59))...), of(beat("ok"), grow(5, 240))},
		},
	}
}

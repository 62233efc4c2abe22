package prometheus

// answered are the series of a target's answers: punctual ones and late ones, by the minute.
func answered(target string, punctual, late []segment) []series {
	return []series{
		of(`callback_delivery_seconds_bucket{target="`+target+`",le="60.0"}`, punctual...),
		of(`callback_delivery_seconds_count{target="`+target+`"}`, late...),
	}
}

// answerScenarios are about the answers that workflows wait for.
func answerScenarios() []scenario {
	const tooLate = `callbacks_total{target="sfn",outcome="too_late"}`
	return append([]scenario{
		{
			name: "three callbacks are exhausted", minutes: 60,
			series: []series{of("exhausted_orders", flat(0, 5), flat(3, 55))},
			fires:  []string{"page ApprovalRelayCallbacksExhausted"}, within: 10, labels: []string{`namespace="prod"`},
		},
		{
			name: "one exhausted order is acknowledged: after four hours the page ends, the ticket stays", minutes: 20 * 60,
			series: []series{of("exhausted_orders", flat(0, 20), flat(1, 20*60-20))},
			fires:  []string{"page ApprovalRelayCallbacksExhausted", "ticket ApprovalRelayCallbacksStillExhausted"}, within: 90,
		},
		{
			name: "an exhausted order is redriven within ten minutes", minutes: 60,
			series: []series{of("exhausted_orders", flat(0, 5), flat(1, 10), flat(0, 45))},
			fires:  []string{"page ApprovalRelayCallbacksExhausted"}, ends: true,
		},
		{
			name: "one exhausted order of two installations", minutes: 50,
			series: []series{
				of(`exhausted_orders{namespace="shop"}`, flat(0, 50)), of(`exhausted_orders{namespace="bank"}`, flat(0, 10), flat(1, 40)),
			},
			fires: []string{"page ApprovalRelayCallbacksExhausted"}, labels: []string{`namespace="bank"`},
		},
		{
			name: "one approved order a day ends as too late", minutes: 120,
			series: []series{of(tooLate, flat(0, 20), flat(1, 100))},
			fires:  []string{"ticket ApprovalRelayCallbacksTooLate"}, within: 22, ends: true, labels: []string{`target="sfn"`},
		},
		{
			name: "somebody stops a hundred executions: their approvals are cancelled", minutes: 120,
			series: []series{
				of(tooLate, flat(0, 20), flat(100, 100)),
				of(`answers_missed_total{target="sfn",outcome="too_late"}`, flat(0, 120)),
				of(`answers_missed_total{target="sfn",outcome="unknown"}`, flat(0, 120)),
				of(`callback_delivery_seconds_bucket{target="sfn",le="60.0"}`, grow(1, 120)),
				of(`callback_delivery_seconds_count{target="sfn"}`, grow(1, 120)),
			},
		},
		{
			name: "of one answer nobody knows whether it arrived", minutes: 120,
			series: []series{
				of(`answers_missed_total{target="sfn",outcome="unknown"}`, flat(0, 20), flat(1, 100)),
				of(`callbacks_total{target="sfn",outcome="unknown"}`, flat(0, 20), flat(1, 100)),
			},
			fires: []string{"ticket ApprovalRelayCallbacksTooLate"}, within: 22,
		},
		{
			name: "two answers that workflows did not get stay for a day", minutes: 6 * 60,
			series: []series{of("unanswered_orders", flat(0, 10), flat(2, 350))},
			fires:  []string{"ticket ApprovalRelayUnanswered"}, within: 80,
		},
		{
			name: "an unanswered order is dismissed within the hour", minutes: 120,
			series: []series{of("unanswered_orders", flat(0, 10), flat(1, 40), flat(0, 70))},
		},
		{
			name: "a workflow is paused for an hour", minutes: 120,
			series: []series{of(`paused{workflow="orders",mode="pause"}`, flat(0, 10), flat(1, 60), flat(0, 50))},
			fires:  []string{"ticket ApprovalRelayAnswersHeld"}, within: 45, ends: true, labels: []string{`workflow="orders"`},
		},
		{
			name: "a workflow is drained for five hours", minutes: 320,
			series: []series{of(`paused{workflow="orders",mode="drain"}`, flat(0, 10), flat(1, 300), flat(0, 10))},
			fires:  []string{"ticket ApprovalRelayPausedLong"}, within: 255, ends: true,
		},
		{
			name: "one answer is presumed to be delivered", minutes: 120,
			series: []series{of(`callbacks_total{target="sfn",outcome="delivered_presumed"}`, flat(0, 20), flat(1, 100))},
		},
		{
			name: "the network loses replies: twenty answers are presumed", minutes: 120,
			series: []series{
				of(`callbacks_total{target="sfn",outcome="delivered_presumed"}`, flat(0, 20), grow(2, 10), grow(0, 90)),
				of(`callbacks_total{target="sfn",outcome="delivered"}`, grow(2, 120)),
			},
			fires: []string{"ticket ApprovalRelayAnswersPresumed"},
		},
		{
			name: "Step Functions is away for a quarter of an hour: 300 answers are too late", minutes: 90,
			series: []series{
				of(tooLate, flat(0, 25), grow(300, 1), grow(0, 64)),
				of(`callback_delivery_seconds_count{target="sfn"}`, grow(20, 10), grow(0, 16), grow(20, 64)),
				of(`callback_delivery_seconds_bucket{target="sfn",le="60.0"}`, grow(20, 10), grow(0, 16), grow(20, 64)),
			},
			fires: []string{
				"page ApprovalRelayCallbackLatencyFastBurn", "ticket ApprovalRelayCallbackLatencySlowBurn",
				"ticket ApprovalRelayCallbacksTooLate",
			},
			within: 30,
		},
		{
			name: "500 deadlines pass in the first second of a new worker", minutes: 59,
			series: []series{
				of("process_start_time_seconds", gone(1), flat(55, 58)), of("up", gone(1), flat(1, 58)),
				of(tooLate, gone(1), flat(500, 58)),
				of(`approvals_undeliverable_total{workflow="orders"}`, gone(1), flat(500, 58)),
				of(`dead_letters_total{source="request-orders"}`, gone(1), flat(500, 58)),
			},
			fires: []string{
				"ticket ApprovalRelayCallbacksTooLate", "ticket ApprovalRelayDeadLetters", "ticket ApprovalRelayUndeliverable",
			},
			within: 3,
		},
		{
			name: "500 deadlines pass in the first second, and the start of the process is unknown", minutes: 59, bare: true,
			series: []series{
				of("up", flat(1, 59)), of(tooLate, gone(1), flat(500, 58)),
				of(`approvals_undeliverable_total{workflow="orders"}`, gone(1), flat(500, 58)),
			},
			fires: []string{"ticket ApprovalRelayCallbacksTooLate", "ticket ApprovalRelayUndeliverable"},
		},
	}, burnScenarios()...)
}

// burnScenarios are about the objective: 99.9 % of the answers within a minute.
func burnScenarios() []scenario {
	const day = 24 * 60
	return []scenario{
		{
			name: "ten approvals a day, one answer took two minutes", minutes: day,
			series: answered("sfn",
				[]segment{flat(3, 120), flat(3, day-120)},
				[]segment{flat(3, 120), flat(4, day-120)}),
		},
		{
			name: "the first answer of a fresh installation takes 90 seconds", minutes: 120,
			series: answered("sfn", []segment{flat(0, 120)}, []segment{flat(0, 10), flat(1, 110)}),
		},
		{
			name: "0.4 % of the answers are late for three days", minutes: 3 * day,
			series: answered("sfn", []segment{grow(9.96, 3*day)}, []segment{grow(10, 3*day)}),
			fires:  []string{"ticket ApprovalRelayCallbackLatencySlowBurn"}, within: day,
		},
		{
			name: "0.05 % of the answers are late for three days", minutes: 3 * day,
			series: answered("sfn", []segment{grow(9.995, 3*day)}, []segment{grow(10, 3*day)}),
		},
		{
			name: "5 % of the answers are late for two hours, at ten a minute", minutes: 240,
			series: answered("sfn", []segment{grow(10, 60), grow(9.5, 120), grow(10, 60)}, []segment{grow(10, 240)}),
			fires: []string{
				"page ApprovalRelayCallbackLatencyFastBurn", "ticket ApprovalRelayCallbackLatencySlowBurn",
			},
			within: 90,
		},
		{
			name: "0.7 % of the answers are late for seven hours: six times the budget", minutes: 7 * 60,
			series: answered("sfn", []segment{grow(99.3, 7*60)}, []segment{grow(100, 7*60)}),
			fires: []string{
				"page ApprovalRelayCallbackLatencyFastBurn", "ticket ApprovalRelayCallbackLatencySlowBurn",
			},
		},
		{
			name: "all answers of one target of two are late, and the other is busy", minutes: 300,
			series: append(
				answered("partner", []segment{flat(0, 300)}, []segment{grow(1, 300)}),
				answered("sfn", []segment{grow(200, 300)}, []segment{grow(200, 300)})...),
			fires: []string{
				"page ApprovalRelayCallbackLatencyFastBurn", "ticket ApprovalRelayCallbackLatencySlowBurn",
			},
			within: 20, labels: []string{`target="partner"`},
		},
		{
			name: "a thousand answers a minute, a hiccup of ten seconds makes four late", minutes: 240,
			series: answered("sfn", []segment{grow(1000, 60), grow(996, 1), grow(1000, 179)}, []segment{grow(1000, 240)}),
		},
		{
			name: "answers are late in one of two installations", minutes: 120,
			series: append(answered("sfn", []segment{grow(10, 120)}, []segment{grow(10, 120)}),
				of(`callback_delivery_seconds_bucket{target="sfn",le="60.0",namespace="bank"}`, grow(5, 120)),
				of(`callback_delivery_seconds_count{target="sfn",namespace="bank"}`, grow(10, 120))),
			fires: []string{
				"page ApprovalRelayCallbackLatencyFastBurn", "ticket ApprovalRelayCallbackLatencySlowBurn",
			},
			labels: []string{`namespace="bank"`},
		},
		{
			name: "all answers are punctual for a day, over a rollout", minutes: day,
			series: []series{
				of(`callback_delivery_seconds_bucket{target="sfn",le="60.0"}`, grow(10, day/2), staleFor(day/2)),
				of(`callback_delivery_seconds_count{target="sfn"}`, grow(10, day/2), staleFor(day/2)),
				of(`callback_delivery_seconds_bucket{target="sfn",le="60.0",instance="b"}`, gone(day/2), since(0, 10, day/2)),
				of(`callback_delivery_seconds_count{target="sfn",instance="b"}`, gone(day/2), since(0, 10, day/2)),
				of(`callbacks_total{target="sfn",outcome="exhausted"}`, flat(0, day)),
			},
		},
	}
}

package prometheus

// targetScenarios are about the calls to workflows.
func targetScenarios() []scenario {
	const failed = `callback_attempts_total{target="http",result="failed"}`
	const ok = `callback_attempts_total{target="http",result="ok"}`
	beat := func(result string) string { return `heartbeats_total{target="sfn",result="` + result + `"}` }
	return []scenario{
		{
			name: "the callback host of one customer is down at night, with one order", minutes: 120,
			series: []series{of(failed, flat(0, 10), grow(2, 110)), of("retrying_orders", flat(0, 10), flat(1, 110))},
			fires:  []string{"ticket ApprovalRelayTargetDegraded"},
		},
		{
			name: "the callback host of one customer is down for ten minutes, with one order", minutes: 120,
			series: []series{
				of(failed, flat(0, 10), grow(2, 10), grow(0, 100)), of("retrying_orders", flat(0, 10), flat(1, 10), flat(0, 100)),
			},
		},
		{
			name: "one state machine of ten refuses for five hours", minutes: 310,
			series: []series{
				of(failed, flat(0, 10), grow(1, 300)), of(ok, grow(9, 310)),
				of("retrying_orders", flat(0, 10), since(0, 1, 300)),
			},
			fires:  []string{"page ApprovalRelayAnswersOwed", "ticket ApprovalRelayTargetDegraded"},
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
			name: "a heartbeat fails now and then", minutes: 240,
			series: []series{of(beat("failed"), repeat(4, grow(1, 1), grow(0, 59))...), of(beat("ok"), grow(5, 240))},
		},
	}
}

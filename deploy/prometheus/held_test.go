package prometheus

// heldScenarios are about work that waits on purpose: by an operator's pause or drain, or while no clock is trusted; and
// about the backlog after it.
func heldScenarios() []scenario {
	const received = `sqs_messages_received_total{queue="request-orders"}`
	const visible = `sqs_queue_messages{queue="request-orders",state="visible"}`
	const receiving = `sqs_receiving{queue="request-orders"}`
	age := func(le string) string {
		return `sqs_message_age_seconds_bucket{queue="request-orders",le="` + le + `"}`
	}
	sweeps := func(minutes float64) series {
		return of("sweeper_last_success_timestamp_seconds", since(0, 60, minutes))
	}
	due := func(segments ...segment) series { return of("oldest_due_timestamp_seconds", segments...) }
	return []scenario{
		{
			name: "a workflow is paused for an hour, and twenty answers go out at the resume", minutes: 200,
			series: append(answered("sfn",
				[]segment{grow(1, 20), grow(0, 61), grow(1, 119)}, []segment{grow(1, 20), grow(0, 60), grow(20, 1), grow(1, 119)}),
				of(`paused{workflow="orders",mode="pause"}`, flat(0, 20), flat(1, 60), flat(0, 120)),
				sweeps(200), due(since(100, 60, 25), flat(1500, 55), since(4900, 60, 120))),
			fires: []string{"ticket ApprovalRelayAnswersHeld", "ticket ApprovalRelayCallbackLatencySlowBurn"},
		},
		{
			name: "drained for maintenance, 2,000 messages are worked off in twenty minutes", minutes: 120,
			series: []series{
				of(`paused{workflow="orders",mode="drain"}`, flat(0, 10), flat(1, 30), flat(0, 80)),
				of(receiving, flat(1, 10), flat(0, 30), flat(1, 80)),
				of(visible, flat(0, 10), grow(66, 30), flat(2000, 5), flat(1500, 5), flat(1000, 5), flat(500, 5), flat(0, 60)),
				of(received, grow(60, 10), grow(0, 30), grow(160, 20), grow(60, 60)),
				of(age("300.0"), grow(60, 10), grow(0, 48), grow(60, 62)),
				of(age("3600.0"), grow(60, 10), grow(0, 30), grow(160, 20), grow(60, 60)),
				of(age("+Inf"), grow(60, 10), grow(0, 30), grow(160, 20), grow(60, 60)),
			},
		},
		{
			name: "after an outage of ten hours, 6,000 messages are worked off in 25 minutes", minutes: 90,
			series: []series{
				of(visible, flat(6000, 20), flat(4800, 5), flat(3600, 5), flat(2400, 5), flat(1200, 5), flat(0, 50)),
				of(received, grow(10, 20), grow(240, 25), grow(10, 45)),
				of(age("300.0"), grow(10, 20), grow(0, 25), grow(10, 45)),
				of(age("86400.0"), grow(10, 20), grow(240, 25), grow(10, 45)),
				of(age("+Inf"), grow(10, 20), grow(240, 25), grow(10, 45)),
			},
		},
		{
			name: "each message takes two minutes, and a hundred wait for hours", minutes: 120,
			series: []series{
				of(received, grow(0.5, 120)), of(visible, flat(100, 120)),
				of(age("300.0"), flat(0, 120)), of(age("86400.0"), grow(0.5, 120)), of(age("+Inf"), grow(0.5, 120)),
			},
			fires: []string{"page ApprovalRelayQueueLag"}, within: 60,
		},
	}
}

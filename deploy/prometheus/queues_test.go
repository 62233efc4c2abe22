package prometheus

// queueScenarios are about the SQS queues.
func queueScenarios() []scenario {
	const orders = `{queue="request-orders"}`
	const ordersB = `{queue="request-orders",instance="b"}`
	const visible = `sqs_queue_messages{queue="request-orders",state="visible"}`
	const visibleB = `sqs_queue_messages{queue="request-orders",state="visible",instance="b"}`
	age := func(le string) string {
		return `sqs_message_age_seconds_bucket{queue="request-orders",le="` + le + `"}`
	}
	return []scenario{
		{
			name: "night: one long poll fails, and no message comes", minutes: 60,
			series: []series{
				of("sqs_receive_errors_total"+orders, flat(0, 10), flat(1, 50)), of("sqs_receives_total"+orders, grow(3, 60)),
				of("sqs_messages_received_total"+orders, flat(5, 60)),
				of("sqs_receiving"+orders, flat(1, 10), flat(0, 0.5), flat(1, 49.5)),
			},
		},
		{
			name: "night: one long poll fails, and little is known", minutes: 60,
			series: []series{
				of("sqs_receive_errors_total"+orders, flat(0, 10), flat(1, 50)), of("sqs_messages_received_total"+orders, flat(5, 60)),
			},
		},
		{
			name: "receives fail for twenty minutes", minutes: 60,
			series: []series{
				of("sqs_receive_errors_total"+orders, flat(0, 10), grow(2, 20), grow(0, 30)),
				of("sqs_receives_total"+orders, grow(3, 10), grow(2, 20), grow(3, 30)),
				of("sqs_messages_received_total"+orders, grow(2, 10), grow(0, 20), grow(2, 30)),
				of("sqs_receiving"+orders, flat(1, 10), flat(0, 20), flat(1, 30)),
			},
			fires: []string{"page ApprovalRelayNotConsuming"}, within: 18, ends: true, labels: []string{`queue="request-orders"`},
		},
		{
			name: "receives fail, and only errors and messages are known", minutes: 40,
			series: []series{
				of("sqs_receive_errors_total"+orders, grow(6, 40)), of("sqs_messages_received_total"+orders, flat(5, 40)),
			},
			fires: []string{"page ApprovalRelayNotConsuming"},
		},
		{
			name: "a queue that no worker could use since the start", minutes: 40,
			series: []series{of("sqs_receiving"+orders, flat(0, 40)), of("sqs_receiving"+ordersB, flat(0, 40))},
			fires:  []string{"page ApprovalRelayNotConsuming"}, within: 6,
		},
		{
			name: "one of two workers is deaf, as its credentials ended", minutes: 60,
			series: []series{
				of("sqs_receive_errors_total"+ordersB, flat(0, 10), grow(2, 50)),
				of("sqs_receive_errors_total"+orders, flat(0, 60)),
				of("sqs_receives_total"+orders, grow(6, 60)), of("sqs_receives_total"+ordersB, grow(2, 60)),
				of("sqs_messages_received_total"+orders, grow(4, 60)), of("sqs_messages_received_total"+ordersB, grow(2, 10), grow(0, 50)),
				of("sqs_receiving"+orders, flat(1, 60)), of("sqs_receiving"+ordersB, flat(1, 10), flat(0, 50)),
			},
			fires: []string{"ticket ApprovalRelayWorkerNotConsuming"}, within: 25, labels: []string{`instance="b"`},
		},
		{
			name: "a worker starts, and its first receive takes a minute", minutes: 30,
			series: []series{of("sqs_receiving"+orders, flat(0, 1), flat(1, 29))},
		},
		{
			name: "SQS fails one call in five for an hour", minutes: 60,
			series: []series{
				of("sqs_receive_errors_total"+orders, grow(1, 60)), of("sqs_receives_total"+orders, grow(5, 60)),
				of("sqs_receiving"+orders, repeat(12, flat(1, 4), flat(0, 1))...),
			},
		},
		{
			name: "after an outage of twelve minutes one message is 700 seconds old", minutes: 60,
			series: []series{
				of(age("300.0"), flat(0, 10), flat(0, 50)), of(age("900.0"), flat(0, 10), flat(1, 50)),
				of(age("+Inf"), flat(0, 10), flat(1, 50)), of("sqs_messages_received_total"+orders, flat(0, 10), flat(1, 50)),
			},
		},
		{
			name: "after an outage of an hour, 600 messages are received in two minutes", minutes: 60,
			series: []series{
				of(age("300.0"), flat(0, 60)), of(age("3600.0"), flat(0, 10), grow(300, 2), grow(0, 48)),
				of(age("+Inf"), flat(0, 10), grow(300, 2), grow(0, 48)),
				of("sqs_messages_received_total"+orders, flat(0, 10), grow(300, 2), grow(0, 48)),
			},
		},
		{
			name: "backlog: 10 messages a minute are received, 100 come, for two hours", minutes: 120,
			series: []series{
				of(age("300.0"), grow(10, 6), grow(0, 114)), of(age("3600.0"), grow(10, 120)), of(age("+Inf"), grow(10, 120)),
				of("sqs_messages_received_total"+orders, grow(10, 120)), of(visible, since(0, 90, 120)),
			},
			fires: []string{"page ApprovalRelayQueueLag"}, within: 25,
		},
		{
			name: "handlers hang: receives succeed and bring nothing, the depth grows by one in five minutes", minutes: 140,
			series: []series{
				of(visible, depths(28)...), of("sqs_messages_received_total"+orders, flat(8, 140)),
				of("sqs_receives_total"+orders, grow(3, 140)), of("sqs_receive_errors_total"+orders, flat(0, 140)),
			},
			fires: []string{"page ApprovalRelayQueueGrowing"}, within: 30,
		},
		{
			name: "twenty messages wait, none is received and none comes", minutes: 140,
			series: []series{
				of(visible, flat(0, 10), flat(20, 130)), of("sqs_messages_received_total"+orders, flat(8, 140)),
				of("sqs_receives_total"+orders, grow(3, 140)),
			},
			fires: []string{"page ApprovalRelayQueueGrowing"}, within: 30,
		},
		{
			name: "two workers read the depth at different minutes, and everything is consumed", minutes: 60,
			series: []series{
				of(visible, repeat(6, flat(0, 5), flat(3, 5))...), of(visibleB, repeat(6, flat(0, 3), flat(2, 5), flat(0, 2))...),
				of("sqs_messages_received_total"+orders, grow(2, 60)),
			},
		},
		{
			name: "a message in the queue at every reading, all are received", minutes: 60,
			series: []series{of(visible, flat(1, 60)), of("sqs_messages_received_total"+orders, grow(0.2, 60))},
		},
		{
			name: "the depth can no longer be read: the last figure stays", minutes: 120,
			series: []series{
				of(visible, flat(0, 10), flat(4, 110)), of("sqs_messages_received_total"+orders, grow(1, 15), grow(0, 105)),
				of("sqs_queue_read_errors_total"+orders, flat(0, 14), grow(0.2, 106)),
			},
			fires: []string{"ticket ApprovalRelayQueueDepthUnknown"},
		},
		{
			name: "an operator drains a workflow for two hours: its queue is not read", minutes: 130,
			series: []series{
				of(visible, flat(0, 10), flat(9, 120)), of("sqs_messages_received_total"+orders, grow(1, 10), grow(0, 120)),
				of("sqs_receiving"+orders, flat(1, 10), flat(0, 120)),
				of(`paused{workflow="orders",mode="drain"}`, flat(0, 10), flat(1, 120)),
			},
		},
		{
			name: "an operator pauses all workflows for an hour, and another queue is deaf", minutes: 70,
			series: []series{
				of(visible, flat(0, 10), flat(9, 60)), of("sqs_messages_received_total"+orders, grow(1, 10), grow(0, 60)),
				of("sqs_receiving"+orders, flat(1, 10), flat(0, 60)),
				of(`sqs_receiving{queue="decision-erp"}`, flat(1, 20), flat(0, 50)),
				of(`paused{workflow="*",mode="pause"}`, flat(0, 10), flat(1, 60)),
			},
			fires: []string{"page ApprovalRelayNotConsuming", "ticket ApprovalRelayAnswersHeld"},
		},
		{
			name: "another consumer keeps 110,000 messages in flight", minutes: 60,
			series: []series{
				of(`sqs_queue_messages{queue="request-orders",state="in_flight"}`, flat(0, 10), flat(110000, 50)),
				of("sqs_messages_received_total"+orders, grow(10, 60)),
			},
			fires: []string{"page ApprovalRelayQueueInFlight"}, within: 16,
		},
	}
}

// depths are the depths of a queue that grows by one in five minutes.
func depths(readings int) []segment {
	var all []segment
	for i := range readings {
		all = append(all, flat(float64(i), 5))
	}
	return all
}

package prometheus

// yearsScenarios are situations that come in years of use and look like others: rollouts, resets, gaps of scrapes,
// changes of the configuration, and several workers or replicas of Prometheus.
func yearsScenarios() []scenario {
	const delivered = `callback_delivery_seconds_count{target="sfn"}`
	const punctual = `callback_delivery_seconds_bucket{target="sfn",le="60.0"}`
	return []scenario{
		{
			name: "rollout of three workers whose targets stay: each restarts once, under load", minutes: 90,
			series: []series{
				of("process_start_time_seconds", flat(-9e5, 30), flat(30*60, 60)),
				of(`process_start_time_seconds{instance="b"}`, flat(-9e5, 33), flat(33*60, 57)),
				of(`process_start_time_seconds{instance="c"}`, flat(-9e5, 36), flat(36*60, 54)),
				of("up", flat(1, 30), flat(0, 1), flat(1, 59)),
				of(`up{instance="b"}`, flat(1, 33), flat(0, 1), flat(1, 56)),
				of(`up{instance="c"}`, flat(1, 36), flat(0, 1), flat(1, 53)),
				of(delivered, since(9000, 20, 30), since(0, 20, 60)), of(punctual, since(9000, 20, 30), since(0, 20, 60)),
			},
		},
		{
			name: "every second scrape fails for an hour, on a slow network", minutes: 120,
			series: []series{of("up", append(append([]segment{flat(1, 30)}, repeat(30, flat(0, 1), flat(1, 1))...), flat(1, 30))...)},
		},
		{
			name: "counters of old failures start at 0 again with the process", minutes: 120,
			series: []series{
				of("process_start_time_seconds", flat(-9e5, 60), flat(60*60, 60)),
				of(`callbacks_total{target="sfn",outcome="too_late"}`, flat(900, 60), flat(0, 60)),
				of(`callbacks_total{target="sfn",outcome="exhausted"}`, flat(70, 60), flat(0, 60)),
				of(`notifications_failed_total{channel="mail"}`, flat(300, 60), flat(0, 60)),
				of(`dead_letters_total{source="request-orders"}`, flat(5000, 60), flat(0, 60)),
				of(`approvals_undeliverable_total{workflow="orders"}`, flat(40, 60), flat(0, 60)),
			},
		},
		{
			name: "no target is scraped for an hour: that pages, and old counters go on where they were", minutes: 180,
			series: []series{
				of("up", flat(1, 60), gone(60), flat(1, 60)),
				of("process_start_time_seconds", flat(-9e5, 60), gone(60), flat(-9e5, 60)),
				of(`callbacks_total{target="sfn",outcome="too_late"}`, flat(900, 60), gone(60), flat(900, 60)),
				of(`dead_letters_total{source="request-orders"}`, flat(50, 60), gone(60), flat(50, 60)),
				of("exhausted_orders", flat(0, 60), gone(60), flat(0, 60)),
			},
			fires: []string{"page ApprovalRelayDown"},
		},
		{
			name: "a workflow was renamed: the series of the old name end", minutes: 120,
			series: []series{
				of("process_start_time_seconds", flat(-9e5, 60), flat(60*60, 60)),
				of(`approvals_undeliverable_total{workflow="order"}`, flat(7, 60), staleFor(60)),
				of(`approvals_undeliverable_total{workflow="orders"}`, gone(60), flat(0, 60)),
				of(`sqs_receiving{queue="request-order"}`, flat(1, 60), staleFor(60)),
				of(`sqs_receiving{queue="request-orders"}`, gone(60), flat(1, 60)),
				of(`sqs_queue_messages{queue="request-order",state="visible"}`, flat(0, 60), staleFor(60)),
			},
		},
		{
			name: "everything is drained over night: the queues fill, and only the length is a matter for the morning", minutes: 300,
			series: []series{
				of(`paused{workflow="*",mode="drain"}`, flat(0, 10), flat(1, 280), flat(0, 10)),
				of(`sqs_receiving{queue="request-orders"}`, flat(1, 10), flat(0, 280), flat(1, 10)),
				of(`sqs_queue_messages{queue="request-orders",state="visible"}`, flat(0, 10), grow(10, 280), flat(0, 10)),
			},
			fires: []string{"ticket ApprovalRelayPausedLong"}, ends: true,
		},
		{
			name: "everything is drained, and the queue of decisions is deaf", minutes: 60,
			series: []series{
				of(`paused{workflow="*",mode="drain"}`, flat(1, 60)),
				of(`sqs_receiving{queue="request-orders"}`, flat(0, 60)), of(`sqs_receiving{queue="decision-desk"}`, flat(1, 10), flat(0, 50)),
			},
			fires: []string{"page ApprovalRelayNotConsuming"}, labels: []string{`queue="decision-desk"`},
		},
		{
			name: "one worker of two has no credentials", minutes: 60,
			series: []series{
				of(`sqs_receiving{queue="request-orders"}`, flat(1, 60)),
				of(`sqs_receiving{queue="request-orders",instance="b"}`, flat(1, 10), flat(0, 50)),
				of(`aws_calls_total{operation="SQS.ReceiveMessage",result="ok"}`, grow(3, 60)),
				of(`aws_calls_total{operation="SQS.ReceiveMessage",result="ok",instance="b"}`, grow(3, 10), grow(0, 50)),
				of(`aws_calls_total{operation="SQS.ReceiveMessage",result="denied",instance="b"}`, flat(0, 10), grow(0.2, 50)),
			},
			fires: []string{"ticket ApprovalRelayWorkerNotConsuming"}, labels: []string{`instance="b"`},
		},
		{
			name: "Monday at nine: 2,000 requests in five minutes, handled at once", minutes: 60,
			series: []series{
				of(`sqs_queue_messages{queue="request-orders",state="visible"}`, flat(0, 20), flat(1500, 5), flat(0, 35)),
				of(`sqs_messages_received_total{queue="request-orders"}`, flat(0, 20), grow(200, 10), grow(0, 30)),
				of(`sqs_receiving{queue="request-orders"}`, flat(1, 60)),
				of(delivered, flat(0, 22), grow(200, 10), grow(0, 28)), of(punctual, flat(0, 22), grow(200, 10), grow(0, 28)),
			},
		},
		{
			name: "metrics.histograms turns from classic to native: the classic buckets end", minutes: 120,
			series: []series{
				of("process_start_time_seconds", flat(-9e5, 60), flat(60*60, 60)),
				of(delivered, grow(20, 60), staleFor(60)), of(punctual, grow(20, 60), staleFor(60)),
				of(`callback_attempts_total{target="sfn",result="ok"}`, grow(20, 60), since(0, 20, 60)),
			},
		},
		{
			name: "two replicas of Prometheus write into one place: every series is there twice", minutes: 60,
			series: []series{
				of(`up{replica="0"}`, flat(1, 60)), of(`up{replica="1"}`, flat(1, 60)),
				of(`process_start_time_seconds{replica="0"}`, flat(-9e5, 60)), of(`process_start_time_seconds{replica="1"}`, flat(-9e5, 60)),
				of(`callbacks_total{target="sfn",outcome="too_late",replica="0"}`, flat(4, 60)),
				of(`callbacks_total{target="sfn",outcome="too_late",replica="1"}`, flat(4, 60)),
				of(`retrying_orders{replica="0"}`, flat(3, 60)), of(`retrying_orders{replica="1"}`, flat(3, 60)),
			},
		},
		{
			name: "one of two replicas of Prometheus cannot reach the worker", minutes: 60,
			series: []series{
				of(`up{replica="0"}`, flat(1, 60)), of(`up{replica="1"}`, flat(1, 10), flat(0, 50)),
			},
			fires: []string{"ticket ApprovalRelayWorkerDown"},
		},
		{
			name: "the workers of two installations have the same address, and one is down", minutes: 40,
			series: []series{
				of(`up{namespace="shop"}`, flat(1, 40)), of(`up{namespace="bank"}`, flat(1, 10), flat(0, 30)),
			},
			fires: []string{"page ApprovalRelayDown"}, labels: []string{`namespace="bank"`},
		},
		{
			name: "the clock of one worker of two is uncertain", minutes: 60,
			series: []series{
				of("clock_uncertain", flat(0, 60)), of(`clock_uncertain{instance="b"}`, flat(0, 10), flat(1, 50)),
			},
		},
		{
			name: "an exhausted order is seen by three workers: it is one order", minutes: 50,
			series: []series{
				of("exhausted_orders", flat(0, 10), flat(1, 40)), of(`exhausted_orders{instance="b"}`, flat(0, 10), flat(1, 40)),
				of(`exhausted_orders{instance="c"}`, flat(0, 10), flat(1, 40)),
			},
			fires: []string{"page ApprovalRelayCallbacksExhausted"}, within: 15,
		},
	}
}

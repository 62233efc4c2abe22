package prometheus

// storeScenarios are about the store and the sweeper.
func storeScenarios() []scenario {
	return []scenario{
		{
			name: "one failed commit, as DynamoDB throttled, then fine", minutes: 30,
			series: []series{
				of("store_commit_errors_total", flat(0, 10), flat(1, 20)), of("store_commits_total", grow(100, 30)),
				of("store_up", flat(1, 30)),
			},
		},
		{
			name: "one failed commit in a quiet night", minutes: 30,
			series: []series{of("store_commit_errors_total", flat(0, 10), flat(1, 20)), of("store_up", flat(1, 30))},
		},
		{
			name: "two of a thousand commits are throttled for an hour", minutes: 60,
			series: []series{of("store_commit_errors_total", grow(2, 60)), of("store_commits_total", grow(1000, 60))},
		},
		{
			name: "the read of the store took too long in one scrape", minutes: 30,
			series: []series{of("store_up", flat(1, 10), flat(0, 0.5), flat(1, 19.5))},
		},
		{
			name: "the store is down for ten minutes", minutes: 40,
			series: []series{
				of("store_up", flat(1, 10), flat(0, 10), flat(1, 20)),
				of("store_commit_errors_total", flat(0, 10), grow(10, 10), grow(0, 20)),
			},
			fires: []string{"page ApprovalRelayStoreFailing"}, within: 15, ends: true,
		},
		{
			name: "the store can be read, but every commit fails: the disk is full", minutes: 40,
			series: []series{
				of("store_up", flat(1, 40)), of("store_commit_errors_total", flat(0, 10), grow(4, 30)),
				of("store_commits_total", grow(4, 40)),
			},
			fires: []string{"page ApprovalRelayStoreFailing"}, within: 15,
		},
		{
			name: "two orders cannot be opened: the keys belong to another store", minutes: 30,
			series: []series{of("store_unreadable_orders", flat(0, 5), flat(2, 25))},
			fires:  []string{"page ApprovalRelayStoreFailing"}, within: 10,
		},
		{
			name: "the stores of two installations: one is down", minutes: 30,
			series: []series{
				of(`store_up{namespace="shop"}`, flat(1, 30)), of(`store_up{namespace="bank"}`, flat(1, 10), flat(0, 20)),
			},
			fires: []string{"page ApprovalRelayStoreFailing"}, labels: []string{`namespace="bank"`},
		},
		{
			name: "one in fifty calls to the table is throttled", minutes: 60,
			series: []series{
				of(`aws_calls_total{operation="DynamoDB.PutItem",result="throttled"}`, flat(0, 10), grow(20, 50)),
				of(`aws_calls_total{operation="DynamoDB.PutItem",result="ok"}`, grow(500, 60)),
				of(`aws_calls_total{operation="DynamoDB.GetItem",result="ok"}`, grow(500, 60)),
			},
			fires: []string{"ticket ApprovalRelayTableThrottled"}, within: 35,
		},
		{
			name: "a table is throttled for three minutes, while it grows", minutes: 60,
			series: []series{
				of(`aws_calls_total{operation="DynamoDB.PutItem",result="throttled"}`, flat(0, 10), grow(20, 3), flat(60, 47)),
				of(`aws_calls_total{operation="DynamoDB.PutItem",result="ok"}`, grow(1000, 60)),
			},
		},
		{
			name: "Step Functions is throttled, and the table is not", minutes: 60,
			series: []series{
				of(`aws_calls_total{operation="SFN.SendTaskSuccess",result="throttled"}`, flat(0, 10), grow(20, 50)),
				of(`aws_calls_total{operation="DynamoDB.PutItem",result="ok"}`, grow(1000, 60)),
			},
		},
		{
			name: "one of two workers hangs, the other sweeps", minutes: 45,
			series: []series{
				of(`sweeper_last_success_timestamp_seconds`, since(0, 60, 45)),
				of(`sweeper_last_success_timestamp_seconds{instance="b"}`, since(0, 60, 5), flat(300, 40)),
			},
			fires: []string{"page ApprovalRelaySweeperStuck"}, within: 11, labels: []string{`instance="b"`},
		},
		{
			name: "a sweep hangs for two minutes", minutes: 30,
			series: []series{of("sweeper_last_success_timestamp_seconds", since(0, 60, 10), flat(600, 2), since(720, 60, 18))},
		},
		{
			name: "an action is overdue by ten minutes, and gets later", minutes: 30,
			series: []series{
				of("sweeper_last_success_timestamp_seconds", since(0, 60, 30)),
				of("oldest_due_timestamp_seconds", since(0, 60, 5), flat(300, 25)),
			},
			fires: []string{"page ApprovalRelaySweeperBehind"}, within: 9,
		},
		{
			name: "an action is overdue, and the worker tells no time of a sweep", minutes: 30,
			series: []series{of("oldest_due_timestamp_seconds", flat(0, 30))},
			fires:  []string{"page ApprovalRelaySweeperBehind"},
		},
		{
			name: "a pause holds an answer for an hour, and what was held is done two minutes after it", minutes: 90,
			series: []series{
				of("sweeper_last_success_timestamp_seconds", since(0, 60, 90)),
				of("oldest_due_timestamp_seconds", since(0, 60, 10), flat(600, 62), since(4320, 60, 18)),
				of(`paused{workflow="*",mode="pause"}`, flat(0, 90)),
				of(`paused{workflow="orders",mode="pause"}`, flat(0, 10), flat(1, 60), flat(0, 20)),
			},
			fires: []string{"ticket ApprovalRelayAnswersHeld"},
		},
		{
			name: "an action is overdue while a workflow is drained", minutes: 30,
			series: []series{
				of("sweeper_last_success_timestamp_seconds", since(0, 60, 30)),
				of("oldest_due_timestamp_seconds", since(0, 60, 5), flat(300, 25)),
				of(`paused{workflow="orders",mode="drain"}`, flat(1, 30)),
			},
			fires: []string{"page ApprovalRelaySweeperBehind"},
		},
		{
			name: "an action is still overdue a quarter of an hour after a pause", minutes: 60,
			series: []series{
				of("sweeper_last_success_timestamp_seconds", since(0, 60, 60)),
				of("oldest_due_timestamp_seconds", since(0, 60, 5), flat(300, 55)),
				of(`paused{workflow="orders",mode="pause"}`, flat(0, 5), flat(1, 20), flat(0, 35)),
			},
			fires: []string{"page ApprovalRelaySweeperBehind"},
		},
		{
			name: "an uncertain clock holds a deadline for an hour", minutes: 80,
			series: []series{
				of("sweeper_last_success_timestamp_seconds", since(0, 60, 80)),
				of("oldest_due_timestamp_seconds", since(0, 60, 10), flat(600, 62), since(4320, 60, 8)),
				of("clock_uncertain", flat(0, 10), flat(1, 60), flat(0, 10)),
			},
			fires: []string{"page ApprovalRelayClockUncertain"},
		},
		{
			name: "an action is overdue, and the clock of one of two workers is uncertain", minutes: 30,
			series: []series{
				of("sweeper_last_success_timestamp_seconds", since(0, 60, 30)),
				of("oldest_due_timestamp_seconds", since(0, 60, 5), flat(300, 25)),
				of("clock_uncertain", flat(0, 30)),
				of(`clock_uncertain{instance="b"}`, flat(1, 30)),
			},
			fires: []string{"page ApprovalRelaySweeperBehind"},
		},
		{
			name: "a wave of deadlines takes two minutes", minutes: 30,
			series: []series{
				of("sweeper_last_success_timestamp_seconds", since(0, 60, 30)),
				of("oldest_due_timestamp_seconds", since(0, 60, 10), flat(600, 2), since(720, 60, 18)),
			},
		},
		{
			name: "the next action is due in a month", minutes: 30,
			series: []series{
				of("sweeper_last_success_timestamp_seconds", since(0, 60, 30)),
				of("oldest_due_timestamp_seconds", flat(30*86400, 30)),
			},
		},
	}
}

package prometheus

// approvalScenarios are about approvals that nobody decides.
func approvalScenarios() []scenario {
	const day = 24 * 60
	const timedOut, decided = `approvals_timed_out_total{workflow="orders"}`, `approvals_decided_total{workflow="orders"}`
	return []scenario{
		{
			name: "weekend: six approvals of Friday end on Saturday, undecided", minutes: day,
			series: []series{
				of(timedOut, flat(0, 50), grow(1, 6), grow(0, day-56)), of(decided, flat(12, day)),
			},
			fires: []string{"ticket ApprovalRelayTimeoutsFastBurn", "ticket ApprovalRelayTimeoutsSlowBurn"},
			ends:  true, labels: []string{`audience="owner"`, `workflow="orders"`},
		},
		{
			name: "one of two approvals of a day times out", minutes: day,
			series: []series{of(timedOut, flat(0, 50), flat(1, day-50)), of(decided, flat(0, 40), flat(1, day-40))},
		},
		{
			name: "3 % of the approvals time out", minutes: day,
			series: []series{of(timedOut, grow(0.3, day)), of(decided, grow(9.7, day))},
		},
		{
			name: "a quarter of the approvals times out, all day", minutes: day,
			series: []series{of(timedOut, grow(0.25, day)), of(decided, grow(0.75, day))},
			fires:  []string{"ticket ApprovalRelayTimeoutsSlowBurn"}, within: 120,
		},
		{
			name: "50,000 approvals are pending at 100 answers a second, near their deadline of an hour", minutes: 120,
			series: wave(50000),
			fires:  []string{"ticket ApprovalRelayDeadlineRisk"}, labels: []string{`namespace="prod"`},
		},
		{
			name: "5,000 approvals are pending at 100 answers a second, near their deadline of an hour", minutes: 120,
			series: wave(5000),
		},
		{
			name: "an approval has been pending for four days", minutes: 4*day + 120,
			series: []series{of(`oldest_pending_timestamp_seconds{workflow="orders"}`, flat(0, 4*day+120))},
			fires:  []string{"ticket ApprovalRelayOldestPending"}, labels: []string{`audience="owner"`},
		},
		{
			name: "approvals wait for a day, each", minutes: 3 * day,
			series: []series{
				of(`oldest_pending_timestamp_seconds{workflow="orders"}`, flat(0, day), flat(day*60, day), flat(2*day*60, day)),
			},
		},
	}
}

// wave are the series of approvals that were all requested at the begin, where the usual deadline is an hour.
func wave(pending float64) []series {
	return []series{
		of(`approvals_pending{workflow="orders"}`, flat(pending, 120)),
		of(`oldest_pending_timestamp_seconds{workflow="orders"}`, flat(0, 120)),
		of(`target_rate_limit{target="sfn"}`, flat(100, 120)), of(`target_rate_limit{target="unused"}`, flat(1, 120)),
		of(`callbacks_total{target="sfn",outcome="delivered"}`, grow(1, 120)),
		of(`approval_decision_seconds_sum{workflow="orders"}`, grow(1200, 120)),
		of(`decision_time_left_seconds_sum{workflow="orders"}`, grow(2400, 120)),
		of(`decision_time_left_seconds_count{workflow="orders"}`, grow(1, 120)),
	}
}

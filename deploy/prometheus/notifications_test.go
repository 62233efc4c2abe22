package prometheus

// notificationScenarios are about the messages to people.
func notificationScenarios() []scenario {
	const day = 24 * 60
	const failed, sent = `notification_requests_failed_total{channel="mail"}`, `notification_requests_total{channel="mail"}`
	return []scenario{
		{
			name: "one mail address is mistyped, at ten approvals a day", minutes: day,
			series: []series{
				of(failed, flat(0, 10), flat(1, day-10)), of(sent, flat(0, 10), flat(1, 100), flat(2, 100), flat(3, day-210)),
				of(`notifications_failed_total{channel="mail"}`, flat(0, 10), flat(1, day-10)),
				of(`approvals_undeliverable_total{workflow="orders"}`, flat(0, 10), flat(1, day-10)),
			},
			fires: []string{"ticket ApprovalRelayNotificationsExhausted", "ticket ApprovalRelayUndeliverable"}, within: 15, ends: true,
			labels: nil,
		},
		{
			name: "the undeliverable approval is the owner's", minutes: 60,
			series: []series{of(`approvals_undeliverable_total{workflow="orders"}`, flat(0, 10), flat(1, 50))},
			fires:  []string{"ticket ApprovalRelayUndeliverable"}, labels: []string{`audience="owner"`, `workflow="orders"`},
		},
		{
			name: "one mail is greylisted and tried again for hours", minutes: 240,
			series: []series{of(failed, flat(0, 10), grow(0.8, 15), grow(0.4, 215)), of(sent, flat(0, 10), grow(0.8, 15), grow(0.4, 215))},
		},
		{
			name: "the mail server is down", minutes: 60,
			series: []series{of(failed, flat(0, 10), grow(3, 50)), of(sent, grow(1, 10), grow(3, 50))},
			fires:  []string{"page ApprovalRelayNotificationsFailing"}, within: 35, labels: []string{`channel="mail"`},
		},
		{
			name: "two of thirty mails fail once, and are sent at the second attempt", minutes: 60,
			series: []series{of(failed, flat(0, 10), flat(2, 50)), of(sent, flat(0, 10), grow(32, 1), grow(0, 49))},
		},
		{
			name: "mails fail in one of two installations", minutes: 60,
			series: []series{
				of(sent, grow(100, 60)), of(failed, flat(0, 60)),
				of(`notification_requests_total{channel="mail",namespace="bank"}`, grow(3, 60)),
				of(`notification_requests_failed_total{channel="mail",namespace="bank"}`, grow(3, 60)),
			},
			fires: []string{"page ApprovalRelayNotificationsFailing"}, labels: []string{`namespace="bank"`},
		},
		{
			name: "presses in Slack fail for an hour", minutes: 90,
			series: []series{
				of(`slack_interactions_total{result="failed"}`, flat(0, 10), grow(1, 60), grow(0, 20)),
				of(`slack_interactions_total{result="accepted"}`, grow(1, 10), grow(0, 60), grow(1, 20)),
			},
			fires: []string{"ticket ApprovalRelaySlackFailing"}, within: 25,
		},
		{
			name: "one press in Slack fails, the next goes well", minutes: 60,
			series: []series{
				of(`slack_interactions_total{result="failed"}`, flat(0, 10), flat(1, 50)),
				of(`slack_interactions_total{result="accepted"}`, flat(0, 11), flat(1, 49)),
			},
		},
		{
			name: "every press in Teams fails for an hour, those in Slack go well", minutes: 90,
			series: []series{
				of(`teams_interactions_total{result="failed"}`, flat(0, 10), grow(1, 60), grow(0, 20)),
				of(`teams_interactions_total{result="accepted"}`, grow(1, 10), grow(0, 60), grow(1, 20)),
				of(`slack_interactions_total{result="failed"}`, flat(0, 90)),
				of(`slack_interactions_total{result="accepted"}`, grow(10, 90)),
			},
			fires: []string{"ticket ApprovalRelayTeamsFailing"}, within: 25,
		},
		{
			name: "an intern presses in Teams what only the head may decide, all day", minutes: 300,
			series: []series{
				of(`teams_interactions_total{result="refused"}`, grow(1, 300)),
				of(`teams_interactions_total{result="failed"}`, flat(0, 300)),
			},
		},
	}
}

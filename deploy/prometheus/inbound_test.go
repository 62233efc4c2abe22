package prometheus

// inboundScenarios are about what senders, approvers and callers get.
func inboundScenarios() []scenario {
	const refused = `refused_total{source="decision-erp",reason="mismatch"}`
	const taken = `messages_total{handler="decision-erp",result="ok"}`
	return []scenario{
		{
			name: "one message becomes a dead letter", minutes: 60,
			series: []series{of(`dead_letters_total{source="request-orders"}`, flat(0, 10), flat(1, 50))},
			fires:  []string{"ticket ApprovalRelayDeadLetters"}, within: 12, ends: true, labels: []string{`source="request-orders"`},
		},
		{
			name: "an exhausted callback is a dead letter of its order, and has an alert of its own", minutes: 60,
			series: []series{of(`dead_letters_total{source="order"}`, flat(0, 10), flat(1, 50))},
		},
		{
			name: "an order is full for half an hour", minutes: 60,
			series: []series{of(`messages_total{handler="request-orders",result="full"}`, flat(0, 10), grow(2, 30), grow(0, 20))},
			fires:  []string{"ticket ApprovalRelayOrderFull"}, within: 30, ends: true,
		},
		{
			name: "an order is full for five minutes", minutes: 60,
			series: []series{of(`messages_total{handler="request-orders",result="full"}`, flat(0, 10), grow(2, 5), grow(0, 45))},
		},
		{
			name: "a secret was rotated on one side: a sender is refused", minutes: 60,
			series: []series{of(refused, flat(0, 10), grow(1, 50)), of(taken, grow(1, 10), grow(0, 50))},
			fires:  []string{"ticket ApprovalRelayCredentialsRefused"}, within: 45,
			labels: []string{`source="decision-erp"`, `reason="mismatch"`},
		},
		{
			name: "a wrong token calls the API", minutes: 60,
			series: []series{
				of(`refused_total{source="api",reason="mismatch"}`, flat(0, 10), grow(4, 50)),
				of(`http_requests_total{route="POST /v1/requests",code="4xx"}`, flat(0, 10), grow(4, 50)),
			},
			fires: []string{"ticket ApprovalRelayCredentialsRefused"},
		},
		{
			name: "one forged webhook in a quiet night", minutes: 60,
			series: []series{of(refused, flat(0, 10), flat(1, 50)), of(taken, flat(3, 60))},
		},
		{
			name: "one late decision by the API at night is refused", minutes: 60,
			series: []series{
				of(`http_requests_total{route="POST /v1/decisions",code="4xx"}`, flat(0, 10), flat(1, 50)),
				of(`decisions_total{via="api",verdict="late",outcome="approve"}`, flat(0, 10), flat(1, 50)),
				of(`source_decisions_total{source="erp",result="closed"}`, flat(0, 10), flat(1, 50)),
			},
		},
		{
			name: "two workers refuse thirty links each in a quarter of an hour", minutes: 60,
			series: []series{
				of(`decision_page_requests_total{result="refused"}`, flat(0, 5), grow(2, 50), grow(0, 5)),
				of(`decision_page_requests_total{result="refused",instance="b"}`, flat(0, 5), grow(2, 50), grow(0, 5)),
			},
			fires: []string{"ticket ApprovalRelayLinksRefused"}, within: 25,
		},
		{
			name: "ten old links are opened in an hour", minutes: 60,
			series: []series{of(`decision_page_requests_total{result="refused"}`, grow(0.17, 60))},
		},
	}
}

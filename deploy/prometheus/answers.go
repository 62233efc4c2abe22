package prometheus

import "slices"

// answerAlerts are about the answers that workflows wait for.
func answerAlerts() []alert {
	return slices.Concat(exhaustedAlerts(), latencyAlerts(), missedAlerts(), pauseAlerts())
}

// exhaustedAlerts are about answers that are not tried again.
func exhaustedAlerts() []alert {
	return []alert{
		{
			name: "ApprovalRelayCallbacksExhausted",
			// It pages for four hours after the number rose: from then on somebody knows, and the ticket remains. If nothing was
			// scraped four hours ago, the last number before that counts.
			expr: `
				(max @by (approval_relay_exhausted_orders) > 0)
				unless
				(max @by (approval_relay_exhausted_orders)
				<= max @by (last_over_time(approval_relay_exhausted_orders[3h] offset 4h))
				unless sum @by (increase(approval_relay_callbacks_total{outcome="exhausted"}[4h])) > 0)`,
			hold:     "1m",
			severity: page,
			summary:  "The callbacks of {{ $value }} order(s) are exhausted, so their workflows have no answer.",
			description: "approval-relay requests --state=exhausted lists them. Repair the cause, then run " +
				"approval-relay redrive; " +
				"or dismiss what can never be mended.",
			board: deliveryBoard,
		},
		{
			name: "ApprovalRelayCallbacksStillExhausted",
			expr: `
				max @by (approval_relay_exhausted_orders) > 0`,
			hold:     "1h",
			severity: ticket,
			summary:  "The callbacks of {{ $value }} order(s) have been exhausted for an hour or more.",
			description: "Redrive them after the repair, or dismiss with a reason what can never be mended: the ticket " +
				"ends with that.",
			board: deliveryBoard,
		},
	}
}

// latencyAlerts are about answers that reach their workflow late.
func latencyAlerts() []alert {
	return []alert{
		{
			name: "ApprovalRelayCallbackLatencyFastBurn",
			// The objective is 99.9 % within a minute, over 30 days. 14.4 times the budget's rate spends 2 % of it in an hour,
			// six times spends 5 % in six hours. Fewer than five slow answers page nobody, whatever their share. Neither do the
			// answers that an operator's pause held: they go out after the resume.
			expr: `
				((approval_relay:callbacks_slow:ratio_rate1h > 14.4 * 0.001
				and approval_relay:callbacks_slow:ratio_rate5m > 14.4 * 0.001
				and approval_relay:callbacks_slow:increase1h > 4.5)
				or
				(approval_relay:callbacks_slow:ratio_rate6h > 6 * 0.001
				and approval_relay:callbacks_slow:ratio_rate30m > 6 * 0.001
				and approval_relay:callbacks_slow:increase6h > 4.5))
				unless @on (
				max @by(workflow) (max_over_time(approval_relay_paused{mode="pause"}[40m])) > 0
				unless @on(workflow) max @by(workflow) (approval_relay_paused{mode="pause"}) > 0)`,
			severity: page,
			summary: "{{ $value | humanizePercentage }} of the answers by target {{ $labels.target }} took longer than a " +
				"minute, or " +
				"did not arrive, in the last hours.",
			description: "Workflows wait for answers that exist. Look at the failed attempts of the target and at its " +
				"rate limit.",
			board: deliveryBoard,
		},
		{
			name: "ApprovalRelayCallbackLatencySlowBurn",
			// Three times the budget's rate over a day, or the whole budget's rate over three days.
			expr: `
				(approval_relay:callbacks_slow:ratio_rate1d > 3 * 0.001
				and approval_relay:callbacks_slow:ratio_rate2h > 3 * 0.001
				and approval_relay:callbacks_slow:increase1d > 2.5)
				or
				(approval_relay:callbacks_slow:ratio_rate3d > 0.001
				and approval_relay:callbacks_slow:ratio_rate6h > 0.001
				and approval_relay:callbacks_slow:increase3d > 2.5)`,
			severity: ticket,
			summary: "{{ $value | humanizePercentage }} of the answers by target {{ $labels.target }} took longer than a " +
				"minute, or " +
				"did not arrive, in the last days.",
			description: "At this rate the error budget of the month is spent before its end.",
			board:       deliveryBoard,
		},
	}
}

// missedAlerts are about answers that their workflow did not get, or perhaps did not get.
func missedAlerts() []alert {
	return []alert{
		{
			name: "ApprovalRelayCallbacksTooLate",
			expr: counted(`approval_relay_answers_missed_total`, "target, outcome", "1h") + `
				or ((` + counted(`approval_relay_callbacks_total{outcome=~"too_late|unknown"}`, "target, outcome", "1h") + `)
				unless @on approval_relay_answers_missed_total)`,
			severity: ticket,
			summary: "{{ printf \"%.0f\" $value }} answer(s) by target {{ $labels.target }} came too late, or may not have " +
				"arrived " +
				"({{ $labels.outcome }}).",
			description: "A decision had no effect on its workflow. approval-relay requests --state=unanswered lists " +
				"them.",
			board: deliveryBoard,
		},
		{
			name: "ApprovalRelayUnanswered",
			expr: `
				max @by (approval_relay_unanswered_orders) > 0`,
			hold:     "1h",
			severity: ticket,
			summary: "{{ $value }} order(s) were decided or timed out, and their workflows did not get the answer, or " +
				"may not have.",
			description: "approval-relay requests --state=unanswered lists them. Do by hand what the workflow would have " +
				"done, then " +
				"dismiss them with a reason.",
			board: deliveryBoard,
		},
		{
			name: "ApprovalRelayAnswersPresumed",
			expr: `
				sum @by(target) (increase(approval_relay_callbacks_total{outcome="delivered_presumed"}[1h])) > 4.5
				unless
				sum @by(target) (increase(approval_relay_callbacks_total{outcome="delivered_presumed"}[1h]))
				< 0.01 * sum @by(target) (increase(approval_relay_callbacks_total[1h]))`,
			severity: ticket,
			summary: "{{ printf \"%.0f\" $value }} answers by target {{ $labels.target }} in an hour are delivered as far " +
				"as can be known: their replies were lost.",
			description: "The answers most likely arrived. Look at the network between the worker and the target, and at " +
				"its timeouts.",
			board: deliveryBoard,
		},
	}
}

// pauseAlerts are about answers that an operator holds back.
func pauseAlerts() []alert {
	return []alert{
		{
			name: "ApprovalRelayAnswersHeld",
			expr: `
				max @by(workflow, mode) (approval_relay_paused{mode=~"pause|read-only"}) > 0`,
			hold:     "30m",
			severity: ticket,
			summary: "The workflow {{ $labels.workflow }} (* is all) has been in the mode {{ $labels.mode }} for half an " +
				"hour: its answers and notifications are held.",
			description: "The states' timeouts go on. In the mode pause decisions are recorded, but not sent; in the mode " +
				"read-only they are refused, and heartbeats have stopped. approval-relay resume ends it.",
			board: deliveryBoard,
		},
		{
			name: "ApprovalRelayPausedLong",
			expr: `
				max @by(workflow, mode) (approval_relay_paused) > 0`,
			hold:     "4h",
			severity: ticket,
			summary: "The workflow {{ $labels.workflow }} (* is all) has been in the mode {{ $labels.mode }} for " +
				"four hours.",
			description: "Is it still wanted? Its requests wait in their queues, and HTTP callers get 503. " +
				"approval-relay resume ends it.",
			board: deliveryBoard,
		},
	}
}

package grafana

// approvalsDashboard is for the owners of the workflows.
func approvalsDashboard() Dashboard {
	const about = "How many approvals are requested, how long they take, which are pending, and which timed out."
	var parts []part
	parts = append(parts, overview()...)
	parts = append(parts, approvalTotals()...)
	parts = append(parts, approvalsOverTime()...)
	parts = append(parts, decisionPanels()...)
	workflow := labelVariable("workflow", "Workflow", "approval_relay_requests_total", ofInstance)
	return newDashboard("approvals", about, "now-7d", variables(workflow), parts...)
}

// overview shows at a glance whether approvals flow, whether one is late, and the next step of an operator.
func overview() []part {
	return []part{
		newRow("Are approvals flowing, is anybody's late, what is to be done"),
		newStat("Alerts that fire",
			"Alerts of this program that fire now. Each has a section of the runbook: see the link above, and the table "+
				"below.",
			"short",
			query{"", `count(@alerts) or vector(0)`},
		).colouredFrom(1, "red"),
		newStat("Requested, told, ended, answered",
			"Requests of this period; those whose approvers were told; approvals that were decided or timed out; and answers that "+
				"were delivered. A step that is much smaller than the one before is where they stop.",
			"short",
			query{"requested", `sum(increase(approval_relay_requests_total{@workflow}[@period]))`},
			query{"told", `sum(increase(approval_relay_first_notification_seconds_count{@workflow}[@period]))`},
			query{"ended", `
				sum(increase(approval_relay_approvals_decided_total{@workflow}[@period]))
				+ sum(increase(approval_relay_approvals_timed_out_total{@workflow}[@period]))`},
			query{"answered", `
				sum(increase(approval_relay_callbacks_total{@all, outcome=~"delivered|delivered_presumed"}[@period]))`},
		),
		newStat("Oldest pending, of the usual deadline",
			"Age of the oldest pending approval, as a share of the usual time from request to deadline in this period. At 100 % it is "+
				"about to time out: `approval-relay requests` lists the oldest first, `approval-relay remind ORDER` "+
				"reminds.",
			"percentunit",
			query{"", `
				(time() - min(approval_relay_oldest_pending_timestamp_seconds{@workflow}))
				/ ((sum(increase(approval_relay_approval_decision_seconds_sum{@workflow}[@period]))
				+ sum(increase(approval_relay_decision_time_left_seconds_sum{@workflow}[@period])))
				/ sum(increase(approval_relay_decision_time_left_seconds_count{@workflow}[@period]))) >= 0`},
		).badFrom(0.5, 0.9).withoutData("none"),
		newStat("Oldest answer owed",
			"How long the oldest answer has been owed: it exists, but its callback fails or is held back. `approval-relay requests "+
				"--state=retrying` lists the orders. Five for half an hour are the alert ApprovalRelayAnswersOwed, one for an hour is "+
				"ApprovalRelayAnswerOwedLong.",
			"s",
			query{"", `max(approval_relay_oldest_owed_age_seconds{@workflow})`},
		).badFrom(300, 1800),
		newStat("Answers missed",
			"Orders whose workflow has no answer (exhausted: `approval-relay redrive`), or ended without it (unanswered: see to the "+
				"workflow, then `approval-relay dismiss`). The alerts ApprovalRelayCallbacksExhausted, "+
				"ApprovalRelayCallbacksStillExhausted and ApprovalRelayUnanswered.",
			"short",
			query{"exhausted", `sum(max by (namespace, job) (approval_relay_exhausted_orders{@all}))`},
			query{"unanswered", `sum(max by (namespace, job) (approval_relay_unanswered_orders{@all}))`},
		).colouredFrom(1, "red"),
		newStat("Nobody was told",
			"Orders with a pending approval that nobody could be told of: ask somebody else, `approval-relay approvers ORDER`. The "+
				"alert ApprovalRelayUndeliverable.",
			"short",
			query{"", `sum(max by (namespace, job) (approval_relay_undeliverable_orders{@all}))`},
		).colouredFrom(1, "yellow"),
	}
}

func approvalTotals() []part {
	return []part{
		newRow("Now, and in this period"),
		newStat("Pending",
			"Approvals that are pending now. `approval-relay requests` lists them with their approvers.",
			"short",
			query{"", `sum(max by (namespace, job, workflow) (approval_relay_approvals_pending{@workflow}))`}),
		newStat("Oldest pending",
			"Age of the oldest pending approval.",
			"s",
			query{"", `time() - min(approval_relay_oldest_pending_timestamp_seconds{@workflow})`},
		).withoutData("none"),
		newStat("Requested",
			"Approval requests in this period.",
			"short",
			query{"", `sum(increase(approval_relay_requests_total{@workflow}[@period]))`}),
		newStat("Decided",
			"Approvals that were approved or rejected in this period.",
			"short",
			query{"{{outcome}}", `sum by (outcome) (increase(approval_relay_approvals_decided_total{@workflow}[@period]))`}),
		newStat("Timed out",
			"Share of the approvals that timed out in this period. The objective is 5 %. Above 15 %, in the last hour and "+
				"over the day, is the alert ApprovalRelayTimeoutsSlowBurn; above 72 %, now and in the last hour, is "+
				"ApprovalRelayTimeoutsFastBurn.",
			"percentunit",
			query{"", `
				sum(increase(approval_relay_approvals_timed_out_total{@workflow}[@period]))
				/ (sum(increase(approval_relay_approvals_timed_out_total{@workflow}[@period]))
				+ sum(increase(approval_relay_approvals_decided_total{@workflow}[@period]))) >= 0`},
		).badFrom(0.05, 0.15).withoutData("none ended"),
		newStat("Time to decide",
			"Time from the request to the decision, in this period. It is read from buckets, so it is accurate to "+
				"the nearest of 5, 15 min, 1, 4 h, 1, 3, 7 days; native histograms are finer.",
			"s",
			query{"p50", `
				histogram_quantile(0.5, sum by (le) (
				increase(approval_relay_approval_decision_seconds_bucket{@workflow}[@period]))) >= 0`},
			query{"p90", `
				histogram_quantile(0.9, sum by (le) (
				increase(approval_relay_approval_decision_seconds_bucket{@workflow}[@period]))) >= 0`},
			query{"p99", `
				histogram_quantile(0.99, sum by (le) (
				increase(approval_relay_approval_decision_seconds_bucket{@workflow}[@period]))) >= 0`},
		).withoutData("none decided"),

		workflowsTable(),
	}
}

// workflowsTable compares the workflows.
func workflowsTable() part {
	const median = "p50 time to decide"
	return newTable("Workflows",
		"Each workflow in this period: its requests and their ends; its pending approvals now, and the age of the "+
			"oldest.",
		"workflow", "Workflow",
		query{"Requested", `sum by (workflow) (increase(approval_relay_requests_total{@workflow}[@period]))`},
		query{"Approved", `
			sum by (workflow) (increase(approval_relay_approvals_decided_total{@workflow, outcome="approve"}[@period]))`},
		query{"Rejected", `
			sum by (workflow) (increase(approval_relay_approvals_decided_total{@workflow, outcome="reject"}[@period]))`},
		query{"Returned", `
			sum by (workflow) (increase(approval_relay_approvals_decided_total{@workflow, outcome="return"}[@period]))`},
		query{"Timed out", `sum by (workflow) (increase(approval_relay_approvals_timed_out_total{@workflow}[@period]))`},
		query{"Cancelled", `sum by (workflow) (increase(approval_relay_approvals_cancelled_total{@workflow}[@period]))`},
		query{"Superseded", `sum by (workflow) (increase(approval_relay_approvals_superseded_total{@workflow}[@period]))`},
		query{median, `
			histogram_quantile(0.5, sum by (workflow, le) (
			increase(approval_relay_approval_decision_seconds_bucket{@workflow}[@period]))) >= 0`},
		query{"Pending", `sum by (workflow) (max by (namespace, job, workflow) (approval_relay_approvals_pending{@workflow}))`},
		query{"Oldest pending", `
			time() - min by (workflow) (approval_relay_oldest_pending_timestamp_seconds{@workflow})`},
	).columnInSeconds(median, 1).columnInSeconds("Oldest pending", 1)
}

func approvalsOverTime() []part {
	return append([]part{
		newRow("Over time"),
		newBars("Requested",
			"Approval requests, by workflow. with notes: a part of the message was not used, see the history of the "+
				"order.",
			query{"{{workflow}}", `sum by (workflow) (increase(approval_relay_requests_total{@workflow}[@step]))`},
			query{"{{workflow}} with notes", `
				sum by (workflow) (increase(approval_relay_request_notes_total{@workflow}[@step]))`}),
		newBars("Ended",
			"Ends of approvals. timed out: the deadline passed without a decision. cancelled: by an operator, or because "+
				"the workflow stopped waiting. superseded: a later attempt of the state replaced it, with another task "+
				"token.",
			query{"{{outcome}}", `sum by (outcome) (increase(approval_relay_approvals_decided_total{@workflow}[@step]))`},
			query{"timed out", `sum(increase(approval_relay_approvals_timed_out_total{@workflow}[@step]))`},
			query{"cancelled", `sum(increase(approval_relay_approvals_cancelled_total{@workflow}[@step]))`},
			query{"superseded", `sum(increase(approval_relay_approvals_superseded_total{@workflow}[@step]))`}),
		newLines("Pending",
			"Pending approvals, by workflow.",
			"short",
			query{"{{workflow}}", `
				sum by (workflow) (max by (namespace, job, workflow) (approval_relay_approvals_pending{@workflow}))`}),
		newLines("Oldest pending",
			"Age of the oldest pending approval, by workflow; a gap means that none is pending. Near the deadline, remind the "+
				"approvers: `approval-relay requests` lists them. Three days are the alert ApprovalRelayOldestPending.",
			"s",
			query{"{{workflow}}", `
				time() - min by (workflow) (approval_relay_oldest_pending_timestamp_seconds{@workflow})`},
		),
		newLines("Pending for each group of approvers",
			"Pending approvals of the workflows that name the group of approvers in the configuration. other: the workflows that name "+
				"people, or whose requests do. An approval that waits for two groups is in both.",
			"short",
			query{"{{group}}", `
				sum by (group) (max by (namespace, job, group) (approval_relay_group_approvals_pending{@all}))`}),
		newLines("Oldest pending for each group of approvers",
			"Age of the oldest of these approvals; a gap means that none is pending. No alert is about a group: the time that "+
				"a group needs is known by workflow only, and the alerts of timeouts tell when it is too long.",
			"s",
			query{"{{group}}", `
				time() - min by (group) (approval_relay_group_oldest_pending_timestamp_seconds{@all})`}),
		newLines("Oldest pending, of the usual deadline",
			"Age of the oldest pending approval, by workflow, as a share of the usual time from request to deadline in the steps of this "+
				"chart. The dashed lines are half of it, and nine tenths.",
			"percentunit",
			query{"{{workflow}}", `
				(time() - min by (workflow) (approval_relay_oldest_pending_timestamp_seconds{@workflow}))
				/ ((sum by (workflow) (increase(approval_relay_approval_decision_seconds_sum{@workflow}[@step]))
				+ sum by (workflow) (increase(approval_relay_decision_time_left_seconds_sum{@workflow}[@step])))
				/ sum by (workflow) (increase(approval_relay_decision_time_left_seconds_count{@workflow}[@step])))`},
		).badFrom(0.5, 0.9),
		newHeatmap("Time to decide",
			"Distribution of the time from the request to the decision.",
			"s",
			query{"{{le}}", `sum by (le) (increase(approval_relay_approval_decision_seconds_bucket{@workflow}[@step]))`}),
		newLines("Timed out",
			"Share of the approvals that timed out, by workflow. The dashed lines are the objective, 5 %, and three times the "+
				"objective, as in the alert ApprovalRelayTimeoutsSlowBurn.",
			"percentunit",
			query{"{{workflow}}", `
				sum by (workflow) (increase(approval_relay_approvals_timed_out_total{@workflow}[@step]))
				/ (sum by (workflow) (increase(approval_relay_approvals_timed_out_total{@workflow}[@step]))
				+ sum by (workflow) (increase(approval_relay_approvals_decided_total{@workflow}[@step])))`},
		).badFrom(0.05, 0.15),
		newLines("Time left when decided (p10)",
			"Time from the decision to the deadline, by workflow: 10 % of the approvals had less time left than this. "+
				"Near 0, deadlines are too short, or reminders too late.",
			"s",
			query{"{{workflow}}", `
				histogram_quantile(0.1, sum by (workflow, le) (
				increase(approval_relay_decision_time_left_seconds_bucket{@workflow}[@step])))`}),
	}, eventsOverTime()...)
}

// eventsOverTime has the panels of events that end no approval.
func eventsOverTime() []part {
	return []part{
		newBars("Escalations",
			"Approvals that were escalated to further approvers, by workflow.",
			query{"{{workflow}}", `sum by (workflow) (increase(approval_relay_approvals_escalated_total{@workflow}[@step]))`}),
		newBars("Reminders",
			"Reminders that came due, by workflow. Many mean that approvers do not answer the first notification.",
			query{"{{workflow}}", `sum by (workflow) (increase(approval_relay_reminders_total{@workflow}[@step]))`}),
		newBars("Acts beside decisions",
			"Reminders by operators, changes of approvers, extended deadlines, questions and passing on, by act.",
			query{"{{act}}", `sum by (act) (increase(approval_relay_approval_acts_total{@all}[@step]))`}),
		newBars("Edited requests",
			"Decisions that edited their request, by workflow. Earlier votes on it no longer count.",
			query{"{{workflow}}", `sum by (workflow) (increase(approval_relay_requests_edited_total{@workflow}[@step]))`}),
		newBars("Repeated requests",
			"Requests received again, by workflow: redeliveries of the queue, and senders that post twice. They change "+
				"nothing.",
			query{"{{workflow}}", `sum by (workflow) (increase(approval_relay_requests_repeated_total{@workflow}[@step]))`}),
	}
}

func decisionPanels() []part {
	return []part{
		newRow("Decisions, of all workflows"),
		newBars("Decisions by way in",
			"Decisions received, whatever their verdict: by link, chat, SSO, SNS, webhook, API or operator.",
			query{"{{via}}", `sum by (via) (increase(approval_relay_decisions_total{@all}[@step]))`}),
		newBars("Decisions accepted",
			"decided: it closed the approval. recorded: it counts, and further votes are needed. repeated: it was recorded "+
				"before. waiting: its request has not arrived yet.",
			query{"{{verdict}}", `
				sum by (verdict) (increase(
				approval_relay_decisions_total{@all, verdict=~"decided|recorded|repeated|waiting"}[@step]))`}),
		newBars("Decisions refused",
			"conflict: it contradicts an earlier decision. late: the approval was closed. superseded: a later attempt replaced "+
				"the approval. Many of the others mean that people who may not decide are notified, or that a sender omits a "+
				"field: `approval-relay show ORDER` lists each decision.",
			query{"{{verdict}}", `
				sum by (verdict) (increase(
				approval_relay_decisions_total{@all, verdict!~"decided|recorded|repeated|waiting"}[@step]))`}),
		newBars("Decisions refused, by source",
			"Decisions that were refused for a reason that an operator may be able to repair, by the configured name of "+
				"the sender.",
			query{"{{source}}", `
				sum by (source) (increase(approval_relay_source_decisions_total{@all, result="refused"}[@step]))`}),
		newBars("Unmatched decisions expired",
			"Decisions that expired after `unmatched.ttl`, before a matching request arrived: the order ID is wrong, or the "+
				"request was lost before it reached a queue.",
			query{"expired", `sum(increase(approval_relay_unmatched_decisions_expired_total{@all}[@step]))`}),
		newBars("Buttons in Slack and Teams",
			"accepted: a decision was recorded, or had been recorded before. refused: the person may not decide, or the button "+
				"is not valid. failed: the store or the chat was unavailable; the button can be pressed again. A quarter of them is "+
				"the alert ApprovalRelaySlackFailing or ApprovalRelayTeamsFailing.",
			query{"Slack: {{result}}", `sum by (result) (increase(approval_relay_slack_interactions_total{@all}[@step]))`},
			query{"Teams: {{result}}", `sum by (result) (increase(approval_relay_teams_interactions_total{@all}[@step]))`}),
		newBars("Decision pages",
			"viewed: the page was shown; mail scanners view pages too. submitted: a decision was accepted. refused: the link is "+
				"forged, expired or revoked, or the decision is not allowed; more than 50 in 15 minutes is the alert "+
				"ApprovalRelayLinksRefused. failed: the store was unavailable.",
			query{"{{result}}", `sum by (result) (increase(approval_relay_decision_page_requests_total{@all}[@step]))`}),
	}
}

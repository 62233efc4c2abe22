package metrics

import "github.com/approval-relay/approval-relay/approval"

// approvalSeries show the requests of workflows and the ends of their approvals.
type approvalSeries struct {
	requests         counter
	repeatedRequests counter
	readingNotes     counter
	decided          counter
	edited           counter
	timedOut         counter
	cancelled        counter
	superseded       counter
	acts             counter
	decisionSeconds  histogram
	timeLeftSeconds  histogram
}

func newApprovalSeries(b *builder, config Config) approvalSeries {
	workflow := b.configuredLabel("workflow", config, func(c Config) []string { return c.Workflows })
	outcome := label{name: "outcome", values: closingOutcomes()}
	return approvalSeries{
		requests: b.newCounter("requests_total",
			"Approval requests recorded.", workflow),
		repeatedRequests: b.newCounter("requests_repeated_total",
			"Approval requests received again, such as redeliveries of the queue. They change nothing.", workflow),
		readingNotes: b.newCounter("request_notes_total",
			"Fields of approval requests that were found but not used. The history of the order says which, and why.", workflow),
		decided: b.newCounter("approvals_decided_total",
			"Approvals that a decision closed: approved, rejected or returned.", workflow, outcome),
		edited: b.newCounter("requests_edited_total",
			"Decisions that edited their request. Earlier votes on it no longer count.", workflow),
		timedOut: b.newCounter("approvals_timed_out_total",
			"Approvals that passed their deadline without a decision.", workflow),
		cancelled: b.newCounter("approvals_cancelled_total",
			"Approvals that an operator cancelled, or whose workflow stopped waiting.", workflow),
		superseded: b.newCounter("approvals_superseded_total",
			"Approvals that a later attempt of the same workflow state replaced, with another task token.", workflow),
		acts: b.newCounter("approval_acts_total",
			"Acts on pending approvals that are neither decisions nor cancellations: reminders, changes of approvers, extensions "+
				"and passing on.",
			label{name: "act", values: actKinds()}),
		decisionSeconds: b.newHistogram("approval_decision_seconds",
			"Time from the request to the decision that closed the approval.", decisionBuckets, workflow),
		timeLeftSeconds: b.newHistogram("decision_time_left_seconds",
			"Time from the decision that closed an approval to its deadline.", decisionBuckets, workflow),
	}
}

// closingOutcomes are the outcomes that close approvals.
func closingOutcomes() []string {
	return texts([]approval.Outcome{approval.Approve, approval.Reject, approval.Return})
}

// outcomeUnknown is the outcome of a decision whose choice no approval offers, or whose request has not come.
const outcomeUnknown = "unknown"

// decisionOutcomes are the outcomes of decisions.
func decisionOutcomes() []string { return append(texts(approval.AllOutcomes()), outcomeUnknown) }

// actKinds are the kinds of acts.
func actKinds() []string {
	var kinds []string
	for _, kind := range approval.AllActKinds() {
		kinds = append(kinds, string(kind))
	}
	return kinds
}

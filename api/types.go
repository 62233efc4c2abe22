package api

import (
	"encoding/json"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// The comments of the types and of their fields are the descriptions in openapi.json.

// RequestAccepted is the answer to an approval request that is stored.
type RequestAccepted struct {
	OrderID    string          `json:"orderId"`
	ApprovalID string          `json:"approvalId"`
	Status     approval.Status `json:"status"`
	// Notes tell how the request was read where that may surprise its sender: a name that was found and not used, a text
	// that was cut.
	Notes []string `json:"notes,omitempty"`
}

// DecisionResult is the answer to a decision or a cancellation that is stored.
type DecisionResult struct {
	OrderID string `json:"orderId"`
	// ApprovalID is missing while the decision waits for its request.
	ApprovalID string               `json:"approvalId,omitempty"`
	Verdict    approval.VerdictCode `json:"verdict"`
	// Status is the status of the approval afterwards.
	Status approval.Status `json:"status,omitempty"`
	// ProposalID names the proposal that a second operator has to confirm, with the verdict "proposed".
	ProposalID string `json:"proposalId,omitempty"`
}

func newCandidate(c approval.Candidate) Candidate {
	return Candidate{
		ApprovalID: c.ApprovalID,
		Workflow:   c.Workflow,
		Step:       c.Step,
		StateName:  c.State,
		Execution:  c.Execution,
	}
}

// DecideRequest is a decision that an operator makes in the place of the approvers.
type DecideRequest struct {
	// Outcome may be missing if Choice is given.
	Outcome approval.Outcome `json:"outcome,omitempty"`
	// Choice is the ID of a choice of the approval. Without it, the outcome stands for the only choice that means it.
	Choice string `json:"choice,omitempty"`
	// Values are the values of the fields that the choice has, as the approval's form has them.
	Values json.RawMessage `json:"values,omitempty"`
	// ShownDigest is the `shownDigest` of the approval as the operator has seen it. If the request has changed since, the
	// decision is refused with the verdict "changed".
	ShownDigest string `json:"shownDigest,omitempty"`
	// By is the person on whose behalf the operator acts, for the history. The operator is the name of the token.
	By string `json:"by,omitempty"`
	// Reason is kept in the history.
	Reason string `json:"reason"`
	// Step, Execution or ApprovalID is needed if several approvals of the order are pending.
	Step       string `json:"step,omitempty"`
	Execution  string `json:"execution,omitempty"`
	ApprovalID string `json:"approvalId,omitempty"`
}

// CancelRequest closes a pending approval without a decision. A program can cancel what it asked for itself.
type CancelRequest struct {
	// By is the person on whose behalf the sender acts, for the history. The sender is the name of the token.
	By string `json:"by,omitempty"`
	// Reason is kept in the history and becomes the reason in the answer to the workflow.
	Reason string `json:"reason"`
	// Step, Execution or ApprovalID is needed if several approvals of the order are pending.
	Step       string `json:"step,omitempty"`
	Execution  string `json:"execution,omitempty"`
	ApprovalID string `json:"approvalId,omitempty"`
}

// RedriveRequest selects the exhausted callbacks and the dead letters to restart. A redrive has steps: a call restarts or
// counts as many as fit into some seconds, and its answer has the position at which the next call goes on.
type RedriveRequest struct {
	// By is the person on whose behalf the operator acts, for the history. The operator is the name of the token.
	By string `json:"by,omitempty"`
	// DryRun counts and restarts nothing.
	DryRun bool `json:"dryRun,omitempty"`
	// Max is the largest number that this call restarts, 1 to 1000; if it is missing, 1000.
	Max *int `json:"max,omitempty"`
	// ReasonCode selects by reason code, as a dry run lists it; if it is missing, everything is selected.
	ReasonCode string `json:"reasonCode,omitempty"`
	// Limit excludes callbacks and dead letters that were redriven this often already; 0 means 3.
	Limit int `json:"limit,omitempty"`
	// NoGuard restarts also what was redriven this often already. Without the cause being fixed, it runs in a circle.
	NoGuard bool `json:"noGuard,omitempty"`
	// OrderID selects the callbacks of a single order, and no dead letters.
	OrderID string `json:"orderId,omitempty"`
	// After is the `next` of the answer before. It is missing in the first call.
	After string `json:"after,omitempty"`
}

// RedriveReport has the counts of a call. The counts of a redrive are the sums over its calls.
type RedriveReport struct {
	DryRun bool `json:"dryRun"`
	// Found counts the selected callbacks and dead letters that this call looked at by reason code, in the order of the
	// codes.
	Found []RedriveGroup `json:"found"`
	// Redriven counts the callbacks that were restarted, the dead letters that were handled, and the messages that were
	// put back on their queue.
	Redriven int `json:"redriven"`
	// Requeued counts the messages among them that were put back on their queue. They are handled later, and may fail
	// again then.
	Requeued int `json:"requeued"`
	// Failed counts the dead letters of the store that were handled again and failed again.
	Failed int `json:"failed"`
	// Returned counts the requeued messages that became dead letters again while the redrive went on.
	Returned int `json:"returned"`
	// Guarded counts the exclusions because of the limit.
	Guarded int `json:"guarded"`
	// Kept counts the others that stay as they were: they could not be restarted now, or changed meanwhile.
	Kept int `json:"kept"`
	// Expired counts callbacks with an expired task: the answer will most likely come too late.
	Expired int `json:"expired"`
	// NotLookedAt counts the messages of dead letter queues that this redrive does not look at, as SQS counts them.
	NotLookedAt int `json:"notLookedAt"`
	// Next is the `after` of the next call. It is missing if nothing is left to look at.
	Next string `json:"next,omitempty"`
	// Errors name the parts that could not be read or restarted.
	Errors []string `json:"errors,omitempty"`
}

// RedriveGroup counts the callbacks and dead letters that failed for the same reason.
type RedriveGroup struct {
	// ReasonCode is the code of the reason, such as "http_503".
	ReasonCode string `json:"reasonCode"`
	Count      int    `json:"count"`
	// Example is the text of an error with this code.
	Example string `json:"example"`
}

func newRedriveReport(r store.RedriveReport) RedriveReport {
	return RedriveReport{
		DryRun:      r.DryRun,
		Found:       mapSlice(r.Found, newRedriveGroup),
		Redriven:    r.Redriven,
		Requeued:    r.Requeued,
		Failed:      r.Failed,
		Returned:    r.Returned,
		Guarded:     r.Guarded,
		Kept:        r.Kept,
		Expired:     r.Expired,
		NotLookedAt: r.NotLookedAt,
		Next:        r.Next,
		Errors:      r.Errors,
	}
}

func newRedriveGroup(g store.RedriveGroup) RedriveGroup {
	return RedriveGroup{ReasonCode: string(g.ReasonCode), Count: g.Count, Example: g.Example}
}

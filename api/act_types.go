package api

import (
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// RemindRequest reminds approvers of a pending approval now.
type RemindRequest struct {
	ActRequest
	// Approver is the approver to remind. If it is missing, all approvers without a vote are reminded.
	Approver string `json:"approver,omitempty"`
}

// ApproversRequest asks further approvers. With Replace, they take the seat of that approver.
type ApproversRequest struct {
	ActRequest
	// Approvers are persons, or "group:" and the name of a group. With Replace, it is a single person.
	Approvers []string `json:"approvers"`
	// Replace is the approver without a vote that gives the seat to somebody else. The links of that approver end.
	Replace string `json:"replace,omitempty"`
}

// DismissRequest puts away an approval that is exhausted, unanswered or undeliverable and cannot be mended.
type DismissRequest struct {
	ActRequest
}

// DeadlineRequest extends the deadline of a pending approval. Deadline and ExtendBy cannot be given together.
type DeadlineRequest struct {
	ActRequest
	// Deadline is the new deadline. It must be after the present deadline, and before the end of the workflow's task.
	Deadline time.Time `json:"deadline,omitzero"`
	// ExtendBy is the time to add to the present deadline, such as "4h".
	ExtendBy Duration `json:"extendBy,omitzero"`
}

// ActRequest has the common members of the acts of operators on a pending approval.
type ActRequest struct {
	// ID makes the act safe to send again: the second time it changes nothing. If it is missing, each call is an act.
	ID string `json:"id,omitempty"`
	// By is the person on whose behalf the operator acts, for the history. The operator is the name of the token.
	By string `json:"by,omitempty"`
	// Reason is kept in the history.
	Reason string `json:"reason"`
	// DryRun checks the act and changes nothing.
	DryRun bool `json:"dryRun,omitempty"`
	// Step, Execution or ApprovalID is needed if several approvals of the order are pending.
	Step       string `json:"step,omitempty"`
	Execution  string `json:"execution,omitempty"`
	ApprovalID string `json:"approvalId,omitempty"`
}

// ActResult is the answer to an act on a pending approval.
type ActResult struct {
	OrderID    string               `json:"orderId"`
	ApprovalID string               `json:"approvalId"`
	Verdict    approval.VerdictCode `json:"verdict"`
	Status     approval.Status      `json:"status"`
	// Asked lists the approvers that the act asks or reminds.
	Asked []string `json:"asked"`
	// Deadline is the deadline of the approval afterwards.
	Deadline time.Time `json:"deadline"`
	// ProposalID names the proposal that a second operator has to confirm, with the verdict "proposed".
	ProposalID string `json:"proposalId,omitempty"`
	DryRun     bool   `json:"dryRun,omitempty"`
}

// RecordedAct is an act on the approval that is neither a decision nor a cancellation.
type RecordedAct struct {
	Kind approval.ActKind `json:"kind"`
	At   time.Time        `json:"at"`
	// By is the person, or the operator.
	By string `json:"by,omitempty"`
	// From is the approver that gave the place to To. To lists the approvers that were asked.
	From   string   `json:"from,omitempty"`
	To     []string `json:"to,omitempty"`
	Reason string   `json:"reason,omitempty"`
	// Deadline is the new deadline.
	Deadline time.Time `json:"deadline,omitzero"`
	// Proposal is an act that a second operator has to confirm, or has confirmed.
	Proposal *Proposal `json:"proposal,omitempty"`
}

func newActs(acts []approval.RecordedAct) []RecordedAct {
	var out []RecordedAct
	for _, r := range acts {
		out = append(out, RecordedAct{
			Kind:     r.Kind,
			At:       r.At.UTC(),
			By:       r.By,
			From:     r.From,
			To:       r.To,
			Reason:   r.Reason,
			Deadline: r.Deadline.UTC(),
			Proposal: newProposal(r),
		})
	}
	return out
}

// Question is a question of an approver to the requester.
type Question struct {
	QuestionID string    `json:"questionId"`
	By         string    `json:"by"`
	Text       string    `json:"text"`
	At         time.Time `json:"at"`
	// Answer is missing while the requester has not answered.
	Answer     string    `json:"answer,omitempty"`
	AnsweredAt time.Time `json:"answeredAt,omitzero"`
}

func newQuestions(questions []approval.Question) []Question {
	var out []Question
	for _, q := range questions {
		out = append(out, Question{
			QuestionID: q.ID,
			By:         q.By,
			Text:       q.Text,
			At:         q.At.UTC(),
			Answer:     q.Answer,
			AnsweredAt: q.AnsweredAt.UTC(),
		})
	}
	return out
}

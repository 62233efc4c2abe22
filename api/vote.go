package api

import (
	"encoding/json"
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// Vote is a decision that counts towards the policy.
type Vote struct {
	DecisionID string           `json:"decisionId"`
	Outcome    approval.Outcome `json:"outcome"`
	// DecidedBy is the person, the operator, or "source:NAME".
	DecidedBy string `json:"decidedBy"`
	// Principal is the authenticated sender if it is no person: "api:NAME", "source:NAME" or "operator:NAME".
	Principal string `json:"principal,omitempty"`
	// Claimed is the person that an operator acted for, or that a program named whose names are not believed.
	Claimed string       `json:"claimed,omitempty"`
	Comment string       `json:"comment,omitempty"`
	Via     approval.Via `json:"via"`
	Source  string       `json:"source,omitempty"`
	At      time.Time    `json:"at"`
	// ConfirmedBy is the principal of the second operator, where an operator's decision needs one.
	ConfirmedBy string `json:"confirmedBy,omitempty"`
	// ShownDigest is the digest of the request as the decision page showed it.
	ShownDigest string `json:"shownDigest,omitempty"`
	// Choice is the ID of the choice; it is missing if the approval has no choices of its own.
	Choice string `json:"choice,omitempty"`
	// Values are the values of the form, as an object.
	Values json.RawMessage `json:"values,omitempty"`
	// Changes are the edits of the request by this decision.
	Changes []Change `json:"changes,omitempty"`
	// Void reports that the request was edited after the vote, so that the vote does not count.
	Void bool `json:"void,omitempty"`
}

// UnmatchedDecision is a decision that waits for its request.
type UnmatchedDecision struct {
	DecisionID string           `json:"decisionId"`
	Outcome    approval.Outcome `json:"outcome"`
	DecidedBy  string           `json:"decidedBy,omitempty"`
	// Principal and Claimed are as in a vote.
	Principal string       `json:"principal,omitempty"`
	Claimed   string       `json:"claimed,omitempty"`
	Comment   string       `json:"comment,omitempty"`
	Via       approval.Via `json:"via"`
	Source    string       `json:"source,omitempty"`
	// Workflows are the only workflows whose approvals the sender may decide; if it is missing, there is no limit.
	Workflows []string `json:"workflows,omitempty"`
	// Choice and Values are as the sender gave them.
	Choice string          `json:"choice,omitempty"`
	Values json.RawMessage `json:"values,omitempty"`
	// Step, Execution and ApprovalID name the approval that the sender means.
	Step       string `json:"step,omitempty"`
	Execution  string `json:"execution,omitempty"`
	ApprovalID string `json:"approvalId,omitempty"`
	// SentAt is when the sender sent it, if that is known.
	SentAt time.Time `json:"sentAt,omitzero"`
	At     time.Time `json:"at"`
	// ExpiresAt is when the decision stops waiting; Expired reports that it has.
	ExpiresAt time.Time `json:"expiresAt"`
	Expired   bool      `json:"expired,omitempty"`
}

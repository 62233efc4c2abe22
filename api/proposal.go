package api

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
)

// Proposal is an act of an operator that takes effect when a second operator confirms it.
type Proposal struct {
	ProposalID string `json:"proposalId"`
	// Kind is "decide", "cancel", "add_approvers", "replace_approver" or "extend_deadline".
	Kind      approval.ActKind `json:"kind"`
	Principal string           `json:"principal"`
	// Claimed is the person for whom the operator said to act.
	Claimed string `json:"claimed,omitempty"`
	// ExpiresAt is the time until which the proposal can be confirmed.
	ExpiresAt time.Time `json:"expiresAt"`

	Outcome approval.Outcome `json:"outcome,omitempty"`
	Choice  string           `json:"choice,omitempty"`
	Values  json.RawMessage  `json:"values,omitempty"`
	// ShownDigest is the digest of the request as the first operator has seen it.
	ShownDigest string `json:"shownDigest,omitempty"`
	// From is the approver whose seat To would get. To lists the persons and groups that would be asked.
	From string   `json:"from,omitempty"`
	To   []string `json:"to,omitempty"`
	// Until is the proposed deadline.
	Until time.Time `json:"until,omitzero"`

	// ConfirmedBy is the principal of the second operator; it is missing until then.
	ConfirmedBy string    `json:"confirmedBy,omitempty"`
	ConfirmedAt time.Time `json:"confirmedAt,omitzero"`
}

func newProposal(r approval.RecordedAct) *Proposal {
	p := r.Proposal
	if p == nil {
		return nil
	}
	return &Proposal{
		ProposalID:  r.ID,
		Kind:        p.Kind,
		Principal:   p.Principal,
		Claimed:     p.Claimed,
		ExpiresAt:   p.ExpiresAt.UTC(),
		Outcome:     p.Outcome,
		Choice:      p.Choice,
		Values:      p.Values,
		ShownDigest: p.ShownDigest,
		From:        p.From,
		To:          p.To,
		Until:       p.Until.UTC(),
		ConfirmedBy: p.ConfirmedBy,
		ConfirmedAt: p.ConfirmedAt.UTC(),
	}
}

// ConfirmRequest confirms a proposal. The body may be missing.
type ConfirmRequest struct {
	// By is the person on whose behalf the operator acts. It must not be the person of the proposal.
	By string `json:"by,omitempty"`
}

func (e *Endpoints) confirmProposal() http.Handler {
	return operatorHandler(e.OperatorAPI.confirmProposal)
}

func (a *OperatorAPI) confirmProposal(r *http.Request, body []byte) (any, error) {
	var in ConfirmRequest
	if len(body) > 0 {
		if err := decodeStrict(body, &in); err != nil {
			return nil, err
		}
	}
	if err := validateBy(in.By); err != nil {
		return nil, err
	}
	orderID, err := a.pathOrderID(r)
	if err != nil {
		return nil, err
	}
	p, _ := handlers.PrincipalOf(r.Context())
	v, err := a.Decider.Confirm(r.Context(), orderID, r.PathValue("proposalId"), p.Actor(in.By))
	return verdictAnswer(orderID, v, err)
}

package handlers

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/metadata"
)

// DecisionFields are where the fields of a decision are found.
type DecisionFields struct {
	ID       Field[string]
	Order    Field[string]
	Outcome  Field[string] // see outcomes
	Step     Field[string]
	Approval Field[string]
	By       Field[string]
	Comment  Field[string]
	// Filter says whether it is a decision at all; nil takes everything for one.
	Filter Field[bool]
}

// ErrFiltered says that a message is no decision, as its source's filter has it:
// there is nothing to be done, and nothing is wrong.
var ErrFiltered = errors.New("filtered: not a decision")

// DecisionSource is the configuration of one way by which decisions come in.
type DecisionSource struct {
	Name   string
	Via    approval.Via
	Fields DecisionFields
}

// Decision handles decisions of one source.
type Decision struct {
	Source  DecisionSource
	Decider *Decider
	Decode  Decode
	// Form reads a body that an HTML form sent, by its Content-Type; nil takes none.
	Form Decode
}

// Decider records decisions, whatever they came by.
type Decider struct {
	Transitions        *Transitions
	UnmatchedRetention approval.UnmatchedRetention
}

// Decided is the answer to a decision that came in over HTTP.
type Decided struct {
	OrderID    string               `json:"orderId"`
	ApprovalID string               `json:"approvalId,omitempty"`
	Verdict    approval.VerdictCode `json:"verdict"`
	Status     approval.Status      `json:"status,omitempty"`
}

// Decide records a decision about an order. A refusal is in the verdict; an
// error means that nothing is known to be recorded.
func (d *Decider) Decide(ctx context.Context, orderID string, decision approval.Decision) (approval.Verdict, error) {
	decision.ReceivedAt, decision.Trace = d.Transitions.Now(), d.Transitions.currentTrace(ctx)
	var verdict approval.Verdict
	err := d.Transitions.Run(ctx, orderID, func(o *approval.Order, t approval.Environment) ([]approval.Action, error) {
		v, actions, err := o.Decide(decision, d.UnmatchedRetention, t)
		verdict = v
		return actions, err
	})
	return verdict, err
}

// CancelApproval closes a pending approval without a decision, in the name of an operator.
// Without step and approvalID it is the one that is pending.
func (d *Decider) CancelApproval(ctx context.Context, orderID, step, approvalID, by, reason string) (approval.Verdict, error) {
	var verdict approval.Verdict
	err := d.Transitions.Run(ctx, orderID, func(o *approval.Order, t approval.Environment) (actions []approval.Action, _ error) {
		verdict, actions = o.CancelStep(step, approvalID, by, reason, t)
		return actions, nil
	})
	return verdict, err
}

// Handle records the decision that the message holds. A message whose decision
// can never count is a Permanent error; one that was refused because all is
// decided already is done with, its refusal is in the order's history.
func (h *Decision) Handle(msg *message.Message) error {
	decode := h.Decode
	if h.Form != nil && isForm(msg) {
		decode = h.Form
	}
	in, err := decodeMessage(msg, decode)
	if err != nil {
		return err
	}
	if h.Source.Fields.Filter != nil {
		// A filter over what a message has not says no to it.
		if wanted, _, err := findField("filter", h.Source.Fields.Filter, in); err != nil || !wanted {
			return cmp.Or(err, ErrFiltered)
		}
	}
	orderID, d, err := h.readDecision(in, msg.Payload)
	if err != nil {
		return err
	}
	verdict, err := h.Decider.Decide(msg.Context(), orderID, d)
	if err != nil {
		return err
	}
	Reply(msg, Decided{
		OrderID:    orderID,
		ApprovalID: verdict.ApprovalID,
		Verdict:    verdict.Code,
		Status:     verdict.Status,
	})
	if verdict.IsFinal() && FateOf(msg) == nil {
		return nil // nobody waits to be told
	}
	return approval.Permanent(verdict.Err())
}

// outcomeWords are the words that decide, in lower case.
var outcomeWords = map[string]approval.Outcome{
	"approve":  approval.Approve,
	"approved": approval.Approve,
	"accept":   approval.Approve,
	"accepted": approval.Approve,
	"yes":      approval.Approve,
	"true":     approval.Approve,
	"ok":       approval.Approve,
	"reject":   approval.Reject,
	"rejected": approval.Reject,
	"deny":     approval.Reject,
	"denied":   approval.Reject,
	"decline":  approval.Reject,
	"declined": approval.Reject,
	"no":       approval.Reject,
	"false":    approval.Reject,
}

// readDecision reads the decision.
func (h *Decision) readDecision(in Input, body []byte) (orderID string, d approval.Decision, err error) {
	f := h.Source.Fields
	d = approval.Decision{Via: h.Source.Via, Source: h.Source.Name, SentAt: in.publishedAt()}
	var word string
	orderID = in.Meta[metadata.OrderID]
	fromPath := orderID
	err = runSteps(
		readInto("decision_id", f.ID, in, &d.ID), readInto("order", f.Order, in, &orderID), readInto("outcome", f.Outcome, in, &word),
		readInto("step", f.Step, in, &d.Step), readInto("approval", f.Approval, in, &d.ApprovalID), readInto("by", f.By, in, &d.By),
		readInto("comment", f.Comment, in, &d.Comment),
	)
	if err != nil {
		return "", d, err
	}
	known := false
	d.Outcome, known = outcomeWords[strings.ToLower(strings.TrimSpace(word))]
	switch {
	case fromPath != "" && orderID != fromPath:
		return "", d, approval.InvalidField("order", "in the body is another than in the path")
	case orderID == "":
		return "", d, approval.InvalidField("order", "is missing")
	case word == "":
		return "", d, approval.InvalidField("outcome", "is missing")
	case !known:
		return "", d, approval.InvalidField("outcome", "%.40q is neither an approval nor a rejection", word)
	}
	if d.ID == "" {
		sum := sha256.Sum256(body) // the same body from the same source is the same decision
		d.ID = cmp.Or(in.Meta[metadata.SNSMessageID], in.Meta[metadata.DeliveryID], "body-"+hex.EncodeToString(sum[:16]))
	}
	return orderID, d, nil
}

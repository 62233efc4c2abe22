package handlers

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/identity"
	"github.com/approval-relay/approval-relay/metadata"
)

// DecisionFields find the fields of a decision in a message.
type DecisionFields struct {
	ID        Field[string]
	Order     Field[string]
	Outcome   Field[string] // see outcomeWords
	Choice    Field[string] // the ID of a choice; Outcome may then be missing
	Values    Field[any]    // an object, or its text
	Shown     Field[string] // the digest of the request as its sender has seen it
	Step      Field[string]
	Execution Field[string]
	Approval  Field[string]
	By        Field[string]
	Comment   Field[string]
	// InWrappers is set if the fields may be within a wrapper of a service, see package envelope. It is not set if the
	// configuration names their places: data of others in a wrapper must not become a decision.
	InWrappers bool
	// Filter reports whether the message is a decision. Without a filter every message is.
	Filter Field[bool]
}

// ErrFiltered is returned if the filter of a source excludes a message. The message is handled.
var ErrFiltered = errors.New("filtered: not a decision")

// DecisionSource is a configured source of decisions.
type DecisionSource struct {
	Name   string
	Via    approval.Via
	Fields DecisionFields
}

// Decision handles the decisions of a source.
type Decision struct {
	Source  DecisionSource
	Decider *Decider
	Decode  Decode
	// Load reads messages that were too large for the queue from S3. It is nil if the source has no such messages.
	Load LoadMessage
}

// Decided is the reply to a stored decision.
type Decided struct {
	OrderID    string
	ApprovalID string
	Verdict    approval.VerdictCode
	Status     approval.Status
	ProposalID string
}

// Handle records the decision in a message. A refused decision is a Permanent error, so that the sender gets the reason
// or the message becomes a dead letter. The exception: if the refusal is final and the sender does not wait
// for an answer, the message is handled, because the history of the order has the refusal.
func (h *Decision) Handle(msg *message.Message) error {
	orderID, d, err := h.Read(msg)
	if err != nil {
		return err
	}
	if orderID, err = FindOrderID(msg.Context(), h.Decider.Transitions.Orders, orderID); err != nil {
		return err
	}
	signDecision(msg.Context(), &d)
	verdict, err := h.Decider.Decide(msg.Context(), orderID, d)
	if err != nil {
		return err
	}
	Reply(msg, Decided{
		OrderID:    orderID,
		ApprovalID: verdict.ApprovalID,
		Verdict:    verdict.Code,
		Status:     verdict.Status,
		ProposalID: verdict.ProposalID,
	})
	if verdict.IsFinal() && FateOf(msg) == nil {
		return nil
	}
	return approval.Permanent(h.refusalOf(verdict, d))
}

// Read returns the decision in a message, and its order. It fails if a field is missing or wrong, and with ErrFiltered if
// the message is not a decision.
func (h *Decision) Read(msg *message.Message) (orderID string, d approval.Decision, err error) {
	in, err := h.open(msg)
	if err != nil {
		return "", d, err
	}
	if h.Source.Fields.Filter.Find != nil {
		// If the filter reads fields that the message does not have, it excludes the message.
		if wanted, _, err := findField("filter", h.Source.Fields.Filter, in); err != nil || !wanted {
			return "", d, cmp.Or(err, ErrFiltered)
		}
	}
	return h.readDecision(in, msg.Payload)
}

// open returns the input of a message, out of its wrappers.
func (h *Decision) open(msg *message.Message) (Input, error) {
	f := &h.Source.Fields
	isWhole := func(in Input) bool {
		hasOrder := in.Meta[metadata.OrderID] != "" || hasField(f.Order, in)
		return hasOrder && (hasField(f.Outcome, in) || hasField(f.Choice, in))
	}
	return opener{
		decode:        h.Decode,
		isWhole:       isWhole,
		load:          h.Load,
		onlyCertain:   true,
		keepsWrappers: !f.InWrappers,
	}.open(msg)
}

// refusalOf returns the error of a refused decision, or nil. If the decision does not name a person and the approval
// names approvers, the error also names the missing field.
func (h *Decision) refusalOf(verdict approval.Verdict, d approval.Decision) error {
	err := verdict.Err()
	switch {
	case verdict.Code != approval.VerdictNotApprover:
	case d.Claimed != "":
		reason := "names a person, but the decisions of " + d.Principal + " count for itself"
		return fmt.Errorf("%w; %w", err, approval.InvalidField("by", "%s", reason))
	case d.By == "":
		missing := approval.InvalidField("by", "is missing, and this approval names its approvers; looked for in %s",
			listPlaces(h.Source.Fields.By.Expressions))
		return fmt.Errorf("%w; %w", err, missing)
	}
	return err
}

// outcomeWords are the words for the outcomes, in lower case.
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
	"return":   approval.Return,
	"returned": approval.Return,
	"abstain":  approval.Abstain,
}

// readDecision returns the decision in an input. If the path of the request has an order ID, the body need not have it.
func (h *Decision) readDecision(in Input, body []byte) (orderID string, d approval.Decision, err error) {
	f := &h.Source.Fields
	d = approval.Decision{Via: h.Source.Via, Source: h.Source.Name, SentAt: in.publishedAt()}
	fromPath := in.Meta[metadata.OrderID]
	orderID = fromPath
	var word string
	err = runSteps(
		readInto("decision_id", f.ID, in, &d.ID),
		readInto("order", f.Order, in, &orderID),
		readInto("outcome", f.Outcome, in, &word),
		readInto("choice", f.Choice, in, &d.Choice),
		readValues(f.Values, in, &d),
		readInto("shown_digest", f.Shown, in, &d.ShownDigest),
		readInto("step", f.Step, in, &d.Step),
		readInto("execution", f.Execution, in, &d.Execution),
		readInto("approval", f.Approval, in, &d.ApprovalID),
		readInto("by", f.By, in, &d.By),
		readInto("comment", f.Comment, in, &d.Comment),
	)
	if err != nil {
		return "", d, err
	}
	if identity.Clean(d.By) == "" {
		d.By = "" // white space names nobody
	}
	d.Step, d.Execution, d.ApprovalID = identity.Clean(d.Step), identity.Clean(d.Execution), identity.Clean(d.ApprovalID)
	d.Choice = strings.TrimSpace(d.Choice)
	switch {
	case fromPath != "" && cleanOrderID(orderID) != cleanOrderID(fromPath):
		return "", d, approval.InvalidField("order", "in the body differs from the order in the path")
	case cleanOrderID(orderID) == "":
		return "", d, missingField(in, "order", "is missing", f.Order.Expressions)
	case word == "" && d.Choice == "":
		places := slices.Concat(f.Outcome.Expressions, f.Choice.Expressions)
		return "", d, missingField(in, "outcome", "is missing", places)
	}
	if d.Outcome, err = readOutcome(word); err != nil {
		return "", d, err
	}
	if d.ID == "" {
		d.ID = cmp.Or(in.Meta[metadata.SNSMessageID], in.Meta[metadata.DeliveryID])
	}
	if d.ID == "" {
		d.ID = bodyID(body)
		d.IDFromBody = true
	}
	return orderID, d, nil
}

// readOutcome reads the word for an outcome. A decision that names a choice needs none.
func readOutcome(word string) (approval.Outcome, error) {
	outcome, known := outcomeWords[strings.ToLower(strings.TrimSpace(word))]
	if word != "" && !known {
		return "", approval.InvalidField("outcome", "has %d characters and is neither an approval nor a rejection; known are %s",
			utf8.RuneCountInString(word), strings.Join(sortedKeys(outcomeWords), ", "))
	}
	return outcome, nil
}

// readValues returns a step that reads the values of a decision. The approval judges them, so every JSON value is taken; a
// text can have the object as JSON, because forms and message attributes have only texts.
func readValues(f Field[any], in Input, d *approval.Decision) func() error {
	return func() error {
		value, found, err := findField("values", f, in)
		if err != nil || !found || value == nil || value == "" {
			return err
		}
		text, isText := value.(string)
		if isText && strings.HasPrefix(strings.TrimSpace(text), "{") && json.Valid([]byte(text)) {
			d.Values = json.RawMessage(text)
			return nil
		}
		if d.Values, err = json.Marshal(value); err != nil {
			return approval.InvalidField("values", "are no JSON")
		}
		return nil
	}
}

// bodyID identifies a decision without an ID: the same body from the same source is the same decision.
func bodyID(body []byte) string {
	sum := sha256.Sum256(body)
	return "body-" + hex.EncodeToString(sum[:16])
}

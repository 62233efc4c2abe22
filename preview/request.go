package preview

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/body"
	"github.com/approval-relay/approval-relay/callback"
	"github.com/approval-relay/approval-relay/callback/codepipeline"
	"github.com/approval-relay/approval-relay/callback/lambda"
	"github.com/approval-relay/approval-relay/callback/stepfunctions"
	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/expression"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/setup"
)

// Request is the approval that a request would make.
type Request struct {
	Workflow     string       `json:"workflow"`
	OrderID      string       `json:"orderId"`
	Status       string       `json:"status"` // not pending if the deadline has passed when the request arrives
	Step         string       `json:"step,omitempty"`
	Title        string       `json:"title,omitempty"`
	Requester    string       `json:"requester,omitempty"`
	Execution    string       `json:"execution,omitempty"`
	State        string       `json:"state,omitempty"`
	Policy       string       `json:"policy"`
	MinAssurance string       `json:"minAssurance"`
	Approvers    []Approver   `json:"approvers"` // empty: every reader of a link may decide
	Channels     []string     `json:"channels"`  // of approvers without channels of their own
	Fallback     []string     `json:"fallbackChannels"`
	Deadline     time.Time    `json:"deadline"`
	TaskExpires  *time.Time   `json:"taskExpires,omitempty"`
	Reminders    []time.Time  `json:"reminders"`
	Escalations  []Escalation `json:"escalations"`
	Heartbeat    string       `json:"heartbeat,omitempty"` // time between two heartbeats
	Details      []Detail     `json:"details"`
	Leaves
	NotFound  []MissingField `json:"notFound"`
	Notes     []string       `json:"notes"`     // parts of the message that are not used, and why
	Authority []Authority    `json:"authority"` // the fields that determine who may decide, and until when
	Choices   []Choice       `json:"choices"`   // empty: approve and reject
	Target    string         `json:"target"`
	Answers   []Answer       `json:"answers"` // empty unless the approval is pending
}

// Authority is a field that determines who may decide, until when, or where the answer goes.
type Authority struct {
	Field  string `json:"field"`
	Source string `json:"source"` // "configuration", the expression that found it, both, or empty if it is not set
}

// Approver is a person to be asked, and the reason.
type Approver struct {
	ID       string   `json:"id"`
	Reason   string   `json:"reason"`
	Channels []string `json:"channels"`
}

// Escalation is a time at which more people are asked.
type Escalation struct {
	At        time.Time  `json:"at"`
	Approvers []Approver `json:"approvers"`
}

// Detail is a labelled value that approvers see.
type Detail struct {
	Label string `json:"label"`
	Value string `json:"value"`
	Kind  string `json:"kind,omitempty"` // empty for a text
}

// Answer is the answer that the workflow gets after a decision.
type Answer struct {
	Outcome string          `json:"outcome"`
	Choice  string          `json:"choice,omitempty"` // with the values that its fields have at first, or examples
	Error   string          `json:"error,omitempty"`  // by which the workflow catches it; empty for a success
	Body    json.RawMessage `json:"body"`
}

// ForRequest returns the approval that a request to a workflow makes when it was sent. The sender would get the same
// error. It names the field.
func ForRequest(ctx context.Context, c *config.Config, workflow string, m Message) (*Request, error) {
	w, known := c.Compiled.Workflows[workflow]
	if !known {
		return nil, fmt.Errorf("there is no workflow %q", workflow)
	}
	b := newBench(m.SentAt)
	m.WithoutQueue = c.Workflows[workflow].Requests.SQS == nil && len(m.Attributes) == 0 // only queues have attributes
	h := &handlers.Request{
		Workflow:    w,
		Transitions: b.transitions,
		Decode:      expression.DecodeJSON,
	}
	if err := setValidators(h, c); err != nil {
		return nil, err
	}
	if m.WithoutQueue || len(m.Headers) > 0 {
		var err error
		if m, err = m.open(body.Opener{Format: body.Auto, CoversRequest: true}); err != nil {
			return nil, approval.InvalidField("body", "%s", err)
		}
	}
	msg := m.forHandler(ctx)
	var fate handlers.Fate
	msg.SetContext(handlers.WithFate(ctx, &fate))
	if err := h.Handle(msg); err != nil {
		return nil, err
	}
	accepted, ok := fate.Body.(handlers.Accepted)
	if !ok {
		return nil, errors.New("the request was not accepted")
	}
	o, err := b.store.Get(ctx, accepted.OrderID)
	if err != nil {
		return nil, err
	}
	a := o.FindApproval(accepted.ApprovalID)
	p := newRequest(o, a, &whyAsked{config: c, workflow: workflow})
	if err := p.describeReading(h, msg); err != nil {
		return nil, err
	}
	if a.Status != approval.Pending {
		return p, nil
	}
	err = p.addAnswers(ctx, h, m, a)
	return p, err
}

// addAnswers adds the answer to each choice that decides the approval.
func (p *Request) addAnswers(ctx context.Context, h *handlers.Request, m Message, a *approval.Approval) error {
	for _, choice := range a.Offered() {
		if choice.Means == approval.Abstain { // it decides nothing
			continue
		}
		sample := sampleDecision(a, choice)
		if len(a.CheckDecision(sample)) > 0 { // no example fits the form; the request is good all the same
			continue
		}
		answer, err := previewAnswer(ctx, h, m, sample)
		if err != nil {
			return err
		}
		if a.HasOwnRules() {
			answer.Choice = choice.ID
		}
		p.Answers = append(p.Answers, answer)
	}
	return nil
}

// describeReading adds how the fields of the message were read.
func (p *Request) describeReading(h *handlers.Request, msg *message.Message) error {
	missing, err := h.MissingFields(msg)
	if err != nil {
		return err
	}
	p.NotFound = missingFields(missing)
	reading, err := h.ReadForPreview(msg)
	p.Leaves = newLeaves(reading)
	p.Notes = append([]string{}, reading.Notes...)
	for _, f := range reading.Authority {
		p.Authority = append(p.Authority, Authority{Field: f.Name, Source: f.Source})
	}
	return err
}

// setValidators sets the checks of tokens and callback URLs by the targets of the workflow. Without a target of
// callback URLs, the handler refuses them itself.
func setValidators(h *handlers.Request, c *config.Config) error {
	if name := h.Workflow.URLTarget; name != "" {
		target, err := openTarget(c, name)
		if err != nil {
			return err
		}
		urls, ok := target.(callback.URLTarget)
		if !ok {
			return fmt.Errorf("targets.%s: its kind does not check callback URLs", name)
		}
		h.ValidateURL = urls.ValidateURL
	}
	switch c.Targets[h.Workflow.TokenTarget].Settings().(type) {
	case *stepfunctions.Settings:
		h.ValidateToken = stepfunctions.NewTarget(nil, stepfunctions.Config{}).ValidateToken
	case *lambda.Settings:
		h.ValidateToken = lambda.NewTarget(nil, lambda.Config{}).ValidateToken
	case *codepipeline.Settings:
		h.ValidateToken = codepipeline.NewTarget(nil, codepipeline.Config{}).ValidateToken
	}
	return nil
}

// openTarget opens a target that needs nothing of its environment.
func openTarget(c *config.Config, name string) (callback.Target, error) {
	opened, err := c.Targets[name].Settings().Open(setup.Env{Name: name, Timeout: time.Second})
	if err != nil {
		return nil, fmt.Errorf("targets.%s: %w", name, err)
	}
	return opened, nil
}

func newRequest(o *approval.Order, a *approval.Approval, why *whyAsked) *Request {
	p := &Request{
		Workflow:     a.Workflow,
		OrderID:      o.ID,
		Status:       string(a.Status),
		Step:         a.Step,
		Title:        a.Title,
		Requester:    a.Requester,
		Execution:    a.Execution,
		State:        a.State,
		Policy:       string(a.Policy.Kind),
		MinAssurance: string(a.MinAssurance),
		Approvers:    why.describe(a.Approvers, a.Channels),
		Channels:     a.Channels,
		Fallback:     a.FallbackChannels,
		Deadline:     a.Deadline,
		Reminders:    a.Reminders,
		Escalations:  []Escalation{},
		Details:      []Detail{},
		Choices:      newChoices(a),
		Target:       a.Target,
	}
	if a.HeartbeatInterval > 0 {
		p.Heartbeat = setup.FormatDuration(a.HeartbeatInterval)
	}
	if !a.TaskExpires.IsZero() {
		p.TaskExpires = &a.TaskExpires
	}
	for _, e := range a.Escalations {
		p.Escalations = append(p.Escalations, Escalation{At: e.At, Approvers: why.describe(e.Approvers, a.Channels)})
	}
	for _, d := range a.Details {
		if d.LeftOut == nil { // Leaves has it
			p.Details = append(p.Details, Detail{Label: d.Name, Value: d.Value, Kind: string(d.Kind)})
		}
	}
	return p
}

// previewAnswer makes the same approval again, decides it in the name of an operator, and returns the answer.
func previewAnswer(ctx context.Context, h *handlers.Request, m Message, d approval.Decision) (Answer, error) {
	b := newBench(m.SentAt)
	again := *h
	again.Transitions = b.transitions
	msg := m.forHandler(ctx)
	var fate handlers.Fate
	msg.SetContext(handlers.WithFate(ctx, &fate))
	if err := again.Handle(msg); err != nil {
		return Answer{}, err
	}
	accepted, _ := fate.Body.(handlers.Accepted)
	decider := &handlers.Decider{Transitions: b.transitions}
	d.ID = "preview"
	d.ApprovalID = accepted.ApprovalID
	d.By = "operator"
	d.Via = approval.ViaOperator
	d.Source = "operator"
	verdict, err := decider.Decide(ctx, accepted.OrderID, d)
	if err == nil {
		err = verdict.Err()
	}
	if err != nil {
		return Answer{}, fmt.Errorf("preview of the answer: %w", err)
	}
	o, err := b.store.Get(ctx, accepted.OrderID)
	if err != nil {
		return Answer{}, err
	}
	for _, action := range b.actions {
		if answer, current := o.CurrentAnswer(action, m.SentAt); current && action.Kind == approval.ActionCallback {
			result, err := callback.NewResult(answer, stepfunctions.MaxOutput, stepfunctions.MaxCause)
			return Answer{Outcome: string(d.Outcome), Error: result.ErrorName, Body: json.RawMessage(result.JSON)}, err
		}
	}
	return Answer{}, errors.New("preview of the answer: the decision causes no callback")
}

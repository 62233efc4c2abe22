package preview

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/body"
	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/envelope"
	"github.com/approval-relay/approval-relay/expression"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/metadata"
	"github.com/approval-relay/approval-relay/webhook"
)

// Decision is the decision that a message of a source would make.
type Decision struct {
	Source string `json:"source"`
	// Signature is the result of the check of a webhook's signature or credential: accepted, the reason of the refusal,
	// or the reason why it was not checked.
	Signature string `json:"signature"`
	Refused   bool   `json:"refused"`
	// Filtered reports whether the filter of the source excludes the message. The other fields are then empty.
	Filtered   bool   `json:"filtered"`
	DecisionID string `json:"decisionId,omitempty"`
	OrderID    string `json:"orderId,omitempty"`
	Outcome    string `json:"outcome,omitempty"`
	Choice     string `json:"choice,omitempty"`
	// Values are shown to whoever checks a message of theirs; the worker keeps them out of its log.
	Values json.RawMessage `json:"values,omitempty"`
	// Judged has the workflows whose rules the choice and the values were judged by.
	Judged     []Judgement    `json:"judged,omitempty"`
	Step       string         `json:"step,omitempty"`
	Execution  string         `json:"execution,omitempty"`
	ApprovalID string         `json:"approvalId,omitempty"`
	DecidedBy  string         `json:"decidedBy,omitempty"`
	Comment    string         `json:"comment,omitempty"`
	NotFound   []MissingField `json:"notFound"`
	Notes      []string       `json:"notes"` // how the body was read, and what of it was left out
}

// ForDecision returns the decision that a message of a source makes when it was sent, for an order without a request.
// The sender would get the same error, which names the field.
func ForDecision(ctx context.Context, c *config.Config, source string, m Message) (*Decision, error) {
	fields, known := c.Compiled.Decisions[source]
	if !known {
		return nil, fmt.Errorf("there is no decision source %q", source)
	}
	p := &Decision{Source: source, NotFound: []MissingField{}, Notes: []string{}}
	m, err := p.open(c, m)
	if err != nil {
		return p, err
	}
	b := newBench(m.SentAt)
	h := &handlers.Decision{
		Source: handlers.DecisionSource{Name: source, Via: via(c, source), Fields: fields},
		Decider: &handlers.Decider{
			Transitions:        b.transitions,
			UnmatchedRetention: approval.UnmatchedRetention{WaitFor: time.Hour, ShowExpiredFor: time.Hour},
			People:             func() *handlers.People { return &c.Compiled.People },
		},
		Decode: expression.DecodeJSON,
	}
	msg, err := messageOf(ctx, c, source, m)
	if err != nil {
		return p, err
	}
	orderID, d, err := h.Read(msg)
	switch {
	case errors.Is(err, handlers.ErrFiltered):
		p.Filtered = true
		return p, nil
	case err != nil:
		return p, err
	}
	if orderID, err = handlers.NormalizeOrderID(orderID); err != nil {
		return p, err
	}
	d.By = c.Compiled.People.CanonicalID(d.By)
	p.setDecision(orderID, d)
	p.Notes = append(p.Notes, h.ReadingNotes(msg)...)
	d.ApprovalID = "" // the empty store does not have the approval; without its ID the decision waits for a request
	verdict, err := h.Decider.Decide(ctx, orderID, d)
	if err != nil {
		return p, err
	}
	if err := verdict.Err(); err != nil {
		return p, err
	}
	missing, err := h.MissingFields(msg)
	if err != nil {
		return p, err
	}
	p.NotFound = missingFields(missing)
	return p, p.judge(rulesOf(c), d)
}

// rulesOf returns the rules of the workflows. If requests bring some of them, they are not known.
func rulesOf(c *config.Config) map[string]*approval.DecisionRules {
	rules := map[string]*approval.DecisionRules{}
	for name, w := range c.Compiled.Workflows {
		if w.Fields.Form.Find == nil && w.Fields.Choices.Find == nil {
			rules[name] = &w.Decision.DecisionRules
		}
	}
	return rules
}

// open verifies the message and opens its body, as the way in of the source does. A message with a wrong signature is
// shown all the same.
func (p *Decision) open(c *config.Config, m Message) (Message, error) {
	p.Signature = "not checked: only webhooks are signed"
	scheme, isWebhook := c.Compiled.Schemes[p.Source]
	opener := body.Opener{Format: scheme.Body, CoversRequest: scheme.CoversRequest}
	switch {
	case p.Source == "api":
		opener = body.Opener{Format: body.Auto, CoversRequest: true}
	case !isWebhook:
		return m, nil // of a queue
	case scheme.Verifier == nil:
		p.Signature = "not checked: the certificate of SNS is on its host"
	default:
		p.checkSignature(scheme, c.WebhookURL(p.Source), opener, m)
	}
	return m.open(opener)
}

// checkSignature verifies the headers and the body by the scheme of the webhook.
func (p *Decision) checkSignature(scheme webhook.Scheme, url string, opener body.Opener, m Message) {
	opener.Verify = func(b []byte) error {
		err := scheme.Verify(m.SentAt, m.request(url, b))
		p.Refused = err != nil
		return err
	}
	p.Signature = "accepted"
	if _, err := m.open(opener); p.Refused {
		p.Signature = err.Error()
	}
}

// request returns the request that a webhook with this URL gets.
func (m Message) request(url string, b []byte) webhook.Request {
	r := webhook.Request{Method: http.MethodPost, URL: url, Header: m.Headers, Query: m.Query, Body: b}
	if m.Query != "" {
		r.URL += "?" + m.Query
	}
	return r
}

// messageOf returns the message of a source for the handler. A message of SNS is taken out of its envelope.
func messageOf(ctx context.Context, c *config.Config, source string, m Message) (*message.Message, error) {
	scheme := c.Compiled.Schemes[source]
	if scheme.Envelope == nil {
		if err := checkTopic(c.Decisions[source].Topic, m.Body); err != nil {
			return nil, err
		}
		msg := m.forHandler(ctx)
		if id := scheme.DeliveryID(m.Headers); id != "" {
			msg.Metadata.Set(metadata.DeliveryID, id)
		}
		return msg, nil
	}
	inner, err := webhook.ReadUnverified(m.Body)
	if err != nil {
		return nil, err
	}
	m.Body = []byte(inner.Message)
	m.SentAt = inner.Timestamp
	msg := m.forHandler(ctx)
	msg.Metadata.Set(metadata.SNSMessageID, inner.ID)
	return msg, nil
}

// checkTopic returns the error for an envelope of another topic than that of the source. The queue refuses it, too.
func checkTopic(topic string, b []byte) error {
	c, found, err := envelope.OpenSNS(b)
	if topic == "" || !found || err != nil || c.Meta[metadata.TopicARN] == topic {
		return nil //nolint:nilerr // the handler names the fault of an envelope
	}
	return approval.InvalidField("message", "SNS envelope: from an unexpected topic")
}

func (p *Decision) setDecision(orderID string, d approval.Decision) {
	p.OrderID = orderID
	p.DecisionID = d.ID
	p.Outcome = string(d.Outcome)
	p.Choice = d.Choice
	p.Values = d.Values
	p.Step = d.Step
	p.Execution = d.Execution
	p.ApprovalID = d.ApprovalID
	p.DecidedBy = d.By
	p.Comment = d.Comment
}

// via returns the way in of a source.
func via(c *config.Config, source string) approval.Via {
	if _, ok := c.Webhooks[source]; ok {
		return approval.ViaWebhook
	}
	if _, ok := c.Decisions[source]; ok {
		return approval.ViaSNS
	}
	return approval.ViaAPI
}

// lowerCase returns the first value of each header, as a message has them. Credentials are left out.
func lowerCase(headers http.Header) map[string]string {
	values := map[string]string{}
	for name, list := range headers {
		name = strings.ToLower(name)
		if len(list) > 0 && !slices.Contains([]string{"authorization", "cookie"}, name) {
			values[name] = list[0]
		}
	}
	return values
}

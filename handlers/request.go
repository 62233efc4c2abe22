package handlers

import (
	"crypto/rand"
	"encoding/base64"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/approval-relay/approval-relay/approval"
)

// RequestFields are where the fields of an approval request are found.
type RequestFields struct {
	Order     Field[string]
	Token     Field[string]
	Callback  Field[string] // an HTTP callback URL, instead of a token
	Step      Field[string]
	Title     Field[string]
	Requester Field[string]
	Execution Field[string]
	Approvers Field[[]string]
	Started   Field[time.Time]     // when the workflow began to wait
	Deadline  Field[time.Time]     // when it stops, or (as tutorials have it) when it began
	Timeout   Field[time.Duration] // how long it waits
	Details   []Detail             // what approvers see; nil shows the scalars of the body
	Output    map[string]Field[any]
}

// Detail is one labelled value that approvers see.
type Detail struct {
	Name  string
	Value Field[string]
}

// Workflow is the configuration of one workflow: how its requests are read, who
// approves, until when, how it is answered.
type Workflow struct {
	Name   string
	Fields RequestFields

	Approvers        []string // beside those that the request names: IDs, or "group:" and a name
	People           People
	Policy           approval.Policy
	MinAssurance     approval.Assurance
	Sources          []string
	Channels         []string
	FallbackChannels []string // the next to try for whom a channel gave up
	GroupChannels    []string // which channels many people read
	ProgramChannels  []string // channels by which programs are told what happens
	OnUndeliverable  approval.UndeliverablePolicy

	Deadline          time.Duration // from when the workflow began to wait
	TaskTimeout       time.Duration // of the state, where requests do not say it; 0 is unknown
	Margin            time.Duration // how long before the task's end the approval times out
	Reminders         []RelativeTime
	Escalations       []Escalation
	HeartbeatInterval time.Duration

	TokenTarget string // the target for task tokens
	URLTarget   string // the target for callback URLs; empty refuses them

	RejectAsSuccess   bool
	Output            map[string]any
	CallbackRetry     approval.RetrySchedule
	NotificationRetry approval.RetrySchedule
	Retention         time.Duration
}

// Request handles approval requests of one workflow.
type Request struct {
	Workflow    Workflow
	Transitions *Transitions
	Decode      Decode
	// ValidateURL says whether a callback URL may be called at all.
	ValidateURL func(url string) error
}

// Accepted is the answer to a request that came in over HTTP.
type Accepted struct {
	OrderID    string          `json:"orderId"`
	ApprovalID string          `json:"approvalId"`
	Status     approval.Status `json:"status"`
}

// Handle records the request that the message holds. It returns a Permanent
// error where the message can never be understood.
func (h *Request) Handle(msg *message.Message) error {
	in, err := decodeMessage(msg, h.Decode)
	if err != nil {
		return err
	}
	orderID, ask, err := h.readRequest(in)
	if err != nil {
		return err
	}
	ask.Trace = h.Transitions.currentTrace(msg.Context())
	var accepted Accepted
	err = h.Transitions.Run(msg.Context(), orderID, func(o *approval.Order, t approval.Environment) ([]approval.Action, error) {
		id, actions, err := o.AddRequest(ask, t)
		if a := o.FindApproval(id); a != nil {
			accepted = Accepted{OrderID: orderID, ApprovalID: id, Status: a.Status}
		}
		return actions, err
	})
	if err != nil {
		return err
	}
	Reply(msg, accepted)
	return nil
}

// readRequest reads what is asked for.
func (h *Request) readRequest(in Input) (orderID string, ask approval.Request, err error) {
	w, f := h.Workflow, h.Workflow.Fields
	var token, callback string
	var more []string
	ask = approval.Request{
		Workflow:          w.Name,
		Policy:            w.Policy,
		MinAssurance:      w.MinAssurance,
		Sources:           w.Sources,
		Channels:          w.Channels,
		FallbackChannels:  w.FallbackChannels,
		GroupChannels:     w.GroupChannels,
		ProgramChannels:   w.ProgramChannels,
		OnUndeliverable:   w.OnUndeliverable,
		HeartbeatInterval: w.HeartbeatInterval,
		RejectAsSuccess:   w.RejectAsSuccess,
		CallbackRetry:     w.CallbackRetry,
		NotificationRetry: w.NotificationRetry,
		Retention:         w.Retention,
	}
	err = runSteps(
		readInto("order", f.Order, in, &orderID), readInto("token", f.Token, in, &token), readInto("callback", f.Callback, in, &callback),
		readInto("step", f.Step, in, &ask.Step), readInto("title", f.Title, in, &ask.Title), readInto("requester", f.Requester, in, &ask.Requester),
		readInto("execution", f.Execution, in, &ask.Execution), readInto("approvers", f.Approvers, in, &more),
	)
	switch {
	case err != nil:
		return "", ask, err
	case orderID == "":
		return "", ask, approval.InvalidField("order", "is missing")
	case token == "" && callback == "":
		return "", ask, approval.InvalidField("token", "is missing, and there is no callback URL either")
	}
	if err := h.setTarget(&ask, token, callback); err != nil {
		return "", ask, err
	}
	if ask.Approvers, err = w.People.ResolveApprovers(slices.Concat(w.Approvers, more), h.Transitions.Now()); err != nil {
		return "", ask, err
	}
	if err := h.setTimes(&ask, in); err != nil {
		return "", ask, err
	}
	if err := h.setEscalations(&ask); err != nil {
		return "", ask, err
	}
	if ask.Details, err = readDetails(f.Details, in, orderID, ask.Token.Reveal()); err != nil {
		return "", ask, err
	}
	ask.Output, err = h.readOutput(in)
	return orderID, ask, err
}

// setTarget says how the workflow will be answered.
func (h *Request) setTarget(ask *approval.Request, token, callback string) error {
	if token != "" {
		ask.Token, ask.Target = approval.NewToken(token), h.Workflow.TokenTarget
		return nil
	}
	if h.Workflow.URLTarget == "" {
		return approval.InvalidField("callback", "this workflow takes no callback URLs")
	}
	if err := h.ValidateURL(callback); err != nil {
		return approval.InvalidField("callback", "%s", err)
	}
	ask.Token, ask.Target = approval.NewToken(callback), h.Workflow.URLTarget
	return nil
}

// maxOutput bounds what configuration adds to an answer, in bytes of text. With
// the votes it stays far within Step Functions' 262,144.
const maxOutput = 64 << 10

// readOutput works out what is added to the answer.
func (h *Request) readOutput(in Input) (map[string]any, error) {
	if len(h.Workflow.Output)+len(h.Workflow.Fields.Output) == 0 {
		return nil, nil
	}
	out := map[string]any{}
	maps.Copy(out, h.Workflow.Output)
	for k, f := range h.Workflow.Fields.Output {
		v, found, err := findField("output."+k, f, in)
		if err != nil {
			return nil, err
		}
		if found {
			out[k] = v
		}
	}
	if size := jsonSize(out); size > maxOutput {
		return nil, approval.InvalidField("output", "is %d bytes long, the most is %d", size, maxOutput)
	}
	return out, nil
}

// secretName matches names whose values are not shown to approvers.
var secretName = regexp.MustCompile(`(?i)token|secret|password|credential|callback`)

// readDetails reads what approvers see. Without configuration it is every scalar of
// the body and of its objects one level down, but for what looks like a secret
// and for the order ID, which is shown anyhow.
func readDetails(configured []Detail, in Input, orderID, secret string) ([]approval.Field, error) {
	var out []approval.Field
	for _, d := range configured {
		v, found, err := findField("details."+d.Name, d.Value, in)
		if err != nil {
			return nil, err
		}
		if found {
			out = append(out, approval.Field{Name: d.Name, Value: v})
		}
	}
	if configured != nil {
		return out, nil
	}
	body, _ := in.Body.(map[string]any)
	appendScalars(&out, body, func(text string) bool { return text == orderID || strings.Contains(text, secret) }, true)
	return out, nil
}

// maxDetails and maxDetail bound what is shown without configuration: fields,
// and bytes of one value.
const (
	maxDetails = 20
	maxDetail  = 512
)

func appendScalars(out *[]approval.Field, object map[string]any, hide func(text string) bool, deeper bool) {
	for _, name := range sortedKeys(object) {
		if len(*out) >= maxDetails || secretName.MatchString(name) || len(name) > 64 {
			continue
		}
		if inner, ok := object[name].(map[string]any); ok && deeper {
			appendScalars(out, inner, hide, false)
			continue
		}
		text, ok := scalarText(object[name])
		if !ok || hide(text) {
			continue
		}
		if len(text) > maxDetail {
			text = strings.ToValidUTF8(text[:maxDetail], "") + "… (cut)"
		}
		*out = append(*out, approval.Field{Name: name, Value: text})
	}
}

// newNonce returns 96 random bits for an approver's link.
func newNonce() string {
	b := make([]byte, 12)
	_, _ = rand.Read(b) // never fails, see crypto/rand
	return base64.RawURLEncoding.EncodeToString(b)
}

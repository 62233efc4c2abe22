package handlers

import (
	"maps"
	"slices"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/identity"
	"github.com/approval-relay/approval-relay/store"
)

// Request handles the approval requests of a workflow.
type Request struct {
	Workflow    Workflow
	Transitions *Transitions
	Decode      Decode
	// Load reads messages that were too large for the queue from S3. It is nil if the source has no such messages.
	Load LoadMessage
	// ValidateURL returns an error if a callback URL must not be called.
	ValidateURL func(url string) error
	// ValidateToken returns an error if a token cannot be one of the workflow's target. It is nil if the target has
	// no such check.
	ValidateToken func(token string) error
}

// Accepted is the reply to a stored request.
type Accepted struct {
	OrderID    string
	ApprovalID string
	Status     approval.Status
	// Notes tell how the request was read where that may surprise its sender. The history of the order has them too.
	Notes []string
}

// Handle stores the request in a message. A message that can never be understood is a Permanent error.
func (h *Request) Handle(msg *message.Message) error {
	in, err := h.open(msg)
	if err != nil {
		return err
	}
	orderID, request, err := h.readRequest(in)
	if err != nil {
		return err
	}
	if orderID, err = FindOrderID(msg.Context(), h.Transitions.Orders, orderID); err != nil {
		return err
	}
	request.Trace = h.Transitions.currentTrace(msg.Context())
	if p, ok := PrincipalOf(msg.Context()); ok {
		request.Asker = p.ID()
		request.AskerMayDecide = p.IsOperator || p.DecidesOwn
	}
	var accepted Accepted
	add := func(o *approval.Order, env approval.Environment) ([]approval.Action, error) {
		id, actions, err := o.AddRequest(request, env)
		if a := o.FindApproval(id); a != nil {
			accepted = Accepted{OrderID: orderID, ApprovalID: id, Status: a.Status, Notes: request.ReadingNotes}
		}
		return actions, err
	}
	if err := h.Transitions.Run(store.ExpectNew(msg.Context()), orderID, add); err != nil {
		return err
	}
	Reply(msg, accepted)
	return nil
}

// open returns the input of a message, out of its wrappers.
func (h *Request) open(msg *message.Message) (Input, error) {
	f := &h.Workflow.Fields
	hasToken := func(in Input) bool {
		return hasField(f.Token, in) || hasField(f.Callback, in) || hasField(f.TokenElse, in)
	}
	isWhole := func(in Input) bool { return h.hasOrder(in) && hasToken(in) }
	return opener{decode: h.Decode, isWhole: isWhole, hasToken: hasToken, load: h.Load, takesText: true}.open(msg)
}

// setHeartbeats leaves heartbeats to the targets that have them.
func (w *Workflow) setHeartbeats(request *approval.Request) {
	request.CanProbe = slices.Contains(w.HeartbeatTargets, request.Target)
	if !request.CanProbe {
		request.HeartbeatInterval = 0
		request.HeartbeatTimeout = 0
	}
}

// newRequest returns a request with the rules of the workflow.
func (w *Workflow) newRequest() approval.Request {
	return approval.Request{
		Workflow:          w.Name,
		Policy:            w.Policy,
		MinAssurance:      w.MinAssurance,
		Sources:           w.Sources,
		SourcesRequired:   w.SourcesRequired,
		Channels:          w.Channels,
		FallbackChannels:  w.FallbackChannels,
		GroupChannels:     w.GroupChannels,
		ProgramChannels:   w.ProgramChannels,
		OnUndeliverable:   w.OnUndeliverable,
		HeartbeatInterval: w.HeartbeatInterval,
		HeartbeatTimeout:  w.HeartbeatTimeout,
		RejectAsSuccess:   w.RejectAsSuccess,
		CallbackRetry:     w.CallbackRetry,
		NotificationRetry: w.NotificationRetry,
		Retention:         w.Retention,
	}
}

// readRequest returns the request in an input, completed by the rules of the workflow. The order ID is as it was sent.
func (h *Request) readRequest(in Input) (orderID string, request approval.Request, err error) {
	w, f := &h.Workflow, &h.Workflow.Fields
	request = w.newRequest()
	var token, callback string
	err = runSteps(
		readInto("order", f.Order, in, &orderID),
		h.readOrderElse(in, &orderID),
		readInto("token", f.Token, in, &token),
		readInto("callback", f.Callback, in, &callback),
		func() error {
			if callback != "" {
				return nil
			}
			return readElse("token", f.Token, in, &token, in, f.TokenElse)()
		},
		readInto("step", f.Step, in, &request.Step),
		readInto("title", f.Title, in, &request.Title),
		readInto("execution", f.Execution, in, &request.Execution),
		readInto("state", f.State, in, &request.State),
	)
	switch {
	case err != nil:
		return "", request, err
	case cleanOrderID(orderID) == "":
		places := slices.Concat(f.Order.Expressions, f.OrderElse.Expressions)
		return "", request, missingField(in, "order", "is missing", places)
	case token == "" && callback == "":
		places := slices.Concat(f.Token.Expressions, f.TokenElse.Expressions, f.Callback.Expressions)
		return "", request, missingField(in, "token", "is missing, and so is a callback URL", places)
	}
	request.Step, request.Execution = identity.Clean(request.Step), identity.Clean(request.Execution)
	request.ReadingNotes = slices.Concat(in.notes, h.noteOrder(in, orderID, request.Execution), h.noteUnusedPlaces(in))
	err = runSteps(
		func() error { return h.setTarget(&request, token, callback) },
		func() error { w.setHeartbeats(&request); return nil },
		func() error { return h.setPeople(&request, in) },
		func() error { return h.setRequesterRules(&request) },
		func() error { return h.setTimes(&request, in) },
		func() error { return h.setEscalations(&request) },
		func() error { return h.readDetails(&request, in, orderID) },
		func() error { return h.readDecisionRules(&request, in) },
		func() (err error) {
			request.Output, err = h.readOutput(in)
			return err
		},
	)
	return orderID, request, err
}

// setPeople sets the requester and the approvers.
func (h *Request) setPeople(request *approval.Request, in Input) (err error) {
	if request.Requester, err = h.readRequester(in); err != nil {
		return err
	}
	names, notes, err := h.readApprovers(in)
	if err != nil {
		return err
	}
	request.ReadingNotes = append(request.ReadingNotes, notes...)
	request.Approvers, err = h.Workflow.People.ResolveApprovers(names, h.Transitions.Now())
	if err == nil && len(names) > 0 && len(request.Approvers) == 0 { // an empty list would let everybody decide
		err = approval.InvalidField("approvers", "are groups without members")
	}
	return err
}

// setTarget sets the target that will answer the workflow.
func (h *Request) setTarget(request *approval.Request, token, callback string) error {
	if token != "" {
		if h.ValidateToken != nil {
			if err := h.ValidateToken(token); err != nil {
				return approval.InvalidField("token", "%s", err)
			}
		}
		request.Token = approval.NewToken(token)
		request.Target = h.Workflow.TokenTarget
		return nil
	}
	if h.Workflow.URLTarget == "" {
		return approval.InvalidField("callback", "this workflow takes no callback URLs: "+
			"there is no target http, and no callback.url_target")
	}
	if err := h.ValidateURL(callback); err != nil {
		return approval.InvalidField("callback", "%s", err)
	}
	request.Token = approval.NewToken(callback)
	request.Target = h.Workflow.URLTarget
	return nil
}

// maxOutput bounds the configured additions to an answer, in bytes of JSON. Together with the votes they stay far
// within Step Functions' limit of 262,144.
const maxOutput = 64 << 10

// readOutput returns the configured additions to the answer.
func (h *Request) readOutput(in Input) (map[string]any, error) {
	if len(h.Workflow.Output)+len(h.Workflow.Fields.Output) == 0 {
		return nil, nil
	}
	out := map[string]any{}
	maps.Copy(out, h.Workflow.Output)
	for name, f := range h.Workflow.Fields.Output {
		v, found, err := findField("output."+name, f, in)
		if err != nil {
			return nil, err
		}
		if found {
			out[name] = v
		}
	}
	if size := jsonSize(out); size > maxOutput {
		return nil, approval.InvalidField("output", "is %d bytes long, the most is %d", size, maxOutput)
	}
	return out, nil
}

package main

import (
	"errors"
	"fmt"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/expression"
	"github.com/approval-relay/approval-relay/handlers"
)

// compiler compiles the expressions of a configuration and collects what is
// wrong with them.
type compiler struct {
	cel    *expression.Compiler
	faults []error
}

func newCompiler() (*compiler, error) {
	cel, err := expression.NewCompiler()
	return &compiler{cel: cel}, err
}

// field compiles one field whose value is converted by as.
func field[T any](c *compiler, name string, e Expressions, as func(any) (T, error)) handlers.Field[T] {
	f, err := c.cel.Compile(e...)
	if err != nil {
		c.faults = append(c.faults, fmt.Errorf("%s: %w", name, err))
		return nil
	}
	return func(in handlers.Input) (value T, found bool, err error) {
		v, found, err := f.Find(expression.Input{Body: in.Body, Headers: in.Headers, Meta: in.Meta})
		if err != nil || !found {
			return value, false, err
		}
		value, err = as(v)
		return value, err == nil, err
	}
}

func asIs(v any) (any, error) { return v, nil }

// compileWorkflow makes what the handlers need to know of a workflow.
func compileWorkflow(name string, w WorkflowConfig) (handlers.Workflow, error) {
	c, err := newCompiler()
	if err != nil {
		return handlers.Workflow{}, err
	}
	e := w.Requests.Fields
	f := handlers.RequestFields{
		Order: field(c, "order", e["order"], expression.Text), Token: field(c, "token", e["token"], expression.Text),
		Callback: field(c, "callback", e["callback"], expression.Text), Step: field(c, "step", e["step"], expression.Text),
		Title: field(c, "title", e["title"], expression.Text), Requester: field(c, "requester", e["requester"], expression.Text),
		Execution: field(c, "execution", e["execution"], expression.Text), Approvers: field(c, "approvers", e["approvers"], expression.List),
		Started: field(c, "started", e["started"], expression.Time), Deadline: field(c, "deadline", e["deadline"], expression.Time),
		Timeout: field(c, "timeout", e["timeout"], expression.Duration), Output: map[string]handlers.Field[any]{},
	}
	for _, label := range sorted(w.Requests.Details) {
		f.Details = append(f.Details, handlers.Detail{
			Name: label, Value: field(c, "details."+label, Expressions{w.Requests.Details[label]}, expression.Text),
		})
	}
	for _, key := range sorted(w.Callback.OutputFields) {
		f.Output[key] = field(c, "output_fields."+key, Expressions{w.Callback.OutputFields[key]}, asIs)
	}
	if len(c.faults) > 0 {
		return handlers.Workflow{}, fmt.Errorf("workflow %s: %w", name, errors.Join(c.faults...))
	}
	return handlers.Workflow{
		Name: name, Fields: f, Approvers: w.Approvers,
		Policy:       approval.Policy{Kind: approval.PolicyKind(w.Policy.Kind), Quorum: w.Policy.Quorum, NoVeto: !w.Policy.Veto},
		MinAssurance: approval.Assurance(w.MinAssurance), Sources: w.Sources, Channels: w.Notify,
		Deadline: w.Deadline, TaskTimeout: w.TaskTimeout, Margin: w.Margin, Reminders: w.Reminders, Heartbeat: w.Heartbeat,
		TokenTarget: w.Callback.TokenTarget, URLTarget: w.Callback.URLTarget,
		RejectAsSuccess: w.Callback.OnReject == "success", Output: w.Callback.Output,
		CallbackRetry: retry(w.Callback.Retry), NotifyRetry: retry(w.NotifyRetry), Retention: w.Retention,
	}, nil
}

func retry(r RetryConfig) approval.Retry {
	return approval.Retry{Base: r.Base, Cap: r.Cap, Max: r.MaxAge}
}

// compileDecision makes what the handlers need to know of a decision's fields.
func compileDecision(e map[string]Expressions) (handlers.DecisionFields, error) {
	c, err := newCompiler()
	if err != nil {
		return handlers.DecisionFields{}, err
	}
	text := func(name string) handlers.Field[string] { return field(c, name, e[name], expression.Text) }
	f := handlers.DecisionFields{
		ID: text("id"), Order: text("order"), Outcome: text("outcome"), Step: text("step"), Approval: text("approval"),
		By: text("by"), Comment: text("comment"),
	}
	return f, errors.Join(c.faults...)
}

// compiles says what of a configuration would fail only when it is wired:
// expressions, and secrets that are none.
func compiles(c *Config) error {
	var errs []error
	for _, name := range sorted(c.Workflows) {
		_, err := compileWorkflow(name, c.Workflows[name])
		errs = append(errs, err)
	}
	for _, name := range sorted(c.Decisions) {
		_, err := compileDecision(c.Decisions[name].Fields)
		errs = append(errs, wrap("decisions."+name, err))
	}
	for _, name := range sorted(c.Webhooks) {
		_, err := compileDecision(c.Webhooks[name].Fields)
		errs = append(errs, wrap("webhooks."+name, err))
		_, err = verifier(c.Webhooks[name])
		errs = append(errs, wrap("webhooks."+name, err))
	}
	for _, name := range sorted(c.Channels) {
		_, err := channel(c.Channels[name], nil)
		errs = append(errs, wrap("channels."+name, err))
	}
	for _, name := range sorted(c.Targets) {
		if h := c.Targets[name].HTTP; h != nil {
			_, err := httpTarget(*h)
			errs = append(errs, wrap("targets."+name, err))
		}
	}
	return errors.Join(errs...)
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

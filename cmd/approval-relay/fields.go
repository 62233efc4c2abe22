package main

import (
	"errors"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/callback"
	"github.com/approval-relay/approval-relay/expression"
	"github.com/approval-relay/approval-relay/handlers"
)

// compiler compiles the expressions of one part of a configuration and collects
// what is wrong with them.
type compiler struct {
	at     string // the part's path
	cel    *expression.Compiler
	faults []Fault
}

func newCompiler(at string) (*compiler, error) {
	cel, err := expression.NewCompiler()
	return &compiler{at: at, cel: cel}, err
}

// err is all that was wrong, or nil.
func (c *compiler) err() error {
	if len(c.faults) == 0 {
		return nil
	}
	return &Faults{Faults: c.faults}
}

// field compiles one field whose value is converted by as.
func field[T any](c *compiler, name string, e Expressions, as func(any) (T, error)) handlers.Field[T] {
	f, err := c.cel.Compile(e...)
	if err != nil {
		c.faults = append(c.faults, Fault{Field: c.at + "." + name, What: err.Error()})
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

func truth(v any) (bool, error) {
	is, ok := v.(bool)
	if !ok {
		return false, errors.New("is neither true nor false")
	}
	return is, nil
}

func asIs(v any) (any, error) { return v, nil }

// compileWorkflow makes what the handlers need to know of a workflow. An
// expression that is none is in *Faults.
func compileWorkflow(name string, w WorkflowConfig) (handlers.Workflow, error) {
	c, err := newCompiler("workflows." + name)
	if err != nil {
		return handlers.Workflow{}, err
	}
	text := func(name string) handlers.Field[string] { return request(c, w, name, expression.AsText) }
	f := handlers.RequestFields{
		Order:     text("order"),
		Token:     text("token"),
		Callback:  text("callback"),
		Step:      text("step"),
		Title:     text("title"),
		Requester: text("requester"),
		Execution: text("execution"),
		Approvers: request(c, w, "approvers", expression.AsTextList),
		Started:   request(c, w, "started", expression.AsTime),
		Deadline:  request(c, w, "deadline", expression.AsTime),
		Timeout:   request(c, w, "timeout", expression.AsDuration),
		Output:    map[string]handlers.Field[any]{},
	}
	for _, label := range sorted(w.Requests.Details) {
		f.Details = append(f.Details, handlers.Detail{
			Name: label, Value: field(c, "requests.details."+label, Expressions{w.Requests.Details[label]}, expression.AsText),
		})
	}
	for _, key := range sorted(w.Callback.OutputFields) {
		f.Output[key] = field(c, "callback.output_fields."+key, Expressions{w.Callback.OutputFields[key]}, asIs)
	}
	if err := c.err(); err != nil {
		return handlers.Workflow{}, err
	}
	return handlers.Workflow{
		Name:            name,
		Fields:          f,
		Approvers:       w.Approvers,
		Policy:          approval.Policy{Kind: approval.PolicyKind(w.Policy.Kind), Quorum: w.Policy.Quorum, VetoDisabled: !w.Policy.Veto},
		MinAssurance:    approval.Assurance(w.MinAssurance),
		Sources:         w.Sources,
		Channels:        w.Notify,
		Fallback:        w.Fallback,
		Events:          w.Events,
		Unheard:         unheard(w.Unheard),
		Deadline:        w.Deadline,
		TaskTimeout:     w.TaskTimeout,
		Margin:          w.Margin,
		Reminders:       marks(w.Reminders),
		Escalations:     escalations(w.Escalations),
		Heartbeat:       w.Heartbeat,
		TokenTarget:     w.Callback.TokenTarget,
		URLTarget:       w.Callback.URLTarget,
		RejectAsSuccess: w.Callback.OnReject == "success",
		Output:          w.Callback.Output,
		CallbackRetry:   retry(w.Callback.Retry),
		NotifyRetry:     retry(w.NotifyRetry),
		Retention:       w.Retention,
	}, nil
}

func unheard(text string) approval.UndeliverablePolicy {
	if text == "wait" {
		return approval.UndeliverableWait
	}
	return approval.UndeliverablePolicy(text)
}

func marks(in []MarkConfig) []handlers.Mark {
	var out []handlers.Mark
	for _, m := range in {
		out = append(out, handlers.Mark(m))
	}
	return out
}

func escalations(in []EscalationConfig) []handlers.Escalation {
	var out []handlers.Escalation
	for _, e := range in {
		out = append(out, handlers.Escalation{Mark: handlers.Mark{After: e.After, Before: e.Before}, To: e.To})
	}
	return out
}

// people makes what the handlers need to know of approvers.
func (c *Config) people() handlers.People {
	out := handlers.People{Persons: map[approval.PersonID]handlers.Person{}, Groups: map[string][]string{}}
	for id, p := range c.People {
		person := handlers.Person{Channels: p.Notify, Fallback: p.Fallback}
		for _, a := range p.Away {
			person.Away = append(person.Away, handlers.Absence{From: a.From, Until: a.Until, Cover: a.Cover})
		}
		out.Persons[approval.NewPersonID(id)] = person
	}
	for name, members := range c.Groups {
		out.Groups[strings.ToLower(name)] = members
	}
	return out
}

// rooms lists the channels that many people read.
func (c *Config) rooms() []string {
	var out []string
	for _, name := range sorted(c.Channels) {
		if c.Channels[name].room() {
			out = append(out, name)
		}
	}
	return out
}

func retry(r RetryConfig) approval.RetrySchedule {
	return approval.RetrySchedule{Base: r.Base, Cap: r.Cap, MaxAge: r.MaxAge}
}

func request[T any](c *compiler, w WorkflowConfig, name string, as func(any) (T, error)) handlers.Field[T] {
	return field(c, "requests.fields."+name, w.Requests.Fields[name], as)
}

// compileDecision makes what the handlers need to know of a decision's fields;
// at is where they are in the configuration. An empty filter takes everything.
func compileDecision(at string, e map[string]Expressions, filter string) (handlers.DecisionFields, error) {
	c, err := newCompiler(at)
	if err != nil {
		return handlers.DecisionFields{}, err
	}
	text := func(name string) handlers.Field[string] { return field(c, "fields."+name, e[name], expression.AsText) }
	f := handlers.DecisionFields{
		ID:       text("id"),
		Order:    text("order"),
		Outcome:  text("outcome"),
		Step:     text("step"),
		Approval: text("approval"),
		By:       text("by"),
		Comment:  text("comment"),
	}
	if filter != "" {
		f.Filter = field(c, "filter", Expressions{filter}, truth)
	}
	return f, c.err()
}

// compile notes what would fail only when the program is wired: expressions, and
// secrets that are none.
func (c *Config) compile(l *loading) {
	for _, name := range sorted(c.Workflows) {
		at, w := "workflows."+name, c.Workflows[name]
		_, err := compileWorkflow(name, w)
		l.wrong(at, err)
		computed := map[string]any{}
		for key := range w.Callback.OutputFields {
			computed[key] = nil
		}
		l.wrong(at+".callback.output", callback.CheckOutput(w.Callback.Output))
		l.wrong(at+".callback.output_fields", callback.CheckOutput(computed))
	}
	for _, name := range sorted(c.Decisions) {
		at := "decisions." + name
		_, err := compileDecision(at, c.Decisions[name].Fields, c.Decisions[name].Filter)
		l.wrong(at, err)
	}
	for _, name := range sorted(c.Webhooks) {
		at, w := "webhooks."+name, c.Webhooks[name]
		l.makes(at, func() error { _, err := only[schemeKind](w).way(schemeMakers{}); return err })
		_, err := compileDecision(at, w.Fields, w.Filter)
		l.wrong(at, err)
	}
	if c.Public.OIDC != nil {
		l.makes("public.oidc", func() error { _, err := c.signIn(nil, nil); return err })
	}
	for _, name := range sorted(c.Channels) {
		at, ch := "channels."+name, c.Channels[name]
		l.makes(at, func() error { _, err := ch.channel(at, makers{config: c, aws: noAWS}); return err })
	}
}

// makes notes why a part cannot be made, unless a fault of it is known.
func (l *loading) makes(at string, f func() error) {
	if !l.has(at) {
		l.wrong(at, f())
	}
}

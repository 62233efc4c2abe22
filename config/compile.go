package config

import (
	"errors"
	"net/url"
	"slices"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/callback"
	"github.com/approval-relay/approval-relay/expression"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/notify"
	"github.com/approval-relay/approval-relay/notify/slack"
	"github.com/approval-relay/approval-relay/notify/teams"
	"github.com/approval-relay/approval-relay/organisation"
	"github.com/approval-relay/approval-relay/setup"
	"github.com/approval-relay/approval-relay/webhook"
)

// Compiled is the part of a configuration that is computed once, when it is read: expressions, verifiers, URLs.
type Compiled struct {
	Workflows map[string]handlers.Workflow       // by name
	Decisions map[string]handlers.DecisionFields // by source, "api" among them
	Schemes   map[string]webhook.Scheme          // of webhooks, by name
	People    handlers.People
	// Preferences are the languages and time zones of people.
	Preferences  handlers.Preferences
	Organisation organisation.Organisation
	Logo         *organisation.Logo // nil without a logo
	PublicURL    *url.URL
}

// compile fills c.Compiled, and reports every expression and secret that is not valid.
func (c *Config) compile(check *setup.Check) {
	cel, err := expression.NewCompiler()
	if err != nil {
		check.Fault("(file)", "expressions cannot be compiled: %s", err)
		return
	}
	c.Compiled = Compiled{
		Workflows: map[string]handlers.Workflow{},
		Decisions: map[string]handlers.DecisionFields{},
		Schemes:   map[string]webhook.Scheme{},
	}
	c.Compiled.PublicURL, _ = url.Parse(c.Public.URL) // validated
	c.Compiled.People = c.compilePeople()
	c.Compiled.Preferences = c.compilePreferences()
	c.compileOrganisation(check)
	groups, heartbeats := c.groupChannels(), c.heartbeatTargets()
	notUsed := compileFieldsNotUsed(compiler{cel: cel, check: check})
	for _, name := range sortedNames(c.Workflows) {
		w := c.Workflows[name]
		compiled := w.compile(compiler{cel: cel, check: check.At("workflows." + name)}, name)
		compiled.People = c.Compiled.People
		compiled.GroupChannels = groups
		compiled.Requester = c.compileRequester(w)
		compiled.HeartbeatTargets = heartbeats
		compiled.SourcesRequired = c.SourcesRequired()
		compiled.Fields.NotUsed = w.fieldsNotUsed(notUsed)
		c.Compiled.Workflows[name] = compiled
	}
	compileSource := func(field, name string, fields DecisionFields) {
		c.Compiled.Decisions[name] = fields.compile(compiler{cel: cel, check: check.At(field)})
	}
	compileSource("api", "api", DecisionFields{Fields: decisionFields()})
	for _, name := range sortedNames(c.Decisions) {
		compileSource("decisions."+name, name, c.Decisions[name].DecisionFields)
	}
	for _, name := range sortedNames(c.Webhooks) {
		w := c.Webhooks[name]
		compileSource("webhooks."+name, name, w.DecisionFields)
		if !w.isValid() {
			continue
		}
		c.Compiled.Schemes[name] = w.compileScheme(check.At("webhooks." + name))
	}
	refuseChallenges(c.Compiled.Schemes)
}

// compiler compiles the expressions of a part of a configuration.
type compiler struct {
	cel   *expression.Compiler
	check *setup.Check
}

// compileField compiles the expressions of a field. The function converts their value.
func compileField[T any](c compiler, field string, e Expressions, convert func(any) (T, error)) handlers.Field[T] {
	compiled, err := c.cel.Compile(e...)
	if err != nil {
		c.check.Fault(field, "%s", err)
		return handlers.Field[T]{}
	}
	find := func(in handlers.Input) (value T, found bool, err error) {
		v, found, err := compiled.Find(expression.Input{Body: in.Body, Headers: in.Headers, Meta: in.Meta})
		if err != nil || !found {
			return value, false, err
		}
		value, err = convert(v)
		return value, err == nil, err
	}
	locate := func(in handlers.Input) (string, bool) {
		return compiled.Locate(expression.Input{Body: in.Body, Headers: in.Headers, Meta: in.Meta})
	}
	return handlers.Field[T]{Find: find, Locate: locate, Expressions: e}
}

// checkOutput reports an addition to the answer that is not possible.
func (c compiler) checkOutput(field, name string, value any) {
	err := callback.CheckOutput(map[string]any{name: value})
	if fault, ok := errors.AsType[*approval.FieldError](err); ok {
		c.check.Fault(field, "%s", fault.Reason)
	}
}

func convertToBool(v any) (bool, error) {
	truth, ok := v.(bool)
	if !ok {
		return false, errors.New("is neither true nor false")
	}
	return truth, nil
}

func convertNothing(v any) (any, error) { return v, nil }

// compile returns the rules of a workflow as the handlers use them.
func (w Workflow) compile(c compiler, name string) handlers.Workflow {
	for _, name := range sortedNames(w.Callback.Output) {
		c.checkOutput("callback.output."+name, name, w.Callback.Output[name])
	}
	for _, name := range sortedNames(w.Callback.OutputFields) {
		c.checkOutput("callback.output_fields."+name, name, nil)
	}
	return handlers.Workflow{
		Name:                 name,
		Fields:               w.compileRequestFields(c),
		Approvers:            readPeople(w.Approvers),
		RequestsAddApprovers: w.writesField("approvers"),
		Policy:               w.Policy.compile(),
		MinAssurance:         approval.Assurance(w.MinAssurance),
		Sources:              w.Sources,
		Channels:             w.Notify,
		FallbackChannels:     w.Fallback,
		ProgramChannels:      w.Events,
		OnUndeliverable:      approval.UndeliverablePolicy(w.Undeliverable),
		Deadline:             w.Deadline,
		TaskTimeout:          w.TaskTimeout,
		Margin:               w.Margin,
		Reminders:            w.marks(),
		Escalations:          w.escalations(),
		HeartbeatInterval:    w.Heartbeat,
		HeartbeatTimeout:     w.HeartbeatTimeout,
		TokenTarget:          w.Callback.TokenTarget,
		URLTarget:            w.Callback.URLTarget,
		Decision:             w.compileDecision(c),
		AgentShape:           w.Requests.Shape,
		RejectAsSuccess:      w.Callback.OnReject == "success",
		Output:               w.Callback.Output,
		CallbackRetry:        w.Callback.Retry.schedule(),
		NotificationRetry:    w.NotifyRetry.schedule(),
		Retention:            w.Retention,
	}
}

func (p Policy) compile() approval.Policy {
	return approval.Policy{
		Kind:         approval.PolicyKind(p.Kind),
		Quorum:       p.Quorum,
		VetoDisabled: !p.Veto,
	}
}

func (w Workflow) marks() []handlers.RelativeTime {
	marks := make([]handlers.RelativeTime, 0, len(w.Reminders))
	for _, m := range w.Reminders {
		marks = append(marks, handlers.RelativeTime(m))
	}
	return marks
}

func (w Workflow) escalations() []handlers.Escalation {
	escalations := make([]handlers.Escalation, 0, len(w.Escalations))
	for _, e := range w.Escalations {
		escalations = append(escalations, handlers.Escalation{RelativeTime: handlers.RelativeTime{After: e.After,
			Before: e.Before}, To: readPeople(e.To)})
	}
	return escalations
}

func (r Retry) schedule() approval.RetrySchedule {
	return approval.RetrySchedule{Base: r.Base, Cap: r.Cap, MaxAge: r.MaxAge}
}

// compile returns the fields of a decision as the handlers use them. An empty filter accepts every message.
func (d DecisionFields) compile(c compiler) handlers.DecisionFields {
	text := func(name string) handlers.Field[string] {
		return compileField(c, "fields."+name, d.Fields[name], expression.AsText)
	}
	id := func(name string) handlers.Field[string] {
		return compileField(c, "fields."+name, d.Fields[name], expression.AsID)
	}
	f := handlers.DecisionFields{
		ID:        id("id"),
		Order:     id("order"),
		Outcome:   text("outcome"),
		Choice:    id("choice"),
		Values:    compileField(c, "fields.values", d.Fields["values"], convertNothing),
		Shown:     id("shown_digest"),
		Step:      id("step"),
		Execution: id("execution"),
		Approval:  id("approval"),
		By:        id("by"),
		Comment:   compileField(c, "fields.comment", d.Fields["comment"], expression.AsShownText),
	}
	defaults := decisionFields()
	isDefault := func(name string) bool { return slices.Equal(d.Fields[name], defaults[name]) }
	f.InWrappers = isDefault("order") && isDefault("outcome") && isDefault("choice")
	if d.Filter != "" {
		f.Filter = compileField(c, "filter", Expressions{d.Filter}, convertToBool)
	}
	return f
}

// groupChannels lists the channels with messages for a group.
func (c *Config) groupChannels() []string {
	var names []string
	for _, name := range sortedNames(c.Channels) {
		if ch := c.Channels[name]; ch.IsSet() && ch.Settings().Audience() == notify.AudienceGroup {
			names = append(names, name)
		}
	}
	return names
}

// heartbeatTargets lists the targets with heartbeats.
func (c *Config) heartbeatTargets() []string {
	var names []string
	for _, name := range sortedNames(c.Targets) {
		if c.Targets[name].HasHeartbeats() {
			names = append(names, name)
		}
	}
	return names
}

// HasHeartbeats reports whether the workflows of the target take heartbeats.
func (t Target) HasHeartbeats() bool {
	_, ok := t.Settings().(callback.HeartbeatSettings)
	return ok
}

// TakesEvents reports whether the channel notifies programs of events.
func (c Channel) TakesEvents() bool {
	_, ok := c.Settings().(notify.EventSettings)
	return ok
}

// SlackSettings returns the settings of a Slack channel, or nil.
func (c Channel) SlackSettings() *slack.Settings {
	s, _ := c.Settings().(*slack.Settings)
	return s
}

// IsTeamsBot reports whether the channel is a bot of Microsoft Teams.
func (c Channel) IsTeamsBot() bool {
	s, ok := c.Settings().(*teams.Settings)
	return ok && s.IsBot()
}

// HasButtons reports whether people decide by the buttons of the channel.
func (c Channel) HasButtons() bool {
	s := c.SlackSettings()
	return s != nil && s.HasButtons() || c.IsTeamsBot()
}

// HasChat reports whether people can decide in a chat.
func (c *Config) HasChat() bool {
	for _, ch := range c.Channels {
		if ch.HasButtons() {
			return true
		}
	}
	return false
}

// SlackUsers returns the Slack users of approvers, as configured.
func (c *Config) SlackUsers() map[approval.PersonID]string {
	users := map[approval.PersonID]string{}
	for id, p := range c.People {
		if p.Slack != "" {
			users[approval.NewPersonID(readPerson(id))] = p.Slack
		}
	}
	return users
}

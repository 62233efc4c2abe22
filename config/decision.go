package config

import (
	"encoding/json"
	"slices"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/form"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/jsonpointer"
	"github.com/approval-relay/approval-relay/language"
	"github.com/approval-relay/approval-relay/setup"
)

// DecisionRules are the choices, the form and the edits of the decisions of a workflow.
type DecisionRules struct {
	Choices   []DecisionChoice  `yaml:"choices" doc:"the ways to decide, in the order of their buttons; without it approve and reject, and approve has the fields of the form"`
	Form      FormSchema        `yaml:"form" doc:"the fields of decisions: a flat JSON Schema of type object; value: CEL in a property is its value for this request"`
	Edits     map[string]string `yaml:"edits" doc:"parts of the request that an approver may change: name of the field, and JSON Pointer into the body, such as /purchase/total"`
	Payload   string            `yaml:"payload" doc:"JSON Pointer to the part of the body that a receipt is about; empty is the body without its task token or callback URL"`
	Receipt   bool              `yaml:"receipt" doc:"add a signed receipt to the answer"`
	MaxRounds int               `yaml:"max_rounds" doc:"how often a question can be asked when it is returned; in the last round nobody can return it; 0 is 5"`
	// RequestMeans limits the choices that a request brings.
	RequestMeans []string `yaml:"request_means" doc:"what a choice that comes with the request can mean: approve, reject, return, abstain; empty is approve and reject"`
}

// DecisionChoice is a way to decide.
type DecisionChoice struct {
	ID      string        `yaml:"id" doc:"the word in decisions and in the answer"`
	Label   language.Text `yaml:"label" doc:"text of the button, or texts by language: {en: Send back, de: Zurückgeben}"`
	Means   string        `yaml:"means" enum:"approve,reject,return,abstain" doc:"outcome for policies, metrics and the answer: approve, reject, return or abstain; needed unless the ID is that word"`
	Comment string        `yaml:"comment" enum:"optional,required" doc:"whether the approver must write a comment: optional or required"`
	Fields  []string      `yaml:"fields" doc:"fields of the form that belong to this choice"`
}

// outcomeNames lists the outcomes of choices.
func outcomeNames() []string {
	return []string{string(approval.Approve), string(approval.Reject), string(approval.Return), string(approval.Abstain)}
}

// choice returns the choice of the domain. If its ID is an outcome, it means that outcome.
func (ch DecisionChoice) choice() approval.Choice {
	means := ch.Means
	if means == "" && slices.Contains(outcomeNames(), ch.ID) {
		means = ch.ID
	}
	return approval.Choice{
		ID:      ch.ID,
		Label:   ch.Label,
		Means:   approval.Outcome(means),
		Comment: approval.CommentRule(ch.Comment),
		Fields:  ch.Fields,
	}
}

// compile returns the rules as the handlers use them. It reports their faults.
func (d DecisionRules) compile(c compiler) handlers.DecisionRules {
	c.check = c.check.At("decision")
	expressions := d.Form.expressions(c.check.At("form"))
	fields, isValid := parseForm(d.Form, c.check)
	rules := approval.DecisionRules{
		Form:      fields,
		Edits:     d.Edits,
		Receipt:   d.Receipt,
		MaxRounds: d.MaxRounds,
		Payload:   d.Payload,
	}
	for _, choice := range d.Choices {
		rules.Choices = append(rules.Choices, choice.choice())
	}
	compiled := handlers.DecisionRules{Values: map[string]handlers.Field[any]{}}
	for _, name := range sortedNames(expressions) {
		field := "form.properties." + name + ".value"
		compiled.Values[name] = compileField(c, field, Expressions{expressions[name]}, convertNothing)
	}
	d.checkRest(c.check)
	for _, means := range d.RequestMeans {
		compiled.RequestMeans = append(compiled.RequestMeans, approval.Outcome(means))
	}
	compiled.DecisionRules = handlers.CompleteRules(rules)
	if isValid { // else a field that has a fault is reported as unknown too
		for _, fault := range compiled.Faults() {
			c.check.Fault(fault.Place, "%s", fault.Reason)
		}
	}
	return compiled
}

// validateShape reports rules of the file beside those that an agent's request brings.
func (r Requests) validateShape(check *setup.Check, d DecisionRules) {
	if r.Shape == "" {
		return
	}
	check.OneOf("requests.shape", r.Shape, handlers.AgentShapes()...)
	for name, isSet := range map[string]bool{"choices": len(d.Choices) > 0, "form": len(d.Form) > 0, "edits": len(d.Edits) > 0} {
		if isSet {
			check.Fault("decision."+name, "stands beside requests.shape, whose requests bring it")
		}
	}
}

// checkRest checks the settings beside choices, form and edits.
func (d DecisionRules) checkRest(check *setup.Check) {
	if _, err := jsonpointer.Parse(d.Payload); err != nil {
		check.Fault("payload", "%s", err)
	}
	for i, means := range d.RequestMeans {
		check.OneOf("request_means"+index(i), means, outcomeNames()...)
	}
	if d.MaxRounds > 0 && !d.canReturn() {
		check.Fault("max_rounds", "has no effect: no choice means return")
	}
}

// canReturn reports whether a choice of the file, or one that a request may bring, means return.
func (d DecisionRules) canReturn() bool {
	isReturn := func(ch DecisionChoice) bool { return ch.choice().Means == approval.Return }
	if len(d.Choices) == 0 {
		return slices.Contains(d.RequestMeans, string(approval.Return))
	}
	return slices.ContainsFunc(d.Choices, isReturn)
}

// parseForm reads the schema of a form, and reports its faults at their places.
func parseForm(schema FormSchema, check *setup.Check) (form.Form, bool) {
	if len(schema) == 0 {
		return form.Form{}, true
	}
	parsed, faults := form.ParseSchema(json.RawMessage(schema), "value")
	for _, fault := range faults {
		check.Fault(fault.Place("form"), "%s", fault.Problem)
	}
	return parsed, len(faults) == 0
}

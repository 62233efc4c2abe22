package handlers

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/form"
	"github.com/approval-relay/approval-relay/jsonpointer"
)

// langChainAction is an action that LangChain's middleware asks about.
type langChainAction struct {
	Name        string         `json:"name"`
	Args        map[string]any `json:"args"`
	Description string         `json:"description"`
}

// langChainReview tells the decisions that are allowed for an action.
type langChainReview struct {
	ActionName       string          `json:"action_name"`
	AllowedDecisions []string        `json:"allowed_decisions"`
	ArgsSchema       json.RawMessage `json:"args_schema"`
}

// langChainRequest is HITLRequest as LangChain for Python has it.
type langChainRequest struct {
	Actions []langChainAction `json:"action_requests"`
	Reviews []langChainReview `json:"review_configs"`
}

// Names of the actions in HITLRequest: in Python, and in JavaScript.
const (
	actionsInPython     = "action_requests"
	actionsInJavaScript = "actionRequests"
)

// decodeLangChain decodes HITLRequest, whose names LangChain for JavaScript writes in another way than LangChain for Python.
func (d *agentDocument) decodeLangChain() (langChainRequest, bool) {
	var request langChainRequest
	text, err := json.Marshal(d.body)
	if err != nil {
		return request, false
	}
	if !d.rules.Agent.CamelCase {
		return request, json.Unmarshal(text, &request) == nil
	}
	var other struct {
		Actions []langChainAction `json:"actionRequests"`
		Reviews []struct {
			ActionName       string          `json:"actionName"`
			AllowedDecisions []string        `json:"allowedDecisions"`
			ArgsSchema       json.RawMessage `json:"argsSchema"`
		} `json:"reviewConfigs"`
	}
	err = json.Unmarshal(text, &other)
	request.Actions = other.Actions
	for _, review := range other.Reviews {
		request.Reviews = append(request.Reviews, langChainReview(review))
	}
	return request, err == nil
}

// actionsName returns the name of the member with the actions.
func (d *agentDocument) actionsName() string {
	if d.rules.Agent.CamelCase {
		return actionsInJavaScript
	}
	return actionsInPython
}

// readLangChain reads action_requests and review_configs. Several actions are decided together: only what all of them
// allow is offered, and none of them can be edited.
func (d *agentDocument) readLangChain() error {
	places := [][]string{{"value"}, {"interrupt"}, {"interrupt", "value"}, {"__interrupt__"}, {"__interrupt__", "value"}}
	if err := d.find(actionsInPython, places...); err != nil {
		if d.find(actionsInJavaScript, places...) != nil {
			return err
		}
		d.rules.Agent.CamelCase = true
	}
	request, isRead := d.decodeLangChain()
	if !isRead || len(request.Actions) == 0 {
		return approval.InvalidField("shape", "action_requests and review_configs are not as LangChain has them")
	}
	allowed := []string{"approve", "edit", "reject", "respond"}
	var schema json.RawMessage
	for _, action := range request.Actions {
		i := slices.IndexFunc(request.Reviews, func(r langChainReview) bool { return r.ActionName == action.Name })
		if i < 0 {
			return approval.InvalidField("shape", "review_configs has no entry for an action")
		}
		schema = request.Reviews[i].ArgsSchema
		allowed = slices.DeleteFunc(allowed, func(word string) bool {
			return !slices.Contains(request.Reviews[i].AllowedDecisions, word)
		})
		kept, _ := json.Marshal(map[string]any{"name": action.Name, "args": action.Args}) // it was read from JSON
		d.rules.Agent.Actions = append(d.rules.Agent.Actions, kept)
		d.title = strings.TrimSpace(d.title + "\n" + action.Description)
	}
	for _, word := range allowed {
		d.addLangChainChoice(word, request.Actions, schema)
	}
	if len(d.rules.Choices) == 0 {
		return approval.InvalidField("shape", "allowed_decisions leaves nothing to decide")
	}
	return nil
}

func (d *agentDocument) addLangChainChoice(word string, actions []langChainAction, schema json.RawMessage) {
	choice := approval.Choice{ID: word, Means: approval.Approve, Label: agentLabels()[word]}
	switch word {
	case "reject":
		choice.Means = approval.Reject
	case approval.ChoiceRespond:
		choice.Comment = approval.CommentRequired
	case approval.ChoiceEdit:
		if len(actions) > 1 {
			return
		}
		d.rules.Form = argsForm(actions[0].Args, schema)
		if len(d.rules.Form.Fields) == 0 {
			return
		}
		d.rules.Edits = map[string]string{}
		for _, f := range d.rules.Form.Fields {
			choice.Fields = append(choice.Fields, f.Name)
			path := append(slices.Clone(d.path), d.actionsName(), "0", "args", f.Name)
			d.rules.Edits[f.Name] = jsonpointer.Join(path...)
		}
	}
	d.rules.Choices = append(d.rules.Choices, choice)
}

// fieldName matches the names of arguments that can be fields.
var fieldName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]{0,63}$`)

// argsForm returns the fields of the arguments that can be edited: those that the schema describes, or without a schema the
// texts, numbers and truth values among the arguments.
func argsForm(args map[string]any, schema json.RawMessage) form.Form {
	if len(schema) > 0 && string(schema) != "null" {
		return describedArgs(args, schema)
	}
	var fields form.Form
	for _, name := range sortedKeys(args) {
		field := form.Field{Name: name}
		switch args[name].(type) {
		case string:
			field.Kind = form.String
		case bool:
			field.Kind = form.Boolean
		case json.Number, float64:
			field.Kind = form.Number
		}
		if field.Kind != "" && fieldName.MatchString(name) && len(fields.Fields) < form.MaxFields {
			fields.Fields = append(fields.Fields, field)
		}
	}
	return fields
}

// describedArgs returns the arguments that a schema describes in a way that a form has. The others cannot be edited, because
// their values could not be judged.
func describedArgs(args map[string]any, schema json.RawMessage) form.Form {
	isNoArgument := func(f form.Field) bool { _, found := args[f.Name]; return !found }
	parsed, faults := form.ParseSchema(schema)
	if len(faults) == 0 {
		parsed.Fields = slices.DeleteFunc(parsed.Fields, isNoArgument)
		return parsed
	}
	var whole struct {
		Properties map[string]json.RawMessage `json:"properties"`
		Required   []string                   `json:"required"`
	}
	_ = json.Unmarshal(schema, &whole) // an unreadable schema describes nothing
	var fields form.Form
	for _, name := range sortedKeys(whole.Properties) {
		alone, err := json.Marshal(map[string]any{"properties": map[string]any{name: whole.Properties[name]}})
		if err != nil {
			continue
		}
		parsed, faults := form.ParseSchema(alone)
		if len(faults) > 0 || isNoArgument(parsed.Fields[0]) || len(fields.Fields) == form.MaxFields {
			continue
		}
		parsed.Fields[0].Required = slices.Contains(whole.Required, name)
		fields.Fields = append(fields.Fields, parsed.Fields[0])
	}
	return fields
}

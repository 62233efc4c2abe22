package handlers

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/form"
	"github.com/approval-relay/approval-relay/jsonpointer"
	"github.com/approval-relay/approval-relay/language"
)

// AgentShapes lists the shapes of agents' requests.
func AgentShapes() []string { return []string{"langchain", "ag_ui", "mcp"} }

// agentLabels returns the labels of the choices that only agents offer, by the ID of the choice.
func agentLabels() map[string]language.Text {
	return map[string]language.Text{
		approval.ChoiceEdit:    {"en": "Change and approve", "de": "Ändern und genehmigen"},
		approval.ChoiceRespond: {"en": "Answer instead", "de": "Stattdessen antworten"},
	}
}

// agentDocument is the document of an agent within the body of a request.
type agentDocument struct {
	in    Input
	body  map[string]any
	path  []string // of the document in the body
	title string
	rules approval.DecisionRules
}

// readAgent reads the form and the choices of a request in the shape of an agent. The title is the agent's question.
func (h *Request) readAgent(in Input) (rules approval.DecisionRules, title string, err error) {
	d := agentDocument{in: in, rules: h.Workflow.Decision.DecisionRules}
	d.rules.Agent = &approval.AgentRequest{Shape: h.Workflow.AgentShape}
	switch h.Workflow.AgentShape {
	case "langchain":
		err = d.readLangChain()
	case "ag_ui":
		err = d.readAGUI()
	case "mcp":
		err = d.readElicitation()
	}
	if err != nil {
		return d.rules, "", err
	}
	d.rules = CompleteRules(d.rules)
	for _, fault := range d.rules.Faults() {
		return d.rules, "", approval.InvalidField("shape", "%s: %s", fault.Place, fault.Reason)
	}
	return d.rules, d.title, nil
}

// find finds the document: the body, or an object within it that has a member.
func (d *agentDocument) find(member string, places ...[]string) error {
	for _, path := range append([][]string{nil}, places...) {
		value := d.in.Body
		for _, name := range path {
			object, _ := value.(map[string]any)
			value = object[name]
			if list, isList := value.([]any); isList && len(list) == 1 {
				value = list[0]
			}
		}
		if object, ok := value.(map[string]any); ok && object[member] != nil {
			d.body, d.path = object, path
			return nil
		}
	}
	return approval.InvalidField("shape", "the request has no %s", member)
}

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

// readLangChain reads action_requests and review_configs. Several actions are decided together: only what all of them
// allow is offered, and none of them can be edited.
func (d *agentDocument) readLangChain() error {
	err := d.find("action_requests", []string{"value"}, []string{"interrupt"}, []string{"interrupt", "value"},
		[]string{"__interrupt__", "value"})
	if err != nil {
		return err
	}
	var request struct {
		Actions []langChainAction `json:"action_requests"`
		Reviews []langChainReview `json:"review_configs"`
	}
	text, err := json.Marshal(d.body)
	if err != nil || json.Unmarshal(text, &request) != nil || len(request.Actions) == 0 {
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
			path := append(slices.Clone(d.path), "action_requests", "0", "args", f.Name)
			d.rules.Edits[f.Name] = jsonpointer.Join(path...)
		}
	}
	d.rules.Choices = append(d.rules.Choices, choice)
}

// fieldName matches the names of arguments that can be fields.
var fieldName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]{0,63}$`)

// argsForm returns the fields of the arguments that can be edited: those of the schema, if it is a form, and otherwise the
// texts, numbers and truth values among the arguments.
func argsForm(args map[string]any, schema json.RawMessage) form.Form {
	if len(schema) > 0 && string(schema) != "null" {
		if parsed, faults := form.ParseSchema(schema); len(faults) == 0 {
			parsed.Fields = slices.DeleteFunc(parsed.Fields, func(f form.Field) bool { _, there := args[f.Name]; return !there })
			return parsed
		}
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

// readAGUI reads the interrupt of a run. A resume has to answer all interrupts of a run, so there must be one.
func (d *agentDocument) readAGUI() error {
	if err := d.find("reason", []string{"outcome", "interrupts"}, []string{"interrupts"}, []string{"interrupt"},
		[]string{"event", "outcome", "interrupts"}); err != nil {
		return approval.InvalidField("shape", "the request has no single interrupt with a reason")
	}
	id, _ := d.body["id"].(string)
	if id == "" {
		return approval.InvalidField("shape", "the interrupt has no id")
	}
	d.rules.Agent.Interrupt = id
	d.title, _ = d.body["message"].(string)
	schema, _ := d.body["responseSchema"].(map[string]any)
	properties, _ := schema["properties"].(map[string]any)
	approve := approval.Choice{ID: "approve", Means: approval.Approve}
	rest := map[string]any{}
	for name, property := range properties {
		switch name {
		case "approved":
			d.rules.Agent.HasApproved = true
		case "editedArgs":
		default:
			rest[name] = property
		}
	}
	fields, err := d.parse(map[string]any{"properties": rest, "required": without(schema["required"], "approved", "editedArgs")})
	if err != nil {
		return err
	}
	approve.Fields = names(fields)
	d.rules.Form = fields
	d.rules.Choices = []approval.Choice{approve}
	if args, ok := properties["editedArgs"].(map[string]any); ok && args["properties"] != nil {
		edits, err := d.parse(map[string]any{"properties": args["properties"], "required": without(args["required"])})
		if err != nil {
			return err
		}
		for _, f := range edits.Fields {
			if d.rules.Form.Find(f.Name) != nil {
				return approval.InvalidField("shape", "the argument %q and a member of the response have the same name", f.Name)
			}
		}
		d.rules.Form.Fields = append(d.rules.Form.Fields, edits.Fields...)
		choice := approval.Choice{
			ID:     approval.ChoiceEdit,
			Label:  agentLabels()[approval.ChoiceEdit],
			Means:  approval.Approve,
			Fields: append(names(edits), approve.Fields...),
		}
		d.rules.Choices = append(d.rules.Choices, choice)
	}
	d.rules.Choices = append(d.rules.Choices, approval.Choice{ID: "reject", Means: approval.Reject})
	return nil
}

// readElicitation reads the parameters of MCP's elicitation/create.
func (d *agentDocument) readElicitation() error {
	if err := d.find("requestedSchema", []string{"params"}, []string{"request", "params"}); err != nil {
		return err
	}
	schema, _ := d.body["requestedSchema"].(map[string]any)
	d.title, _ = d.body["message"].(string)
	fields, err := d.parse(schema)
	if err != nil {
		return err
	}
	d.rules.Form = fields
	d.rules.Choices = []approval.Choice{
		{ID: "approve", Means: approval.Approve, Fields: names(fields)},
		{ID: "reject", Means: approval.Reject},
	}
	return nil
}

// parse reads a schema of the document.
func (d *agentDocument) parse(schema map[string]any) (form.Form, error) {
	if properties, _ := schema["properties"].(map[string]any); len(properties) == 0 {
		return form.Form{}, nil
	}
	text, err := json.Marshal(schema)
	if err != nil {
		return form.Form{}, approval.InvalidField("shape", "the schema is no JSON")
	}
	if ordered, err := jsonText(d.in, schema); err == nil { // as it is in the message, if it is there as a whole
		text = ordered
	}
	parsed, faults := form.ParseSchema(text)
	if len(faults) > 0 {
		return form.Form{}, approval.InvalidField("shape", "%s", describeSchemaFaults(faults))
	}
	return parsed, nil
}

// without returns a list of names without some of them.
func without(list any, removed ...string) []any {
	kept := []any{}
	items, _ := list.([]any)
	for _, item := range items {
		if name, _ := item.(string); !slices.Contains(removed, name) {
			kept = append(kept, item)
		}
	}
	return kept
}

func names(f form.Form) []string {
	var list []string
	for _, field := range f.Fields {
		list = append(list, field.Name)
	}
	return list
}

package handlers

import (
	"encoding/json"
	"slices"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/form"
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
	for _, place := range append([][]string{nil}, places...) {
		value := d.in.Body
		var path []string
		for _, name := range place {
			object, _ := value.(map[string]any)
			value = object[name]
			path = append(path, name)
			if list, isList := value.([]any); isList && len(list) == 1 {
				value = list[0]
				path = append(path, "0")
			}
		}
		if object, ok := value.(map[string]any); ok && object[member] != nil {
			d.body, d.path = object, path
			return nil
		}
	}
	return approval.InvalidField("shape", "the request has no %s", member)
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

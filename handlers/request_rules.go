package handlers

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/canonical"
	"github.com/approval-relay/approval-relay/form"
	"github.com/approval-relay/approval-relay/language"
)

// mergeRules adds the form and the choices of a request to the rules of its workflow. What the configuration has comes
// first: a request brings a form to a workflow without one, and choices to a workflow without choices. They are judged as
// the configuration is.
func (h *Request) mergeRules(in Input) (approval.DecisionRules, error) {
	rules := h.Workflow.Decision.DecisionRules
	own := rules
	if len(own.Form.Fields) == 0 {
		fields, err := readForm(in, h.Workflow.Fields.Form)
		if err != nil {
			return rules, err
		}
		rules.Form = fields
	}
	if len(own.Choices) == 0 {
		choices, err := h.readChoices(in)
		if err != nil {
			return rules, err
		}
		rules.Choices = choices
	}
	if len(rules.Form.Fields) == len(own.Form.Fields) && len(rules.Choices) == len(own.Choices) {
		return own, nil
	}
	if len(own.Form.Fields) == 0 {
		rules.Choices = withFields(rules.Choices, rules.Form)
	}
	rules = CompleteRules(rules)
	for _, fault := range rules.Faults() {
		return rules, approval.InvalidField("choices", "%s: %s", fault.Place, fault.Reason)
	}
	return rules, nil
}

// withFields returns choices with the fields of a form. If none of them names a field, all that mean approve have all
// fields.
func withFields(choices []approval.Choice, f form.Form) []approval.Choice {
	hasFields := func(c approval.Choice) bool { return len(c.Fields) > 0 }
	if slices.ContainsFunc(choices, hasFields) || len(f.Fields) == 0 {
		return choices
	}
	choices = slices.Clone(choices)
	for i := range choices {
		if choices[i].Means == approval.Approve {
			for _, field := range f.Fields {
				choices[i].Fields = append(choices[i].Fields, field.Name)
			}
		}
	}
	return choices
}

// readForm reads the schema of a form in a request.
func readForm(in Input, at Field[any]) (form.Form, error) {
	value, found, err := findField("form", at, in)
	if err != nil || !found || isEmpty(value) {
		return form.Form{}, err
	}
	schema, err := jsonText(in, value)
	if err != nil {
		return form.Form{}, approval.InvalidField("form", "%s", err)
	}
	parsed, faults := form.ParseSchema(schema)
	if len(faults) > 0 {
		return form.Form{}, approval.InvalidField("form", "%s", describeSchemaFaults(faults))
	}
	return parsed, nil
}

func describeSchemaFaults(faults []form.SchemaFault) string {
	places := make([]string, 0, len(faults))
	for _, fault := range faults[:min(len(faults), maxFaults)] {
		places = append(places, strings.TrimLeft(fault.Place("")+" "+fault.Problem, ". "))
	}
	return strings.Join(places, "; ")
}

// maxFaults bounds the faults of a schema in the reason of a refusal.
const maxFaults = 8

// jsonText returns a value of the body as JSON, with its members in the order that they have in the message. A text is JSON
// itself, because a message attribute has only texts.
func jsonText(in Input, value any) (json.RawMessage, error) {
	if text, isText := value.(string); isText {
		if !json.Valid([]byte(text)) {
			return nil, errors.New("is a text that is no JSON")
		}
		return json.RawMessage(text), nil
	}
	sorted, err := json.Marshal(value)
	if err != nil {
		return nil, errors.New("is no JSON")
	}
	want, err := canonical.JSON(sorted)
	if err != nil {
		return sorted, nil //nolint:nilerr // the reader of the schema reports it
	}
	whole, err := canonical.Parse(in.text)
	if err != nil {
		return sorted, nil //nolint:nilerr // the body is no JSON: it has no order
	}
	if ordered, found := findOrdered(whole, want); found {
		return ordered, nil
	}
	return sorted, nil
}

// findOrdered returns the first object within a value whose canonical form is the one that is wanted, with its members in
// their order.
func findOrdered(v canonical.Value, want []byte) (json.RawMessage, bool) {
	if v.Kind == canonical.Object {
		if got, err := v.JSON(); err == nil && bytes.Equal(got, want) {
			return orderedJSON(v), true
		}
	}
	for _, m := range v.Members {
		if found, ok := findOrdered(m.Value, want); ok {
			return found, true
		}
	}
	for _, item := range v.Items {
		if found, ok := findOrdered(item, want); ok {
			return found, true
		}
	}
	return nil, false
}

// orderedJSON returns a value as JSON in its order.
func orderedJSON(v canonical.Value) json.RawMessage {
	var parts []string
	switch v.Kind {
	case canonical.Object:
		for _, m := range v.Members {
			name, _ := json.Marshal(m.Name) // a text is never refused
			parts = append(parts, string(name)+":"+string(orderedJSON(m.Value)))
		}
		return json.RawMessage("{" + strings.Join(parts, ",") + "}")
	case canonical.Array:
		for _, item := range v.Items {
			parts = append(parts, string(orderedJSON(item)))
		}
		return json.RawMessage("[" + strings.Join(parts, ",") + "]")
	case canonical.Number:
		return json.RawMessage(v.Text)
	}
	text, _ := v.JSON() // it was read from JSON
	return text
}

// sentChoice is a choice in a request.
type sentChoice struct {
	ID      string               `json:"id"`
	Label   language.Text        `json:"label"`
	Title   language.Text        `json:"title"`
	Means   approval.Outcome     `json:"means"`
	Comment approval.CommentRule `json:"comment"`
	Fields  []string             `json:"fields"`
}

// readChoices reads the choices in a request: objects as the configuration has them, or IDs.
func (h *Request) readChoices(in Input) ([]approval.Choice, error) {
	value, found, err := findField("choices", h.Workflow.Fields.Choices, in)
	if err != nil || !found || isEmpty(value) {
		return nil, err
	}
	text, err := jsonText(in, value)
	if err != nil {
		return nil, approval.InvalidField("choices", "%s", err)
	}
	var list []json.RawMessage
	if json.Unmarshal(text, &list) != nil {
		return nil, approval.InvalidField("choices", "is not a list")
	}
	if len(list) > approval.MaxChoices {
		return nil, approval.InvalidField("choices", "are %d, at most %d are possible", len(list), approval.MaxChoices)
	}
	choices := make([]approval.Choice, 0, len(list))
	for i, item := range list {
		choice, err := readChoice(item)
		if err != nil {
			return nil, approval.InvalidField("choices", "choices[%d] %s", i, err)
		}
		if !h.Workflow.Decision.allows(choice.Means) {
			return nil, approval.InvalidField("choices", "choices[%d].means: a request may bring only choices that mean %s; "+
				"decision.request_means of the workflow names others", i, h.Workflow.Decision.listMeans())
		}
		choices = append(choices, choice)
	}
	return choices, nil
}

// readChoice reads a choice: an object, or an ID that is the word for an outcome.
func readChoice(item json.RawMessage) (approval.Choice, error) {
	var sent sentChoice
	if json.Unmarshal(item, &sent.ID) != nil {
		d := json.NewDecoder(bytes.NewReader(item))
		d.DisallowUnknownFields()
		if err := d.Decode(&sent); err != nil {
			return approval.Choice{}, errors.New("is not a choice: it has id, label, means, comment and fields")
		}
		if _, err := d.Token(); !errors.Is(err, io.EOF) {
			return approval.Choice{}, errors.New("has more than one value")
		}
	}
	if word := approval.Outcome(sent.ID); sent.Means == "" && slices.Contains(allOutcomes(), word) {
		sent.Means = word
	}
	if sent.Means == "" {
		return approval.Choice{}, fmt.Errorf("has no means: one of %s", joinOutcomes(allOutcomes()))
	}
	if len(sent.Label) == 0 {
		sent.Label = sent.Title
	}
	return approval.Choice{
		ID:      sent.ID,
		Label:   sent.Label,
		Means:   sent.Means,
		Comment: sent.Comment,
		Fields:  sent.Fields,
	}, nil
}

func allOutcomes() []approval.Outcome {
	return []approval.Outcome{approval.Approve, approval.Reject, approval.Return, approval.Abstain}
}

// allows reports whether a choice of a request may mean an outcome.
func (r DecisionRules) allows(means approval.Outcome) bool { return slices.Contains(r.means(), means) }

func (r DecisionRules) means() []approval.Outcome {
	if len(r.RequestMeans) == 0 {
		return []approval.Outcome{approval.Approve, approval.Reject}
	}
	return r.RequestMeans
}

func (r DecisionRules) listMeans() string { return joinOutcomes(r.means()) }

func joinOutcomes(outcomes []approval.Outcome) string {
	var words []string
	for _, o := range outcomes {
		words = append(words, string(o))
	}
	return strings.Join(words, ", ")
}

// isEmpty reports whether a value is null, or a text, list or object without content.
func isEmpty(v any) bool {
	switch x := v.(type) {
	case nil:
		return true
	case string:
		return x == ""
	case []any:
		return len(x) == 0
	case map[string]any:
		return len(x) == 0
	}
	return false
}

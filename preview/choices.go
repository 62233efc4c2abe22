package preview

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/form"
)

// Choice is a choice of an approval with its fields.
type Choice struct {
	ID      string  `json:"id"`
	Label   string  `json:"label"`
	Means   string  `json:"means"`
	Comment string  `json:"comment,omitempty"` // "required"
	Fields  []Field `json:"fields,omitempty"`
}

// Field is a field of a choice, with the value that the approval shows at first.
type Field struct {
	Name     string          `json:"name"`
	Kind     string          `json:"kind"`
	Required bool            `json:"required,omitempty"`
	Default  json.RawMessage `json:"default,omitempty"`
	// Edits is the part of the request that the field replaces, and Present its value now.
	Edits   string          `json:"edits,omitempty"`
	Present json.RawMessage `json:"present,omitempty"`
}

// newChoices lists the choices of an approval that has some of its own.
func newChoices(a *approval.Approval) []Choice {
	choices := []Choice{}
	if !a.HasOwnRules() {
		return choices
	}
	for _, c := range a.Offered() {
		choice := Choice{ID: c.ID, Label: c.LabelIn("en"), Means: string(c.Means), Comment: string(c.Comment)}
		for _, f := range a.FieldsOf(c) {
			field := Field{
				Name:     f.Name,
				Kind:     string(f.Kind),
				Required: f.Required,
				Default:  f.Default,
				Edits:    a.Edits[f.Name],
			}
			if present, found := a.PresentValue(f.Name); found {
				field.Present = present
			}
			choice.Fields = append(choice.Fields, field)
		}
		choices = append(choices, choice)
	}
	return choices
}

// sampleDecision returns a decision for a choice, with the values that its fields have at first. A required field without
// one gets an example, and so does a required field whose present value in the request is not valid.
func sampleDecision(a *approval.Approval, c approval.Choice) approval.Decision {
	values := map[string]json.RawMessage{}
	for _, f := range a.FieldsOf(c) {
		switch {
		case f.Default != nil && isValid(f, f.Default):
			values[f.Name] = f.Default
		case f.Required:
			values[f.Name] = sampleValue(f)
		}
	}
	d := approval.Decision{Choice: c.ID, Outcome: c.Means, Comment: "an example"}
	if len(values) > 0 {
		d.Values, _ = json.Marshal(values) // JSON of JSON
	}
	return d
}

// isValid reports whether a field allows a value. The present value of a part of the request can break the rules of the
// field that edits it.
func isValid(f form.Field, value json.RawMessage) bool {
	values, err := json.Marshal(map[string]json.RawMessage{f.Name: value})
	if err != nil {
		return false
	}
	alone := form.Form{Fields: []form.Field{f}}
	_, faults := alone.CheckValues([]string{f.Name}, values)
	return len(faults) == 0
}

// sampleValue returns a value that a field allows, as far as its limits tell it.
func sampleValue(f form.Field) json.RawMessage {
	var value any
	switch f.Kind {
	case form.Boolean:
		value = true
	case form.One:
		value = f.Options[0].Value
	case form.Many:
		list := []string{}
		for _, o := range f.Options[:min(len(f.Options), max(f.MinItems, 1))] {
			list = append(list, o.Value)
		}
		value = list
	case form.Number, form.Integer:
		for _, n := range []json.Number{f.Minimum, f.Maximum, "1"} {
			if n != "" {
				return json.RawMessage(n)
			}
		}
	default:
		value = sampleText(f)
	}
	text, _ := json.Marshal(value) // texts and truth values
	return text
}

func sampleText(f form.Field) string {
	text := map[string]string{
		"email":     "ann@example.com",
		"uri":       "https://example.com",
		"date":      "2026-01-31",
		"date-time": "2026-01-31T12:00:00Z",
		"":          "example",
	}[f.Format]
	if missing := f.MinLength - len(text); missing > 0 {
		text += strings.Repeat("e", missing)
	}
	if f.MaxLength != nil && len(text) > *f.MaxLength {
		text = text[:*f.MaxLength]
	}
	return text
}

// Judgement tells whether the values of a decision are valid for the approvals of a workflow, as its configuration has
// their choices and their form.
type Judgement struct {
	Workflow string   `json:"workflow"`
	Faults   []string `json:"faults"` // empty for a valid decision
}

// judge judges a decision by the rules of every workflow whose rules are those of the configuration.
func (p *Decision) judge(rules map[string]*approval.DecisionRules, d approval.Decision) error {
	names := make([]string, 0, len(rules))
	for name := range rules {
		names = append(names, name)
	}
	slices.Sort(names)
	accepted, ownRules := false, false
	for _, name := range names {
		judgement := Judgement{Workflow: name, Faults: []string{}}
		for _, fault := range rules[name].CheckDecision(d) {
			judgement.Faults = append(judgement.Faults, fault.Error())
		}
		accepted = accepted || len(judgement.Faults) == 0
		ownRules = ownRules || rules[name].HasOwnRules()
		p.Judged = append(p.Judged, judgement)
	}
	if !ownRules && accepted {
		p.Judged = nil // nothing was judged but the outcome
	}
	if !accepted && len(names) > 0 {
		return fmt.Errorf("no workflow takes this choice with these values: %s: %s",
			names[0], strings.Join(p.Judged[0].Faults, "; "))
	}
	return nil
}

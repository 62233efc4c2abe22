package web

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/approval-relay/approval-relay/form"
	"github.com/approval-relay/approval-relay/untrusted"
)

// A field with at most maxRadios options shows all of them at once, and a longer list opens. A text that
// may have more than maxLine characters gets several lines.
const (
	maxRadios = 5
	maxLine   = 200
)

// fieldView is an input of the opened choice.
type fieldView struct {
	ID, Name string // of the input
	Label    string
	// Control is text, textarea, checkbox, select, radios or checkboxes.
	Control     string
	Type        string // of a text
	InputMode   string
	Value       string
	Checked     bool
	Options     []optionView
	Required    bool
	Need        string   // says whether it is required
	Hints       []string // the expected values
	Present     string   // the value of the request that the field replaces
	Fault       string
	DescribedBy string // IDs
	Focus       bool   // the page opens here
}

type optionView struct {
	ID, Value, Label string
	Chosen           bool
	Focus            bool
}

// newField returns the input of a field, with the texts that were typed into it, or with its default.
func (v *visit) newField(i int, f form.Field, typed []string, known bool) fieldView {
	out := fieldView{
		ID:       fmt.Sprintf("field-%d", i),
		Name:     valuePrefix + f.Name,
		Label:    v.fieldLabel(&f),
		Control:  "text",
		Type:     "text",
		Required: f.Required,
	}
	out.Need = v.text("page.optional")
	if f.Required {
		out.Need = v.text("page.required")
	}
	if !known {
		typed = v.initial(f)
	}
	if len(typed) > 0 {
		out.Value = typed[0]
	}
	if d := untrusted.MultiLine(f.Description.In(v.Words.Tag())); d != "" {
		out.Hints = append(out.Hints, d)
	}
	switch f.Kind {
	case form.String:
		out.setText(f, v)
	case form.Number:
		out.InputMode = "decimal"
	case form.Integer:
		out.InputMode = "numeric"
		if f.Minimum == "" || strings.HasPrefix(string(f.Minimum), "-") {
			out.InputMode = "text" // the keys of a phone for whole numbers have no minus
		}
	case form.Boolean:
		out.Control = "checkbox"
		out.Required = false // both answers are valid
		out.Checked = out.Value == "true"
	case form.One, form.Many:
		out.setOptions(f, typed, v)
	}
	if f.Kind == form.Number || f.Kind == form.Integer {
		out.Hints = append(out.Hints, v.rangeHint(f)...)
	}
	return out
}

// setText sets the input of a text by its format.
func (out *fieldView) setText(f form.Field, v *visit) {
	switch f.Format {
	case "email":
		out.Type = "email"
	case "uri":
		out.Type, out.InputMode = "url", "url"
	case "date":
		out.Type = "date"
	case "date-time":
		out.Type = "datetime-local"
		out.Hints = append(out.Hints, v.text("page.field.zone", "zone", v.Zone.String()))
	case "":
		if f.MaxLength == nil || *f.MaxLength > maxLine {
			out.Control = "textarea"
		}
	}
	if f.Format != "" {
		return
	}
	switch {
	case f.MaxLength != nil && f.MinLength > 1:
		out.Hints = append(out.Hints, v.text("page.field.length", "least", v.count(f.MinLength), "most", v.count(*f.MaxLength)))
	case f.MaxLength != nil:
		out.Hints = append(out.Hints, v.text("page.field.at_most_characters", "n", v.count(*f.MaxLength)))
	case f.MinLength > 1:
		out.Hints = append(out.Hints, v.text("page.field.at_least_characters", "n", v.count(f.MinLength)))
	}
}

// setOptions sets the options of a choice among several.
func (out *fieldView) setOptions(f form.Field, typed []string, v *visit) {
	switch {
	case f.Kind == form.Many:
		out.Control = "checkboxes"
		out.Hints = append(out.Hints, v.itemsHint(f)...)
	case len(f.Options) > maxRadios:
		out.Control = "select"
	default:
		out.Control = "radios"
	}
	options := slices.Clone(f.Options)
	for i, o := range options {
		out.Options = append(out.Options, optionView{
			ID:     fmt.Sprintf("%s-%d", out.ID, i),
			Value:  o.Value,
			Label:  v.optionLabel(o),
			Chosen: slices.Contains(typed, o.Value),
		})
	}
	chosen := slices.ContainsFunc(out.Options, func(o optionView) bool { return o.Chosen })
	switch {
	case out.Control == "select":
		key := "page.field.no_answer"
		if f.Required {
			key = "page.field.please_choose"
		}
		out.Options = slices.Insert(out.Options, 0, optionView{Label: v.text(key), Chosen: !chosen})
	case out.Control == "radios" && !f.Required:
		out.Options = append(out.Options, optionView{
			ID:     fmt.Sprintf("%s-%d", out.ID, len(options)),
			Label:  v.text("page.field.no_answer"),
			Chosen: !chosen,
		})
	}
}

// rangeHint states the limits of a number.
func (v *visit) rangeHint(f form.Field) []string {
	least, most := v.Words.Number(f.Minimum), v.Words.Number(f.Maximum)
	switch {
	case f.Minimum != "" && f.Maximum != "":
		return []string{v.text("page.field.from_to", "least", least, "most", most)}
	case f.Minimum != "":
		return []string{v.text("page.field.at_least", "n", least)}
	case f.Maximum != "":
		return []string{v.text("page.field.at_most", "n", most)}
	}
	return nil
}

// itemsHint states how many options can be chosen.
func (v *visit) itemsHint(f form.Field) []string {
	switch {
	case f.MinItems > 0 && f.MaxItems != nil:
		return []string{v.text("page.field.choose_from_to", "least", v.count(f.MinItems), "most", v.count(*f.MaxItems))}
	case f.MinItems > 1:
		return []string{v.text("page.field.choose_at_least", "n", v.count(f.MinItems))}
	case f.MaxItems != nil:
		return []string{v.text("page.field.choose_at_most", "n", v.count(*f.MaxItems))}
	}
	return nil
}

func (r reader) count(n int) string { return r.Words.Number(json.Number(fmt.Sprint(n))) }

// setFocus lets the page open at the input.
func (out *fieldView) setFocus() {
	if len(out.Options) > 0 && out.Control != "select" {
		out.Options[0].Focus = true
		return
	}
	out.Focus = true
}

// describe lists the elements that describe the input to a screen reader: its fault first.
func (out *fieldView) describe() {
	var ids []string
	if out.Fault != "" {
		ids = append(ids, out.ID+"-fault")
	}
	if out.Present != "" {
		ids = append(ids, out.ID+"-present")
	}
	for i := range out.Hints {
		ids = append(ids, fmt.Sprintf("%s-hint-%d", out.ID, i))
	}
	out.DescribedBy = strings.Join(ids, " ")
}

// Target returns the ID of the element for a link to the input.
func (out fieldView) Target() string {
	if len(out.Options) > 0 && out.Control != "select" {
		return out.Options[0].ID
	}
	return out.ID
}

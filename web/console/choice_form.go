package console

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/form"
	"github.com/approval-relay/approval-relay/language"
	"github.com/approval-relay/approval-relay/untrusted"
)

// consoleLanguage is the language of the console.
const consoleLanguage = language.Tag("en")

// The names of the form's inputs for choices: the button of a choice has the value "choice." and its ID, and the input of
// a field "value.", the ID of the choice and the name of the field. Two choices can have the same field.
const (
	choicePrefix = "choice."
	valuePrefix  = "value."
)

// choiceForm is a choice of the form for a decision of an operator.
type choiceForm struct {
	Act    string // the value of its button
	Label  string
	Tone   string // the class of its button
	Fields []fieldForm
}

// fieldForm is a field of a choice.
type fieldForm struct {
	ID          string // of its element
	Name        string // of its input
	Label       string
	Description string
	Required    bool
	Edits       string // the part of the request that it replaces
	Input       string // "textarea", "select", "checkboxes", "checkbox", or the type of an input
	Value       string
	Options     []optionForm
	Error       string
}

type optionForm struct {
	Value  string
	Title  string
	Chosen bool
}

// sentValues are the values of a form that was refused.
type sentValues struct {
	choice string
	typed  url.Values
	faults []form.Fault
}

// newChoiceForms returns the choices of an approval that has some of its own. An operator does not abstain.
func newChoiceForms(a *approval.Approval, sent sentValues) []choiceForm {
	if len(a.Choices) == 0 && len(a.Form.Fields) == 0 {
		return nil
	}
	var forms []choiceForm
	for i, choice := range a.Offered() {
		if choice.Means == approval.Abstain {
			continue
		}
		f := choiceForm{
			Act:   choicePrefix + choice.ID,
			Label: untrusted.MultiLine(choice.LabelIn(consoleLanguage)),
			Tone:  toneOfChoice(choice.Means),
		}
		for j, name := range choice.Fields {
			if field := a.Form.Find(name); field != nil {
				view := newFieldForm(*field, valuePrefix+choice.ID+".", sent, choice.ID)
				view.ID = fmt.Sprintf("%s-%d-%d", a.ID, i, j)
				view.Edits = a.Edits[name]
				f.Fields = append(f.Fields, view)
			}
		}
		forms = append(forms, f)
	}
	return forms
}

func toneOfChoice(means approval.Outcome) string {
	switch means {
	case approval.Approve:
		return "approve"
	case approval.Reject:
		return "reject"
	}
	return "cancel"
}

// newFieldForm returns a field with the values that were sent, or with its default.
func newFieldForm(f form.Field, prefix string, sent sentValues, choice string) fieldForm {
	view := fieldForm{
		Name:        prefix + f.Name,
		Label:       untrusted.MultiLine(f.Label(consoleLanguage)),
		Description: untrusted.MultiLine(f.Description.In(consoleLanguage)),
		Required:    f.Required,
		Input:       inputOf(f),
	}
	values := defaultTexts(f.Default)
	if sent.typed != nil {
		values = sent.typed[prefix+f.Name]
	}
	if len(values) > 0 {
		view.Value = untrusted.MultiLine(values[len(values)-1])
	}
	if f.Kind == form.One {
		view.Options = append(view.Options, optionForm{Title: "–", Chosen: view.Value == ""})
	}
	for _, o := range f.Options {
		view.Options = append(view.Options, optionForm{
			Value:  o.Value,
			Title:  untrusted.MultiLine(cmp.Or(o.Title.In(consoleLanguage), o.Value)),
			Chosen: slices.Contains(values, o.Value),
		})
	}
	if sent.choice == choice {
		view.Error = faultOf(f.Name, sent.faults)
	}
	return view
}

func faultOf(name string, faults []form.Fault) string {
	for _, fault := range faults {
		if fault.Field == name {
			return fault.Text(language.For(consoleLanguage))
		}
	}
	return ""
}

// longText is the shortest length of a text with several lines.
const longText = 100

// inputOf returns the element of a field.
func inputOf(f form.Field) string {
	switch f.Kind {
	case form.One:
		return "select"
	case form.Many:
		return "checkboxes"
	case form.Boolean:
		return "checkbox"
	case form.String:
		switch f.Format {
		case "email", "date":
			return f.Format
		case "":
			if f.MaxLength == nil || *f.MaxLength > longText {
				return "textarea"
			}
		}
	}
	return "text"
}

// defaultTexts returns a default as it is typed.
func defaultTexts(value json.RawMessage) []string {
	var list []string
	var text string
	switch {
	case len(value) == 0:
		return nil
	case json.Unmarshal(value, &list) == nil:
		return list
	case json.Unmarshal(value, &text) == nil:
		return []string{text}
	}
	return []string{string(value)} // a number or a truth value
}

// readChoice returns the choice of the form and its values, as the form of the approval has them.
func readChoice(a *approval.Approval, d operatorDecision) (choice string, values json.RawMessage) {
	choice = strings.TrimPrefix(d.action, choicePrefix)
	offered := a.Offered()
	i := slices.IndexFunc(offered, func(c approval.Choice) bool { return c.ID == choice })
	if i < 0 { // for the approval to refuse
		return choice, nil
	}
	prefix := valuePrefix + choice + "."
	typed := map[string][]string{}
	for name, sent := range d.typed {
		if field, ok := strings.CutPrefix(name, prefix); ok {
			typed[field] = sent
		}
	}
	return choice, a.Form.FromStrings(offered[i].Fields, typed, form.Locale{Language: consoleLanguage})
}

// describeFaults tells an operator every fault of a decision.
func describeFaults(a *approval.Approval, faults []form.Fault) string {
	words := language.For(consoleLanguage)
	var texts []string
	for _, fault := range faults {
		label := fault.Field
		if f := a.Form.Find(fault.Field); f != nil {
			label = f.Label(consoleLanguage)
		}
		texts = append(texts, strings.TrimPrefix(label+": "+fault.Text(words), ": "))
	}
	return untrusted.MultiLine(strings.Join(texts, " "))
}

package web

import (
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/details"
	"github.com/approval-relay/approval-relay/form"
	"github.com/approval-relay/approval-relay/jsonpointer"
	"github.com/approval-relay/approval-relay/untrusted"
)

// valuePrefix begins the name of an input that is a field of the approval's form.
const valuePrefix = "value."

// typedValues has the texts that were typed into the fields of the approval's form, by the name of the field. A field
// that the browser did not send is missing.
type typedValues map[string][]string

// readTyped reads the inputs of the form's fields. It returns false if a field that has a single value comes twice. Other
// inputs that a browser sends are not of this form, and are left out.
func readTyped(post url.Values, f *form.Form) (typedValues, bool) {
	typed := typedValues{}
	for _, field := range f.Fields {
		texts, sent := post[valuePrefix+field.Name]
		if !sent {
			continue
		}
		if len(texts) > 1 && (field.Kind != form.Many || len(texts) > 2*form.MaxOptions) {
			return nil, false
		}
		for _, text := range texts {
			typed[field.Name] = append(typed[field.Name], strings.ReplaceAll(text, "\r\n", "\n"))
		}
	}
	return typed, true
}

// valuesOf returns the values of a choice as JSON. Fields of other choices are left out.
func (v *visit) valuesOf(choice *approval.Choice, typed typedValues) json.RawMessage {
	return v.approval.Form.FromStrings(choice.Fields, typed, form.Locale{Language: v.Words.Tag(), Zone: v.Zone})
}

// present returns the part of the request that a field replaces, or nil.
func (v *visit) present(name string) json.RawMessage {
	path, edits := v.approval.Edits[name]
	if !edits {
		return nil
	}
	value, _ := jsonpointer.Find(v.approval.Content, path)
	return value
}

// initial returns the texts of an input before anything was typed: the part of the request that it replaces, or the
// field's default.
func (v *visit) initial(f form.Field) []string {
	value := v.present(f.Name)
	if len(value) == 0 {
		value = f.Default
	}
	var several []string
	if json.Unmarshal(value, &several) == nil {
		return several
	}
	var text string
	if json.Unmarshal(value, &text) == nil {
		if f.Format == "date-time" {
			text = v.localTime(text)
		}
		return []string{text}
	}
	if len(value) == 0 || string(value) == "null" {
		return nil
	}
	if f.Kind == form.Number {
		return []string{v.decimal(string(value))}
	}
	return []string{string(value)}
}

// localTime returns a time with its zone as an input of a local time has it.
func (r reader) localTime(text string) string {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return text
	}
	return t.In(r.Zone).Format("2006-01-02T15:04")
}

// decimal returns a number as it is typed in the language of the reader, so that it is read as it is shown.
func (r reader) decimal(number string) string {
	return form.TypeNumber(json.Number(number), r.Words.Tag())
}

// display returns a value of the form for people.
func (r reader) display(f *form.Field, value json.RawMessage) string {
	var several []string
	if json.Unmarshal(value, &several) == nil && several != nil {
		for i := range several {
			several[i] = r.optionTitle(f, several[i])
		}
		return strings.Join(several, ", ")
	}
	var text string
	if json.Unmarshal(value, &text) == nil {
		if t, err := time.Parse(time.RFC3339, text); err == nil && f != nil && f.Format == "date-time" {
			return r.moment(t).Text
		}
		return untrusted.MultiLine(r.optionTitle(f, text))
	}
	switch literal := string(value); literal {
	case "true":
		return r.text("page.yes")
	case "false":
		return r.text("page.no")
	case "", "null":
		return r.text("page.not_given")
	default:
		var n json.Number
		if json.Unmarshal(value, &n) == nil {
			return r.Words.Number(n)
		}
		return untrusted.MultiLine(literal)
	}
}

// fieldLabel returns the title of a field, or its name in words.
func (r reader) fieldLabel(f *form.Field) string {
	return details.Label(&approval.Field{Name: f.Name, Label: f.Title, IsPath: true}, r.Words.Tag())
}

// optionTitle returns the title of an option, or the value itself.
func (r reader) optionTitle(f *form.Field, value string) string {
	if f == nil {
		return untrusted.SingleLine(value)
	}
	for _, o := range f.Options {
		if o.Value == value {
			return r.optionLabel(o)
		}
	}
	return value
}

// optionLabel returns the title of an option in the reader's language, or its value.
func (r reader) optionLabel(o form.Option) string {
	if title := untrusted.SingleLine(o.Title.In(r.Words.Tag())); title != "" {
		return title
	}
	return untrusted.SingleLine(o.Value)
}

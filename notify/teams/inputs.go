package teams

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/approval-relay/approval-relay/form"
	"github.com/approval-relay/approval-relay/language"
	"github.com/approval-relay/approval-relay/untrusted"
)

// input has the properties of the inputs of an Adaptive Card:
// https://learn.microsoft.com/adaptive-cards/schema-explorer/input-text and its neighbours.
type input struct {
	ID          string      `json:"id,omitempty"`
	Label       string      `json:"label,omitempty"`
	Title       string      `json:"title,omitempty"` // of Input.Toggle
	Placeholder string      `json:"placeholder,omitempty"`
	Value       any         `json:"value,omitempty"` // a text or a number
	Multiline   bool        `json:"isMultiline,omitempty"`
	MaxLength   int         `json:"maxLength,omitempty"`
	Style       string      `json:"style,omitempty"`
	Required    bool        `json:"isRequired,omitempty"`
	Error       string      `json:"errorMessage,omitempty"`
	Min         json.Number `json:"min,omitempty"`
	Max         json.Number `json:"max,omitempty"`
	Several     bool        `json:"isMultiSelect,omitempty"`
	Options     []option    `json:"choices,omitempty"`
	ValueOn     string      `json:"valueOn,omitempty"`
	ValueOff    string      `json:"valueOff,omitempty"`
}

type option struct {
	Title string `json:"title"`
	Value string `json:"value"`
}

// Limits of inputs, in characters. The form is shown whole or not at all.
const (
	maxLabel   = 500
	maxTyped   = 3000
	shortTyped = 150 // up to which a text has an input of one line
)

// commentInput is the ID of the input of the comment.
const commentInput = "comment"

// fieldInput returns the ID of the input of a field.
func fieldInput(name string) string { return "field:" + name }

// newInput returns the input of a field, with what was typed before, or nil if Teams cannot show the field whole. The
// entry is judged here and not by Teams, whose faults are not in the words of the form.
func newInput(f form.Field, tag language.Tag, typed *string) *block {
	label := plainLabel(f.Label(tag))
	if f.Kind == form.String && f.Format == "date-time" || label == "" || utf8.RuneCountInString(label) > maxLabel {
		return nil
	}
	if f.Required && f.Kind != form.Boolean {
		label += " *"
	}
	in := &input{ID: fieldInput(f.Name), Label: label}
	if typed != nil {
		in.setTyped(*typed)
	}
	b := &block{input: in}
	isFilled := true
	switch f.Kind {
	case form.String:
		b.Type = "Input.Text"
		isFilled = in.fillText(f, b, typed == nil)
	case form.Number, form.Integer:
		b.Type = "Input.Number"
		if typed == nil && len(f.Default) > 0 {
			in.Value = json.Number(f.Default)
		} else if typed != nil {
			in.setNumber(*typed)
		}
	case form.Boolean:
		b.Type = "Input.Toggle"
		in.Title, in.ValueOn, in.ValueOff = language.For(tag).Text("teams.yes"), "true", "false"
		isOn := typed != nil && *typed == "true" || typed == nil && string(f.Default) == "true"
		in.Value = strconv.FormatBool(isOn)
	case form.One, form.Many:
		b.Type = "Input.ChoiceSet"
		isFilled = in.fillOptions(f, tag, typed == nil)
	default:
		return nil
	}
	if !isFilled {
		return nil
	}
	return b
}

func (in *input) setTyped(text string) {
	if text != "" {
		in.Value = text
	}
}

// setNumber sets a number as it was typed, if it is one.
func (in *input) setNumber(typed string) {
	in.Value = nil
	if number, ok := form.ParseNumber(strings.TrimSpace(typed), form.Plain); ok {
		in.Value = number
	}
}

// fillText sets the properties of the input of a text. It reports whether the present value is shown whole.
func (in *input) fillText(f form.Field, b *block, isNew bool) bool {
	if isNew {
		in.setTyped(defaultText(f))
	}
	value, _ := in.Value.(string)
	switch f.Format {
	case "date":
		b.Type = "Input.Date"
		return true
	case "email":
		in.Style = "Email"
		return utf8.RuneCountInString(value) <= maxTyped
	case "uri":
		in.Style = "Url"
		return utf8.RuneCountInString(value) <= maxTyped
	}
	if f.MinLength > maxTyped || utf8.RuneCountInString(value) > maxTyped {
		return false
	}
	in.Multiline = f.MaxLength == nil || *f.MaxLength > shortTyped || strings.Contains(value, "\n")
	in.MaxLength = maxTyped
	if f.MaxLength != nil && *f.MaxLength > 0 {
		in.MaxLength = min(*f.MaxLength, maxTyped)
	}
	in.MaxLength = max(in.MaxLength, utf8.RuneCountInString(value)) // what was typed stays
	return true
}

// fillOptions sets the options. Their values are their indexes: Teams joins the chosen ones by commas.
func (in *input) fillOptions(f form.Field, tag language.Tag, isNew bool) bool {
	for i, o := range f.Options {
		title := o.Title.In(tag)
		if title == "" {
			title = o.Value
		}
		if title = plainLabel(title); title == "" || utf8.RuneCountInString(title) > maxLabel {
			return false
		}
		in.Options = append(in.Options, option{Title: title, Value: strconv.Itoa(i)})
	}
	in.Several = f.Kind == form.Many
	in.Style = "compact"
	if in.Several {
		in.Style = "expanded"
	}
	if !isNew {
		return true
	}
	chosen := []string{defaultText(f)}
	if in.Several {
		chosen = nil
		_ = json.Unmarshal(f.Default, &chosen)
	}
	var indexes []string
	for _, value := range chosen {
		if i := slices.IndexFunc(f.Options, func(o form.Option) bool { return o.Value == value }); i >= 0 {
			indexes = append(indexes, strconv.Itoa(i))
		}
	}
	in.setTyped(strings.Join(indexes, ","))
	return true
}

// defaultText returns the default of a text or of One, or the empty text.
func defaultText(f form.Field) string {
	var text string
	if json.Unmarshal(f.Default, &text) != nil {
		return ""
	}
	return text
}

// plainLabel returns a label on one line. Teams reads Markdown in labels and in the titles of options, so the marks of
// links are replaced, and the marks of emphasis can only look odd.
func plainLabel(text string) string {
	text = strings.NewReplacer("[", "(", "]", ")", "<", "‹", ">", "›", "`", "'").Replace(untrusted.SingleLine(text))
	return strings.TrimSpace(breakMacros(text))
}

// typedStrings returns the entry in the input of a field, as form.FromStrings takes it.
func typedStrings(f form.Field, text string) []string {
	switch {
	case f.Kind == form.Many:
		var chosen []string
		for index := range strings.SplitSeq(text, ",") {
			if index = strings.TrimSpace(index); index != "" {
				chosen = append(chosen, optionValue(f, index))
			}
		}
		return chosen
	case f.Kind == form.One && text != "":
		return []string{optionValue(f, text)}
	case text == "":
		return nil
	}
	return []string{text}
}

// optionValue returns the value of the option with an index. An index that no option has stays as it is, so that the form
// finds it, unless it happens to be the value of an option.
func optionValue(f form.Field, index string) string {
	i, err := strconv.Atoi(index)
	switch {
	case err == nil && i >= 0 && i < len(f.Options):
		return f.Options[i].Value
	case slices.ContainsFunc(f.Options, func(o form.Option) bool { return o.Value == index }):
		return "no option: " + index
	}
	return index
}

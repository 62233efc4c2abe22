package slack

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/form"
	"github.com/approval-relay/approval-relay/language"
	"github.com/approval-relay/approval-relay/untrusted"
)

// Limits of inputs, in characters (https://docs.slack.dev/reference/block-kit/blocks/input-block, .../block-elements and
// .../composition-objects/option-object).
const (
	maxInputLabel = 2000 // also of the hint below an input
	maxTyped      = 3000
	maxOptions    = 100
	maxOption     = 75
)

// inputAction is the action ID of every input: its block ID tells the inputs apart.
const inputAction = "v"

// shortText is the greatest length of a text whose input has a single line.
const shortText = 150

// canAsk reports whether a modal can show the fields of a choice in a language. Otherwise the choice is made on the page:
// a form is shown whole or not at all.
func canAsk(choice approval.Choice, f *form.Form, tag language.Tag) bool {
	for _, name := range choice.Fields {
		field := f.Find(name)
		if field == nil || newInput(*field, tag) == nil {
			return false
		}
	}
	return true
}

// fieldBlock returns the block ID of a field.
func fieldBlock(name string) string { return "field:" + name }

// newInput returns the input of a field, or nil if Slack cannot show it whole.
func newInput(f form.Field, tag language.Tag) *slack.InputBlock {
	label := untrusted.SingleLine(f.Label(tag))
	hint := untrusted.SingleLine(f.Description.In(tag))
	if label == "" || utf8.RuneCountInString(label) > maxInputLabel || utf8.RuneCountInString(hint) > maxInputLabel {
		return nil
	}
	element := newElement(f, tag)
	if element == nil {
		return nil
	}
	block := slack.NewInputBlock(fieldBlock(f.Name), plainText(label), nil, element)
	if hint != "" {
		block.Hint = plainText(hint)
	}
	// Slack demands an entry in a required input, and an empty box is not an entry.
	return block.WithOptional(!f.Required || f.Kind == form.Boolean)
}

// newElement returns the element for the values of a field, or nil.
func newElement(f form.Field, tag language.Tag) slack.BlockElement {
	switch f.Kind {
	case form.String:
		return newTextElement(f)
	case form.Number, form.Integer:
		return newNumberElement(f)
	case form.Boolean:
		yes := slack.NewOptionBlockObject("true", plainText(language.For(tag).Text("slack.yes")), nil)
		box := slack.NewCheckboxGroupsBlockElement(inputAction, yes)
		if string(f.Default) == "true" {
			box.InitialOptions = []*slack.OptionBlockObject{yes}
		}
		return box
	case form.One:
		options := newOptions(f, tag)
		if options == nil {
			return nil
		}
		list := slack.NewOptionsSelectBlockElement(slack.OptTypeStatic, nil, inputAction, options...)
		if i := optionIndex(f, defaultText(f)); i >= 0 {
			list.InitialOption = options[i]
		}
		return list
	case form.Many:
		return newManyElement(f, tag)
	}
	return nil
}

// newTextElement returns the element of a String. It is nil if it could not show the present value whole.
func newTextElement(f form.Field) slack.BlockElement {
	value := defaultText(f)
	switch f.Format {
	case "email":
		input := slack.NewEmailTextInputBlockElement(nil, inputAction)
		input.InitialValue = value
		return input
	case "uri":
		input := slack.NewURLTextInputBlockElement(nil, inputAction)
		input.InitialValue = value
		return input
	case "date":
		input := slack.NewDatePickerBlockElement(inputAction)
		input.InitialDate = value
		return input
	case "date-time":
		return newTimeElement(value)
	}
	if f.MinLength > maxTyped || utf8.RuneCountInString(value) > maxTyped {
		return nil
	}
	input := slack.NewPlainTextInputBlockElement(nil, inputAction).WithInitialValue(value).WithMinLength(f.MinLength)
	input.Multiline = f.MaxLength == nil || *f.MaxLength > shortText || strings.Contains(value, "\n")
	if f.MaxLength != nil && *f.MaxLength > 0 && *f.MaxLength <= maxTyped {
		input.MaxLength = *f.MaxLength
	}
	return input
}

// newTimeElement returns the element of a time. Slack takes a Unix time of ten digits: from 2001 to 2286.
func newTimeElement(value string) slack.BlockElement {
	input := slack.NewDateTimePickerBlockElement(inputAction)
	if value == "" {
		return input
	}
	t, err := time.Parse(time.RFC3339, strings.ToUpper(value))
	if err != nil || t.Unix() < 1e9 || t.Unix() >= 1e10 {
		return nil
	}
	input.InitialDateTime = t.Unix()
	return input
}

func newNumberElement(f form.Field) slack.BlockElement {
	input := slack.NewNumberInputBlockElement(nil, inputAction, f.Kind == form.Number)
	input.InitialValue = plainDecimal(json.Number(f.Default))
	if input.InitialValue == "" && len(f.Default) > 0 {
		return nil
	}
	input.MinValue = plainDecimal(f.Minimum)
	input.MaxValue = plainDecimal(f.Maximum)
	return input
}

// maxDecimal is the greatest length of a number that Slack is known to take.
const maxDecimal = 32

// plainDecimal returns a number without an exponent, as Slack takes it, or the empty text if it is too long for that.
func plainDecimal(n json.Number) string {
	number, err := strconv.ParseFloat(string(n), 64)
	if n == "" || err != nil {
		return ""
	}
	if text := strconv.FormatFloat(number, 'f', -1, 64); len(text) <= maxDecimal {
		return text
	}
	return ""
}

func newManyElement(f form.Field, tag language.Tag) slack.BlockElement {
	options := newOptions(f, tag)
	if options == nil {
		return nil
	}
	list := slack.NewOptionsMultiSelectBlockElement(slack.MultiOptTypeStatic, nil, inputAction, options...)
	if f.MaxItems != nil && *f.MaxItems >= 1 {
		list.MaxSelectedItems = f.MaxItems
	}
	var chosen []string
	if json.Unmarshal(f.Default, &chosen) == nil {
		for _, value := range chosen {
			if i := optionIndex(f, value); i >= 0 {
				list.InitialOptions = append(list.InitialOptions, options[i])
			}
		}
	}
	return list
}

// newOptions returns the options of a field, or nil if Slack cannot show them whole. Their values are their indexes: a
// value of the form may be longer than Slack takes.
func newOptions(f form.Field, tag language.Tag) []*slack.OptionBlockObject {
	if len(f.Options) > maxOptions {
		return nil
	}
	var out []*slack.OptionBlockObject
	for i, o := range f.Options {
		title := o.Title.In(tag)
		if title == "" {
			title = o.Value
		}
		title = untrusted.SingleLine(title)
		if title == "" || utf8.RuneCountInString(title) > maxOption {
			return nil
		}
		out = append(out, slack.NewOptionBlockObject(strconv.Itoa(i), plainText(title), nil))
	}
	return out
}

func optionIndex(f form.Field, value string) int {
	return slices.IndexFunc(f.Options, func(o form.Option) bool { return o.Value == value })
}

// defaultText returns the default of a text or of One, or the empty text.
func defaultText(f form.Field) string {
	var text string
	if json.Unmarshal(f.Default, &text) != nil {
		return ""
	}
	return text
}

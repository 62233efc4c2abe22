package slack

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/form"
)

// inputState is an entry in an input of a modal, by the kind of the input
// (https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload).
type inputState struct {
	Value            *string       `json:"value"`
	SelectedDate     *string       `json:"selected_date"`
	SelectedDateTime *json.Number  `json:"selected_date_time"`
	SelectedOption   *optionState  `json:"selected_option"`
	SelectedOptions  []optionState `json:"selected_options"`
}

type optionState struct {
	Value string `json:"value"`
}

// modalState has the inputs of a modal by block ID and action ID.
type modalState map[string]map[string]inputState

// text returns the text or the option of an input.
func (m modalState) text(block string) string {
	s := m[block][inputAction]
	switch {
	case s.Value != nil:
		return *s.Value
	case s.SelectedOption != nil:
		return s.SelectedOption.Value
	}
	return ""
}

// values returns the values of the fields of a choice as JSON. They are judged where the decision is.
func (m modalState) values(f *form.Form, fields []string) json.RawMessage {
	typed := map[string][]string{}
	for _, name := range fields {
		field := f.Find(name)
		s, ok := m[fieldBlock(name)][inputAction]
		if field != nil && ok {
			typed[name] = s.strings(*field)
		}
	}
	return f.FromStrings(fields, typed, form.Locale{Language: form.Plain})
}

// strings returns the entry for a field, as form.FromStrings takes it.
func (s inputState) strings(f form.Field) []string {
	switch {
	case f.Kind == form.Boolean:
		return optionValues(s.SelectedOptions)
	case f.Kind == form.Many:
		var chosen []string
		for _, index := range optionValues(s.SelectedOptions) {
			chosen = append(chosen, optionValue(f, index))
		}
		return chosen
	case f.Kind == form.One && s.SelectedOption != nil:
		return []string{optionValue(f, s.SelectedOption.Value)}
	case s.SelectedDate != nil:
		return []string{*s.SelectedDate}
	case s.SelectedDateTime != nil:
		return []string{timeText(f, *s.SelectedDateTime)}
	case s.Value != nil:
		return []string{*s.Value}
	}
	return nil
}

func optionValues(options []optionState) []string {
	var out []string
	for _, o := range options {
		out = append(out, o.Value)
	}
	return out
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

// timeText returns a Unix time as text. The default keeps its own zone, because otherwise it would be an edit.
func timeText(f form.Field, unix json.Number) string {
	seconds, err := unix.Int64()
	if err != nil {
		return unix.String()
	}
	value := defaultText(f)
	if t, err := time.Parse(time.RFC3339, strings.ToUpper(value)); err == nil && t.Unix() == seconds {
		return value
	}
	return time.Unix(seconds, 0).UTC().Format(time.RFC3339)
}

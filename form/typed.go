package form

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/language"
)

// Locale is how a person writes numbers and times.
type Locale struct {
	// Language has the separators of numbers. Plain numbers are as JSON writes them.
	Language language.Tag
	// Zone is the zone of a date and time that is typed without a zone. If it is nil, such a time stays as it is typed.
	Zone *time.Location
}

// Plain is the Language of inputs that send numbers as JSON writes them, as number inputs of Slack and of browsers do,
// however their user sees them.
const Plain language.Tag = "und"

// FromStrings returns the JSON object of values for the texts that a person typed into the fields of a choice. Text is trimmed, an
// empty optional field has no value, a Boolean that is not there is false. A text that does not fit its field stays a string,
// for CheckValues to find. Names that are not of a field are left out, because a page
// has other inputs too.
func (f *Form) FromStrings(fields []string, typed map[string][]string, locale Locale) json.RawMessage {
	values := map[string]any{}
	for _, field := range f.Fields {
		if !slices.Contains(fields, field.Name) {
			continue
		}
		if value := field.fromStrings(typed[field.Name], locale); value != nil {
			values[field.Name] = value
		}
	}
	if len(values) == 0 {
		return nil
	}
	raw, err := json.Marshal(values)
	if err != nil { // impossible for strings, numbers and booleans
		return nil
	}
	return raw
}

// fromStrings returns the value of the field, or nil if nothing was typed.
func (f *Field) fromStrings(typed []string, locale Locale) any {
	switch f.Kind {
	case Boolean:
		return boolean(typed)
	case Many:
		chosen := slices.DeleteFunc(slices.Clone(typed), func(s string) bool { return s == "" })
		if len(chosen) == 0 {
			return nil
		}
		return chosen
	}
	if len(typed) > 1 { // no single input sends two values
		return typed
	}
	if len(typed) == 0 || strings.TrimSpace(typed[0]) == "" {
		return nil
	}
	text := typed[0]
	if f.Kind == One {
		return text
	}
	text = strings.TrimSpace(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)) // browsers send CRLF
	switch {
	case f.Kind == Number || f.Kind == Integer:
		if number, ok := ParseNumber(text, locale.Language); ok {
			return number
		}
	case f.Format == "date-time":
		return withZone(text, locale.Zone)
	}
	return text
}

// boolean returns the value of a checkbox. A page may send "false" from a hidden input beside it.
func boolean(typed []string) any {
	value := false
	for _, s := range typed {
		switch strings.ToLower(strings.TrimSpace(s)) {
		case "true", "on", "yes", "1":
			value = true
		case "false", "off", "no", "0", "":
		default:
			return s
		}
	}
	return value
}

// localTime is a time without a zone, as the inputs of browsers send it.
var localTime = regexp.MustCompile(`^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?$`)

// withZone returns a time that was typed without its zone in RFC 3339. A time that the zone does not have, because its
// clocks skip it, stays as it is.
func withZone(typed string, zone *time.Location) string {
	if zone == nil || !localTime.MatchString(typed) {
		return typed
	}
	const layout = "2006-01-02T15:04:05"
	text := strings.Replace(typed, " ", "T", 1)
	if len(text) == len("2006-01-02T15:04") {
		text += ":00"
	}
	t, err := time.ParseInLocation(layout, text, zone)
	if err != nil || t.Format(layout) != text {
		return typed
	}
	return t.Format(time.RFC3339)
}

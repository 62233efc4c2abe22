package form

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode"

	"github.com/approval-relay/approval-relay/canonical"
)

// Values are the values of a form, as canonical JSON (RFC 8785): the same values always have the same bytes. They are
// empty if there are none.
type Values json.RawMessage

// CheckValues judges the JSON object of values that came with a decision against the fields of the form that its choice
// has. It returns the values in their canonical form, or every fault: first the faults of fields, in the order of the form,
// then the faults of other values. A nil or empty raw has no values. Defaults are shown by forms; they are not added here.
func (f *Form) CheckValues(fields []string, raw json.RawMessage) (Values, []Fault) {
	if len(raw) > maxRaw {
		return nil, []Fault{tooLarge}
	}
	given := canonical.Value{Kind: canonical.Object}
	if len(raw) > 0 {
		var err error
		if given, err = canonical.Parse(raw); err != nil || given.Kind != canonical.Object {
			return nil, []Fault{{Code: WrongType, Want: "object"}}
		}
	}
	out := canonical.Value{Kind: canonical.Object}
	var faults []Fault
	for _, field := range f.Fields {
		if !slices.Contains(fields, field.Name) {
			continue
		}
		member, more := field.judge(given)
		faults = append(faults, more...)
		out.Members = append(out.Members, member...)
	}
	faults = append(faults, f.unknown(fields, given)...)
	if len(faults) > 0 {
		return nil, faults
	}
	if len(out.Members) == 0 {
		return nil, nil
	}
	values, err := out.JSON()
	if err != nil || len(values) > MaxValues {
		return nil, []Fault{tooLarge}
	}
	return values, nil
}

// maxRaw bounds values that are long only by their spaces and escapes.
const maxRaw = 8 * MaxValues

var tooLarge = Fault{Code: TooLarge, Want: "32 KiB"}

// judge returns the value of the field, if it is given, and its faults.
func (f *Field) judge(given canonical.Value) ([]canonical.Member, []Fault) {
	values := given.All(f.Name)
	switch {
	case len(values) > 1:
		return nil, []Fault{{Field: f.Name, Code: Repeated}}
	case len(values) == 0 && f.Required:
		return nil, []Fault{{Field: f.Name, Code: Missing}}
	case len(values) == 0:
		return nil, nil
	case f.Required && isEmpty(values[0]):
		return nil, []Fault{{Field: f.Name, Code: Missing}}
	}
	if faults := f.faults(values[0]); len(faults) > 0 {
		return nil, faults
	}
	return []canonical.Member{{Name: f.Name, Value: f.ordered(values[0])}}, nil
}

// ordered returns the chosen options of Many in the order of the field: it is a set, and whoever chooses the same options
// in another order decides the same.
func (f *Field) ordered(v canonical.Value) canonical.Value {
	if f.Kind != Many {
		return v
	}
	chosen := canonical.Value{Kind: canonical.Array}
	for _, option := range f.Options {
		for _, item := range v.Items {
			if item.Text == option.Value {
				chosen.Items = append(chosen.Items, item)
			}
		}
	}
	return chosen
}

// isEmpty reports whether a value is like none: text of spaces, or no option.
func isEmpty(v canonical.Value) bool {
	switch v.Kind {
	case canonical.String:
		return strings.TrimSpace(v.Text) == ""
	case canonical.Array:
		return len(v.Items) == 0
	}
	return false
}

// unknown returns a fault for each value that is of no field of the choice. There are at most MaxFields of them, so that
// nobody can make a refusal long.
func (f *Form) unknown(fields []string, given canonical.Value) []Fault {
	var faults []Fault
	for _, m := range given.Members {
		if slices.Contains(fields, m.Name) && f.Find(m.Name) != nil {
			continue
		}
		if len(faults) == MaxFields {
			break
		}
		faults = append(faults, Fault{Field: printable(m.Name), Code: Unknown})
	}
	return faults
}

// printable returns the name of an unknown field without characters that could disturb a log or a page.
func printable(name string) string {
	runes := []rune(name)
	for i, r := range runes {
		if !unicode.IsPrint(r) {
			runes[i] = unicode.ReplacementChar
		}
	}
	return string(runes[:min(len(runes), 64)])
}

// Check judges a single value of the field, such as a default. It returns the canonical form, or the faults.
func (f *Field) Check(raw json.RawMessage) (json.RawMessage, []Fault) {
	v, err := canonical.Parse(raw)
	if err != nil {
		return nil, []Fault{{Field: f.Name, Code: WrongType, Want: string(f.Kind)}}
	}
	return f.check(v)
}

func (f *Field) check(v canonical.Value) (json.RawMessage, []Fault) {
	faults := f.faults(v)
	if len(faults) > 0 {
		return nil, faults
	}
	value, err := f.ordered(v).JSON()
	if err != nil {
		return nil, []Fault{{Field: f.Name, Code: WrongType, Want: string(f.Kind)}}
	}
	return value, nil
}

package form

import "encoding/json"

// Values are the values of a form, as canonical JSON (RFC 8785): the same values always have the same bytes. They are
// empty if there are none.
type Values json.RawMessage

// CheckValues judges the JSON object of values that came with a decision against the fields of the form that its choice
// has. It returns the values in their canonical form, or every fault. A nil or empty raw has no values. Defaults are what
// a form shows; they are not added here.
func (f *Form) CheckValues(fields []string, raw json.RawMessage) (Values, []Fault) {
	return nil, nil
}

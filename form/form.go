// Package form is a form with typed fields: the flat subset of JSON Schema that MCP's elicitation and other protocols
// for human input use. It reads a schema, states every fault with its place, and checks values against it.
//
// The package knows nothing of HTTP, of channels or of the domain. Whatever way values come in, CheckValues is the only
// place that judges them.
package form

import (
	"encoding/json"
	"fmt"

	"github.com/approval-relay/approval-relay/language"
)

// Limits of a form and of its values.
const (
	MaxFields  = 20
	MaxOptions = 50       // of a field
	MaxSchema  = 16 << 10 // bytes of JSON
	MaxValues  = 32 << 10 // bytes of canonical JSON
)

// Form is a form: its fields in the order of the schema. A Form without fields is no form.
type Form struct {
	Fields []Field `json:"fields,omitempty"`
}

// Kind is the type of a field's value.
type Kind string

// The kinds of fields.
const (
	String  Kind = "string"
	Number  Kind = "number"
	Integer Kind = "integer"
	Boolean Kind = "boolean"
	One     Kind = "one"  // one of the options: a string with enum, or with oneOf of const and title
	Many    Kind = "many" // several of the options: an array of such strings
)

// Field is a field of a form.
type Field struct {
	Name        string        `json:"name"`
	Kind        Kind          `json:"kind"`
	Title       language.Text `json:"title,omitempty"`
	Description language.Text `json:"description,omitempty"`
	Required    bool          `json:"required,omitempty"`
	// Format is "email", "uri", "date" or "date-time" for a String, or empty.
	Format string `json:"format,omitempty"`
	// MinLength and MaxLength bound a String, in characters (Unicode code points, as JSON Schema counts). MaxLength is nil
	// for no limit of its own.
	MinLength int  `json:"min_length,omitempty"`
	MaxLength *int `json:"max_length,omitempty"`
	// Minimum and Maximum bound a Number or Integer; empty is no limit.
	Minimum json.Number `json:"minimum,omitempty"`
	Maximum json.Number `json:"maximum,omitempty"`
	// Options are the options of One and Many.
	Options []Option `json:"options,omitempty"`
	// MinItems and MaxItems bound the number of options of Many. MaxItems is nil for no limit of its own.
	MinItems int  `json:"min_items,omitempty"`
	MaxItems *int `json:"max_items,omitempty"`
	// Default is the value that a form shows at first, as JSON; nil is none.
	Default json.RawMessage `json:"default,omitempty"`
}

// Option is an option of a field.
type Option struct {
	Value string        `json:"value"`
	Title language.Text `json:"title,omitempty"`
}

// Label returns the title of a field in a language, or its name.
func (f Field) Label(tag language.Tag) string {
	if title := f.Title.In(tag); title != "" {
		return title
	}
	return f.Name
}

// Find returns the field with this name, or nil.
func (f *Form) Find(name string) *Field {
	for i := range f.Fields {
		if f.Fields[i].Name == name {
			return &f.Fields[i]
		}
	}
	return nil
}

// FaultCode names the kind of a fault of a value. The catalogue of package language has a text for each of them, as
// "form.CODE".
type FaultCode string

// The faults of values.
const (
	Missing    FaultCode = "missing"    // a required value is missing, or empty
	Unknown    FaultCode = "unknown"    // the form, or the chosen choice, has no such field
	WrongType  FaultCode = "wrong_type" // Want is the kind
	TooShort   FaultCode = "too_short"  // Want is the limit, also in the following
	TooLong    FaultCode = "too_long"
	TooSmall   FaultCode = "too_small"
	TooGreat   FaultCode = "too_great"
	NoOption   FaultCode = "no_option"  // it is none of the options
	BadFormat  FaultCode = "bad_format" // Want is the format
	TooMany    FaultCode = "too_many"
	TooFew     FaultCode = "too_few"
	Repeated   FaultCode = "repeated"  // an option is chosen twice
	Imprecise  FaultCode = "imprecise" // the number has more digits than JSON readers keep
	TooLarge   FaultCode = "too_large" // all values together
	NotOffered FaultCode = "not_offered"
)

// Fault is a fault of a value. It never has the value itself, because that may be a secret.
type Fault struct {
	Field string // the name of the field, "comment" or "choice"; empty for all values together
	Code  FaultCode
	Want  string // the limit, kind or format that the value does not have; may be empty
}

// Error returns the fault in English, for programs and logs.
func (f Fault) Error() string {
	return fmt.Sprintf("%s: %s", f.Field, language.For("en").Text("form."+string(f.Code), "want", f.Want))
}

// Package form is a form with typed fields: the flat subset of JSON Schema that MCP's elicitation and other protocols
// for human input use. It reads a schema, states every fault with its place, and checks values against it.
//
// The package knows nothing of HTTP, of channels or of the domain. CheckValues is the only place that judges values, for
// every way in.
package form

import (
	"encoding/json"

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

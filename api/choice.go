package api

import (
	"encoding/json"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/form"
	"github.com/approval-relay/approval-relay/language"
)

// Choice is one of the ways in which an approval can be decided.
type Choice struct {
	ID    string        `json:"id"`
	Label language.Text `json:"label,omitempty"`
	// Means is the outcome of the choice.
	Means approval.Outcome `json:"means"`
	// Comment is "required" if the choice needs a comment.
	Comment approval.CommentRule `json:"comment,omitempty"`
	// Fields are the names of the form's fields that belong to this choice.
	Fields []string `json:"fields,omitempty"`
}

// FormField is a field of a form.
type FormField struct {
	Name        string        `json:"name"`
	Kind        form.Kind     `json:"kind"`
	Title       language.Text `json:"title,omitempty"`
	Description language.Text `json:"description,omitempty"`
	Required    bool          `json:"required,omitempty"`
	// Format is the format of a string: "email", "uri", "date" or "date-time".
	Format string `json:"format,omitempty"`
	// MinLength and MaxLength bound a string, in characters.
	MinLength int  `json:"minLength,omitempty"`
	MaxLength *int `json:"maxLength,omitempty"`
	// Minimum and Maximum bound a number.
	Minimum json.Number `json:"minimum,omitempty"`
	Maximum json.Number `json:"maximum,omitempty"`
	// Options are the values of the kinds "one" and "many".
	Options []FormOption `json:"options,omitempty"`
	// MinItems and MaxItems bound the number of options that are chosen for the kind "many".
	MinItems int  `json:"minItems,omitempty"`
	MaxItems *int `json:"maxItems,omitempty"`
	// Default is the value that the form shows at first.
	Default json.RawMessage `json:"default,omitempty"`
}

// FormOption is an option of a field.
type FormOption struct {
	Value string        `json:"value"`
	Title language.Text `json:"title,omitempty"`
}

// Change is an edit of the request by a decision.
type Change struct {
	Field string `json:"field"`
	// Path is a JSON Pointer into the request.
	Path string          `json:"path"`
	From json.RawMessage `json:"from"`
	To   json.RawMessage `json:"to"`
	By   string          `json:"by,omitempty"`
	At   time.Time       `json:"at,omitzero"`
}

func newChoice(c approval.Choice) Choice {
	return Choice{
		ID:      c.ID,
		Label:   c.Label,
		Means:   c.Means,
		Comment: c.Comment,
		Fields:  c.Fields,
	}
}

func newFormField(f form.Field) FormField {
	return FormField{
		Name:        f.Name,
		Kind:        f.Kind,
		Title:       f.Title,
		Description: f.Description,
		Required:    f.Required,
		Format:      f.Format,
		MinLength:   f.MinLength,
		MaxLength:   f.MaxLength,
		Minimum:     f.Minimum,
		Maximum:     f.Maximum,
		Options:     mapSlice(f.Options, newFormOption),
		MinItems:    f.MinItems,
		MaxItems:    f.MaxItems,
		Default:     f.Default,
	}
}

func newFormOption(o form.Option) FormOption { return FormOption{Value: o.Value, Title: o.Title} }

func newChange(c approval.Change) Change {
	return Change{
		Field: c.Field,
		Path:  c.Path,
		From:  c.From,
		To:    c.To,
		By:    c.By,
		At:    c.At.UTC(),
	}
}

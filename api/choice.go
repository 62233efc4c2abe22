package api

import (
	"encoding/json"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/form"
	"github.com/approval-relay/approval-relay/language"
)

// Choice is a way to decide an approval.
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

// PreviousRound is the round of a question that was returned.
type PreviousRound struct {
	ApprovalID string         `json:"approvalId"`
	ReturnedAt time.Time      `json:"returnedAt"`
	Votes      []PreviousVote `json:"votes"`
	// Differences are the details that have changed since.
	Differences []Difference `json:"differences"`
	// MoreDifferences counts differences that are left out.
	MoreDifferences int `json:"moreDifferences,omitempty"`
}

// PreviousVote is a vote of the previous round.
type PreviousVote struct {
	DecidedBy string           `json:"decidedBy"`
	Outcome   approval.Outcome `json:"outcome"`
	Choice    string           `json:"choice,omitempty"`
	// Label is the label of the choice.
	Label   language.Text `json:"label,omitempty"`
	Comment string        `json:"comment,omitempty"`
	At      time.Time     `json:"at"`
	Void    bool          `json:"void,omitempty"`
}

// Difference is a detail that has changed. A new detail lacks before, a removed detail lacks after.
type Difference struct {
	Name   string `json:"name"`
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

func newPreviousRound(p *approval.PreviousRound) *PreviousRound {
	if p == nil {
		return nil
	}
	return &PreviousRound{
		ApprovalID:      p.ApprovalID,
		ReturnedAt:      p.ReturnedAt.UTC(),
		Votes:           mapSlice(p.Votes, newPreviousVote),
		Differences:     mapSlice(p.Differences, newDifference),
		MoreDifferences: p.MoreDifferences,
	}
}

func newPreviousVote(v approval.PreviousVote) PreviousVote {
	return PreviousVote{
		DecidedBy: v.By,
		Outcome:   v.Outcome,
		Choice:    v.Choice,
		Label:     v.Label,
		Comment:   v.Comment,
		At:        v.At.UTC(),
		Void:      v.Void,
	}
}

func newDifference(d approval.Difference) Difference {
	return Difference{Name: d.Name, Before: d.Before, After: d.After}
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

// DecisionForm returns the form of the approval, for clients that read typed values by it.
func (a *Approval) DecisionForm() form.Form {
	var out form.Form
	for _, f := range a.Form {
		options := mapSlice(f.Options, func(o FormOption) form.Option { return form.Option(o) })
		out.Fields = append(out.Fields, form.Field{
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
			Options:     options,
			MinItems:    f.MinItems,
			MaxItems:    f.MaxItems,
			Default:     f.Default,
		})
	}
	return out
}

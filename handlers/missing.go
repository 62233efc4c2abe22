package handlers

import (
	"github.com/ThreeDotsLabs/watermill/message"
)

// MissingField is a configured field that a message does not have.
type MissingField struct {
	Name        string
	Expressions []string // as configured, in the order of evaluation
}

// MissingFields returns the fields of the workflow that the message does not have, for a preview. The message is one that
// Handle accepts.
func (h *Request) MissingFields(msg *message.Message) ([]MissingField, error) {
	in, err := h.open(msg)
	if err != nil {
		return nil, err
	}
	f := &h.Workflow.Fields
	m := missingFields{in: in}
	addMissing(&m, "order", f.Order)
	addMissing(&m, "token", f.Token)
	addMissing(&m, "callback", f.Callback)
	addMissing(&m, "step", f.Step)
	addMissing(&m, "title", f.Title)
	addMissing(&m, "requester", f.Requester)
	addMissing(&m, "execution", f.Execution)
	addMissing(&m, "state", f.State)
	addMissing(&m, "approvers", f.Approvers)
	addMissing(&m, "started", f.Started)
	addMissing(&m, "deadline", f.Deadline)
	addMissing(&m, "timeout", f.Timeout)
	addMissing(&m, "retry_count", f.RetryCount)
	addMissing(&m, "redrive_count", f.RedriveCount)
	addMissing(&m, "form", f.Form)
	addMissing(&m, "choices", f.Choices)
	for _, d := range f.Details {
		addMissing(&m, "details."+d.Name, d.Value)
	}
	for _, name := range sortedKeys(f.Output) {
		addMissing(&m, "output."+name, f.Output[name])
	}
	return m.list, nil
}

// MissingFields returns the fields of the source that the message does not have, for a preview.
func (h *Decision) MissingFields(msg *message.Message) ([]MissingField, error) {
	in, err := h.open(msg)
	if err != nil {
		return nil, err
	}
	f := &h.Source.Fields
	m := missingFields{in: in}
	addMissing(&m, "id", f.ID)
	addMissing(&m, "order", f.Order)
	addMissing(&m, "outcome", f.Outcome)
	addMissing(&m, "choice", f.Choice)
	addMissing(&m, "values", f.Values)
	addMissing(&m, "shown_digest", f.Shown)
	addMissing(&m, "step", f.Step)
	addMissing(&m, "approval", f.Approval)
	addMissing(&m, "by", f.By)
	addMissing(&m, "comment", f.Comment)
	return m.list, nil
}

// ReadingNotes returns how the body of a message was read, and what of it was left out, for a preview.
func (h *Decision) ReadingNotes(msg *message.Message) []string {
	in, _ := h.open(msg) // a message that cannot be decoded is refused before
	return in.notes
}

// missingFields collects the missing fields of an input.
type missingFields struct {
	in   Input
	list []MissingField
}

// addMissing adds a field that is configured and that the input does not have.
func addMissing[T any](m *missingFields, name string, f Field[T]) {
	if _, found, err := findField(name, f, m.in); err == nil && !found && f.Find != nil {
		m.list = append(m.list, MissingField{Name: name, Expressions: f.Expressions})
	}
}

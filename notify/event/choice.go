package event

import (
	"encoding/json"

	"github.com/approval-relay/approval-relay/approval"
)

// choice is the choice of a decision, with the values of its form and its edits of the request.
type choice struct {
	ID      string          `json:"choice"`
	Values  json.RawMessage `json:"values"`
	Changes []change        `json:"changes"`
	// Void is set if the request was edited after the decision, which therefore does not count.
	Void bool `json:"void"`
	// ValuesCut is set if the values and changes are left out, because the event would be too long.
	ValuesCut bool `json:"valuesCut,omitempty"`
}

// change is an edit of the request.
type change struct {
	Path string          `json:"path"` // a JSON Pointer
	From json.RawMessage `json:"from"`
	To   json.RawMessage `json:"to"`
	By   string          `json:"by"`
}

// noValues are the values of a choice without fields.
const noValues = "{}"

func newChoice(v approval.Vote) *choice {
	out := &choice{
		ID:      v.Choice,
		Values:  v.Values,
		Changes: []change{},
		Void:    v.Void,
	}
	if len(out.Values) == 0 {
		out.Values = json.RawMessage(noValues)
	}
	for _, c := range v.Changes {
		out.Changes = append(out.Changes, change{
			Path: c.Path,
			From: c.From,
			To:   c.To,
			By:   c.By,
		})
	}
	return out
}

// cut leaves out the values and changes. It reports whether there were any.
func (c *choice) cut() bool {
	if string(c.Values) == noValues && len(c.Changes) == 0 {
		return false
	}
	c.Values = json.RawMessage(noValues)
	c.Changes = []change{}
	c.ValuesCut = true
	return true
}

package api

import (
	"slices"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/language"
)

// Detail is a labelled value that approvers see. Its value is always a complete text.
type Detail struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	// Kind is the form of the value for people: link, amount, date, markdown, table, difference, picture or document. It
	// is missing for a text.
	Kind string `json:"kind,omitempty"`
	// State is the reason why the detail has no value of the request: not_given, hidden or unreadable.
	State string `json:"state,omitempty"`
	// Label is for people, in place of the name: a text, or texts by language.
	Label language.Text `json:"label,omitempty"`
	// Path is the JSON Pointer of the value in the body.
	Path string `json:"path,omitempty"`
	// Currency is the code at the end of an amount.
	Currency string `json:"currency,omitempty"`
	// Before and After are the parts of a difference.
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
	// Table has the cells of a table.
	Table *DetailTable `json:"table,omitempty"`
	// File has the facts about a picture or document.
	File *DetailFile `json:"file,omitempty"`
	// Outdated is set if the request was edited after the value was calculated from it.
	Outdated bool `json:"outdated,omitempty"`
	// LeftOut is set for a note about values that are not shown.
	LeftOut *LeftOut `json:"leftOut,omitempty"`
}

// DetailTable has the objects of a list as rows.
type DetailTable struct {
	Columns []string   `json:"columns"`
	Rows    [][]string `json:"rows"`
}

// DetailFile is a picture or document that stands elsewhere.
type DetailFile struct {
	URL    string `json:"url"`
	Name   string `json:"name,omitempty"`
	Type   string `json:"type,omitempty"`
	Size   int    `json:"size,omitempty"`
	Digest string `json:"digest,omitempty"`
}

// LeftOut lists values of the request that approvers do not see.
type LeftOut struct {
	// Reason is secret, too_much, not_configured or empty.
	Reason string `json:"reason"`
	Count  int    `json:"count"`
	// Names are the paths of the first of them.
	Names []string `json:"names"`
}

func newDetail(f approval.Field) Detail {
	d := Detail{
		Name:     f.Name,
		Value:    f.Value,
		Kind:     string(f.Kind),
		State:    string(f.State),
		Label:    f.Label,
		Path:     f.Path,
		Currency: f.Currency,
		Before:   f.Before,
		After:    f.After,
		Outdated: f.Outdated,
	}
	if f.Table != nil {
		d.Table = &DetailTable{Columns: f.Table.Columns, Rows: f.Table.Rows}
	}
	if f.File != nil {
		d.File = &DetailFile{
			URL:    f.File.URL,
			Name:   f.File.Name,
			Type:   f.File.Type,
			Size:   f.File.Size,
			Digest: f.File.Digest,
		}
	}
	if f.LeftOut != nil {
		d.LeftOut = &LeftOut{
			Reason: string(f.LeftOut.Reason),
			Count:  f.LeftOut.Count,
			Names:  slices.Clone(f.LeftOut.Names),
		}
	}
	return d
}

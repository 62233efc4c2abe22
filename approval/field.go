package approval

import (
	"strings"

	"github.com/approval-relay/approval-relay/language"
)

// Field is a detail: a labelled value of the request, as an approver sees it. Value is always a complete plain text, so
// that a reader who does not know the kind loses nothing. The other members let a page or a channel show the same better.
type Field struct {
	// Name is the name of a configured detail, or of a value of the body: its own name, or its dotted path if another value
	// has the same name.
	Name  string     `json:"name"`
	Value string     `json:"value"`
	Kind  FieldKind  `json:"kind,omitempty"`
	State FieldState `json:"state,omitempty"`
	// Label replaces Name for readers of its languages.
	Label language.Text `json:"label,omitempty"`
	// Path is the JSON Pointer of the value in the body, if it is known: "/customer/name".
	Path string `json:"path,omitempty"`
	// IsPath is set for a value of the body without a configured name. People read its path as words: "Customer › Zip code".
	IsPath bool `json:"is_path,omitempty"`

	Currency string `json:"currency,omitempty"` // of an amount; the value ends with it
	Before   string `json:"before,omitempty"`   // of a difference
	After    string `json:"after,omitempty"`
	Table    *Table `json:"table,omitempty"`
	File     *File  `json:"file,omitempty"` // of a picture or document
	// Outdated is set once an edit changed the request and the value may depend on the edited part: its expression
	// calculated it when the request came.
	Outdated bool `json:"outdated,omitempty"`
	// LeftOut lists values that are not shown. A field with it is a note about the request, and not a value of it.
	LeftOut *LeftOut `json:"left_out,omitempty"`
}

// FieldKind tells how a detail is shown.
type FieldKind string

// The kinds of details. The empty kind is a text, with all its lines.
const (
	KindText       FieldKind = ""
	KindLink       FieldKind = "link"       // the value is an address
	KindAmount     FieldKind = "amount"     // a number with a currency
	KindDate       FieldKind = "date"       // a day, or a time with its zone
	KindMarkdown   FieldKind = "markdown"   // the value is its source
	KindTable      FieldKind = "table"      // a list of objects
	KindDifference FieldKind = "difference" // what was before, and what it becomes
	KindPicture    FieldKind = "picture"    // by reference
	KindDocument   FieldKind = "document"   // by reference
)

// FieldState tells why a detail has no value of the request. The empty state is a detail with a value.
type FieldState string

// The states of details without a value.
const (
	FieldNotGiven   FieldState = "not_given"
	FieldHidden     FieldState = "hidden"     // it is a secret
	FieldUnreadable FieldState = "unreadable" // its expression failed
)

// Table has the objects of a list as rows. Cells are texts; an object without a member has an empty cell.
type Table struct {
	Columns []string   `json:"columns"`
	Rows    [][]string `json:"rows"`
}

// File is a picture or document that stands elsewhere.
type File struct {
	URL    string `json:"url"` // https or s3
	Name   string `json:"name,omitempty"`
	Type   string `json:"type,omitempty"`   // the media type, if the request states it
	Size   int    `json:"size,omitempty"`   // bytes; 0 if unknown
	Digest string `json:"digest,omitempty"` // "sha256:" and hex, or the ETag of S3; empty if unknown
}

// LeftOut lists values of a request that approvers do not see.
type LeftOut struct {
	Reason LeftOutReason `json:"reason"`
	Count  int           `json:"count"`
	Names  []string      `json:"names"` // dotted paths of the first of them
}

// LeftOutReason tells why values are not shown.
type LeftOutReason string

// The reasons why values are not shown.
const (
	LeftOutSecret        LeftOutReason = "secret"         // they look like secrets
	LeftOutTooMuch       LeftOutReason = "too_much"       // they are beyond the limits
	LeftOutNotConfigured LeftOutReason = "not_configured" // the configuration names other details
	LeftOutEmpty         LeftOutReason = "empty"          // they are null, or without content
)

// Number returns the number of an amount, as the request writes it.
func (f *Field) Number() string { return strings.TrimSuffix(f.Value, " "+f.Currency) }

// SetValue replaces the value by a text, and keeps the kind as far as it can be kept.
func (f *Field) SetValue(text string) {
	f.State = ""
	f.Value = text
	switch f.Kind {
	case KindAmount:
		if f.Currency != "" {
			f.Value += " " + f.Currency
		}
	case KindText, KindLink, KindDate, KindMarkdown:
	case KindTable, KindDifference, KindPicture, KindDocument:
		f.dropForm()
	}
}

// addChange tells that a part of the value was replaced. The rest of the text shows the value before that.
func (f *Field) addChange(path, text string) {
	f.dropForm()
	f.State = ""
	f.Value += "\n→ " + path + ": " + text
}

// dropForm makes the field a plain text.
func (f *Field) dropForm() {
	f.Kind, f.Table, f.Before, f.After, f.File = KindText, nil, "", "", nil
}

// size returns the number of bytes of the field's texts.
func (f *Field) size() int {
	n := len(f.Name) + len(f.Value) + len(f.Path) + f.sizeOfForm()
	for tag, text := range f.Label {
		n += len(tag) + len(text)
	}
	if f.File != nil {
		n += len(f.File.URL) + len(f.File.Name) + len(f.File.Type) + len(f.File.Digest)
	}
	if f.LeftOut != nil {
		for _, name := range f.LeftOut.Names {
			n += len(name)
		}
	}
	return n
}

// sizeOfForm returns the number of bytes of what repeats the value, and can be dropped.
func (f *Field) sizeOfForm() int {
	n := len(f.Before) + len(f.After)
	if f.Table != nil {
		n += f.Table.size()
	}
	return n
}

func (t *Table) size() int {
	n := 0
	for _, c := range t.Columns {
		n += len(c)
	}
	for _, row := range t.Rows {
		for _, cell := range row {
			n += len(cell) + 3 // the quotes and the comma
		}
	}
	return n
}

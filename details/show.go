package details

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/language"
	"github.com/approval-relay/approval-relay/untrusted"
)

// Reader is the person that sees the details.
type Reader struct {
	Words language.Words
	Zone  *time.Location
}

// Shown is a detail for its reader. All texts are clean (see package untrusted).
type Shown struct {
	Index int // of the detail in the approval
	Name  string
	// Text is the whole value, in the words and numbers of the reader. It may have lines.
	Text string
	Kind approval.FieldKind
	// IsNote is set if the text is ours: a note, or the reason why the value is missing.
	IsNote bool
	// IsAside is set for a note that few readers need. A page can show it on request.
	IsAside bool

	Link       *Link           // of a link
	Table      *approval.Table // of a table
	Blocks     []Block         // of a text in Markdown
	Difference []Line
	File       *File // of a picture or document
	// Note tells the reader where the rest of a text is that did not fit into the record, or that the value was calculated
	// before the request was changed.
	Note string
	// Names are the paths of the values, if the detail has further values of the body together.
	Names []string
}

// Show returns the details for a reader.
func (r Reader) Show(fields []approval.Field) []Shown {
	out := make([]Shown, 0, len(fields))
	for i := range fields {
		s := r.ShowField(&fields[i])
		s.Index = i
		out = append(out, s)
	}
	return out
}

// ShowField returns a detail for a reader.
func (r Reader) ShowField(f *approval.Field) Shown {
	s := Shown{Name: Label(f, r.Words.Tag()), Text: strings.TrimSpace(untrusted.MultiLine(f.Value)), Kind: f.Kind}
	switch {
	case f.LeftOut != nil:
		r.showLeftOut(&s, f.LeftOut)
		return s
	case f.Name == furtherName && f.Path == "":
		s.Name = r.Words.Text("detail.further")
		for line := range strings.Lines(f.Value) {
			name, _, _ := strings.Cut(line, ": ")
			s.Names = append(s.Names, untrusted.SingleLine(name))
		}
	case f.State != "":
		s.Kind = approval.KindText
		s.Text, s.IsNote = r.Words.Text("detail."+string(f.State)), true
		return s
	}
	var notes []string
	if approval.IsCut(f.Value) {
		notes = append(notes, r.Words.Text("detail.cut"))
	}
	if f.Outdated {
		notes = append(notes, r.Words.Text("detail.outdated"))
	}
	s.Note = strings.Join(notes, " ")
	r.showKind(&s, f)
	return s
}

// showKind adds the form of the value. A value that does not have the form of its kind is a text.
func (r Reader) showKind(s *Shown, f *approval.Field) {
	switch f.Kind {
	case approval.KindText:
	case approval.KindLink:
		if link, ok := FindLink(s.Text); ok {
			s.Link = &link
			return
		}
	case approval.KindTable:
		if f.Table != nil {
			s.Table = cleanTable(f.Table)
			return
		}
	case approval.KindAmount:
		s.Text = strings.TrimSpace(r.Words.Number(json.Number(f.Number())) + " " + untrusted.SingleLine(f.Currency))
		return
	case approval.KindDate:
		if t, isDay, ok := parseDate(f.Value); ok {
			if s.Text = r.Words.Date(t); !isDay {
				s.Text = r.Words.Time(t, r.Zone)
			}
			return
		}
	case approval.KindMarkdown:
		s.Blocks = ParseMarkdown(f.Value)
		return
	case approval.KindDifference:
		if s.Difference = diffLines(untrusted.MultiLine(f.Before), untrusted.MultiLine(f.After)); len(s.Difference) > 0 {
			return
		}
	case approval.KindPicture, approval.KindDocument:
		if f.File != nil {
			s.File = r.showFile(f.File)
			return
		}
	}
	s.Kind = approval.KindText
}

// File is a picture or document for its reader.
type File struct {
	Name  string
	Facts string // its type, size, digest and address, as far as they are known
	Open  string // its address, if that is safe to be opened; empty for a file in S3: a page opens it in its own way
	Note  string // the reason why a page does not open it
}

func (r Reader) showFile(f *approval.File) *File {
	var facts []string
	if f.Type != "" {
		facts = append(facts, f.Type)
	}
	if f.Size > 0 {
		facts = append(facts, r.Words.Text("detail.bytes", "n", r.Words.Number(json.Number(strconv.Itoa(f.Size)))))
	}
	for _, text := range []string{f.Digest, f.URL} {
		if text != "" {
			facts = append(facts, untrusted.SingleLine(text))
		}
	}
	link, _ := FindLink(f.URL)
	return &File{Name: untrusted.SingleLine(f.Name), Facts: strings.Join(facts, ", "), Open: link.URL}
}

func cleanTable(t *approval.Table) *approval.Table {
	clean := &approval.Table{Columns: make([]string, 0, len(t.Columns)), Rows: make([][]string, 0, len(t.Rows))}
	for _, c := range t.Columns {
		clean.Columns = append(clean.Columns, untrusted.SingleLine(readableName(c)))
	}
	for _, row := range t.Rows {
		cells := make([]string, 0, len(row))
		for _, cell := range row {
			cells = append(cells, untrusted.MultiLine(cell))
		}
		clean.Rows = append(clean.Rows, cells)
	}
	return clean
}

// showLeftOut writes a note about values that are not shown.
func (r Reader) showLeftOut(s *Shown, l *approval.LeftOut) {
	s.IsNote = true
	s.IsAside = l.Reason == approval.LeftOutNotConfigured || l.Reason == approval.LeftOutEmpty
	key := "detail.left_out." + string(l.Reason)
	s.Name = r.Words.Text(key)
	names := make([]string, 0, len(l.Names)+1)
	for _, name := range l.Names {
		names = append(names, untrusted.SingleLine(name))
	}
	if l.Count > len(l.Names) {
		names = append(names, r.Words.Count("detail.more_names", l.Count-len(l.Names)))
	}
	s.Text = r.Words.Count(key, l.Count, "names", strings.Join(names, ", "))
}

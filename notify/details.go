package notify

import (
	"cmp"
	"strings"
	"unicode/utf8"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/details"
	"github.com/approval-relay/approval-relay/language"
	"github.com/approval-relay/approval-relay/untrusted"
)

// Detail is a labelled value from the request. Its lines are the whole value, unless Cut is set.
type Detail struct {
	Name  string
	Lines []string
	Cut   int    // the number of characters that the limits removed from the end
	Link  string // a safe https address, if the value is that address
	// IsNote is set if the text is ours, such as a note about values that are hidden.
	IsNote bool
	names  []string // of the values in it, if they are several
}

// addDetails adds the details of a message, cut to the limits. Notes that few readers need come after all details.
func (c *Content) addDetails(m approval.Message, limits Limits) {
	c.maxNames = cmp.Or(limits.Names, defaultNames)
	reader := details.Reader{Words: c.Words, Zone: m.Zone}
	for i := range m.Details {
		shown := reader.ShowField(&m.Details[i])
		if shown.IsAside {
			c.asides = append(c.asides, shown.Name+": "+shown.Text)
			continue
		}
		c.Details = append(c.Details, limits.newDetail(shown))
	}
	if limits.Details > 0 {
		c.DropDetails(limits.Details)
	}
}

// DropDetails keeps the first details only. The note about the others names them.
func (c *Content) DropDetails(keep int) {
	if keep >= len(c.Details) {
		return
	}
	var names []string
	for _, d := range c.Details[keep:] {
		if len(d.names) > 0 {
			names = append(names, d.names...)
		} else {
			names = append(names, d.Name)
		}
	}
	c.leftOut = append(names, c.leftOut...)
	c.Details = c.Details[:keep]
	c.DetailsLeftOut = len(c.leftOut)
}

// defaultNames bounds the names of a note about values that are left out, in characters.
const defaultNames = 1500

// LeftOutNote tells the reader that details are left out here. It is empty if none are.
func (c Content) LeftOutNote() string {
	if len(c.leftOut) == 0 {
		return ""
	}
	return c.Words.Count("message.left_out", len(c.leftOut))
}

// LeftOutNames names on one line the details that are left out here, and the values of the request that are not among the
// details. It has names from the request, so a channel escapes it. It is empty if there are none.
func (c Content) LeftOutNames() string {
	var parts []string
	if len(c.leftOut) > 0 {
		parts = append(parts, c.Words.Text("message.left_out_names", "names", joinNames(c.Words, c.leftOut, c.maxNames)))
	}
	for _, aside := range c.asides {
		parts = append(parts, untrusted.Shorten(aside, c.maxNames))
	}
	return strings.Join(parts, " · ")
}

// joinNames lists names as far as there is space, and counts the others.
func joinNames(words language.Words, names []string, space int) string {
	for i, name := range names {
		if space -= utf8.RuneCountInString(name) + 2; space < 0 && i > 0 {
			return strings.Join(names[:i], ", ") + ", … " + words.Count("detail.more_names", len(names)-i)
		}
	}
	return strings.Join(names, ", ")
}

// CutNote tells the reader that the value of a detail was cut. It is empty if it was not.
func (c Content) CutNote(d Detail) string {
	if d.Cut == 0 {
		return ""
	}
	return c.Words.Count("message.cut", d.Cut)
}

// newDetail returns a value from the request as lines, without white space around it.
func (l Limits) newDetail(shown details.Shown) Detail {
	d := Detail{Name: l.cutHeading(shown.Name), IsNote: shown.IsNote, names: shown.Names}
	value := shown.Text
	if shown.Note != "" {
		value += "\n(" + shown.Note + ")"
	}
	if l.Value > 0 {
		value, d.Cut = untrusted.Cut(value, l.Value)
	}
	d.Lines = strings.Split(value, "\n")
	if l.Lines > 0 && len(d.Lines) > l.Lines {
		d.Cut += utf8.RuneCountInString(strings.Join(d.Lines[l.Lines:], "\n"))
		d.Lines = d.Lines[:l.Lines]
	}
	if shown.Link != nil && d.Cut == 0 {
		d.Link = shown.Link.URL
	}
	return d
}

package notify

import (
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/language"
	"github.com/approval-relay/approval-relay/untrusted"
)

// Content is a message to people in words, the same in every channel. Its texts are clean (see package untrusted) and
// have one line each, except for the lines of a detail. They contain no markup: the channel escapes them for its format
// and lays them out.
type Content struct {
	Words    language.Words // of the reader
	Headline string         // the reason for the message, before a title: "Reminder: approval needed"
	Lead     string         // the same as a sentence to the reader: "Your decision is needed"
	Title    string         // the title of the request, or the workflow if it has no title
	Facts    []Fact
	Details  []Detail
	// DetailsLeftOut is the number of details that were removed from the end, see DropDetails.
	DetailsLeftOut int
	leftOut        []string // their names
	maxNames       int      // characters of these names
	asides         []string // notes that few readers need
	// Approvers lists the people who can decide, if the message goes to a group and they decide by messages of their own.
	Approvers []string
	LinkLabel string // the text of the link or button that opens the decision page
	LinkNote  string // an explanation of the link
	// Footer is the last line: the organisation that asks, and where the reader finds help. It is empty if the
	// configuration names neither.
	Footer string
}

// Fact is a labelled property of the approval.
type Fact struct {
	Key   string // the same in every language, such as FactVotes
	Label string
	Value string
	Time  time.Time // the same as Value, for channels that show times in the reader's zone; zero for other facts
}

// Limits bound a Content. Zero means that there is no limit. The decision page shows everything.
type Limits struct {
	Heading int // characters of a title, a name or the value of a fact
	Details int // number of details
	Value   int // characters of a detail's value
	Lines   int // lines of a detail's value
	Names   int // characters of the names of values that are left out; 0 is 1,500
}

// NewContent returns the words for a message in the language of its reader, cut to the limits.
func NewContent(m approval.Message, limits Limits) Content {
	if m.Kind.IsNotice() {
		return limits.newNotice(m)
	}
	words := language.For(m.Language)
	c := Content{
		Words:     words,
		Headline:  HeadlineFor(m),
		Lead:      leadFor(m),
		Title:     limits.cutHeading(m.Title),
		Facts:     limits.newFacts(m),
		LinkLabel: words.Text("message.link.decide"),
		LinkNote:  words.Text("message.link.note"),
		Footer:    footerFor(m),
	}
	if c.Title == "" {
		c.Title = limits.cutHeading(m.Workflow)
	}
	c.addDetails(m, limits)
	switch {
	case m.Approver != "":
		c.LinkNote += " " + words.Text("message.link.note_approver")
	case len(m.Approvers) > 0:
		for _, id := range m.Approvers {
			c.Approvers = append(c.Approvers, limits.cutHeading(id))
		}
		c.LinkLabel = words.Text("message.link.see")
		c.LinkNote = words.Text("message.link.note_group")
	}
	return c
}

// Heading returns the headline and the title on one line. A title in another direction does not change the order of the
// words around it.
func (c Content) Heading() string { return c.Headline + ": " + language.Isolate(c.Title) }

// cutHeading returns a title or name on one line.
func (l Limits) cutHeading(s string) string {
	s = untrusted.SingleLine(s)
	if l.Heading > 0 {
		s = untrusted.Shorten(s, l.Heading)
	}
	return s
}

package notify

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/untrusted"
)

// Content is a message to people in words, the same in every channel. Its texts are clean (see package untrusted) and
// have one line each, except for the lines of a detail. They contain no markup: the channel escapes them for its format
// and lays them out.
type Content struct {
	Headline string // the reason for the message, before a title: "Reminder: approval needed"
	Lead     string // the same as a sentence to the reader: "Your decision is needed"
	Title    string // the title of the request, or the workflow if it has no title
	Facts    []Fact
	Details  []Detail
	// DetailsLeftOut is the number of details that the limits removed from the end.
	DetailsLeftOut int
	// Approvers lists the people who can decide, if the message goes to a group and they decide by messages of their own.
	Approvers []string
	LinkLabel string // the text of the link or button that opens the decision page
	LinkNote  string // an explanation of the link
}

// Fact is a labelled property of the approval.
type Fact struct {
	Label string
	Value string
	Time  time.Time // the same as Value, for channels that show times in the reader's zone; zero for other facts
}

// Detail is a labelled value from the request.
type Detail struct {
	Name  string
	Lines []string
	Cut   int // the number of characters that the limits removed from the end
}

// Limits bound a Content. Zero means that there is no limit. The decision page shows everything.
type Limits struct {
	Heading int // characters of a title, a name or the value of a fact
	Details int // number of details
	Value   int // characters of a detail's value
	Lines   int // lines of a detail's value
}

// NewContent returns the words for a message, cut to the limits.
func NewContent(m approval.Message, limits Limits) Content {
	c := Content{
		Headline: HeadlineFor(m),
		Lead:     leadFor(m.Kind),
		Title:    limits.cutHeading(m.Title),
		Facts:    limits.newFacts(m),
	}
	if c.Title == "" {
		c.Title = limits.cutHeading(m.Workflow)
	}
	for i, field := range m.Details {
		if limits.Details > 0 && i == limits.Details {
			c.DetailsLeftOut = len(m.Details) - i
			break
		}
		c.Details = append(c.Details, limits.newDetail(field))
	}
	c.LinkLabel = "Review and decide"
	c.LinkNote = "Opening the page decides nothing: it shows the request and asks you to approve or reject."
	switch {
	case m.Approver != "":
		c.LinkNote += " Everybody who opens it from here decides in the name of the approver."
	case len(m.Approvers) > 0:
		for _, id := range m.Approvers {
			c.Approvers = append(c.Approvers, limits.cutHeading(id))
		}
		c.LinkLabel = "See the request"
		c.LinkNote = "The page shows the request. Only the approvers can decide, each by the link in their own message."
	}
	return c
}

// HeadlineFor returns the reason for a message, in the words that precede a title. For an outcome it is the outcome.
func HeadlineFor(m approval.Message) string {
	switch m.Kind {
	case approval.NotifyRequest:
		return "Approval needed"
	case approval.NotifyReminder:
		return "Reminder: approval needed"
	case approval.NotifyEscalation:
		return "Still undecided, approval needed"
	case approval.NotifyEvent:
		return untrusted.SingleLine(m.Event)
	case approval.NotifyOutcome:
	}
	switch m.Status {
	case approval.Approved:
		return "Approved"
	case approval.Rejected:
		return "Rejected"
	case approval.TimedOut:
		return "Timed out"
	case approval.Cancelled:
		return "Cancelled"
	case approval.Superseded:
		return "Superseded by a newer request"
	case approval.Pending:
	}
	return "Pending"
}

// leadFor returns the reason for a message as a sentence to the reader.
func leadFor(kind approval.NotificationKind) string {
	switch kind {
	case approval.NotifyRequest:
		return "Your decision is needed"
	case approval.NotifyReminder:
		return "Reminder: this still waits for your decision"
	case approval.NotifyEscalation:
		return "Nobody has decided yet, your decision is needed"
	case approval.NotifyOutcome, approval.NotifyEvent:
	}
	return "About an approval"
}

// FormatTime returns a time for people, in UTC. It names the zone, because messages are read anywhere.
func FormatTime(t time.Time) string { return t.UTC().Format("Mon 2 Jan 2006, 15:04 MST") }

// LeftOutNote tells the reader that details are left out. It is empty if none are.
func (c Content) LeftOutNote() string {
	if c.DetailsLeftOut == 0 {
		return ""
	}
	return countNoun(c.DetailsLeftOut, "more detail is on the page.", "more details are on the page.")
}

// CutNote tells the reader that the value was cut. It is empty if it was not.
func (d Detail) CutNote() string {
	if d.Cut == 0 {
		return ""
	}
	return "Cut here: " + countNoun(d.Cut, "more character is on the page.", "more characters are on the page.")
}

func countNoun(n int, singular, plural string) string {
	if n == 1 {
		return "1 " + singular
	}
	return fmt.Sprintf("%d %s", n, plural)
}

// cutHeading returns a title or name on one line.
func (l Limits) cutHeading(s string) string {
	s = untrusted.SingleLine(s)
	if l.Heading > 0 {
		s = untrusted.Shorten(s, l.Heading)
	}
	return s
}

// newFacts returns the properties of the approval that the message has. An outcome has no deadline and no reader.
func (l Limits) newFacts(m approval.Message) []Fact {
	facts := []Fact{
		{Label: "Order", Value: l.cutHeading(m.OrderID)},
		{Label: "Workflow", Value: l.cutHeading(m.Workflow)},
		{Label: "Step", Value: l.cutHeading(m.Step)},
		{Label: "Requested by", Value: l.cutHeading(m.Requester)},
	}
	if m.Kind != approval.NotifyOutcome {
		facts = append(facts,
			Fact{Label: "For", Value: l.cutHeading(m.Approver)},
			Fact{Label: "Requested", Value: FormatTime(m.RequestedAt), Time: m.RequestedAt},
			Fact{Label: "Decide until", Value: FormatTime(m.Deadline), Time: m.Deadline},
		)
	}
	return slices.DeleteFunc(facts, func(f Fact) bool { return f.Value == "" })
}

// newDetail returns a value from the request as lines, without white space around it.
func (l Limits) newDetail(field approval.Field) Detail {
	d := Detail{Name: l.cutHeading(field.Name)}
	value := strings.TrimSpace(untrusted.MultiLine(field.Value))
	if l.Value > 0 {
		value, d.Cut = untrusted.Cut(value, l.Value)
	}
	d.Lines = strings.Split(value, "\n")
	if l.Lines > 0 && len(d.Lines) > l.Lines {
		d.Cut += utf8.RuneCountInString(strings.Join(d.Lines[l.Lines:], "\n"))
		d.Lines = d.Lines[:l.Lines]
	}
	return d
}

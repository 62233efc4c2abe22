package discord

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/notify"
	"github.com/approval-relay/approval-relay/untrusted"
)

// maxEmbed is the limit of all texts of the embeds of a message, in characters
// (https://discord.com/developers/docs/resources/message#embed-object-embed-limits). The documentation does not define
// a character, so UTF-16 units are counted: no other way of counting gives more.
const maxEmbed = 6000

// maxHeading is the longest title, name or value of a fact, in characters. Escaped it has at most 240 units, and the
// limit of a title or name is 256.
const maxHeading = 120

// limits bound the content of a message. The limit of a field's value is 1,024: 450 characters have at most 900 units
// when they are escaped, ten lines have 20 units of quotation marks, and the note about a cut is shorter than the
// rest. Discord shows at most 25 fields.
var limits = notify.Limits{
	Heading: maxHeading,
	Details: 25,
	Value:   450,
	Lines:   10,
	Names:   400,
}

// emptyText stands for an empty name or value, which Discord refuses.
const emptyText = "–"

// message is the body of a request. Its content has no text of the request, because Discord shows previews of links and
// invitations in a content.
type message struct {
	Content         string   `json:"content"`
	Embeds          []embed  `json:"embeds"`
	AllowedMentions mentions `json:"allowed_mentions"`
}

// mentions lists the kinds of mentions that notify people. It is empty, so that no text from outside notifies anybody.
type mentions struct {
	Parse []string `json:"parse"`
}

// embed is the box below the content. Its title is a link to URL. All its texts except for the footer are Markdown.
type embed struct {
	Title       string  `json:"title"`
	URL         string  `json:"url"`
	Description string  `json:"description"`
	Fields      []field `json:"fields"`
	Footer      footer  `json:"footer"`
}

type field struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type footer struct {
	Text string `json:"text"`
}

// encodeMessage returns the body of the request, with as many details as it can hold.
func encodeMessage(m approval.Message) ([]byte, error) {
	content := notify.NewContent(m, limits)
	e := newEmbed(content, m.Link)
	for e.countUnits() > maxEmbed && len(content.Details) > 0 {
		content.DropDetails(len(content.Details) - 1)
		e = newEmbed(content, m.Link)
	}
	workflow := untrusted.Shorten(untrusted.SingleLine(m.Workflow), maxHeading)
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(message{
		Content:         "**" + content.Headline + "** (" + escapeMarkdown(workflow) + ")",
		Embeds:          []embed{e},
		AllowedMentions: mentions{Parse: []string{}},
	})
	return b.Bytes(), err
}

// newEmbed returns the embed with a content and a link. The description has the facts and the fields have the details,
// so that a detail cannot look like a fact.
func newEmbed(content notify.Content, link approval.Token) embed {
	var lines []string
	for _, f := range content.Facts {
		lines = append(lines, newFact(f))
	}
	if len(content.Approvers) > 0 {
		names := untrusted.Shorten(strings.Join(content.Approvers, ", "), maxHeading)
		lines = append(lines, newFact(notify.Fact{Label: content.Words.Text("message.to_decide"), Value: names}))
	}
	lines = append(lines, "", "["+content.LinkLabel+"]("+escapeURL(link)+")")
	fields := []field{}
	for _, d := range content.Details {
		fields = append(fields, newField(content, d))
	}
	return embed{
		Title:       escapeMarkdown(content.Title),
		URL:         link.Reveal(),
		Description: strings.Join(lines, "\n"),
		Fields:      fields,
		Footer:      footer{joinLines(content.LeftOutNote(), content.LeftOutNames(), content.LinkNote, content.Footer)},
	}
}

// joinLines joins the lines that are not empty.
func joinLines(lines ...string) string {
	lines = slices.DeleteFunc(lines, func(s string) bool { return s == "" })
	return strings.Join(lines, "\n")
}

// newFact returns a labelled value on a line of its own. A time is shown in the reader's zone.
func newFact(f notify.Fact) string {
	value := escapeMarkdown(f.Value)
	if !f.Time.IsZero() {
		value = fmt.Sprintf("<t:%d:f>", f.Time.Unix())
	}
	return "**" + f.Label + ":** " + value
}

// newField returns a value from the request, with a note if it was cut. Each line is marked as a quotation.
func newField(content notify.Content, d notify.Detail) field {
	f := field{Name: escapeMarkdown(d.Name)}
	if strings.TrimSpace(f.Name) == "" {
		f.Name = emptyText
	}
	lines := make([]string, 0, len(d.Lines)+1)
	for _, line := range d.Lines {
		lines = append(lines, "> "+escapeMarkdown(line))
	}
	if d.Link != "" {
		lines = []string{"> <" + d.Link + ">"} // without a preview
	}
	if len(d.Lines) == 1 && d.Lines[0] == "" {
		lines = []string{"> " + emptyText}
	}
	if note := content.CutNote(d); note != "" {
		lines = append(lines, note)
	}
	f.Value = strings.Join(lines, "\n")
	return f
}

// countUnits returns the number of UTF-16 units in all texts of the embed.
func (e embed) countUnits() int {
	n := countUnits(e.Title) + countUnits(e.Description) + countUnits(e.Footer.Text)
	for _, f := range e.Fields {
		n += countUnits(f.Name) + countUnits(f.Value)
	}
	return n
}

func countUnits(s string) int { return len(utf16.Encode([]rune(s))) }

package teams

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/notify"
	"github.com/approval-relay/approval-relay/untrusted"
)

// Bounds of a card.
const (
	// maxBody is the longest body that is posted, in bytes. Teams accepts "approximately 28 KB"
	// (https://learn.microsoft.com/connectors/teams/#known-issues-and-limitations-with-actions). Others measured that
	// as 21,000 bytes before Teams wraps the body
	// (https://www.rubydoc.info/gems/msteams_hermes/MsTeamsHermes/Message).
	maxBody = 20_000
	// maxHeading is the longest title, name or value of a fact, in characters.
	maxHeading = 120
)

// limits bound the content of a card. The decision page shows everything.
var limits = notify.Limits{
	Heading: maxHeading,
	Details: 25,
	Value:   600,
	Lines:   10,
}

// message is the body that a workflow passes on to Teams:
// https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using, "Send Adaptive
// Cards using an Incoming Webhook".
type message struct {
	Type        string       `json:"type"`
	Attachments []attachment `json:"attachments"`
}

type attachment struct {
	ContentType string `json:"contentType"`
	Content     card   `json:"content"`
}

// card is an Adaptive Card of version 1.4, because Teams shows that version on every platform:
// https://learn.microsoft.com/adaptive-cards/schema-explorer/adaptive-card.
type card struct {
	Schema  string   `json:"$schema"`
	Type    string   `json:"type"`
	Version string   `json:"version"`
	Body    []block  `json:"body"`
	Actions []action `json:"actions,omitempty"`
	Teams   width    `json:"msteams"`
}

type width struct {
	Width string `json:"width"`
}

// block is a TextBlock or a RichTextBlock. The text of a TextBlock is Markdown, so it is always our own. Text from outside
// is in a RichTextBlock, which has no Markdown
// (https://learn.microsoft.com/adaptive-cards/authoring-cards/text-features). A FactSet would be Markdown too.
type block struct {
	Type      string `json:"type"`
	Text      string `json:"text,omitempty"`
	Wrap      bool   `json:"wrap,omitempty"`
	Subtle    bool   `json:"isSubtle,omitempty"`
	Size      string `json:"size,omitempty"`
	Spacing   string `json:"spacing,omitempty"`
	Separator bool   `json:"separator,omitempty"`
	Inlines   []run  `json:"inlines,omitempty"`

	*input           // of a bot
	Actions []action `json:"actions,omitempty"`
}

type run struct {
	Type   string `json:"type"`
	Text   string `json:"text"`
	Size   string `json:"size,omitempty"`
	Weight string `json:"weight,omitempty"`
	Subtle bool   `json:"isSubtle,omitempty"`
	Colour string `json:"color,omitempty"`
	Strike bool   `json:"strikethrough,omitempty"`
	// Select opens an address of the request.
	Select *action `json:"selectAction,omitempty"`
}

type action struct {
	Type  string `json:"type"`
	Title string `json:"title,omitempty"`
	URL   string `json:"url,omitempty"`

	*execute // of a bot
}

// encodeCard returns the body of the request, with as many details as it can hold.
func encodeCard(m approval.Message) ([]byte, error) {
	content := notify.NewContent(m, limits)
	for {
		body, err := encode(message{"message", []attachment{{cardType, newCard(content, m.Link)}}})
		if err != nil {
			return nil, err
		}
		if len(body) <= maxBody || len(content.Details) == 0 {
			return body, nil
		}
		content.DropDetails(len(content.Details) - 1)
	}
}

// encode returns a value as JSON.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // an escape is six bytes long
	err := e.Encode(v)
	return b.Bytes(), err
}

// newCard returns the card with a content and a link.
func newCard(content notify.Content, link approval.Token) card {
	body := append(newBody(content), newNote(content.LinkNote))
	return wrapCard(append(body, newFooter(content)...), []action{{
		Type:  "Action.OpenUrl",
		Title: content.LinkLabel,
		URL:   link.Reveal(),
	}})
}

// wrapCard returns the card with a body and buttons.
func wrapCard(body []block, actions []action) card {
	return card{
		Schema:  "http://adaptivecards.io/schemas/adaptive-card.json",
		Type:    "AdaptiveCard",
		Version: "1.4",
		Body:    body,
		Actions: actions,
		Teams:   width{"Full"},
	}
}

// newFooter returns in whose name the message is sent, and where its reader finds help.
func newFooter(content notify.Content) []block {
	if content.Footer == "" {
		return nil
	}
	return []block{{Type: "RichTextBlock", Spacing: "Small", Inlines: []run{
		{Type: "TextRun", Text: breakMacros(content.Footer), Size: "Small", Subtle: true},
	}}}
}

// newBody returns the request in words.
func newBody(content notify.Content) []block {
	body := []block{
		newNote(content.Lead),
		{Type: "RichTextBlock", Spacing: "Small", Inlines: []run{{
			Type:   "TextRun",
			Text:   breakMacros(content.Title),
			Size:   "Large",
			Weight: "Bolder",
		}}},
	}
	for _, f := range content.Facts {
		body = append(body, newFact(f.Label, f.Value))
	}
	for i, d := range content.Details {
		blocks := newDetail(content, d)
		blocks[0].Separator = i == 0
		body = append(body, blocks...)
	}
	if text := content.LeftOutNote(); text != "" {
		body = append(body, newNote(text))
	}
	if names := content.LeftOutNames(); names != "" {
		body = append(body, newOutsideNote(names))
	}
	if len(content.Approvers) > 0 {
		names := untrusted.Shorten(strings.Join(content.Approvers, ", "), maxHeading)
		body = append(body, newFact(content.Words.Text("message.to_decide"), names))
	}
	return body
}

// newNote returns a line of our own words.
func newNote(text string) block {
	return block{
		Type:   "TextBlock",
		Text:   text,
		Wrap:   true,
		Subtle: true,
		Size:   "Small",
	}
}

// newOutsideNote returns a line that has words from outside.
func newOutsideNote(text string) block {
	return block{Type: "RichTextBlock", Spacing: "Small", Inlines: []run{{
		Type:   "TextRun",
		Text:   breakMacros(text),
		Size:   "Small",
		Subtle: true,
	}}}
}

// newFact returns a labelled value.
func newFact(label, value string) block {
	return block{Type: "RichTextBlock", Spacing: "Small", Inlines: []run{
		{Type: "TextRun", Text: breakMacros(label) + ": ", Subtle: true},
		{Type: "TextRun", Text: breakMacros(value)},
	}}
}

// newDetail returns a value from the request, with a note if it was cut. Several lines are marked, so that none of them can
// look like a fact.
func newDetail(content notify.Content, d notify.Detail) []block {
	out := []block{newFact(d.Name, d.Lines[0])}
	if d.Link != "" {
		out[0].Inlines[1].Select = &action{Type: "Action.OpenUrl", URL: d.Link}
	}
	if len(d.Lines) > 1 {
		out = []block{newFact(d.Name, "")}
		for _, line := range d.Lines {
			inlines := []run{{Type: "TextRun", Text: "| " + breakMacros(line)}}
			out = append(out, block{Type: "RichTextBlock", Spacing: "None", Inlines: inlines})
		}
	}
	if text := content.CutNote(d); text != "" {
		out = append(out, newNote(text))
	}
	return out
}

// breakMacros breaks up the text that Teams would replace by a date, such as {{DATE(2026-03-02T09:30:00Z)}}. Braces overlap,
// so it takes two rounds.
func breakMacros(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "{{", "{ {"), "{{", "{ {")
}

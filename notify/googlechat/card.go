package googlechat

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/notify"
	"github.com/approval-relay/approval-relay/untrusted"
)

const (
	// maxBody is the longest body that is posted, in bytes. A message has at most 32,000 bytes, "including the message
	// contents" (https://developers.google.com/workspace/chat/api/reference/rest/v1/spaces.messages/create). The rest is
	// for properties that Google Chat adds.
	maxBody = 30_000
	// maxHeading is the longest title, name or value of a fact, in characters.
	maxHeading = 120
)

// limits bound the content of a card. A card shows at most 100 widgets, and each detail is a widget.
var limits = notify.Limits{
	Heading: maxHeading,
	Details: 25,
	Value:   600,
	Lines:   10,
}

// message is a message with a card:
// https://developers.google.com/workspace/chat/api/reference/rest/v1/spaces.messages#Message.
type message struct {
	FallbackText string       `json:"fallbackText"` // shown in place of the card, such as in the notification of a phone
	Cards        []cardWithID `json:"cardsV2"`
	Thread       thread       `json:"thread"`
}

// thread names the thread of the message. All messages about an approval have the same key, so that a reminder stands
// below the request.
type thread struct {
	Key string `json:"threadKey"`
}

type cardWithID struct {
	ID   string `json:"cardId"`
	Card card   `json:"card"`
}

// card is a card: https://developers.google.com/workspace/chat/api/reference/rest/v1/cards#Card.
type card struct {
	Header   header    `json:"header"`
	Sections []section `json:"sections"`
}

// header has only words of ours, because its format is not documented.
type header struct {
	Title string `json:"title"`
}

// section is a part of a card. A line divides it from the next section.
type section struct {
	Header  string   `json:"header,omitempty"`
	Widgets []widget `json:"widgets"`
}

// widget is a paragraph or a row of buttons. The text of a paragraph is a subset of HTML:
// https://developers.google.com/workspace/chat/format-messages#card-formatting.
type widget struct {
	Paragraph *paragraph `json:"textParagraph,omitempty"`
	Buttons   *buttons   `json:"buttonList,omitempty"`
}

type paragraph struct {
	Text string `json:"text"`
}

type buttons struct {
	Buttons []button `json:"buttons"`
}

type button struct {
	Text  string `json:"text"`
	Click click  `json:"onClick"`
}

type click struct {
	OpenLink openLink `json:"openLink"`
}

type openLink struct {
	URL string `json:"url"`
}

// encodeMessage returns the body of the request, with as many details as it can hold.
func encodeMessage(m approval.Message) ([]byte, error) {
	content := notify.NewContent(m, limits)
	for {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false) // an escape is six bytes long
		err := e.Encode(message{
			FallbackText: withoutMentions(content.Heading()),
			Cards:        []cardWithID{{ID: "approval", Card: newCard(content, m.Link)}},
			Thread:       thread{Key: m.ApprovalID},
		})
		if err != nil {
			return nil, err
		}
		if b.Len() <= maxBody || len(content.Details) == 0 {
			return b.Bytes(), nil
		}
		content.DropDetails(len(content.Details) - 1)
	}
}

// newCard returns the card with a content and a link. Facts and details are in sections of their own, so that a detail
// cannot look like a fact.
func newCard(content notify.Content, link approval.Token) card {
	facts := make([]string, 0, len(content.Facts))
	for _, f := range content.Facts {
		facts = append(facts, newLine(f.Label, f.Value))
	}
	sections := []section{{Widgets: []widget{
		newParagraph("<b>" + escapeHTML(content.Title) + "</b>"),
		newParagraph(facts...),
	}}}
	if details := newDetails(content); len(details) > 0 {
		sections = append(sections, section{Header: content.Words.Text("message.from_request"), Widgets: details})
	}
	var end []widget
	if len(content.Approvers) > 0 {
		names := untrusted.Shorten(strings.Join(content.Approvers, ", "), maxHeading)
		end = append(end, newParagraph(newLine(content.Words.Text("message.to_decide"), names)))
	}
	end = append(end, widget{Buttons: &buttons{[]button{{
		Text:  content.LinkLabel,
		Click: click{openLink{link.Reveal()}},
	}}}}, newParagraph("<i>"+content.LinkNote+"</i>"))
	if content.Footer != "" {
		end = append(end, newParagraph("<i>"+escapeHTML(content.Footer)+"</i>"))
	}
	sections = append(sections, section{Widgets: end})
	return card{Header: header{content.Headline}, Sections: sections}
}

// newDetails returns a paragraph for each detail, and for the note about details that are left out.
func newDetails(content notify.Content) []widget {
	var widgets []widget
	for _, d := range content.Details {
		widgets = append(widgets, newParagraph(newDetail(content, d)...))
	}
	if note := content.LeftOutNote(); note != "" {
		widgets = append(widgets, newParagraph("<i>"+note+"</i>"))
	}
	if names := content.LeftOutNames(); names != "" {
		widgets = append(widgets, newParagraph("<i>"+escapeHTML(names)+"</i>"))
	}
	return widgets
}

// newDetail returns the lines of a value from the request, with a note if it was cut. Several lines are marked, so
// that none of them can look like a name.
func newDetail(content notify.Content, d notify.Detail) []string {
	lines := []string{newLine(d.Name, d.Lines[0])}
	if d.Link != "" {
		lines[0] = newLine(d.Name, "") + `<a href="` + escapeHTML(d.Link) + `">` + escapeHTML(d.Link) + "</a>"
	}
	if len(d.Lines) > 1 {
		lines = []string{newLine(d.Name, "")}
		for _, line := range d.Lines {
			lines = append(lines, "| "+escapeHTML(line))
		}
	}
	if note := content.CutNote(d); note != "" {
		lines = append(lines, "<i>"+note+"</i>")
	}
	return lines
}

// newLine returns a labelled value.
func newLine(label, value string) string {
	return "<b>" + escapeHTML(label) + ":</b> " + escapeHTML(value)
}

func newParagraph(lines ...string) widget {
	return widget{Paragraph: &paragraph{strings.Join(lines, "<br>")}}
}

// escapeHTML returns a text in a form that Google Chat shows as it is.
func escapeHTML(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}

// withoutMentions returns a text in which Google Chat finds no link or mention, such as <users/all>. A fallback text
// is plain, so it cannot be escaped.
func withoutMentions(s string) string { return strings.NewReplacer("<", "‹", ">", "›").Replace(s) }

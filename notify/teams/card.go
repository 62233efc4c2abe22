package teams

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/untrusted"
)

// Bounds of what a card shows. The decision page shows all.
const (
	// maxBody is the most that is posted, in bytes. Teams takes "approximately 28 KB"
	// (https://learn.microsoft.com/connectors/teams/#known-issues-and-limitations-with-actions),
	// which others measured to be 21,000 bytes before Teams has wrapped them
	// (https://www.rubydoc.info/gems/msteams_hermes/MsTeamsHermes/Message).
	maxBody    = 20_000
	maxDetails = 25
	maxValue   = 600 // characters
	maxLines   = 10  // of a value
	maxHeading = 120 // characters of a title or name
)

// timeForm names the zone: cards are read anywhere.
const timeForm = "Mon 2 Jan 2006, 15:04 MST"

// message is what a workflow hands on to Teams:
// https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using#send-adaptive-cards-using-an-incoming-webhook.
type message struct {
	Type        string       `json:"type"`
	Attachments []attachment `json:"attachments"`
}

type attachment struct {
	ContentType string `json:"contentType"`
	Content     card   `json:"content"`
}

// card is an Adaptive Card 1.4, which Teams shows on every platform:
// https://learn.microsoft.com/adaptive-cards/schema-explorer/adaptive-card.
type card struct {
	Schema  string   `json:"$schema"`
	Type    string   `json:"type"`
	Version string   `json:"version"`
	Body    []block  `json:"body"`
	Actions []action `json:"actions"`
	Teams   width    `json:"msteams"`
}

type width struct {
	Width string `json:"width"`
}

// block is a TextBlock, whose text is Markdown and so only ever our own, or a
// RichTextBlock, whose text is no Markdown and so for all that comes from outside
// (https://learn.microsoft.com/adaptive-cards/authoring-cards/text-features). A
// FactSet would be Markdown too.
type block struct {
	Type      string `json:"type"`
	Text      string `json:"text,omitempty"`
	Wrap      bool   `json:"wrap,omitempty"`
	Subtle    bool   `json:"isSubtle,omitempty"`
	Size      string `json:"size,omitempty"`
	Spacing   string `json:"spacing,omitempty"`
	Separator bool   `json:"separator,omitempty"`
	Inlines   []run  `json:"inlines,omitempty"`
}

type run struct {
	Type   string `json:"type"`
	Text   string `json:"text"`
	Size   string `json:"size,omitempty"`
	Weight string `json:"weight,omitempty"`
	Subtle bool   `json:"isSubtle,omitempty"`
}

type action struct {
	Type  string `json:"type"`
	Title string `json:"title"`
	URL   string `json:"url"`
}

// head says what a card is about, one case a kind.
func head(kind approval.NotificationKind) string {
	switch kind {
	case approval.NotifyRequest:
		return "Your decision is needed"
	case approval.NotifyReminder:
		return "Reminder: this still waits for your decision"
	case approval.NotifyEscalation:
		return "Nobody has decided yet: your decision is needed"
	}
	return "About an approval"
}

// encode makes the body of the request, with as many details as it has room for.
func encode(m approval.Message) ([]byte, error) {
	for details := min(len(m.Details), maxDetails); ; details-- {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false) // it would make six bytes of each
		if err := e.Encode(message{"message", []attachment{{"application/vnd.microsoft.card.adaptive", newCard(m, details)}}}); err != nil {
			return nil, err
		}
		if b.Len() <= maxBody || details == 0 {
			return b.Bytes(), nil
		}
	}
}

// newCard makes the card with the first details of the order.
func newCard(m approval.Message, details int) card {
	title := heading(m.Title)
	if title == "" {
		title = heading(m.Workflow)
	}
	body := []block{
		own(head(m.Kind)),
		{Type: "RichTextBlock", Spacing: "Small", Inlines: []run{{
			Type:   "TextRun",
			Text:   title,
			Size:   "Large",
			Weight: "Bolder",
		}}},
	}
	for _, f := range []approval.Field{
		{Name: "Order", Value: m.OrderID}, {Name: "Workflow", Value: m.Workflow}, {Name: "Step", Value: m.Step},
		{Name: "Requested by", Value: m.Requester}, {Name: "For", Value: m.Approver},
		{Name: "Requested", Value: m.RequestedAt.UTC().Format(timeForm)}, {Name: "Decide until", Value: m.Deadline.UTC().Format(timeForm)},
	} {
		if value := heading(f.Value); value != "" {
			body = append(body, fact(f.Name, value))
		}
	}
	for i, f := range m.Details[:details] {
		lines := detail(f)
		lines[0].Separator = i == 0
		body = append(body, lines...)
	}
	if more := len(m.Details) - details; more > 0 {
		body = append(body, own(fmt.Sprintf("%d more details are on the page.", more)))
	}
	button, note := "Review and decide", "Opening the page decides nothing: it shows the request and asks you to approve or reject. "+
		"Whoever opens it from here decides in the name of the approver."
	if m.Approver == "" && len(m.Approvers) > 0 {
		button, note = "See the request", "The page shows the request. Only those who are asked can decide, each by their own message."
		body = append(body, fact("To decide", heading(strings.Join(m.Approvers, ", "))))
	}
	body = append(body, own(note))
	return card{
		Schema:  "http://adaptivecards.io/schemas/adaptive-card.json",
		Type:    "AdaptiveCard",
		Version: "1.4",
		Body:    body,
		Actions: []action{{"Action.OpenUrl", button, m.Link.Reveal()}},
		Teams:   width{"Full"},
	}
}

// own is a line of ours.
func own(text string) block {
	return block{
		Type:   "TextBlock",
		Text:   text,
		Wrap:   true,
		Subtle: true,
		Size:   "Small",
	}
}

// fact is a labelled value.
func fact(name, value string) block {
	return block{Type: "RichTextBlock", Spacing: "Small", Inlines: []run{
		{Type: "TextRun", Text: name + ": ", Subtle: true}, {Type: "TextRun", Text: value},
	}}
}

// detail shows one value of the order, with a note where it was cut. Several
// lines are marked, so that none can pass for a fact of its own.
func detail(f approval.Field) []block {
	value, cut := untrusted.Cut(strings.TrimSpace(plain(untrusted.MultiLine(f.Value))), maxValue)
	lines := strings.Split(value, "\n")
	if len(lines) > maxLines {
		cut += utf8.RuneCountInString(strings.Join(lines[maxLines:], "\n"))
		lines = lines[:maxLines]
	}
	out := []block{fact(heading(f.Name), lines[0])}
	if len(lines) > 1 {
		out = []block{fact(heading(f.Name), "")}
		for _, line := range lines {
			out = append(out, block{Type: "RichTextBlock", Spacing: "None", Inlines: []run{{Type: "TextRun", Text: "| " + line}}})
		}
	}
	if cut > 0 {
		out = append(out, own(fmt.Sprintf("Cut here: %d more characters are on the page.", cut)))
	}
	return out
}

// heading fits a name or title on one line; an ellipsis says that it was cut.
func heading(s string) string {
	return untrusted.Shorten(plain(untrusted.SingleLine(s)), maxHeading)
}

// plain breaks up what a client would put a date in the place of, such as
// {{DATE(2026-03-02T09:30:00Z)}}. Braces overlap, so it takes two rounds.
func plain(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "{{", "{ {"), "{{", "{ {")
}

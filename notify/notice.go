package notify

import (
	"slices"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/language"
	"github.com/approval-relay/approval-relay/untrusted"
)

// Limits of the texts of people in a message. The page shows them whole.
const (
	maxSaid      = 500 // characters of a comment, a question or an answer
	maxQuestions = 3   // the latest questions
)

// newNotice returns the words of a message that asks nobody to decide.
func (l Limits) newNotice(m approval.Message) Content {
	words := language.For(m.Language)
	c := Content{
		Words:     words,
		Footer:    footerFor(m),
		Headline:  noticeHeadline(m),
		Lead:      noticeLead(m),
		Title:     l.cutHeading(m.Title),
		LinkLabel: words.Text("message.requester.link"),
		LinkNote:  words.Text("message.requester.link_note"),
	}
	if c.Title == "" {
		c.Title = l.cutHeading(m.Workflow)
	}
	if m.Notice.MayWithdraw {
		c.LinkNote = words.Text("message.requester.link_note_withdraw")
	}
	if m.Kind == approval.NotifyDecided {
		c.LinkLabel = words.Text("message.decided.link")
		c.LinkNote = words.Text("message.decided.link_note")
	}
	c.Facts = l.noticeFacts(m, words)
	return c
}

// noticeFacts returns the facts of a notice. The order leads to the request; all else describes the event.
func (l Limits) noticeFacts(m approval.Message, words language.Words) []Fact {
	fact := func(key, value string) Fact { return Fact{Label: words.Text(key), Value: value} }
	facts := []Fact{
		fact("message.fact.order", l.cutHeading(m.OrderID)),
		fact("message.fact.choice", l.cutHeading(m.Notice.Choice.In(m.Language))),
		fact("message.fact.comment", said(m.Notice.Comment)),
	}
	if m.Status != approval.Approved && m.Status != approval.Rejected && m.Status != approval.Returned {
		facts = append(facts, fact("message.fact.reason", said(m.Reason)))
	}
	switch {
	case m.Kind == approval.NotifyRequester && m.Event == approval.RequesterQuestion:
		facts = append(facts, fact("message.fact.question", said(m.Notice.Question)))
	case m.Kind == approval.NotifyRequester && m.Status == approval.Pending:
		facts = append(facts, l.newTimeFact(m, "deadline", m.Deadline))
	}
	return slices.DeleteFunc(facts, func(f Fact) bool { return f.Value == "" })
}

// noticeHeadline describes the event in the words that precede a title.
func noticeHeadline(m approval.Message) string {
	words := language.For(m.Language)
	if m.Kind == approval.NotifyRequester && slices.Contains(eventsWhilePending(), m.Event) {
		return words.Text("message.requester." + m.Event + ".headline")
	}
	return StatusWord(words, m.Status)
}

// noticeLead describes the event as a sentence to the reader.
func noticeLead(m approval.Message) string {
	words := language.For(m.Language)
	by := "by"
	switch {
	case m.Kind == approval.NotifyDecided && m.Notice.By == "":
		return words.Text("message.decided.lead_unnamed")
	case m.Kind == approval.NotifyDecided:
		return words.Text("message.decided.lead", by, personName(m.Notice.By))
	case m.Event == approval.RequesterQuestion:
		return words.Text("message.requester.question.lead", by, personName(m.Notice.Asker))
	case m.Event == approval.RequesterDecided && m.Notice.By != "":
		return words.Text("message.requester."+string(m.Status)+".lead", by, personName(m.Notice.By))
	case m.Event == approval.RequesterReturned && m.Notice.By != "":
		return words.Text("message.requester.returned.lead", by, personName(m.Notice.By))
	case slices.Contains(eventsWhilePending(), m.Event), m.Event == approval.RequesterTimedOut,
		m.Event == approval.RequesterCancelled:
		return words.Text("message.requester." + m.Event + ".lead")
	}
	return words.Text("message.requester.closed.lead")
}

// eventsWhilePending are the reasons for messages to the requester about an approval that has not ended.
func eventsWhilePending() []string {
	return []string{approval.RequesterReceived, approval.RequesterUndeliverable, approval.RequesterQuestion}
}

// conversationFacts returns the latest questions to the requester, with their answers.
func (l Limits) conversationFacts(m approval.Message) []Fact {
	words := language.For(m.Language)
	var facts []Fact
	for _, q := range m.Questions[max(0, len(m.Questions)-maxQuestions):] {
		facts = append(facts,
			Fact{Label: words.Text("message.fact.question_of", "by", personName(q.By)), Value: said(q.Text)},
			Fact{Label: words.Text("message.fact.answer"), Value: said(q.Answer)},
		)
	}
	return facts
}

// said returns a text of a person on one line, cut.
func said(text string) string { return untrusted.Shorten(untrusted.SingleLine(text), maxSaid) }

// personName returns the maker of a vote or a question for people. A program is named by its source.
func personName(by string) string {
	return untrusted.SingleLine(strings.TrimPrefix(by, "source:"))
}

package notify

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/language"
	"github.com/approval-relay/approval-relay/untrusted"
)

// HeadlineFor returns the reason for a message, in the words that precede a title. For an outcome it is the outcome.
func HeadlineFor(m approval.Message) string {
	words := language.For(m.Language)
	switch m.Kind {
	case approval.NotifyRequest, approval.NotifyUpdate:
		return words.Text("message.headline.request")
	case approval.NotifyReminder:
		return words.Text("message.headline.reminder")
	case approval.NotifyEscalation:
		return words.Text("message.headline.escalation")
	case approval.NotifyAnswer:
		return words.Text("message.headline.answer")
	case approval.NotifyRequester, approval.NotifyDecided:
		return noticeHeadline(m)
	case approval.NotifyEvent:
		return untrusted.SingleLine(m.Event)
	case approval.NotifyOutcome:
	}
	return StatusWord(words, m.Status)
}

// StatusWord returns the state of an approval as a headline: "Approved".
func StatusWord(words language.Words, s approval.Status) string {
	if s == "" {
		s = approval.Pending
	}
	return words.Text("message.status." + string(s))
}

// leadFor returns the reason for a message as a sentence to the reader. A reminder tells how much time is left.
func leadFor(m approval.Message) string {
	words := language.For(m.Language)
	left := m.Deadline.Sub(sendingTime(m))
	isLate := m.Deadline.IsZero() || sendingTime(m).IsZero() || left <= 0
	switch m.Kind {
	case approval.NotifyRequest, approval.NotifyUpdate:
		return words.Text("message.lead.request")
	case approval.NotifyReminder:
		if isLate {
			return words.Text("message.lead.reminder")
		}
		return words.Text("message.lead.reminder_left", "time", words.Duration(left))
	case approval.NotifyEscalation:
		if isLate {
			return words.Text("message.lead.escalation")
		}
		return words.Text("message.lead.escalation_left", "time", words.Duration(left))
	case approval.NotifyAnswer:
		return words.Text("message.lead.answer")
	case approval.NotifyRequester, approval.NotifyDecided:
		return noticeLead(m)
	case approval.NotifyOutcome, approval.NotifyEvent:
	}
	return words.Text("message.lead.about")
}

// sendingTime returns the time of the attempt, or else the time of queuing.
func sendingTime(m approval.Message) time.Time {
	if m.SentAt.IsZero() {
		return m.At
	}
	return m.SentAt
}

// footerFor returns the last line of a message: the name and the footer of the organisation, and where people find help.
func footerFor(m approval.Message) string {
	o := m.Organisation
	name, footer := untrusted.SingleLine(o.Name), untrusted.SingleLine(o.Footer.In(m.Language))
	if strings.HasPrefix(footer, name) { // it says the name itself
		name = ""
	}
	parts := []string{name, footer}
	if o.Support != "" {
		words := language.For(m.Language)
		parts = append(parts, words.Text("message.support", "contact", untrusted.SingleLine(o.Support)))
	}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " · ")
}

// FormatTime returns a time for the reader of a message, with the name of the zone.
func FormatTime(m approval.Message, t time.Time) string {
	return language.For(m.Language).Time(t, m.Zone)
}

// FactVotes is the key of the decisions so far. A channel that shows the votes itself leaves it out.
const FactVotes = "votes"

// newFacts returns the properties of the approval that the message has, those for the decision first. An outcome lacks
// deadline and reader.
func (l Limits) newFacts(m approval.Message) []Fact {
	words := language.For(m.Language)
	fact := func(key, value string) Fact {
		return Fact{Key: key, Label: words.Text("message.fact." + key), Value: l.cutHeading(value)}
	}
	var facts []Fact
	isOutcome := m.Kind == approval.NotifyOutcome
	if !isOutcome {
		facts = append(facts, l.newTimeFact(m, "deadline", m.Deadline))
	}
	facts = append(facts, fact("requester", m.Requester))
	if !isOutcome {
		facts = append(facts, fact("approver", m.Approver), fact(FactVotes, VotesSoFar(m)))
	}
	facts = append(facts, fact("order", m.OrderID), fact("workflow", m.Workflow), fact("step", m.Step))
	if !isOutcome {
		facts = append(facts, l.newTimeFact(m, "requested", m.RequestedAt))
		facts = append(facts, l.conversationFacts(m)...)
	}
	return slices.DeleteFunc(facts, func(f Fact) bool { return f.Value == "" })
}

func (l Limits) newTimeFact(m approval.Message, key string, t time.Time) Fact {
	return Fact{
		Key:   key,
		Label: language.For(m.Language).Text("message.fact." + key),
		Value: FormatTime(m, t),
		Time:  t,
	}
}

// VotesSoFar returns the decisions so far on one line, and how many are needed: "ann@example.com approved (1 of 2)". Votes
// that an edit of the request has made void are left out.
func VotesSoFar(m approval.Message) string {
	words := language.For(m.Language)
	var votes []string
	for _, v := range m.Votes {
		if v.Void {
			continue
		}
		vote := DescribeVote(words, VoterName(words, v.By), v.Outcome)
		if i := slices.IndexFunc(m.Rules.Choices, func(c approval.Choice) bool { return c.ID == v.Choice }); i >= 0 {
			vote += ": " + untrusted.SingleLine(m.Rules.Choices[i].LabelIn(m.Language))
		}
		votes = append(votes, vote)
	}
	text := strings.Join(votes, "; ")
	if text == "" || m.Progress.Needed < 2 {
		return text
	}
	number := func(n int) string { return words.Number(json.Number(strconv.Itoa(n))) }
	return words.Text("message.votes_of", "votes", text, "approved", number(m.Progress.Approved),
		"needed", number(m.Progress.Needed))
}

// DescribeVote returns a vote in words: "ann@example.com approved". The name must be fit to be shown.
func DescribeVote(words language.Words, name string, o approval.Outcome) string {
	return words.Text("message.vote."+string(o), "name", name)
}

// VoterName returns the principal of a vote as people read it.
func VoterName(words language.Words, by string) string {
	if source, ok := strings.CutPrefix(by, "source:"); ok {
		return words.Text("message.voter.system", "name", untrusted.SingleLine(source))
	}
	if by == "link holder" {
		return words.Text("message.voter.unnamed")
	}
	return untrusted.SingleLine(by)
}

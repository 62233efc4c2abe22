package slack

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/untrusted"
)

// Limits of Block Kit, in characters, with room for what is put around a text
// (https://docs.slack.dev/reference/block-kit/blocks/): 150 in a header, 3,000 in
// a section, 2,000 in a button's value, 50 blocks in a message. What does not fit
// is cut with a note: Slack refuses a message that is longer by one character.
const (
	maxHeader = 150
	maxName   = 100   // of a person, or of a detail
	maxLine   = 600   // of another text on one line
	maxValue  = 2700  // of one detail
	maxShown  = 20    // details
	maxWhole  = 10000 // of all details: beyond some 13,000 Slack answers msg_blocks_too_long
	maxNames  = 20    // approvers
	maxVotes  = 8
)

// The IDs of what can be pressed.
const (
	actionApprove = "approve"
	actionReject  = "reject"
	actionOpen    = "open"
)

// says is a message in Slack's words: blocks, and the text that notifications
// and screen readers have in their place.
type says struct {
	text   string
	blocks []slack.Block
}

func (s says) options() []slack.MsgOption {
	return []slack.MsgOption{
		slack.MsgOptionText(s.text, false), slack.MsgOptionBlocks(s.blocks...),
		slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl(),
	}
}

// says words a message: what is asked, and then what can be done or what became
// of it.
func (c *Channel) says(m approval.Message) says {
	heading := plain(headline(m)+": "+title(m), maxHeader)
	s := says{text: escape(heading) + " (" + escape(untrusted.SingleLine(m.OrderID)) + ")"}
	s.add(slack.NewHeaderBlock(slack.NewTextBlockObject(slack.PlainTextType, heading, false, false)))
	s.add(section(facts(m)))
	for _, d := range details(m) {
		s.add(section(d))
	}
	if m.Kind == approval.NotifyOutcome {
		s.add(section(outcome(m)))
		return s
	}
	if asked := c.asked(m); asked != "" {
		s.add(section(asked))
	}
	s.add(c.actions(m))
	if !c.buttons {
		s.add(slack.NewContextBlock("", slack.NewTextBlockObject(slack.PlainTextType, "Opening the page decides nothing: it shows the request and asks you to choose.", false, false)))
	}
	return s
}

func (s *says) add(b slack.Block) { s.blocks = append(s.blocks, b) }

func section(text string) slack.Block {
	return slack.NewSectionBlock(slack.NewTextBlockObject(slack.MarkdownType, text, false, true), nil, nil)
}

func headline(m approval.Message) string {
	switch m.Kind {
	case approval.NotifyReminder:
		return "Reminder: approval needed"
	case approval.NotifyEscalation:
		return "Still undecided, approval needed"
	case approval.NotifyOutcome:
		return map[approval.Status]string{
			approval.Approved: "Approved", approval.Rejected: "Rejected", approval.TimedOut: "Timed out",
			approval.Cancelled: "Cancelled", approval.Superseded: "Asked anew",
		}[m.Status]
	}
	return "Approval needed"
}

func title(m approval.Message) string {
	if m.Title != "" {
		return m.Title
	}
	return "order " + m.OrderID
}

// facts are what every message says.
func facts(m approval.Message) string {
	lines := []string{"*Order:* " + line(m.OrderID, maxLine), "*Workflow:* " + line(m.Workflow, maxLine)}
	if m.Step != "" {
		lines[1] += ", step " + line(m.Step, maxLine)
	}
	if m.Requester != "" {
		lines = append(lines, "*Requested by:* "+line(m.Requester, maxLine))
	}
	if m.Kind != approval.NotifyOutcome {
		lines = append(lines, "*Decide until:* "+date(m.Deadline))
	}
	return strings.Join(lines, "\n")
}

// details words the order's fields, and says what was left out.
func details(m approval.Message) []string {
	var out []string
	whole := 0
	for i, d := range m.Details {
		value, cut := fit(quote(untrusted.MultiLine(d.Value)), maxValue)
		text := "*" + line(d.Name, maxName) + ":*\n" + value
		if cut > 0 {
			text += fmt.Sprintf("\n_[cut here: %d more characters are on the decision page]_", cut)
		}
		if whole += len(text); i == maxShown || (whole > maxWhole && i > 0) {
			return append(out, fmt.Sprintf("_[%d more details are on the decision page]_", len(m.Details)-i))
		}
		out = append(out, text)
	}
	return out
}

// outcome says how the approval ended, who did it, and when.
func outcome(m approval.Message) string {
	text := "*" + headline(m) + "* " + date(m.ClosedAt)
	if m.Reason != "" {
		text += ": " + line(m.Reason, maxLine)
	}
	for i, v := range m.Votes {
		if i == maxVotes {
			return text + fmt.Sprintf("\n_[and %d more]_", len(m.Votes)-i)
		}
		did := "approved"
		if v.Outcome == approval.Reject {
			did = "rejected"
		}
		text += "\n• " + line(v.By, maxName) + " " + did + " " + date(v.At)
		if v.Comment != "" {
			text += ": " + line(v.Comment, maxName)
		}
	}
	return text
}

// asked names those who may decide, where many read the message.
func (c *Channel) asked(m approval.Message) string {
	if m.Approver != "" || len(m.Approvers) == 0 {
		return ""
	}
	var names []string
	for _, a := range m.Approvers[:min(len(m.Approvers), maxNames)] {
		if user := c.people.known(a); user != "" {
			names = append(names, "<@"+user+">")
		} else {
			names = append(names, line(a, maxName))
		}
	}
	text := "*To decide:* " + strings.Join(slices.Compact(names), ", ")
	if over := len(m.Approvers) - maxNames; over > 0 {
		text += fmt.Sprintf(" and %d more", over)
	}
	return text
}

// actions are what can be pressed. Approve and reject ask once more.
func (c *Channel) actions(m approval.Message) slack.Block {
	label := func(text string) *slack.TextBlockObject {
		return slack.NewTextBlockObject(slack.PlainTextType, text, false, false)
	}
	button := func(id, text string, style slack.Style) slack.BlockElement {
		ask := slack.NewConfirmationBlockObject(label(text+" this request?"), label(plain(title(m), 200)), label(text), label("Back"))
		return slack.NewButtonBlockElement(id, m.Button.Reveal(), label(text)).WithStyle(style).WithConfirm(ask)
	}
	open := slack.NewButtonBlockElement(actionOpen, "", label("Open the request")).WithURL(m.Link.Reveal())
	if !c.buttons {
		return slack.NewActionBlock("", open)
	}
	return slack.NewActionBlock("", button(actionApprove, "Approve", slack.StylePrimary), button(actionReject, "Reject", slack.StyleDanger), open)
}

// escape takes away what Slack reads as links, mentions and entities
// (https://docs.slack.dev/messaging/formatting-message-text#escaping). Bold is
// left: it can do no more than look odd. untrusted.MultiLine leaves no NUL but quote's.
func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\x00", ">").Replace(s)
}

// fit escapes a text, as much of it as takes at most that many characters then,
// and returns how many of its own characters did not fit.
func fit(s string, most int) (text string, cut int) {
	var b strings.Builder
	left := most
	for i, r := range s {
		e := escape(string(r))
		if left -= utf8.RuneCountInString(e); left < 0 {
			return b.String(), utf8.RuneCountInString(s[i:]) - strings.Count(s[i:], "\x00")
		}
		b.WriteString(e)
	}
	return b.String(), 0
}

// line is a text from outside on one line.
func line(s string, most int) string {
	text, cut := fit(untrusted.SingleLine(s), most)
	if cut > 0 {
		text += "…"
	}
	return text
}

// plain is a text from outside on one line where Slack reads no markup.
func plain(s string, most int) string {
	return untrusted.Shorten(untrusted.SingleLine(s), most)
}

// quote begins each line with a mark that becomes a bar, so that what comes from
// outside is seen to.
func quote(s string) string { return "\x00" + strings.ReplaceAll(s, "\n", "\n\x00") }

// date is a time in the reader's own zone, or in UTC where that is not known.
func date(t time.Time) string {
	return fmt.Sprintf("<!date^%d^{date_short_pretty} {time}|%s>", t.Unix(), t.UTC().Format("2 January 2006, 15:04 MST"))
}

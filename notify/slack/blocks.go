package slack

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/language"
	"github.com/approval-relay/approval-relay/notify"
	"github.com/approval-relay/approval-relay/untrusted"
)

// Limits of Block Kit, in characters, less the characters that surround a text
// (https://docs.slack.dev/reference/block-kit/blocks/): 150 in a header, 3,000 in a section, 2,000 in the value of a
// button, 50 blocks in a message. A longer text is cut with a note: Slack refuses a message that is longer by a single
// character.
const (
	maxHeader    = 150
	maxName      = 100   // of a person, or of a detail
	maxLine      = 500   // of another text on one line; five facts and two times are in one section
	maxValue     = 2700  // of a detail
	maxDetails   = 20    // number of details
	maxMessage   = 10000 // of all details: above some 13,000 Slack answers msg_blocks_too_long
	maxNames     = 20    // number of approvers
	maxRemark    = 300   // of a comment, or of the values of a vote
	maxVoteLines = 2300  // of the votes, or of the edits, beside a heading and a reason
)

// rendered is a message in the format of Slack: blocks, and a text in their place for notifications and screen readers.
type rendered struct {
	text   string
	blocks []slack.Block
}

// values returns the message as the form of chat.postMessage and chat.update.
func (r rendered) values() (url.Values, error) {
	blocks, err := json.Marshal(slack.Blocks{BlockSet: r.blocks})
	if err != nil {
		return nil, fmt.Errorf("encode the message: %w", err)
	}
	return url.Values{
		"text":         {r.text},
		"blocks":       {string(blocks)},
		"unfurl_links": {"false"},
		"unfurl_media": {"false"},
	}, nil
}

// renderMessage returns the message in the format of Slack: the request, and then the buttons or the outcome.
func (c *Channel) renderMessage(m approval.Message) rendered {
	content := notify.NewContent(m, notify.Limits{Details: maxDetails})
	words := language.For(m.Language)
	heading := untrusted.Shorten(content.Heading(), maxHeader)
	out := rendered{text: escapeMarkup(heading) + " (" + escapeMarkup(untrusted.SingleLine(m.OrderID)) + ")"}
	out.addBlock(slack.NewHeaderBlock(plainText(heading)))
	out.addBlock(newSection(renderFacts(m, content.Facts)))
	for _, text := range renderDetails(content, maxMessage-c.extraButtons(m)) {
		out.addBlock(newSection(text))
	}
	if changes := renderChanges(m); changes != "" {
		out.addBlock(newSection(changes))
	}
	if m.Kind == approval.NotifyOutcome {
		out.addBlock(newSection(renderOutcome(m)))
		out.addFooter(content)
		return out
	}
	if len(content.Approvers) > 0 {
		out.addBlock(newSection(c.mentionApprovers(m.Approvers, words)))
	}
	if votes := renderVotes(m); votes != "" {
		out.addBlock(newSection(votes))
	}
	for _, row := range c.buttonRows(m, content.Title) {
		out.addBlock(row)
	}
	if !c.buttons || m.Kind.IsNotice() {
		out.addBlock(slack.NewContextBlock("", plainText(content.LinkNote)))
	}
	out.addFooter(content)
	return out
}

// addFooter adds the organisation that asks, and where the reader finds help.
func (r *rendered) addFooter(content notify.Content) {
	if content.Footer != "" {
		r.addBlock(slack.NewContextBlock("", plainText(content.Footer)))
	}
}

func (r *rendered) addBlock(b slack.Block) { r.blocks = append(r.blocks, b) }

func newSection(text string) slack.Block {
	return slack.NewSectionBlock(slack.NewTextBlockObject(slack.MarkdownType, text, false, true), nil, nil)
}

// plainText is a text in which Slack reads no markup.
func plainText(text string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.PlainTextType, text, false, false)
}

// renderFacts returns the facts, each on its own line.
func renderFacts(m approval.Message, facts []notify.Fact) string {
	lines := make([]string, 0, len(facts))
	for _, f := range facts {
		if f.Key == notify.FactVotes { // renderVotes shows them with their comments
			continue
		}
		value := escapeLine(f.Value, maxLine)
		if !f.Time.IsZero() {
			value = localTime(m, f.Time)
		}
		lines = append(lines, "*"+f.Label+":* "+value)
	}
	return strings.Join(lines, "\n")
}

// renderDetails returns the text of each detail up to a number of bytes, and a note about the details that are left out.
func renderDetails(content notify.Content, limit int) []string {
	var out []string
	total := 0
	for i, d := range content.Details {
		var value string
		if value, d.Cut = escapeUpTo(quoteLines(d.Lines), maxValue); d.Link != "" {
			value = "><" + escapeMarkup(d.Link) + ">"
		}
		text := "*" + escapeLine(d.Name, maxName) + ":*\n" + value
		if note := content.CutNote(d); note != "" {
			text += "\n_[" + note + "]_"
		}
		if total += len(text); total > limit && i > 0 {
			content.DropDetails(i)
			break
		}
		out = append(out, text)
	}
	if note := content.LeftOutNote(); note != "" {
		out = append(out, "_["+note+"]_")
	}
	if names := content.LeftOutNames(); names != "" {
		out = append(out, "_["+escapeLine(names, maxValue)+"]_")
	}
	return out
}

// mentionApprovers mentions the people who can decide, in a message to a group.
func (c *Channel) mentionApprovers(ids []string, words language.Words) string {
	var names []string
	for _, id := range ids[:min(len(ids), maxNames)] {
		if user := c.directory.cachedUser(id); user != "" {
			names = append(names, "<@"+user+">")
		} else {
			names = append(names, escapeLine(id, maxName))
		}
	}
	text := "*" + words.Text("slack.to_decide") + "* " + strings.Join(slices.Compact(names), ", ")
	if over := len(ids) - maxNames; over > 0 {
		text += " " + words.Count("slack.and_more", over)
	}
	return text
}

var markup = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\x00", ">")

// escapeMarkup takes away the characters by which Slack reads links, mentions and entities
// (https://docs.slack.dev/messaging/formatting-message-text#escaping). Bold stays: it can only look odd. Clean text
// contains no NUL, so a NUL is a mark of quote.
func escapeMarkup(s string) string {
	return markup.Replace(s)
}

// escapeUpTo escapes as much of a text as fits in limit characters then, and returns how many of its own characters are
// left out.
func escapeUpTo(s string, limit int) (text string, cut int) {
	var b strings.Builder
	for i, r := range s {
		e := escapeMarkup(string(r))
		if limit -= utf8.RuneCountInString(e); limit < 0 {
			return b.String(), utf8.RuneCountInString(s[i:]) - strings.Count(s[i:], "\x00")
		}
		b.WriteString(e)
	}
	return b.String(), 0
}

// escapeLine escapes a text from outside on one line.
func escapeLine(s string, limit int) string {
	text, cut := escapeUpTo(untrusted.SingleLine(s), limit)
	if cut > 0 {
		text += "…"
	}
	return text
}

// quoteLines begins each line with a mark that becomes a bar, so that the reader sees that it comes from outside.
func quoteLines(lines []string) string { return "\x00" + strings.Join(lines, "\n\x00") }

// localTime is a time in the zone of the reader, or in UTC if Slack does not know it.
func localTime(m approval.Message, t time.Time) string {
	return fmt.Sprintf("<!date^%d^{date_short_pretty} {time}|%s>", t.Unix(), notify.FormatTime(m, t))
}

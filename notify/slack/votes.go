package slack

import (
	"slices"
	"strconv"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/language"
	"github.com/approval-relay/approval-relay/notify"
	"github.com/approval-relay/approval-relay/untrusted"
)

// renderOutcome returns how the approval ended, with the votes.
func renderOutcome(m approval.Message) string {
	text := "*" + notify.HeadlineFor(m) + "* " + localTime(m, m.ClosedAt)
	if m.Reason != "" {
		text += ": " + escapeLine(m.Reason, maxLine)
	}
	return text + voteLines(m)
}

// renderVotes returns how far a pending approval is, with its votes, or the empty text without votes.
func renderVotes(m approval.Message) string {
	if len(m.Votes) == 0 {
		return ""
	}
	words := language.For(m.Language)
	text := words.Text("slack.progress",
		"approved", strconv.Itoa(m.Progress.Approved), "needed", strconv.Itoa(m.Progress.Needed))
	return "*" + text + "*" + voteLines(m)
}

// voteLines returns a line for each vote, the newest last.
func voteLines(m approval.Message) string {
	words := language.For(m.Language)
	text := ""
	for i, v := range m.Votes {
		if i == maxVotes {
			return text + "\n_[" + words.Count("slack.and_more", len(m.Votes)-i) + "]_"
		}
		text += "\n• " + voteLine(m, v, words)
	}
	return text
}

// voteLine returns the person, the decision and the time of a vote. A vote that no longer counts is struck through.
func voteLine(m approval.Message, v approval.Vote, words language.Words) string {
	line := escapeLine(notify.VoterName(words, v.By), maxName) + " " + words.Text("slack.vote."+string(v.Outcome))
	if i := slices.IndexFunc(m.Rules.Choices, func(c approval.Choice) bool { return c.ID == v.Choice }); i >= 0 {
		line += " (" + escapeLine(untrusted.SingleLine(labelOf(m.Rules.Choices[i], m.Language)), maxName) + ")"
	}
	if v.Void {
		line = "~" + line + "~"
	}
	line += " " + localTime(m, v.At)
	if v.Comment != "" {
		line += ": " + escapeLine(v.Comment, maxName)
	}
	if v.Void {
		line += " _" + words.Text("slack.void") + "_"
	}
	return line
}

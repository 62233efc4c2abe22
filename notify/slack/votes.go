package slack

import (
	"slices"
	"strconv"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/language"
	"github.com/approval-relay/approval-relay/notify"
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

// voteLines returns a line for each vote, as many as fit in a section.
func voteLines(m approval.Message) string {
	words := language.For(m.Language)
	text := ""
	for i, v := range m.Votes {
		line := "\n• " + voteLine(m, v, words)
		if len(text)+len(line) > maxVoteLines {
			return text + "\n_[" + words.Count("slack.and_more", len(m.Votes)-i) + "]_"
		}
		text += line
	}
	return text
}

// voteLine returns the person, the decision, its values and the time of a vote. A vote that no longer counts is struck
// through.
func voteLine(m approval.Message, v approval.Vote, words language.Words) string {
	line := escapeLine(notify.VoterName(words, v.By), maxName) + " " + words.Text("slack.vote."+string(v.Outcome))
	if i := slices.IndexFunc(m.Rules.Choices, func(c approval.Choice) bool { return c.ID == v.Choice }); i >= 0 {
		line += " (" + escapeLine(labelOf(m.Rules.Choices[i], m.Language), maxName) + ")"
	}
	if v.Void {
		line = "~" + line + "~"
	}
	line += " " + localTime(m, v.At)
	if values := notify.VoteValues(m, v); len(values) > 0 {
		var texts []string
		for _, value := range values {
			texts = append(texts, value.Label+": "+value.Value)
		}
		line += ", " + escapeLine(strings.Join(texts, ", "), maxRemark)
	}
	if v.Comment != "" {
		line += ": " + escapeLine(v.Comment, maxRemark)
	}
	if v.Void {
		line += " _" + words.Text("slack.void") + "_"
	}
	return line
}

// renderChanges returns the edits of the request, or the empty text.
func renderChanges(m approval.Message) string {
	changes := notify.Changes(m)
	if len(changes) == 0 {
		return ""
	}
	words := language.For(m.Language)
	text := "*" + words.Text("page.changes") + "*"
	for i, change := range changes {
		line := "\n• " + escapeLine(change, maxLine)
		if len(text)+len(line) > maxVoteLines {
			return text + "\n_[" + words.Count("slack.and_more", len(changes)-i) + "]_"
		}
		text += line
	}
	return text
}

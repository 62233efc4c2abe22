package notify_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/language"
	"github.com/approval-relay/approval-relay/notify"
)

func noticeText(c notify.Content) string {
	parts := []string{c.Headline, c.Lead, c.Title, c.LinkLabel, c.LinkNote}
	for _, f := range c.Facts {
		parts = append(parts, f.Label+": "+f.Value)
	}
	return strings.Join(parts, "\n")
}

// requireWords requires that no key of the catalogue stands in the place of its text.
func requireWords(t *testing.T, text string) {
	t.Helper()
	for _, key := range []string{"message.requester", "message.fact", "message.decided", "message.status", "message.lead"} {
		require.NotContains(t, text, key)
	}
}

// Every reason for which the requester is told has words in every language, and no message names what its reader may not see.
func TestNotices(t *testing.T) {
	t.Parallel()
	statuses := map[string]approval.Status{
		approval.RequesterReceived:      approval.Pending,
		approval.RequesterUndeliverable: approval.Pending,
		approval.RequesterQuestion:      approval.Pending,
		approval.RequesterDecided:       approval.Rejected,
		approval.RequesterReturned:      approval.Returned,
		approval.RequesterTimedOut:      approval.TimedOut,
		approval.RequesterCancelled:     approval.Cancelled,
	}
	for _, tag := range language.Languages() {
		seen := map[string]bool{}
		for reason, status := range statuses {
			m := approval.Message{
				Kind:     approval.NotifyRequester,
				Event:    reason,
				Status:   status,
				OrderID:  "A-1",
				Title:    "New laptops",
				Approver: "rita@example.com",
				Reason:   "why",
				Language: tag,
				Notice:   approval.Notice{By: "ann@example.com", Asker: "bob@example.com", Question: "Which colour?"},
			}
			text := noticeText(notify.NewContent(m, notify.Limits{}))
			require.Contains(t, text, "New laptops", reason)
			requireWords(t, text)
			require.Equal(t, reason == approval.RequesterQuestion, strings.Contains(text, "Which colour?"), reason)
			require.NotContains(t, text, "rita@example.com", "it is the reader")
			require.False(t, seen[text], reason)
			seen[text] = true
		}
		decided := notify.NewContent(approval.Message{
			Kind: approval.NotifyDecided, Status: approval.Approved, Title: "New laptops", Language: tag,
			Notice: approval.Notice{By: "ann@example.com", Comment: "fine", Choice: language.NewText("Up to a limit")},
		}, notify.Limits{})
		text := noticeText(decided)
		for _, part := range []string{"ann@example.com", "fine", "Up to a limit"} {
			require.Contains(t, text, part)
		}
		answered := notify.NewContent(approval.Message{
			Kind: approval.NotifyAnswer, Language: tag,
			Questions: []approval.Question{{By: "bob@example.com", Text: "Which\ncolour?", Answer: "Blue"}},
		}, notify.Limits{})
		text = noticeText(answered)
		require.Contains(t, text, "Which colour?")
		require.Contains(t, text, "Blue")
		requireWords(t, text)
	}
}

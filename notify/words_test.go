package notify_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/language"
	"github.com/approval-relay/approval-relay/notify"
	"github.com/approval-relay/approval-relay/notify/notifytest"
	"github.com/approval-relay/approval-relay/organisation"
)

// A reminder tells how much time is left when it is sent. A message that is sent after the deadline does not.
func TestTimeLeft(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind approval.NotificationKind
		left time.Duration
		tag  language.Tag
		want string
	}{
		{approval.NotifyReminder, 24*time.Hour - time.Minute, "en",
			"Reminder: this still waits for your decision, time left: 24 hours"},
		{approval.NotifyReminder, time.Hour, "de-AT", "Erinnerung: Ihre Entscheidung steht noch aus, verbleibende Zeit: eine Stunde"},
		{approval.NotifyEscalation, 30 * time.Minute, "en",
			"Nobody has decided yet, your decision is needed, time left: 30 minutes"},
		{approval.NotifyReminder, 0, "en", "Reminder: this still waits for your decision"},
		{approval.NotifyEscalation, -time.Hour, "de", "Bisher hat niemand entschieden, Ihre Entscheidung wird benötigt"},
		{approval.NotifyRequest, time.Hour, "fr", "Your decision is needed"},
	} {
		m := notifytest.NewMessage()
		m.Kind, m.Language, m.SentAt = c.kind, c.tag, m.Deadline.Add(-c.left)
		require.Equal(t, c.want, notify.NewContent(m, notify.Limits{}).Lead)
	}
	m := notifytest.NewMessage()
	m.Kind = approval.NotifyReminder
	require.Equal(t, "Reminder: this still waits for your decision", notify.NewContent(m, notify.Limits{}).Lead, "no time of sending")
}

func TestVotesSoFar(t *testing.T) {
	t.Parallel()
	m := approval.Message{
		Votes: []approval.Vote{
			{By: "ann@example.com", Outcome: approval.Approve, Choice: "limit"},
			{By: "bob@example.com", Outcome: approval.Approve, Void: true},
			{By: "source:erp", Outcome: approval.Abstain},
			{By: "link holder", Outcome: approval.Reject},
			{By: "eve\u202e@example.com", Outcome: approval.Return},
		},
		Rules: approval.DecisionRules{Choices: []approval.Choice{
			{ID: "limit", Means: approval.Approve, Label: language.Text{"en": "Up to a limit", "de": "Bis zu einer Grenze"}},
		}},
		Progress: approval.Progress{Approved: 1, Needed: 3},
	}
	require.Equal(t, "ann@example.com approved: Up to a limit; erp (a system) abstained; Somebody with the link rejected; "+
		"eve\ufffd@example.com sent it back (1 of 3)", notify.VotesSoFar(m))
	m.Language = "de"
	require.Equal(t, "ann@example.com hat genehmigt: Bis zu einer Grenze; erp (ein System) hat sich enthalten; "+
		"Jemand mit dem Link hat abgelehnt; eve\ufffd@example.com hat zurückgegeben (1 von 3)", notify.VotesSoFar(m))
	m.Votes = m.Votes[1:2]
	require.Empty(t, notify.VotesSoFar(m), "void")
}

// The last line has the organisation, and text from the configuration cannot break it.
func TestFooter(t *testing.T) {
	t.Parallel()
	m := notifytest.NewMessage()
	require.Empty(t, notify.NewContent(m, notify.Limits{}).Footer)
	m.Organisation = organisation.Organisation{Name: "Example Ltd", Footer: language.NewText("London"), Support: "help@example.com"}
	require.Equal(t, "Example Ltd · London · Questions: help@example.com", notify.NewContent(m, notify.Limits{}).Footer)
	m.Organisation.Footer = language.NewText("Example Ltd, London")
	require.Equal(t, "Example Ltd, London · Questions: help@example.com", notify.NewContent(m, notify.Limits{}).Footer)
	m.Language = "de"
	m.Organisation = organisation.Organisation{Support: "Tel. 1234"}
	require.Equal(t, "Fragen: Tel. 1234", notify.NewContent(m, notify.Limits{}).Footer)
}

// Every status and outcome has a word in every language.
func TestEveryStatusHasAWord(t *testing.T) {
	t.Parallel()
	for _, tag := range language.Languages() {
		words := language.For(tag)
		for _, s := range []approval.Status{
			approval.Pending, approval.Approved, approval.Rejected, approval.Returned, approval.TimedOut, approval.Cancelled,
			approval.Superseded, "",
		} {
			require.NotContains(t, notify.StatusWord(words, s), "message.", "%s %s", tag, s)
		}
		for _, o := range []approval.Outcome{approval.Approve, approval.Reject, approval.Return, approval.Abstain} {
			require.NotContains(t, notify.DescribeVote(words, "Ann", o), "message.", "%s %s", tag, o)
		}
	}
}

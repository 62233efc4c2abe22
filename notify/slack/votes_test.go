package slack_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/language"
	"github.com/approval-relay/approval-relay/notify/slack"
	"github.com/approval-relay/approval-relay/notify/slack/slacktest"
	"github.com/approval-relay/approval-relay/secret"
)

// voted is a message about an approval that waits for a second vote.
func voted(change ...func(*approval.Message)) approval.Message {
	m := message()
	m.Rules.Choices = []approval.Choice{
		{ID: "approve", Means: approval.Approve},
		{ID: "up_to", Label: language.NewText("Up to <100>"), Means: approval.Approve},
		{ID: "reject", Means: approval.Reject},
	}
	m.Progress = approval.Progress{Approved: 1, Needed: 2}
	m.Votes = []approval.Vote{
		{By: "cid@example.com", Outcome: approval.Approve, Void: true, At: began},
		{By: "alan@example.com", Outcome: approval.Approve, Choice: "up_to", At: began, Comment: "fine & good"},
		{By: "dora@example.com", Outcome: approval.Abstain, At: began.Add(time.Minute)},
	}
	for _, f := range change {
		f(&m)
	}
	return m
}

// A group sees who has voted, and goes on to vote. Who has voted in a message of their own has nothing left to press.
func TestVotesInMessages(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := bot(s)
	c.Conversation = "C0APPROVALS"
	ch := open(t, c)
	receipt, err := ch.Post(t.Context(), message())
	require.NoError(t, err)
	require.NotContains(t, texts(s.Messages()[0]), "have approved")
	require.NoError(t, ch.Edit(t.Context(), receipt, voted(func(m *approval.Message) { m.Kind, m.Approver = "update", "" })))
	m := s.Messages()[0]
	require.Equal(t, 1, m.Edits)
	for _, want := range []string{
		"*1 of 2 have approved*",
		"• ~cid@example.com approved~ <!date^", "_does not count: the request was changed afterwards_",
		"• alan@example.com approved (Up to &lt;100&gt;) <!date^", ": fine &amp; good",
		"• dora@example.com abstained <!date^",
	} {
		require.Contains(t, texts(m), want)
	}
	require.Equal(t, "choice:approve choice:up_to choice:reject comment open", buttons(m))

	own := open(t, bot(s))
	receipt, err = own.Post(t.Context(), message())
	require.NoError(t, err)
	require.NoError(t, own.Edit(t.Context(), receipt, voted(func(m *approval.Message) { m.Kind, m.HasVoted = "update", true })))
	require.Equal(t, "open", buttons(s.Messages()[1]))
	require.Contains(t, texts(s.Messages()[1]), "*1 of 2 have approved*")
}

// TestManyChoices holds that a message with all choices and long details stays within the limits of Slack.
func TestManyChoices(t *testing.T) {
	t.Parallel()
	s := start(t)
	require.NoError(t, open(t, bot(s)).Notify(t.Context(), message(func(m *approval.Message) {
		m.Rules.Choices = nil
		for i := range approval.MaxChoices {
			m.Rules.Choices = append(m.Rules.Choices, approval.Choice{
				ID:    strings.Repeat("x", 62) + string(rune('a'+i)),
				Label: language.NewText(strings.Repeat("ß", 75)),
				Means: approval.Approve,
			})
		}
		m.Button = approval.NewToken(strings.Repeat("x", 2000))
		for range 20 {
			m.Details = append(m.Details, approval.Field{Name: "text", Value: strings.Repeat("long ", 200)})
		}
	})))
	var rows []int
	for _, b := range s.Messages()[0].Blocks {
		if b.Type == "actions" {
			rows = append(rows, len(b.Elements))
		}
	}
	require.Equal(t, []int{5, 5}, rows)
	require.Contains(t, texts(s.Messages()[0]), "more details are on the page")
}

// Many votes and edits with long texts stay within a section, with a note about those that are left out.
func TestManyVotes(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, kind := range []approval.NotificationKind{approval.NotifyUpdate, approval.NotifyOutcome} {
		require.NoError(t, open(t, bot(s)).Notify(t.Context(), voted(func(m *approval.Message) {
			m.Kind, m.Reason = kind, strings.Repeat("<", 3000)
		}, manyVotes)))
	}
	for _, m := range s.Messages() {
		require.Contains(t, texts(m), "more]_")
		require.Contains(t, texts(m), "Changed by approvers")
	}
}

func manyVotes(m *approval.Message) {
	for i := range 100 {
		name := strings.Repeat("&", 200) + string(rune('a'+i%26))
		m.Votes = append(m.Votes, approval.Vote{By: name, Outcome: approval.Approve, Comment: strings.Repeat("<\n", 9000), At: began})
		m.Changes = append(m.Changes, approval.Change{
			Field: "x", Path: "/" + name, From: json.RawMessage(`1`), To: json.RawMessage(`"` + strings.Repeat("&", 9000) + `"`), By: name,
		})
	}
}

// The message of a webhook has no modals: a choice that needs input is a link to the page. Every vote replaces the
// message.
func TestMessageOfWebhook(t *testing.T) {
	t.Parallel()
	d := newDeskOf(t, false, func(r *approval.Request) {
		purchase(r)
		r.Policy = approval.Policy{Kind: approval.PolicyAll}
	}, byWebhook)
	require.Equal(t, "choice:approve open:up_to open:reject open", buttons(d.slack.Messages()[0]))
	require.Equal(t, http.StatusOK, d.press(alan, "choice:approve"))
	require.Contains(t, d.lastReply(), `"replace_original":true`)
	require.Contains(t, d.lastReply(), "1 of 2 have approved")
	require.Contains(t, d.lastReply(), "choice:approve")
	require.Equal(t, http.StatusOK, d.press(slacktest.User{ID: "U0BARB"}, "choice:approve"))
	require.Contains(t, d.lastReply(), "Approved")
	require.NotContains(t, d.lastReply(), "choice:approve")
}

// byWebhook makes a channel that sends by an incoming webhook.
func byWebhook(c *slack.Config) {
	c.WebhookURL = secret.New(strings.TrimSuffix(c.APIURL, "/api/") + "/services/webhook-s3cret-path")
	c.Token, c.Conversation = secret.Text{}, ""
	c.Users = map[approval.PersonID]string{"barbara": "U0BARB", "alan@example.com": "U0ALAN"}
}

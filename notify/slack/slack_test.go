package slack_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/notify/notifytest"
	"github.com/approval-relay/approval-relay/notify/slack"
	"github.com/approval-relay/approval-relay/notify/slack/slacktest"
	"github.com/approval-relay/approval-relay/secret"
)

var alan = slacktest.User{ID: "U0ALAN", Email: "alan@example.com"}

func start(t *testing.T) *slacktest.Server {
	t.Helper()
	s := slacktest.StartServer(alan, slacktest.User{ID: "U0GONE", Email: "gone@example.com", Deleted: true},
		slacktest.User{ID: "U0BOT", Email: "bot@example.com", Bot: true}, slacktest.User{ID: "U0EVE",
			Email: "alan@example.com", Team: "T0OTHER"})
	t.Cleanup(s.Close)
	return s
}

func open(t *testing.T, c slack.Config) *slack.Channel {
	t.Helper()
	ch, err := slack.NewChannel(c)
	require.NoError(t, err)
	return ch
}

func bot(s *slacktest.Server) slack.Config {
	return slack.Config{Settings: slack.Settings{
		Token:          secret.New(slacktest.Token),
		APIURL:         s.APIURL(),
		SigningSecrets: []secret.Text{secret.New("a-signing-secret-of-the-app")},
	}}
}

func message(change ...func(*approval.Message)) approval.Message {
	m := notifytest.NewMessage()
	m.Button = approval.NewToken("1.button")
	m.Approvers = []string{"alan@example.com", "barbara@example.com"}
	for _, f := range change {
		f(&m)
	}
	return m
}

// texts returns all texts of a message.
func texts(m slacktest.Message) string {
	var out []string
	for _, b := range m.Blocks {
		if b.Text != nil {
			out = append(out, b.Text.Text)
		}
	}
	return strings.Join(out, "\n")
}

// buttons lists the buttons of a message.
func buttons(m slacktest.Message) string {
	var out []string
	for _, b := range m.Blocks {
		for _, e := range b.Elements {
			if e.Type == "button" {
				out = append(out, e.ActionID)
			}
		}
	}
	return strings.Join(out, " ")
}

func TestDirectMessage(t *testing.T) {
	t.Parallel()
	s := start(t)
	ch := open(t, bot(s))
	receipt, err := ch.Post(t.Context(), message())
	require.NoError(t, err)
	m := s.Messages()[0]
	require.Equal(t, "D0ALAN", m.Channel)
	require.Equal(t, m.Channel+"/"+m.Stamp, receipt)
	require.Equal(t, "Approval needed: Refund of 480 EUR to Ada Lovelace (A-1001)", m.Text)
	for _, want := range []string{"*Order:* A-1001", "*Workflow:* refunds", "*Step:* finance", "grace@example.com",
		"<!date^1772557200^", "*Amount:*\n>480.00 EUR", ">Photos are in the ticket."} {
		require.Contains(t, texts(m), want)
	}
	require.NotContains(t, texts(m), "To decide", "it is theirs")
	require.Equal(t, "approve reject comment open", buttons(m))
	require.Equal(t, "1.button", m.Blocks[len(m.Blocks)-1].Elements[0].Value)
	require.Equal(t, notifytest.Link, m.Blocks[len(m.Blocks)-1].Elements[3].URL)
}

func TestGroupMessage(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := bot(s)
	c.Conversation, c.Users = "C0APPROVALS", map[approval.PersonID]string{"alan@example.com": "U0ALAN"}
	require.NoError(t, open(t, c).Notify(t.Context(), message(func(m *approval.Message) { m.Approver = "" })))
	m := s.Messages()[0]
	require.Equal(t, "C0APPROVALS", m.Channel)
	require.Contains(t, texts(m), "*To decide:* <@U0ALAN>, barbara@example.com")
}

func TestByWebhook(t *testing.T) {
	t.Parallel()
	s := start(t)
	ch := open(t, slack.Config{Settings: slack.Settings{WebhookURL: secret.New(s.WebhookURL())}})
	receipt, err := ch.Post(t.Context(), message())
	require.NoError(t, err)
	require.Empty(t, receipt, "it cannot be edited")
	require.Equal(t, "open", buttons(s.Messages()[0]), "what is pressed would reach nobody")
	require.True(t, approval.IsPermanent(ch.Edit(t.Context(), "x/1", message())))
}

// A long message is cut with a note, because Slack refuses a message that is longer by a single character.
func TestLongMessageIsCut(t *testing.T) {
	t.Parallel()
	s := start(t)
	long := message(func(m *approval.Message) {
		m.Title, m.OrderID, m.Requester = strings.Repeat("&<ü", 400), strings.Repeat("&", 256), strings.Repeat("<", 256)
		m.Button = approval.NewToken(strings.Repeat("x", 2000))
		m.Details, m.Approvers, m.Approver = nil, nil, ""
		for i := range 50 {
			m.Details = append(m.Details, approval.Field{Name: fmt.Sprintf("%d", i), Value: strings.Repeat("&\n", 1024)})
			m.Approvers = append(m.Approvers, strings.Repeat("&", 250)+fmt.Sprint(i))
		}
	})
	c := bot(s)
	c.Conversation = "C0APPROVALS"
	require.NoError(t, open(t, c).Notify(t.Context(), long))
	c.Conversation, c.Users = "", map[approval.PersonID]string{approval.PersonID(strings.Repeat("&", 256)): "U0ALAN"}
	long.Approver, long.Workflow, long.Step = strings.Repeat("&", 256), strings.Repeat("<", 256), strings.Repeat(">", 256)
	require.NoError(t, open(t, c).Notify(t.Context(), long))
	text := texts(s.Messages()[0])
	require.Contains(t, text, "1,277 more characters are on the page")
	require.Contains(t, text, "more details are on the page")
	require.Equal(t, "approve reject comment open", buttons(s.Messages()[0]))
}

// A text from outside can neither mention everybody, nor contain a link, nor look like our own words.
func TestHostileText(t *testing.T) {
	t.Parallel()
	s := start(t)
	require.NoError(t, open(t, bot(s)).Notify(t.Context(), message(func(m *approval.Message) {
		m.Title, m.OrderID = "<!channel>\u202e", "<https://evil.example|A-1>"
		m.Details = []approval.Field{{Name: "<@U1>\n*Decide until:*", Value: "x\n<!everyone>"}}
	})))
	m := s.Messages()[0]
	require.NotContains(t, strings.ReplaceAll(texts(m)[strings.Index(texts(m), "\n"):], "<!date^", ""), "<")
	require.NotContains(t, m.Text, "<")
	require.NotContains(t, m.Text, "\u202e")
	require.Contains(t, texts(m), ">x\n>&lt;!everyone&gt;", "every line of it is seen to be quoted")
}

func TestOutcome(t *testing.T) {
	t.Parallel()
	s := start(t)
	ch := open(t, bot(s))
	receipt, err := ch.Post(t.Context(), message())
	require.NoError(t, err)
	at := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	over := message(func(m *approval.Message) {
		m.Kind, m.Link, m.Button, m.Status, m.ClosedAt = approval.NotifyOutcome, approval.Token{}, approval.Token{}, approval.Rejected, at
		m.Votes = []approval.Vote{{
			By:      "alan@example.com",
			Outcome: approval.Reject,
			At:      at,
			Comment: "too <dear>",
		}}
	})
	require.NoError(t, ch.Edit(t.Context(), receipt, over))
	m := s.Messages()[0]
	require.Equal(t, 1, m.Edits)
	require.Empty(t, buttons(m))
	require.Contains(t, texts(m), "Rejected: Refund of 480 EUR")
	require.Contains(t, texts(m), "alan@example.com rejected <!date^1772452800^{date_short_pretty} {time}|"+
		"Monday 2 March 2026, 12:00 UTC>: too &lt;dear&gt;")
	for status, want := range map[approval.Status]string{approval.TimedOut: "Timed out",
		approval.Cancelled: "Cancelled", approval.Superseded: "Superseded by a newer request"} {
		require.NoError(t, ch.Edit(t.Context(), receipt,
			message(func(m *approval.Message) { *m = over; m.Status, m.Reason, m.Votes = status, "why", nil })))
		require.Contains(t, texts(s.Messages()[0]), "*"+want+"* ")
	}
	require.NoError(t, ch.Edit(t.Context(), "D0ALAN/1.1", over), "there is nothing left to press")
}

func TestWhatFails(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		failure slacktest.Failure
		kind    approval.ResultKind
		maybe   bool
		after   time.Duration
	}{
		"throttled":           {slacktest.Failure{Status: 429}, approval.ResultFailed, false, 17 * time.Second},
		"a token revoked":     {slacktest.Failure{Error: "token_revoked"}, approval.ResultFailed, false, 0},
		"the channel is gone": {slacktest.Failure{Error: "is_archived"}, approval.ResultRefused, false, 0},
		"Slack is down":       {slacktest.Failure{Status: 503}, approval.ResultFailed, true, 0},
		"and had sent it":     {slacktest.Failure{Status: 500, After: true}, approval.ResultFailed, true, 0},
	}
	for name, tc := range cases {
		s := start(t)
		tc.failure.Method = "chat.postMessage"
		s.FailNext(tc.failure)
		r := approval.ResultOf(open(t, bot(s)).Notify(t.Context(), message()))
		require.Equal(t, tc.kind, r.Kind, name)
		require.Equal(t, tc.maybe, r.MaybeApplied, name)
		require.Equal(t, tc.after, r.After, name)
	}
	s := start(t)
	s.FailNext(slacktest.Failure{Method: "webhook", Status: 404})
	require.True(t, approval.IsPermanent(open(t,
		slack.Config{Settings: slack.Settings{WebhookURL: secret.New(s.WebhookURL())}}).Notify(t.Context(), message())), "it was taken away")
	require.True(t, approval.IsPermanent(open(t, bot(s)).Notify(t.Context(),
		message(func(m *approval.Message) { m.Approver = "nobody@example.com" }))))
	require.True(t, approval.IsPermanent(open(t, bot(s)).Notify(t.Context(),
		message(func(m *approval.Message) { m.Approver = "just a name" }))))
}

func TestSilentServer(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer s.Close()
	defer close(release)
	ch := open(t, slack.Config{
		Settings: slack.Settings{Token: secret.New(slacktest.Token), APIURL: s.URL, Conversation: "C1"},
		Timeout:  2 * time.Second, // longer than a busy machine takes to send the request
	})
	r := approval.ResultOf(ch.Notify(t.Context(), message()))
	require.Equal(t, approval.ResultFailed, r.Kind)
	require.True(t, r.MaybeApplied)
	require.ErrorIs(t, ch.Notify(t.Context(), message()), context.DeadlineExceeded)
}

func TestNoLeaks(t *testing.T) { //nolint:paralleltest // it looks at the standard log
	s := start(t)
	for _, f := range []slacktest.Failure{{Status: 500}, {Error: "invalid_auth"}, {Status: 404}} {
		f.Method = "chat.postMessage"
		s.FailNext(f)
		require.Error(t, notifytest.NoLeaks(t, open(t, bot(s)), slacktest.Token))
		f.Method, f.Status = "webhook", 500
		s.FailNext(f)
		require.Error(t, notifytest.NoLeaks(t,
			open(t, slack.Config{Settings: slack.Settings{WebhookURL: secret.New(s.WebhookURL())}}), s.WebhookURL()))
	}
	s.Close()
	require.Error(t, notifytest.NoLeaks(t, open(t, bot(s)), slacktest.Token))
	require.Error(t, notifytest.NoLeaks(t,
		open(t, slack.Config{Settings: slack.Settings{WebhookURL: secret.New(s.WebhookURL())}}), s.WebhookURL()))
}

func TestConfig(t *testing.T) {
	t.Parallel()
	url, token := secret.New("https://x.example/y"), secret.New("x")
	for want, s := range map[string]slack.Settings{
		"needs either bot_token or webhook_url":              {},
		"webhook_url: must be an absolute http or https URL": {WebhookURL: secret.New("not-a-url")},
		"conversation: does not go with webhook_url: the webhook has its own Slack channel": {WebhookURL: url,
			Conversation: "C1"},
		"needs either bot_token or webhook_url\napi_url: must be an absolute URL": {Token: token,
			WebhookURL: url, APIURL: "x"},
	} {
		_, err := slack.NewChannel(slack.Config{Settings: s})
		require.EqualError(t, err, want)
	}
}

package slack_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/notify/slack"
	"github.com/approval-relay/approval-relay/notify/slack/slacktest"
	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/webhook"
)

const signingSecret = "canary-signing-0123456789"

var began = time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)

// desk has an order, its message in Slack, and the handler of its buttons.
type desk struct {
	t      *testing.T
	slack  *slacktest.Server
	order  *approval.Order
	failed error // of the store
	events []string
	log    strings.Builder
	in     *slack.Interactions
	people *slack.Directory
	now    time.Time // advances while Slack waits
	// refused has the refusals for the operator.
	refused []refusal.Refusal
}

func (d *desk) RecordRefusal(_ context.Context, r refusal.Refusal) { d.refused = append(d.refused, r) }

func (d *desk) OpenButton(token string, now time.Time) (approval.Capability, error) {
	a := d.order.Approvals[0]
	rest, ok := strings.CutPrefix(token, "button of "+a.ID)
	if !ok || now.After(began.Add(48*time.Hour)) {
		return approval.Capability{}, errors.New("not ours")
	}
	return approval.Capability{
		OrderID:    d.order.ID,
		ApprovalID: a.ID,
		Expires:    began.Add(48 * time.Hour),
		Shown:      strings.TrimPrefix(rest, " "),
	}, nil
}

func (d *desk) ButtonToken(c approval.Capability) string {
	return strings.TrimSpace("button of " + c.ApprovalID + " " + c.Shown)
}

func (d *desk) URL(c approval.Capability) string { return "https://relay.example/a/" + c.ApprovalID }

// The methods of slack.Observer record its events.
func (d *desk) SlackInteractionAccepted() { d.events = append(d.events, "accepted") }
func (d *desk) SlackInteractionRefused()  { d.events = append(d.events, "refused") }
func (d *desk) SlackInteractionFailed()   { d.events = append(d.events, "failed") }

func (d *desk) Get(context.Context, string) (*approval.Order, error) { return d.order, d.failed }

func (d *desk) Decide(_ context.Context, _ string, decision approval.Decision) (approval.Verdict, error) {
	if d.failed != nil {
		return approval.Verdict{}, d.failed
	}
	v, _, err := d.order.Decide(decision, approval.UnmatchedRetention{}, approval.Environment{Now: began.Add(time.Minute)})
	return v, err
}

func newDesk(t *testing.T, editable bool, change func(*approval.Request)) *desk {
	t.Helper()
	return newDeskOf(t, editable, change, nil)
}

// newDeskOf returns a desk with changed settings of the channel.
func newDeskOf(t *testing.T, editable bool, change func(*approval.Request), settings func(*slack.Config)) *desk {
	t.Helper()
	d := &desk{t: t, slack: start(t), order: &approval.Order{ID: "A-1001"}, now: began}
	d.slack.Now = func() time.Time { return d.now }
	ask := approval.Request{
		Token:     approval.NewToken("task"),
		Workflow:  "refunds",
		Title:     "Refund",
		Policy:    approval.Policy{Kind: approval.PolicyAny},
		Deadline:  began.Add(24 * time.Hour),
		Retention: time.Hour,
		Approvers: []approval.Approver{{ID: "alan@example.com", Nonce: "1"}, {ID: "Barbara", Nonce: "2"}},
	}
	if change != nil {
		change(&ask)
	}
	id, _, err := d.order.AddRequest(ask, approval.Environment{Now: began})
	require.NoError(t, err)
	c := bot(d.slack)
	c.Conversation, c.Users = "C1", map[approval.PersonID]string{"barbara": "U0BARB"}
	if settings != nil {
		settings(&c)
	}
	ch := open(t, c)
	a := d.order.FindApproval(id)
	require.NoError(t, ch.Notify(t.Context(), message(func(m *approval.Message) {
		m.Button = approval.NewToken(d.ButtonToken(approval.Capability{ApprovalID: id, Shown: d.order.ContentDigest(a)}))
		m.Rules = a.DecisionRules
	})))
	verify, err := webhook.NewSlack(signingSecret)
	require.NoError(t, err)
	other, err := webhook.NewSlack("another-secret-0123456789")
	require.NoError(t, err)
	host, err := url.Parse(d.slack.URL)
	require.NoError(t, err)
	d.people = ch.Directory()
	d.in = slack.NewInteractions(slack.InteractionsConfig{
		Apps: []slack.App{{Verify: other.Verify, Directory: d.people},
			{Verify: verify.Verify, Directory: d.people, EditsMessages: editable, Open: ch.OpenModal()}},
		Buttons:  d,
		Decider:  d,
		Orders:   d,
		Client:   d.slack.Client(),
		Hosts:    []string{host.Host},
		Now:      func() time.Time { return d.now },
		Observer: d,
		Refusals: d,
		Log:      slog.New(slog.NewTextHandler(&d.log, nil)),
	})
	return d
}

func (d *desk) send(r *http.Request) int {
	rec := httptest.NewRecorder()
	d.in.ServeHTTP(rec, r)
	d.in.Wait()
	return rec.Code
}

func (d *desk) press(u slacktest.User, action string) int {
	return d.send(d.slack.PressButton(signingSecret, began, u, d.slack.Messages()[0], action))
}

// lastReply returns the last reply to Slack, or the empty text.
func (d *desk) lastReply() string {
	if s := d.slack.Answers(); len(s) > 0 {
		return s[len(s)-1]
	}
	return ""
}

func TestPress(t *testing.T) {
	t.Parallel()
	d := newDesk(t, true, nil)
	require.Equal(t, http.StatusOK, d.press(alan, "reject"))
	a := d.order.Approvals[0]
	require.Equal(t, approval.Rejected, a.Status)
	require.Equal(t, "alan@example.com", a.Votes[0].By)
	require.Equal(t, approval.ViaChat, a.Votes[0].Via)
	require.Empty(t, d.lastReply(), "the message is edited for all")

	require.Equal(t, http.StatusOK, d.press(alan, "reject"), "a second click")
	require.Len(t, a.Votes, 1)
	require.Equal(t, http.StatusOK, d.press(alan, "approve"))
	require.Contains(t, d.lastReply(), "contradicts an earlier decision")
	require.Contains(t, d.lastReply(), `"response_type":"ephemeral"`)
	require.Contains(t, d.lastReply(), `"replace_original":false`)
	require.Equal(t, []string{"accepted", "accepted", "refused"}, d.events)
}

func TestPressesByOthers(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		user slacktest.User
		by   string // nobody where empty
	}{
		"known by e-mail":                    {alan, "alan@example.com"},
		"configured":                         {slacktest.User{ID: "U0BARB"}, "barbara"},
		"of another workspace, same address": {slacktest.User{ID: "U0EVE", Email: "alan@example.com", Team: "T0OTHER"}, ""},
		"says to be of this, but is not":     {slacktest.User{ID: "U0EVE"}, ""},
		"gone":                               {slacktest.User{ID: "U0GONE"}, ""},
		"a bot":                              {slacktest.User{ID: "U0BOT"}, ""},
	} {
		d := newDesk(t, true, func(a *approval.Request) {
			a.Approvers = append(a.Approvers, approval.Approver{ID: "gone@example.com"},
				approval.Approver{ID: "bot@example.com"})
		})
		require.Equal(t, http.StatusOK, d.press(tc.user, "approve"), name)
		a := d.order.Approvals[0]
		if tc.by == "" {
			require.Equal(t, approval.Pending, a.Status, name)
			require.Contains(t, d.lastReply(), "You are not asked to decide this", name)
			continue
		}
		require.Equal(t, approval.Approved, a.Status, name)
		require.Equal(t, tc.by, a.Votes[0].By, name)
	}
}

func TestApprovalOpenToEverybody(t *testing.T) {
	t.Parallel()
	d := newDesk(t, false, func(a *approval.Request) { a.Approvers = nil })
	require.Equal(t, http.StatusOK, d.press(slacktest.User{ID: "U0BOT"}, "approve"))
	require.Equal(t, "slack:U0BOT", d.order.Approvals[0].Votes[0].By)
	require.Contains(t, d.lastReply(), `"replace_original":true`, "nobody else edits the message")
	require.Contains(t, d.lastReply(), "Approved")
	require.NotContains(t, d.lastReply(), `"actions"`)
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*approval.Request){
		"a more secure way than Slack": func(a *approval.Request) { a.MinAssurance = approval.AssuranceSSO },
		"requested this yourself":      func(a *approval.Request) { a.Requester = "alan@example.com" },
		"Others must still decide": func(a *approval.Request) {
			a.Policy = approval.Policy{Kind: approval.PolicyAll}
		},
	} {
		d := newDesk(t, true, change)
		require.Equal(t, http.StatusOK, d.press(alan, "approve"))
		require.Contains(t, d.lastReply(), want)
		require.Equal(t, approval.Pending, d.order.Approvals[0].Status)
	}
	d := newDesk(t, true, nil)
	d.order.Advance(approval.Environment{Now: began.Add(24 * time.Hour)})
	d.press(alan, "approve")
	require.Contains(t, d.lastReply(), "too late")
	d = newDesk(t, true, nil)
	_, _, err := d.order.AddRequest(approval.Request{
		Token:    approval.NewToken("2"),
		Workflow: "refunds",
		Policy:   approval.Policy{Kind: approval.PolicyAny},
		Deadline: began.Add(time.Hour),
	}, approval.Environment{Now: began})
	require.NoError(t, err)
	d.press(alan, "approve")
	require.Contains(t, d.lastReply(), "in the newer message")
}

func TestRequestsNotFromSlack(t *testing.T) {
	t.Parallel()
	d := newDesk(t, true, nil)
	good := func() *http.Request {
		return d.slack.PressButton(signingSecret, began, alan, d.slack.Messages()[0], "approve")
	}
	forged := good()
	forged.Header.Set("X-Slack-Signature", "v0="+strings.Repeat("0", 64))
	unsigned := good()
	unsigned.Header.Del("X-Slack-Signature")
	for name, r := range map[string]*http.Request{
		"forged":         forged,
		"unsigned":       unsigned,
		"old":            d.slack.PressButton(signingSecret, began.Add(-6*time.Minute), alan, d.slack.Messages()[0], "approve"),
		"of another app": d.slack.PressButton("third-secret-0123456789", began, alan, d.slack.Messages()[0], "approve"),
	} {
		require.Equal(t, http.StatusUnauthorized, d.send(r), name)
	}
	for name, r := range map[string]*http.Request{
		"JSON":       slacktest.SignRequest(signingSecret, began, "application/json", `{}`),
		"no payload": slacktest.SignRequest(signingSecret, began, "application/x-www-form-urlencoded", "a=b"),
		"two payloads": slacktest.SignRequest(signingSecret, began, "application/x-www-form-urlencoded",
			"payload={}&payload={}"),
		"no JSON": slacktest.SignRequest(signingSecret, began, "application/x-www-form-urlencoded", "payload={"),
	} {
		require.Equal(t, http.StatusBadRequest, d.send(r), name)
	}
	tooLong := slacktest.SignRequest(signingSecret, began, "application/x-www-form-urlencoded", "payload="+strings.Repeat("x", 512<<10))
	require.Equal(t, http.StatusRequestEntityTooLarge, d.send(tooLong))
	require.Equal(t, http.StatusOK,
		d.send(slacktest.SignRequest(signingSecret, began, "application/x-www-form-urlencoded",
			"payload="+url.QueryEscape(`{"type":"view_closed"}`))))
	require.Equal(t, http.StatusOK, d.press(alan, "open"), "a link was opened")
	require.Equal(t, approval.Pending, d.order.Approvals[0].Status)
	require.Empty(t, d.slack.Answers())
}

func TestForgedButton(t *testing.T) {
	t.Parallel()
	d := newDesk(t, true, nil)
	m := d.slack.Messages()[0]
	m.Blocks[len(m.Blocks)-1].Elements[0].Value = "made up"
	require.Equal(t, http.StatusOK, d.send(d.slack.PressButton(signingSecret, began, alan, m, "approve")))
	require.Contains(t, d.lastReply(), "no longer valid")
	require.Equal(t, approval.Pending, d.order.Approvals[0].Status)
}

// After a temporary failure, Slack shows it, and the button can be pressed again.
func TestTemporaryFailure(t *testing.T) {
	t.Parallel()
	d := newDesk(t, true, nil)
	d.slack.FailNext(slacktest.Failure{Method: "users.info", Status: 503})
	require.Equal(t, http.StatusServiceUnavailable, d.press(alan, "approve"), "who it is cannot be known now")
	d.failed = errors.New("disk full")
	require.Equal(t, http.StatusServiceUnavailable, d.press(alan, "approve"))
	d.failed = approval.InvalidField("by", "is too long")
	require.Equal(t, http.StatusOK, d.press(alan, "approve"))
	require.Contains(t, d.lastReply(), "cannot be decided")
	d.failed = nil
	require.Equal(t, http.StatusOK, d.press(alan, "approve"))
	require.Equal(t, approval.Approved, d.order.Approvals[0].Status)
	require.NotContains(t, d.log.String(), slacktest.Token)
}

func TestRepliesGoToSlackOnly(t *testing.T) {
	t.Parallel()
	d := newDesk(t, true, nil)
	d.in.Hosts = []string{"hooks.slack.com"}
	require.Equal(t, http.StatusOK, d.press(slacktest.User{ID: "U0BOT"}, "approve"))
	require.Empty(t, d.slack.Answers())
	require.Contains(t, d.log.String(), "not a host of Slack")
}

func FuzzInteraction(f *testing.F) {
	f.Add("payload={}")
	f.Add("payload=" + url.QueryEscape(`{"type":"block_actions","actions":[{"action_id":"approve","value":"x"}],"user":{"id":"U"}}`))
	f.Fuzz(func(t *testing.T, body string) {
		in := slack.NewInteractions(slack.InteractionsConfig{
			Apps:     []slack.App{{Verify: func(time.Time, webhook.Request) error { return nil }}},
			Buttons:  none{},
			Now:      time.Now,
			Observer: &desk{},
			Log:      slog.New(slog.DiscardHandler),
		})
		rec := httptest.NewRecorder()
		in.ServeHTTP(rec, slacktest.SignRequest(signingSecret, began, "application/x-www-form-urlencoded", body))
		in.Wait()
		if rec.Code != http.StatusOK && rec.Code != http.StatusBadRequest {
			t.Errorf("%d", rec.Code)
		}
	})
}

type none struct{}

func (none) ButtonToken(approval.Capability) string { return "" }

func (none) URL(approval.Capability) string { return "" }

func (none) OpenButton(string, time.Time) (approval.Capability, error) {
	return approval.Capability{}, errors.New("not ours")
}

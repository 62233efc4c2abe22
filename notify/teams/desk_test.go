package teams_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/form"
	"github.com/approval-relay/approval-relay/language"
	"github.com/approval-relay/approval-relay/notify/post"
	"github.com/approval-relay/approval-relay/notify/teams"
	"github.com/approval-relay/approval-relay/notify/teams/teamstest"
	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/secret"
)

var began = time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)

// The people in the conversation.
var (
	alan = teamstest.Person{ID: "29:alan", ObjectID: "00000000-0000-0000-0000-00000000000a",
		Email: "alan@example.com", UPN: "aturing@example.com"}
	barbara = teamstest.Person{ID: "29:barbara", ObjectID: "00000000-0000-0000-0000-00000000000b"}
	carol   = teamstest.Person{ID: "29:carol", ObjectID: "00000000-0000-0000-0000-00000000000c", Email: "carol@example.com"}
	guest   = teamstest.Person{ID: "29:guest", ObjectID: "00000000-0000-0000-0000-00000000000d",
		Email: "alan@example.com", UPN: "alan_example.com#EXT#@our.onmicrosoft.com", Role: "guest"}
	foreigner = teamstest.Person{ID: "29:foreign", ObjectID: "00000000-0000-0000-0000-00000000000e",
		Email: "alan@example.com", Tenant: "ffffffff-bbbb-cccc-dddd-eeeeeeeeeeee"}
)

// desk has an order, its card in Teams, and the handler of its buttons.
type desk struct {
	t         *testing.T
	connector *teamstest.Connector
	bot       *teams.Bot
	receipt   string
	order     *approval.Order
	failed    error // of the store
	log       strings.Builder
	in        *teams.Messages
	tag       language.Tag
	now       time.Time
	refused   []refusal.Refusal
	presses   []string // their results
}

func (d *desk) RecordRefusal(_ context.Context, r refusal.Refusal) { d.refused = append(d.refused, r) }

func (d *desk) TeamsInteractionAccepted() { d.presses = append(d.presses, "accepted") }
func (d *desk) TeamsInteractionRefused()  { d.presses = append(d.presses, "refused") }
func (d *desk) TeamsInteractionFailed()   { d.presses = append(d.presses, "failed") }

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

func (d *desk) Get(context.Context, string) (*approval.Order, error) { return d.order, d.failed }

func (d *desk) Decide(_ context.Context, _ string, decision approval.Decision) (approval.Verdict, error) {
	if d.failed != nil {
		return approval.Verdict{}, d.failed
	}
	v, _, err := d.order.Decide(decision, approval.UnmatchedRetention{}, approval.Environment{Now: began.Add(time.Minute)})
	return v, err
}

func botSettings(c *teamstest.Connector) teams.Settings {
	return teams.Settings{
		AppID:        teamstest.AppID,
		AppSecret:    secret.New(teamstest.AppSecret),
		Tenant:       teamstest.Tenant,
		ServiceURL:   c.URL,
		Conversation: teamstest.Conversation,
		LoginURL:     c.LoginURL,
		OpenIDURL:    c.OpenIDURL,
		Reach:        post.Reach{AllowInternal: true},
	}
}

func newDesk(t *testing.T, change func(*approval.Request)) *desk {
	t.Helper()
	d := &desk{t: t, connector: teamstest.StartConnector(t), order: &approval.Order{ID: "A-1001"}, now: began, tag: "en"}
	clock := func() time.Time { return d.now }
	d.connector.Now = clock
	for _, p := range []teamstest.Person{alan, barbara, carol, guest, foreigner} {
		d.connector.AddPerson(p)
	}
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
	_, _, err := d.order.AddRequest(ask, approval.Environment{Now: began})
	require.NoError(t, err)
	d.bot, err = teams.NewBot(teams.BotConfig{Settings: botSettings(d.connector), Now: clock})
	require.NoError(t, err)
	d.receipt, err = d.bot.Post(t.Context(), d.message(approval.NotifyRequest))
	require.NoError(t, err)
	d.in = teams.NewMessages(teams.MessagesConfig{
		Observer: d,
		Bots:     []*teams.Bot{d.bot},
		Buttons:  d,
		Decider:  d,
		Orders:   d,
		Person: func(name string) (string, bool) {
			if name == barbara.ObjectID {
				return "Barbara", true
			}
			return name, false
		},
		Dress:    func(m *approval.Message, _ string) { m.Language = d.tag },
		Now:      clock,
		Log:      slog.New(slog.NewTextHandler(&d.log, nil)),
		Refusals: d,
	})
	return d
}

// message returns the message of the approval as it is now.
func (d *desk) message(kind approval.NotificationKind) approval.Message {
	a := d.order.Approvals[0]
	m := d.order.ComposeMessage(a, &approval.Notification{Kind: kind})
	m.Language = d.tag
	if kind != approval.NotifyOutcome {
		link := d.order.LinkCapability(a, "")
		m.Link = approval.NewToken(d.URL(link))
		link.Shown = d.order.ContentDigest(a)
		m.Button = approval.NewToken(d.ButtonToken(link))
	}
	return m
}

func (d *desk) send(r *http.Request) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	d.in.ServeHTTP(rec, r)
	return rec
}

// press presses a button of a card, and returns the answer to the person.
func (d *desk) press(p teamstest.Person, c teamstest.BotCard, title string, entries map[string]any) teamstest.Answer {
	d.t.Helper()
	b := c.Button(title)
	require.Equal(d.t, "Action.Execute", b.Type, "%s: %s", title, c.Titles())
	rec := d.send(d.connector.Sign(d.connector.Press(p, b, entries), teamstest.Signing{}))
	answer, err := teamstest.ReadAnswer(rec.Code, rec.Body.Bytes())
	require.NoError(d.t, err)
	return answer
}

func (d *desk) card() teamstest.BotCard { return d.connector.Cards()[0] }

// purchase has choices, fields of every kind that Teams shows, and an edit.
func purchase(r *approval.Request) {
	r.Choices = []approval.Choice{
		{ID: "approve", Means: approval.Approve},
		{ID: "up_to", Label: language.Text{"en": "Approve up to a limit", "de": "Bis zu einer Grenze"}, Means: approval.Approve,
			Fields: []string{"limit", "since", "urgent", "kind", "tags", "note"}},
		{ID: "reject", Means: approval.Reject, Comment: approval.CommentRequired},
		{ID: "later", Means: approval.Return, Fields: []string{"at"}},
	}
	f, faults := form.ParseSchema(json.RawMessage(`{"properties": {
		"limit": {"type": "integer", "title": "Limit in EUR [x](https://evil.example)", "minimum": 1, "maximum": 5000, "default": 480},
		"since": {"type": "string", "format": "date"},
		"urgent": {"type": "boolean"},
		"kind": {"type": "string", "oneOf": [{"const": "a", "title": "Of kind A"}, {"const": "b", "title": "Of kind B"}]},
		"tags": {"type": "array", "items": {"type": "string", "enum": ["red, dark", "green"]}, "minItems": 1},
		"note": {"type": "string", "maxLength": 20, "description": "For the buyer"},
		"at": {"type": "string", "format": "date-time"}
	}, "required": ["limit", "kind", "at"]}`))
	if len(faults) > 0 {
		panic(faults[0].Error())
	}
	r.Form = f
}

package teams_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/language"
	"github.com/approval-relay/approval-relay/notify/notifytest"
	"github.com/approval-relay/approval-relay/notify/teams/teamstest"
	"github.com/approval-relay/approval-relay/refusal"
)

func TestPress(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	require.Equal(t, "Approve | Reject | Open the request", d.card().Titles())
	answer := d.press(alan, d.card(), "Reject", map[string]any{"comment": " too dear "})
	a := d.order.Approvals[0]
	require.Equal(t, approval.Rejected, a.Status)
	require.Equal(t, "alan@example.com", a.Votes[0].By)
	require.Equal(t, approval.ViaChat, a.Votes[0].Via)
	require.Equal(t, "too dear", a.Votes[0].Comment)
	require.Contains(t, answer.Card.Text, "alan@example.com rejected: too dear")
	require.Empty(t, answer.Card.Titles())

	require.NoError(t, d.bot.Edit(t.Context(), d.receipt, d.message(approval.NotifyOutcome)))
	require.Contains(t, d.card().Text, "alan@example.com rejected: too dear", "all see it")
	require.Empty(t, d.card().Titles())
	require.Empty(t, d.card().Inputs)
	require.Empty(t, d.refused)
}

// A second press of the same button changes nothing, and a press of another one is refused.
func TestDoublePress(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	first := d.card()
	for range 2 {
		require.Contains(t, d.press(alan, first, "Approve", nil).Card.Text, "alan@example.com approved")
	}
	require.Len(t, d.order.Approvals[0].Votes, 1)
	require.Contains(t, d.press(alan, first, "Reject", nil).Text, "contradicts an earlier decision")
	require.Equal(t, refusal.Decision, d.refused[0].Code)
	require.Equal(t, "teams", d.refused[0].Source)
	_, _, _, lookups := d.connector.Counts()
	require.Equal(t, 1, lookups, "the person is remembered")
}

func TestPressesByOthers(t *testing.T) {
	t.Parallel()
	lying := alan
	lying.ID = carol.ID
	gone := teamstest.Person{ID: "29:gone", ObjectID: "00000000-0000-0000-0000-0000000000ff"}
	noObject := alan
	noObject.ObjectID = ""
	for name, tc := range map[string]struct {
		person teamstest.Person
		by     string
		text   string
	}{
		"by address":              {person: alan, by: "alan@example.com"},
		"by an alias":             {person: barbara, by: "barbara"},
		"a stranger":              {person: carol, text: "You are not asked to decide this. Nothing"},
		"a guest with an address": {person: guest, text: "you are a guest"},
		"of another tenant":       {person: foreigner, text: "another organisation"},
		"with another's ID":       {person: lying, text: "another organisation"},
		"no member":               {person: gone, text: "does not tell this app who you are"},
		"without an object ID":    {person: noObject, text: "does not tell this app who you are"},
	} {
		d := newDesk(t, nil)
		answer := d.press(tc.person, d.card(), "Approve", nil)
		a := d.order.Approvals[0]
		if tc.by != "" {
			require.Equal(t, approval.Approved, a.Status, name)
			require.Equal(t, tc.by, strings.ToLower(a.Votes[0].By), name)
			continue
		}
		require.Equal(t, approval.Pending, a.Status, name)
		require.Contains(t, answer.Text, tc.text, name)
		require.Len(t, d.refused, 1, name)
	}
}

// An approver may be named by the user principal name. A requester does not decide under another name.
func TestNamesOfOnePerson(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(r *approval.Request) { r.Approvers = []approval.Approver{{ID: "aturing@example.com"}} })
	d.press(alan, d.card(), "Approve", nil)
	require.Equal(t, "aturing@example.com", d.order.Approvals[0].Votes[0].By)

	for _, requester := range []string{"alan@example.com", "aturing@example.com"} {
		d = newDesk(t, func(r *approval.Request) {
			r.Requester = requester
			r.Approvers = []approval.Approver{{ID: "alan@example.com"}, {ID: "aturing@example.com"}}
		})
		require.Contains(t, d.press(alan, d.card(), "Approve", nil).Text, "You requested this yourself", requester)
		require.Equal(t, approval.Pending, d.order.Approvals[0].Status)
	}
	d = newDesk(t, func(r *approval.Request) { r.Approvers = nil })
	d.press(guest, d.card(), "Approve", nil)
	require.Equal(t, "teams:"+guest.ObjectID, d.order.Approvals[0].Votes[0].By, "open to everybody")
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(r *approval.Request) { r.MinAssurance = approval.AssuranceSSO })
	require.Contains(t, d.press(alan, d.card(), "Approve", nil).Text, "a more secure way than Teams")
	d = newDesk(t, nil)
	d.order.Advance(approval.Environment{Now: began.Add(24 * time.Hour)})
	require.Contains(t, d.press(alan, d.card(), "Approve", nil).Text, "too late")

	d = newDesk(t, nil)
	forged := d.card()
	for i := range forged.Buttons {
		if forged.Buttons[i].Data != nil {
			forged.Buttons[i].Data["token"] = "made up"
		}
	}
	require.Contains(t, d.press(alan, forged, "Approve", nil).Text, "no longer valid")
	unknown := d.card()
	for i := range unknown.Buttons {
		unknown.Buttons[i].Verb = "other"
		if unknown.Buttons[i].Data != nil {
			unknown.Buttons[i].Data["token"] = d.ButtonToken(approval.Capability{ApprovalID: d.order.Approvals[0].ID})
		}
	}
	require.Contains(t, d.press(alan, unknown, "Approve", nil).Text, "cannot be decided in this way")
	require.Equal(t, approval.Pending, d.order.Approvals[0].Status)
}

// A failure of the store or of the Bot Connector is an error of ours, and the button can be pressed again.
func TestTemporaryFailure(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	d.connector.FailNext = []int{503}
	require.Contains(t, d.press(alan, d.card(), "Approve", nil).Error, "ServiceUnavailable: Your decision could not be recorded")
	d.failed = errors.New("disk full")
	require.NotEmpty(t, d.press(alan, d.card(), "Approve", nil).Error)
	d.failed = nil
	d.press(alan, d.card(), "Approve", nil)
	require.Equal(t, approval.Approved, d.order.Approvals[0].Status)
	d.press(alan, d.card(), "Approve", nil)
	d.press(guest, d.card(), "Approve", nil)
	require.Equal(t, []string{"failed", "failed", "accepted", "accepted", "refused"}, d.presses)
	require.NotContains(t, d.log.String(), teamstest.BotToken)
}

// The votes of a quorum are shown as they come.
func TestQuorum(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(r *approval.Request) { r.Policy = approval.Policy{Kind: approval.PolicyQuorum, Quorum: 2} })
	answer := d.press(alan, d.card(), "Approve", map[string]any{"comment": "fine"})
	require.Contains(t, answer.Card.Text, "Others must still decide")
	require.Empty(t, answer.Card.Button("Approve").Type, "who has voted has nothing left to press")
	require.NoError(t, d.bot.Edit(t.Context(), d.receipt, d.message(approval.NotifyUpdate)))
	require.Contains(t, d.card().Text, "1 of 2 have approved")
	require.Contains(t, d.card().Text, "alan@example.com approved: fine")
	require.Contains(t, d.press(barbara, d.card(), "Approve", nil).Card.Text, "arbara approved")
	require.Equal(t, approval.Approved, d.order.Approvals[0].Status)
}

func TestForm(t *testing.T) {
	t.Parallel()
	d := newDesk(t, purchase)
	require.Equal(t, "Approve | Approve up to a limit… | Reject… | Send back… | Open the request",
		strings.Replace(d.card().Titles(), "later…", "Send back…", 1))
	require.Equal(t, "Action.OpenUrl", d.card().Buttons[3].Type, "Teams has no input for a time")

	shown := d.press(alan, d.card(), "Approve up to a limit…", map[string]any{"comment": "hm"}).Card
	require.Equal(t, "hm", shown.Input("comment").Value, "a comment that was typed before is kept")
	require.InDelta(t, 480.0, shown.Input("field:limit").Value, 0)
	require.Equal(t, "Input.Date", shown.Input("field:since").Type)
	require.Equal(t, approval.Pending, d.order.Approvals[0].Status, "nothing is decided yet")

	wrong := d.press(alan, shown, "Approve up to a limit", map[string]any{
		"field:limit": "9000", "field:kind": "", "field:tags": "0,1", "field:urgent": "true",
		"field:note": strings.Repeat("x", 21), "comment": "hm",
	}).Card
	require.Contains(t, wrong.Text, "5,000")
	require.InDelta(t, 9000.0, wrong.Input("field:limit").Value, 0)
	require.Equal(t, "0,1", wrong.Input("field:tags").Value)
	require.Equal(t, "true", wrong.Input("field:urgent").Value)
	require.Equal(t, "hm", wrong.Input("comment").Value)
	require.Empty(t, d.order.Approvals[0].Votes)
}

// A form that was corrected decides, with numbers as text or as numbers of JSON.
func TestFormCorrected(t *testing.T) {
	t.Parallel()
	for _, limit := range []any{"500", 500} {
		d := newDesk(t, purchase)
		shown := d.press(alan, d.card(), "Approve up to a limit…", nil).Card
		wrong := d.press(alan, shown, "Approve up to a limit", map[string]any{"field:limit": ""}).Card
		d.press(alan, wrong, "Approve up to a limit", map[string]any{
			"field:limit": limit, "field:since": "2026-03-01", "field:urgent": "true", "field:kind": "1", "field:tags": "0",
		})
		a := d.order.Approvals[0]
		require.Equal(t, approval.Approved, a.Status, wrong.Text)
		require.Equal(t, "up_to", a.Votes[0].Choice)
		var values map[string]any
		require.NoError(t, json.Unmarshal(a.Votes[0].Values, &values))
		require.Equal(t, map[string]any{
			"limit": 500.0, "since": "2026-03-01", "urgent": true, "kind": "b", "tags": []any{"red, dark"},
		}, values)
	}
}

// A required comment is asked for, or taken from the shared card.
func TestRequiredComment(t *testing.T) {
	t.Parallel()
	d := newDesk(t, purchase)
	shown := d.press(alan, d.card(), "Reject…", nil).Card
	require.Len(t, shown.Inputs, 1)
	again := d.press(alan, shown, "Reject", map[string]any{"comment": "  "}).Card
	require.NotEmpty(t, again.Button("Reject").Type)
	require.Equal(t, approval.Pending, d.order.Approvals[0].Status)
	back := d.press(alan, again, "Back", nil).Card
	require.Equal(t, d.card().Titles(), back.Titles())
	d.press(alan, back, "Reject…", map[string]any{"comment": "no"})
	require.Equal(t, approval.Rejected, d.order.Approvals[0].Status)
}

// A form is only for those who may decide now.
func TestFormIsNotForOthers(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(r *approval.Request) {
		purchase(r)
		r.Policy = approval.Policy{Kind: approval.PolicyAll}
	})
	require.Contains(t, d.press(carol, d.card(), "Reject…", nil).Text, "You are not asked")
	d.press(alan, d.card(), "Approve", nil)
	require.Contains(t, d.press(alan, d.card(), "Reject…", nil).Text, "already decided")
	d.press(barbara, d.card(), "Approve", nil)
	require.Contains(t, d.press(barbara, d.card(), "Reject…", nil).Text, "already ended")
}

// A press on a card that shows another request than the present one decides nothing.
func TestStaleCard(t *testing.T) {
	t.Parallel()
	d := newDesk(t, purchase)
	old := d.card()
	opened := d.press(alan, old, "Reject…", nil).Card
	d.order.Approvals[0].Title = "Refund of something else"
	d.order.Approvals[0].Details = []approval.Field{{Name: "Amount", Value: "9 EUR"}}
	for _, title := range []string{"Approve", "Reject…"} {
		fresh := d.press(alan, old, title, nil).Card
		require.Contains(t, fresh.Text, "The request has changed since this card was sent", title)
		require.Contains(t, fresh.Text, "9 EUR")
	}
	form := d.press(alan, opened, "Reject", map[string]any{"comment": "no"}).Card
	require.Contains(t, form.Text, "since you opened this form")
	require.Contains(t, form.Text, "9 EUR")
	require.Equal(t, "no", form.Input("comment").Value)
	require.Empty(t, d.order.Approvals[0].Votes)
	d.press(alan, form, "Reject", map[string]any{"comment": "no"})
	require.Equal(t, approval.Rejected, d.order.Approvals[0].Status)
}

func TestGerman(t *testing.T) {
	t.Parallel()
	d := newDesk(t, purchase)
	d.tag = "de"
	var texts []string
	require.NoError(t, d.bot.Edit(t.Context(), d.receipt, d.message(approval.NotifyUpdate)))
	shown := d.press(alan, d.card(), "Bis zu einer Grenze…", nil).Card
	wrong := d.press(alan, shown, "Bis zu einer Grenze", map[string]any{"field:limit": "9000"}).Card
	for _, c := range []teamstest.BotCard{d.card(), shown, wrong} {
		texts = append(texts, c.Text, c.Titles())
		for _, in := range c.Inputs {
			texts = append(texts, in.Label, in.Title)
		}
	}
	texts = append(texts, d.press(carol, d.card(), "Genehmigen", nil).Text)
	notifytest.NoEnglish(t, strings.Join(texts, "\n"))
	require.Contains(t, strings.Join(texts, "\n"), "Zurück")
}

// A card that is too large without any detail has the link in place of its buttons, and a large form is on the page.
func TestLargeCards(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(r *approval.Request) {
		for i := range 25 {
			r.Details = append(r.Details, approval.Field{Name: "Detail", Value: strings.Repeat("ü", 500+i)})
		}
	})
	require.Equal(t, "Approve | Reject | Open the request", d.card().Titles())
	require.Less(t, d.card().Size, 20_000)

	m := d.message(approval.NotifyUpdate)
	m.Button = approval.NewToken(strings.Repeat("b", 15_000))
	require.NoError(t, d.bot.Edit(t.Context(), d.receipt, m))
	require.Equal(t, "Open the request", d.card().Titles())
	require.Empty(t, d.card().Inputs)

	d = newDesk(t, func(r *approval.Request) {
		purchase(r)
		for i := range r.Form.Fields {
			r.Form.Fields[i].Description = language.Text{"en": strings.Repeat("ü", 490)}
			for len(r.Form.Fields[i].Options) > 0 && len(r.Form.Fields[i].Options) < 50 {
				o := r.Form.Fields[i].Options[0]
				o.Value += strings.Repeat("x", len(r.Form.Fields[i].Options))
				o.Title = language.Text{"en": o.Value + strings.Repeat("ü", 200)}
				r.Form.Fields[i].Options = append(r.Form.Fields[i].Options, o)
			}
		}
	})
	require.Equal(t, "Action.OpenUrl", d.card().Button("Approve up to a limit…").Type)
	require.Equal(t, "Action.Execute", d.card().Button("Reject…").Type)
}

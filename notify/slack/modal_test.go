package slack_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/language"
	"github.com/approval-relay/approval-relay/notify/slack/slacktest"
)

func TestFormInModal(t *testing.T) {
	t.Parallel()
	d := newDesk(t, true, purchase)
	require.Equal(t, "choice:approve form:up_to form:reject comment open", buttons(d.slack.Messages()[0]))
	v := d.openForm(alan, "form:up_to")
	require.Equal(t, "Approve up to a limit", v.Title.Text)
	require.Equal(t, "number_input", block(v, "field:limit").Element.Type)
	require.Equal(t, "480", *block(v, "field:limit").Element.InitialValue)
	require.Equal(t, "datetimepicker", block(v, "field:since").Element.Type)
	require.True(t, block(v, "field:urgent").Optional, "a box that is not ticked is an answer")
	require.Equal(t, "Of kind B", block(v, "field:kind").Element.Options[1].Text.Text)
	require.False(t, block(v, "field:kind").Optional)
	require.Equal(t, "For the buyer", block(v, "field:note").Hint.Text)

	wrong := slacktest.Fill{
		"field:limit": "5001",
		"field:tags":  []string{"made up"},
		"field:note":  strings.Repeat("x", 21),
	}
	answer := d.submit(alan, v, wrong)
	require.Len(t, answer.Errors, 4)
	for id, text := range map[string]string{"field:limit": "5,000", "field:kind": "", "field:tags": "", "field:note": "20"} {
		require.Contains(t, answer.Errors[id], text)
		require.NotContains(t, answer.Errors[id], "form.")
	}
	require.Empty(t, d.order.Approvals[0].Votes)

	right := slacktest.Fill{
		"field:limit":  "50",
		"field:since":  "1772452800",
		"field:urgent": []string{"Yes"},
		"field:kind":   "Of kind B",
		"field:tags":   []string{"green", "red"},
		"comment":      "  fine by me ",
	}
	require.True(t, d.submit(alan, v, right).Closed)
	vote := d.order.Approvals[0].Votes[0]
	require.Equal(t, approval.Approved, d.order.Approvals[0].Status)
	require.Equal(t, "up_to", vote.Choice)
	require.Equal(t, "fine by me", vote.Comment)
	require.JSONEq(t, `{"kind": "b", "limit": 50, "since": "2026-03-02T12:00:00Z", "tags": ["red", "green"], "urgent": true}`,
		string(vote.Values))
	require.NotEmpty(t, vote.ShownDigest)

	require.True(t, d.submit(alan, v, right).Closed, "the same again")
	require.Len(t, d.order.Approvals[0].Votes, 1)
	right["field:limit"] = "51"
	end := d.submit(alan, v, right).View
	require.NotNil(t, end, "other values are another decision")
	require.Contains(t, viewTexts(*end), "contradicts an earlier decision")
	require.Contains(t, viewTexts(*end), ">fine by me", "the comment can be copied")
	require.Nil(t, end.Submit)
	require.Equal(t, http.StatusOK, d.press(alan, "form:up_to"))
	require.Contains(t, d.lastReply(), "already ended")
}

func TestRequiredComment(t *testing.T) {
	t.Parallel()
	d := newDesk(t, true, purchase)
	v := d.openForm(alan, "form:reject")
	require.False(t, block(v, "comment").Optional)
	require.NotEmpty(t, d.submit(alan, v, slacktest.Fill{"comment": "  "}).Errors["comment"])
	require.Equal(t, approval.Pending, d.order.Approvals[0].Status)
	require.True(t, d.submit(alan, v, slacktest.Fill{"comment": "too dear"}).Closed)
	require.Equal(t, approval.Rejected, d.order.Approvals[0].Status)
	require.Equal(t, "too dear", d.order.Approvals[0].Votes[0].Comment)
}

// A choice that needs no input decides at once, or with a comment.
func TestCommentWithoutForm(t *testing.T) {
	t.Parallel()
	d := newDesk(t, true, nil)
	v := d.openForm(alan, "comment")
	require.Len(t, block(v, "choice").Element.Options, 2)
	require.NotEmpty(t, d.submit(alan, v, nil).Errors["choice"], "nothing is chosen")
	require.NotEmpty(t, d.submit(alan, v, slacktest.Fill{"choice": "made up"}).Errors["choice"])
	require.True(t, d.submit(alan, v, slacktest.Fill{"choice": "Reject", "comment": "no"}).Closed)
	vote := d.order.Approvals[0].Votes[0]
	require.Equal(t, approval.Rejected, d.order.Approvals[0].Status)
	require.Equal(t, "no", vote.Comment)
	require.Empty(t, vote.Choice)
	require.Empty(t, vote.ShownDigest, "without a form, the vote is what it always was")
}

// The shortcut of a choice that needs input does not decide, whoever makes up its button.
func TestNoShortcut(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"choice:up_to", "choice:reject", "reject", "choice:nothing", "form:nothing"} {
		d := newDesk(t, true, purchase)
		m := d.slack.Messages()[0]
		row := m.Blocks[len(m.Blocks)-1].Elements
		row[0].ActionID = id
		require.Equal(t, http.StatusOK, d.send(d.slack.PressButton(signingSecret, began, alan, m, id)))
		require.Contains(t, d.lastReply(), "open the request", id)
		require.Empty(t, d.order.Approvals[0].Votes, id)
		require.Empty(t, d.slack.Views(), id)
	}
}

func TestFormsForApproversOnly(t *testing.T) {
	t.Parallel()
	eve := slacktest.User{ID: "U0EVE", Email: "alan@example.com", Team: "T0OTHER"}
	barbara := slacktest.User{ID: "U0BARB"}
	for name, tc := range map[string]struct {
		user   slacktest.User
		change func(*approval.Approval)
		want   string
	}{
		"of another workspace": {eve, nil, "You are not asked"},
		"a bot":                {slacktest.User{ID: "U0BOT"}, nil, "You are not asked"},
		"the requester":        {alan, func(a *approval.Approval) { a.Requester = "alan@example.com" }, "requested this yourself"},
		"not sure enough":      {alan, func(a *approval.Approval) { a.MinAssurance = approval.AssuranceSSO }, "more secure way"},
	} {
		d := newDesk(t, true, purchase)
		v := d.openForm(barbara, "form:up_to")
		if tc.change != nil {
			tc.change(d.order.Approvals[0])
		}
		require.Equal(t, http.StatusOK, d.press(tc.user, "form:up_to"), name)
		require.Contains(t, d.lastReply(), tc.want, name)
		require.Len(t, d.slack.Views(), 1, "the form may show what the message does not")
		answer := d.submit(tc.user, v, slacktest.Fill{"field:kind": "Of kind A", "field:tags": []string{"red"}})
		require.NotNil(t, answer.View, name)
		require.Contains(t, viewTexts(*answer.View), tc.want, "a modal of somebody else")
		require.Empty(t, d.order.Approvals[0].Votes, name)
	}
}

func TestRequestChanged(t *testing.T) {
	t.Parallel()
	d := newDesk(t, true, purchase)
	v := d.openForm(alan, "form:up_to")
	d.order.Approvals[0].Details = []approval.Field{{Name: "Amount", Value: "999.00 EUR"}}
	fill := slacktest.Fill{"field:limit": "50", "field:kind": "Of kind A"}
	answer := d.submit(alan, v, fill)
	require.NotNil(t, answer.View)
	require.Contains(t, viewTexts(*answer.View), "has changed since you opened this form")
	require.Contains(t, viewTexts(*answer.View), "*Amount:*\n>999.00 EUR")
	require.Equal(t, block(v, "field:limit"), block(*answer.View, "field:limit"), "Slack keeps what was typed")
	require.Empty(t, d.order.Approvals[0].Votes)
	require.True(t, d.submit(alan, *answer.View, fill).Closed)
	require.Equal(t, approval.Approved, d.order.Approvals[0].Status)

	for _, action := range []string{"choice:approve", "form:up_to"} {
		d = newDesk(t, true, purchase)
		d.order.Approvals[0].Title = "Another title"
		require.Equal(t, http.StatusOK, d.press(alan, action))
		require.Contains(t, d.lastReply(), "has changed since this message was sent")
		require.Empty(t, d.order.Approvals[0].Votes)
		require.Empty(t, d.slack.Views())
	}
}

// A trigger is good for three seconds and one modal.
func TestModalTooLate(t *testing.T) {
	t.Parallel()
	d := newDesk(t, true, purchase)
	late := d.slack.PressButton(signingSecret, began, alan, d.slack.Messages()[0], "form:up_to")
	d.now = began.Add(4 * time.Second)
	require.Equal(t, http.StatusOK, d.send(late))
	require.Contains(t, d.lastReply(), "press the button again")
	require.Empty(t, d.slack.Views())
	d.now = began
	d.openForm(alan, "form:up_to")

	d.slack.FailNext(slacktest.Failure{Method: "views.open", Status: 503})
	require.Equal(t, http.StatusServiceUnavailable, d.press(alan, "form:up_to"))
	d.slack.FailNext(slacktest.Failure{Method: "views.open", Error: "not_allowed_token_type"})
	require.Equal(t, http.StatusOK, d.press(alan, "form:up_to"))
	require.Contains(t, d.lastReply(), "open the request")
	require.NotContains(t, d.log.String(), slacktest.Token)
}

// While the store or Slack fails, the modal stays open with what was typed.
func TestSubmissionFails(t *testing.T) {
	t.Parallel()
	d := newDesk(t, true, purchase)
	v := d.openForm(alan, "form:up_to")
	d.failed = errors.New("disk full")
	_, err := d.submitAs(alan, alan.InTeam(), v, nil)
	require.EqualError(t, err, "status 503")
	d.failed = nil
	require.True(t, d.submit(alan, v, slacktest.Fill{"field:kind": "Of kind A", "field:tags": []string{"red"}}).Closed)

	forged := v
	for _, metadata := range []string{"", "{}", "null", `{"b":"made up","c":"up_to"}`, strings.Repeat("[", 10000)} {
		forged.PrivateMetadata = metadata
		answer := d.submit(alan, forged, nil)
		require.NotNil(t, answer.View, metadata)
		require.Contains(t, viewTexts(*answer.View), "no longer valid")
	}
}

// A modal in a workspace of an organisation is sent by a person of any of its workspaces.
func TestModalInGrid(t *testing.T) {
	t.Parallel()
	for name, payload := range map[string]slacktest.Payload{
		"a sister workspace":   elsewhere.InGrid(org),
		"a whole organisation": elsewhere.OrgWide(org),
	} {
		d := newDesk(t, true, purchase)
		d.slack.Users = append(d.slack.Users, elsewhere, partner)
		d.slack.Home = slacktest.Home{Enterprise: org}
		require.Equal(t, http.StatusOK,
			d.send(d.slack.Press(signingSecret, began, elsewhere, payload, d.slack.Messages()[0], "form:up_to")))
		require.Len(t, d.slack.Views(), 1, name)
		fill := slacktest.Fill{"field:kind": "Of kind A"}
		answer, err := d.submitAs(partner, partner.InGrid(otherOrg), d.slack.Views()[0], fill)
		require.NoError(t, err, name)
		require.NotNil(t, answer.View, "of another organisation")
		answer, err = d.submitAs(elsewhere, payload, d.slack.Views()[0], fill)
		require.NoError(t, err, name)
		require.True(t, answer.Closed, name)
		require.Equal(t, "alan@example.com", d.order.Approvals[0].Votes[0].By)
	}
}

// Of two apps, the one in whose workspace the button was pressed opens the modal.
func TestModalOfTwoApps(t *testing.T) {
	t.Parallel()
	d := newDesk(t, true, purchase)
	other := start(t)
	other.Home = slacktest.Home{Team: "T0ELSE"}
	second := open(t, bot(other))
	apps := d.in.Apps
	apps[0].Verify, apps[0].Directory, apps[0].Open = apps[1].Verify, second.Directory(), second.OpenModal()
	d.openForm(alan, "form:up_to")
	require.Empty(t, other.Views())
}

func TestModalInGerman(t *testing.T) {
	t.Parallel()
	d := newDesk(t, true, purchase)
	d.in.Language = func(approver, workflow string) language.Tag {
		if approver == "alan@example.com" && workflow == "refunds" {
			return "de-AT"
		}
		return ""
	}
	v := d.openForm(alan, "form:up_to")
	require.Equal(t, "Bis zu einer Grenze", v.Title.Text)
	require.Equal(t, "Kommentar", block(v, "comment").Label.Text)
	require.Contains(t, d.submit(alan, v, slacktest.Fill{"field:limit": "0"}).Errors["field:limit"], "1")
	require.True(t, d.submit(alan, v, slacktest.Fill{"field:limit": "1", "field:kind": "Of kind A"}).Closed)
}

// A press on an outdated message of a webhook replaces it by what it is now.
func TestOutdatedMessageOfWebhook(t *testing.T) {
	t.Parallel()
	d := newDeskOf(t, false, purchase, byWebhook)
	d.order.Approvals[0].Title = "Another title"
	require.Equal(t, http.StatusOK, d.press(alan, "choice:approve"))
	require.Len(t, d.slack.Answers(), 2)
	require.Contains(t, d.slack.Answers()[0], "has changed since this message was sent")
	require.Contains(t, d.lastReply(), "Another title")
	require.Empty(t, d.order.Approvals[0].Votes)
}

func FuzzSubmission(f *testing.F) {
	f.Add(`{"b":"x"}`, "field:limit", "v", `{"type":"number_input","value":"5"}`)
	f.Add(`{"b":"x","c":"up_to"}`, "choice", "v", `{"selected_option":{"value":"reject"}}`)
	f.Add("", "", "", "null")
	f.Add("{}", "field:tags", "v", `{"selected_options":[{"value":"99"}],"selected_date_time":1e99}`)
	f.Fuzz(func(t *testing.T, metadata, block, action, state string) {
		if !json.Valid([]byte(state)) {
			t.Skip("Slack sends JSON")
		}
		d := newDesk(t, true, purchase)
		v := d.openForm(alan, "form:up_to")
		if metadata == `{"b":"x","c":"up_to"}` {
			metadata = v.PrivateMetadata
		}
		payload, err := json.Marshal(map[string]any{
			"type": "view_submission",
			"user": map[string]string{"id": alan.ID, "team_id": slacktest.Team},
			"team": map[string]string{"id": slacktest.Team},
			"view": map[string]any{
				"callback_id":      v.CallbackID,
				"private_metadata": metadata,
				"state":            map[string]any{"values": map[string]any{block: map[string]any{action: json.RawMessage(state)}}},
			},
		})
		require.NoError(t, err)
		rec := httptest.NewRecorder()
		d.in.ServeHTTP(rec, slacktest.SignForm(signingSecret, began, string(payload)))
		if rec.Code == http.StatusBadRequest {
			return
		}
		_, err = slacktest.ReadAnswer(v, rec.Code, rec.Header().Get("Content-Type"), rec.Body.Bytes())
		require.NoError(t, err)
		for _, vote := range d.order.Approvals[0].Votes {
			require.Empty(t, d.order.Approvals[0].CheckDecision(approval.Decision{
				Outcome: vote.Outcome, Choice: vote.Choice, Values: vote.Values, Comment: vote.Comment, Via: approval.ViaChat,
			}), "nothing is decided without what its choice needs")
		}
	})
}

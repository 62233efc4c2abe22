package slack_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/notify/slack"
	"github.com/approval-relay/approval-relay/notify/slack/slacktest"
	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/secret"
)

const org, otherOrg = "E0RELAY", "E0OTHER"

// The people of an organisation in Enterprise Grid, and their neighbours. All of them have the address of an approver.
var (
	here      = slacktest.User{ID: "W0HERE", Email: "alan@example.com", Enterprise: org, Teams: []string{slacktest.Team}}
	elsewhere = slacktest.User{ID: "W0ELSE", Email: "alan@example.com", Team: "T0SISTER", Enterprise: org, Teams: []string{"T0SISTER"}}
	// nowhere has the organisation in place of a workspace.
	nowhere = slacktest.User{ID: "W0NOWHERE", Email: "alan@example.com", Team: org, Enterprise: org}
	guest   = slacktest.User{ID: "W0GUEST", Email: "alan@example.com", Guest: true, Enterprise: org, Teams: []string{slacktest.Team}}
	// partner is of another organisation, in a channel that the app shares: Slack does not call such a person a stranger.
	partner = slacktest.User{ID: "W0PARTNER", Email: "alan@example.com", Team: "T0PARTNER", Enterprise: otherOrg,
		Teams: []string{"T0PARTNER"}}
	shared = slacktest.User{ID: "U0SHARED", Email: "alan@example.com", Team: "T0SHARED", Visible: true}
	hidden = slacktest.User{ID: "U0HIDDEN"}
)

// TestPressesInLargeCompanies holds who is believed to be an approver, for each kind of installation.
func TestPressesInLargeCompanies(t *testing.T) {
	t.Parallel()
	workspace := slacktest.Home{}
	inGrid := slacktest.Home{Enterprise: org}
	orgWide := slacktest.Home{Team: org, Enterprise: org}
	silent := slacktest.Home{Silent: true}
	teams := func(list ...string) func(*slack.Config) {
		return func(c *slack.Config) { c.Teams = list }
	}
	people := func(user string) func(*slack.Config) {
		return func(c *slack.Config) { c.Users = map[approval.PersonID]string{"barbara": user} }
	}
	without := func(p slacktest.Payload) slacktest.Payload { p.UserTeam = ""; return p }
	for name, tc := range map[string]struct {
		home     slacktest.Home
		user     slacktest.User
		payload  slacktest.Payload
		settings func(*slack.Config)
		by       string // empty for a refusal
		field    string // of the refusal
	}{
		"a workspace":                       {workspace, alan, alan.InTeam(), nil, "alan@example.com", ""},
		"a workspace, no team of the user":  {workspace, alan, without(alan.InTeam()), nil, "alan@example.com", ""},
		"a workspace, auth.test is unknown": {silent, alan, alan.InTeam(), nil, "alan@example.com", ""},
		"a workspace, a shared channel":     {workspace, shared, shared.InTeam(), nil, "", "user.team_id"},
		"a workspace, a stranger as member": {workspace, shared, without(shared.InTeam()), nil, "", "user.team_id"},
		"a shared channel, unknown home":    {silent, shared, shared.InTeam(), nil, "", "user.team_id"},
		// The payload of some interactions has the team of the user in both places.
		"a shared channel, the user's team": {
			workspace, shared, slacktest.Payload{Team: map[string]string{"id": "T0SHARED"}, UserTeam: "T0SHARED"}, nil, "", "user.team_id",
		},
		"a workspace of a Grid":            {inGrid, here, here.InGrid(org), nil, "alan@example.com", ""},
		"a sister workspace":               {inGrid, elsewhere, elsewhere.InGrid(org), nil, "alan@example.com", ""},
		"a sister workspace, unknown home": {silent, elsewhere, elsewhere.InGrid(org), nil, "alan@example.com", ""},
		"a sister workspace, no team": {
			inGrid, elsewhere, without(elsewhere.InGrid(org)), nil, "alan@example.com", "",
		},
		"a user of the organisation":             {inGrid, nowhere, nowhere.InGrid(org), nil, "alan@example.com", ""},
		"a guest":                                {inGrid, guest, guest.InGrid(org), nil, "alan@example.com", ""},
		"a Grid, another organisation":           {inGrid, partner, partner.InGrid(org), nil, "", "user.team_id"},
		"a Grid, another organisation's payload": {inGrid, partner, partner.InGrid(otherOrg), nil, "", "user.team_id"},
		"a Grid, a visible person":               {inGrid, shared, shared.InGrid(org), nil, "", "user.team_id"},
		"a whole organisation":                   {orgWide, here, here.OrgWide(org), nil, "alan@example.com", ""},
		"a whole organisation, sister":           {orgWide, elsewhere, elsewhere.OrgWide(org), nil, "alan@example.com", ""},
		"a whole organisation, no team at all": {
			orgWide, elsewhere, without(elsewhere.OrgWide(org)), nil, "alan@example.com", "",
		},
		"a whole organisation, unknown home":     {silent, elsewhere, elsewhere.OrgWide(org), nil, "alan@example.com", ""},
		"a whole organisation, another one":      {orgWide, partner, partner.OrgWide(org), nil, "", "user.team_id"},
		"a whole organisation, a visible person": {orgWide, shared, shared.OrgWide(org), nil, "", "user.team_id"},
		"unknown home, visible, no team":         {silent, shared, without(shared.OrgWide(org)), nil, "", "user.team_id"},
		"nothing but null":                       {silent, shared, slacktest.Payload{}, nil, "", "user.team_id"},

		"a partner that is admitted": {
			workspace, shared, shared.InTeam(), teams(slacktest.Team, "T0SHARED"), "alan@example.com", "",
		},
		"an organisation that is admitted": {
			inGrid, partner, partner.InGrid(org), teams(org, otherOrg), "alan@example.com", "",
		},
		"a workspace that is not admitted": {workspace, alan, alan.InTeam(), teams("T0SHARED"), "", "user.team_id"},
		"a sister that is not admitted": {
			inGrid, elsewhere, elsewhere.InGrid(org), teams(slacktest.Team), "", "user.team_id",
		},
		"one of the workspaces of a person": {
			inGrid, elsewhere, elsewhere.InGrid(org), teams("T0SISTER"), "alan@example.com", "",
		},

		"a user of the configuration": {
			workspace, slacktest.User{ID: "U0BARB"}, alan.InTeam(), people("U0BARB"), "barbara", "",
		},
		"the same ID in another workspace": {
			workspace, shared, shared.InTeam(), people(shared.ID), "", "user.team_id",
		},
		"the same ID, unknown home": {
			silent, shared, shared.InTeam(), people(shared.ID), "", "user.team_id",
		},
		"the same ID, the payload's own team": {
			workspace, shared, slacktest.Payload{Team: map[string]string{"id": "T0SHARED"}, UserTeam: "T0SHARED"},
			people(shared.ID), "", "user.team_id",
		},
		"a user of the configuration with a team": {
			workspace, shared, shared.InTeam(), people("T0SHARED/U0SHARED"), "barbara", "",
		},
		"a team of the configuration, another user": {
			workspace, alan, alan.InTeam(), people("T0SHARED/U0ALAN"), "alan@example.com", "",
		},
		"a user of a sister, of the configuration": {
			inGrid, elsewhere, elsewhere.InGrid(org), people("W0ELSE"), "barbara", "",
		},
		"a user of an organisation": {
			inGrid, elsewhere, elsewhere.InGrid(org), people(org + "/W0ELSE"), "barbara", "",
		},
		"a user of another organisation": {
			inGrid, elsewhere, elsewhere.InGrid(org), people(otherOrg + "/W0ELSE"), "alan@example.com", "",
		},
		"no address": {workspace, hidden, hidden.InTeam(), nil, "", "profile.email"},
		"no address, of the configuration": {
			workspace, hidden, hidden.InTeam(), people("U0HIDDEN"), "barbara", "",
		},
		"nobody whom Slack knows": {
			workspace, slacktest.User{ID: "U0NOBODY"}, alan.InTeam(), nil, "", "user",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDeskOf(t, true, nil, tc.settings)
			d.slack.Home = tc.home
			d.slack.Users = []slacktest.User{alan, here, elsewhere, nowhere, guest, partner, shared, hidden}
			press := d.slack.Press(signingSecret, began, tc.user, tc.payload, d.slack.Messages()[0], "approve")
			require.Equal(t, http.StatusOK, d.send(press))
			a := d.order.Approvals[0]
			if tc.by != "" {
				require.Equal(t, approval.Approved, a.Status, d.lastReply())
				require.Equal(t, tc.by, a.Votes[0].By)
				require.Empty(t, d.refused)
				return
			}
			require.Equal(t, approval.Pending, a.Status)
			require.Contains(t, d.lastReply(), `"response_type":"ephemeral"`)
			require.Contains(t, d.lastReply(), "Nothing has changed.")
			require.Len(t, d.refused, 1)
			require.Equal(t, tc.field, d.refused[0].Field)
			require.Equal(t, refusal.SourceSlack, d.refused[0].Source)
			require.NotContains(t, d.refused[0].Detail, tc.user.ID)
			require.Contains(t, d.log.String(), `msg="slack press refused"`)
			require.Contains(t, d.log.String(), "user="+tc.user.ID)
		})
	}
}

// TestStrangersAndOpenApprovals holds that an approval that is open to everybody is open to members only.
func TestStrangersAndOpenApprovals(t *testing.T) {
	t.Parallel()
	for user, counts := range map[*slacktest.User]bool{&hidden: true, &shared: false} {
		d := newDesk(t, true, func(a *approval.Request) { a.Approvers = nil })
		d.slack.Users = append(d.slack.Users, hidden, shared)
		require.Equal(t, http.StatusOK, d.press(*user, "approve"))
		require.Equal(t, counts, d.order.Approvals[0].Status == approval.Approved, user.ID)
	}
}

// TestSlackRefusesTheToken holds that a missing scope or a revoked token is told to both people at once, and that an
// outage is not taken for one.
func TestSlackRefusesTheToken(t *testing.T) {
	t.Parallel()
	for code, temporary := range map[string]bool{
		"missing_scope":  false,
		"invalid_auth":   false,
		"token_revoked":  false,
		"<script>canary": false,
		"internal_error": true,
		"ratelimited":    true,
	} {
		d := newDesk(t, true, nil)
		d.slack.FailNext(slacktest.Failure{Method: "users.info", Error: code})
		status := d.press(alan, "approve")
		require.Equal(t, approval.Pending, d.order.Approvals[0].Status)
		if temporary {
			require.Equal(t, http.StatusServiceUnavailable, status, code)
			require.Empty(t, d.refused, code)
			continue
		}
		require.Equal(t, http.StatusOK, status, code)
		require.Contains(t, d.lastReply(), "may not ask Slack who you are")
		require.Len(t, d.refused, 1)
		require.Equal(t, strings.Contains(d.refused[0].Detail, code), !strings.Contains(code, "canary"), d.refused[0].Detail)
		require.NotContains(t, d.log.String()+d.refused[0].Detail+d.lastReply(), "canary")
		require.Equal(t, http.StatusOK, d.press(alan, "approve"), "the next press asks again")
		require.Equal(t, approval.Approved, d.order.Approvals[0].Status)
	}
	d := newDesk(t, true, nil)
	d.slack.FailNext(slacktest.Failure{Method: "auth.test", Status: 503})
	require.Equal(t, http.StatusServiceUnavailable, d.press(alan, "approve"), "an outage does not make the home unknown")
}

// TestWebhookWithoutToken holds that an app that cannot ask Slack believes only people of the configuration, of its own
// workspace or of the named ones.
func TestWebhookWithoutToken(t *testing.T) {
	t.Parallel()
	barbara := slacktest.User{ID: "U0BARB"}
	foreign := slacktest.User{ID: "U0BARB", Team: "T0OTHER"}
	for name, tc := range map[string]struct {
		user    slacktest.User
		payload slacktest.Payload
		teams   []string
		by      string
		field   string
	}{
		"of the workspace":                {barbara, barbara.InTeam(), nil, "barbara", ""},
		"of another":                      {foreign, foreign.InTeam(), nil, "", "user.team_id"},
		"of another that is named":        {foreign, foreign.InTeam(), []string{"T0OTHER"}, "barbara", ""},
		"of one that is not named":        {barbara, barbara.InTeam(), []string{"T0OTHER"}, "", "user.team_id"},
		"a whole organisation":            {barbara, barbara.OrgWide(org), nil, "", "user.team_id"},
		"a named workspace of it":         {barbara, barbara.OrgWide(org), []string{slacktest.Team}, "barbara", ""},
		"not of the configuration at all": {alan, alan.InTeam(), nil, "", "user"},
	} {
		d := newDeskOf(t, false, nil, func(c *slack.Config) {
			c.WebhookURL = secret.New(strings.TrimSuffix(c.APIURL, "/api/") + "/services/webhook-s3cret-path")
			c.Token, c.Conversation, c.Teams = secret.Text{}, "", tc.teams
		})
		press := d.slack.Press(signingSecret, began, tc.user, tc.payload, d.slack.Messages()[0], "approve")
		require.Equal(t, http.StatusOK, d.send(press), name)
		if tc.by == "" {
			require.Equal(t, approval.Pending, d.order.Approvals[0].Status, name)
			require.Equal(t, tc.field, d.refused[0].Field, name)
			continue
		}
		require.Equal(t, approval.Approved, d.order.Approvals[0].Status, name)
		require.Equal(t, tc.by, d.order.Approvals[0].Votes[0].By, name)
	}
}

// TestRefusalsOfRequests holds that the operator learns why a request was not an interaction, and that nothing of it is
// repeated.
func TestRefusalsOfRequests(t *testing.T) {
	t.Parallel()
	d := newDesk(t, true, nil)
	unsigned := slacktest.SignRequest(signingSecret, began, "application/x-www-form-urlencoded", "payload=canary")
	unsigned.Header.Del("X-Slack-Signature")
	require.Equal(t, http.StatusUnauthorized, d.send(unsigned))
	require.Equal(t, refusal.Missing, d.refused[0].Code)
	require.Contains(t, d.refused[0].Detail, "signing_secrets")
	require.Equal(t, http.StatusBadRequest,
		d.send(slacktest.SignRequest(signingSecret, began, "application/x-www-form-urlencoded", "payload=canary")))
	require.Equal(t, refusal.Format, d.refused[1].Code)
	m := d.slack.Messages()[0]
	for _, b := range m.Blocks {
		for i := range b.Elements {
			b.Elements[i].Value = "canary"
		}
	}
	require.Equal(t, http.StatusOK, d.send(d.slack.PressButton(signingSecret, began, alan, m, "approve")))
	require.Equal(t, refusal.Mismatch, d.refused[2].Code)
	for _, r := range d.refused {
		require.NotContains(t, r.Detail+r.Field+d.log.String(), "canary")
	}
	// What is signed decides how a body is read, and the header Content-Type is not signed.
	press := d.slack.PressButton(signingSecret, began, alan, d.slack.Messages()[0], "approve")
	press.Header.Set("Content-Type", "application/json")
	require.Equal(t, http.StatusOK, d.send(press))
}

// TestAppInSeveralWorkspaces holds that a press is judged by the workspace in which the app was pressed, although all
// installations of an app have one signing secret.
func TestAppInSeveralWorkspaces(t *testing.T) {
	t.Parallel()
	d := newDesk(t, true, nil)
	other := start(t)
	other.Home = slacktest.Home{Team: "T0OTHER"}
	theirs := open(t, bot(other)).Directory()
	ours := d.in.Apps[1]
	d.in.Apps = []slack.App{{Verify: ours.Verify, Directory: theirs}, ours}
	require.Equal(t, http.StatusOK, d.press(alan, "approve"))
	require.Equal(t, approval.Approved, d.order.Approvals[0].Status, d.lastReply())
}

func TestTeams(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		teams   []string
		webhook bool
		fault   string
	}{
		{[]string{"T0123ABCD", "E0123ABCD"}, false, ""},
		{[]string{"T0123ABCD"}, true, ""},
		{[]string{"E0123ABCD"}, true, "teams[0]: needs bot_token: an incoming webhook cannot ask Slack for the members of an organisation"},
		{[]string{"T0123ABCD", "example"}, false, "teams[1]: must be the ID of a workspace (T0123ABCD) or of an organisation (E0123ABCD)"},
	} {
		c := slack.Config{Settings: slack.Settings{Token: secret.New("x"), Teams: tc.teams}}
		if tc.webhook {
			c.Token, c.WebhookURL = secret.Text{}, secret.New("https://hooks.slack.com/x")
		}
		_, err := slack.NewChannel(c)
		if tc.fault == "" {
			require.NoError(t, err)
			continue
		}
		require.EqualError(t, err, tc.fault)
	}
}

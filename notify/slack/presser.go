package slack

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"github.com/approval-relay/approval-relay/outbound"
	"github.com/approval-relay/approval-relay/refusal"
)

// Presser is the user that pressed a button, by Slack's signed payload.
type Presser struct {
	User string // ID
	// Team is the workspace of the user. It is empty if the payload does not state it.
	Team string
	// AppTeam is the workspace of the app. It is empty if the app is installed for an organisation.
	AppTeam string
	// Enterprise is the app's organisation in Enterprise Grid. It is empty outside of Enterprise Grid.
	Enterprise string
}

// team returns the workspace of the user, as far as the payload tells.
func (p Presser) team() string { return cmp.Or(p.Team, p.AppTeam) }

// key returns the key of the presser in the cache.
func (p Presser) key() string {
	return strings.Join([]string{p.User, p.Team, p.AppTeam, p.Enterprise}, " ")
}

// Identity identifies a presser as an approver, as far as possible.
type Identity struct {
	// Approver is the ID of the person as an approver. A member whom Slack does not name has an ID that no approver has,
	// "slack:" and the user ID, and can decide only approvals that are open to everybody.
	Approver string
	// Doubt is the reason why Slack does not name the person. It is nil if Slack names the person.
	Doubt *denial
}

// FindApprover returns the identity of a presser: the approver of the configuration, or the e-mail
// address that Slack has confirmed for a member. Members are those of the workspace or the organisation of the token, or
// of Settings.Teams if that is set. In a shared channel, people of other organisations can press the buttons too.
// The error is a *denial if the user may not decide here; any other error is temporary.
func (d *Directory) FindApprover(ctx context.Context, p Presser) (Identity, error) {
	for _, c := range d.approvers[p.User] {
		if c.team != "" && c.team == p.team() {
			return Identity{Approver: c.approver}, nil
		}
	}
	if d.api == nil {
		return d.findByPayload(p)
	}
	return d.identities.get(p.key(), func() (Identity, error) { return d.findByProfile(ctx, p) })
}

// findByPayload returns the identity of a user without asking Slack. Only people of the configuration are known.
func (d *Directory) findByPayload(p Presser) (Identity, error) {
	isMember := p.AppTeam != "" && p.team() == p.AppTeam
	if len(d.teams) > 0 {
		isMember = p.team() != "" && slices.Contains(d.teams, p.team())
	}
	if !isMember {
		return Identity{}, foreign()
	}
	if approver, ok := d.configured(p.User); ok {
		return Identity{Approver: approver}, nil
	}
	return Identity{Approver: "slack:" + p.User, Doubt: &denial{why: &refusal.Error{
		Code:   refusal.Missing,
		Field:  "user",
		Detail: "the person is not in people.NAME.slack, and an incoming webhook cannot ask Slack for the e-mail address",
	}, key: "slack.refused.no_webhook_person"}}, nil
}

// findByProfile returns the identity of a user by their profile in Slack.
func (d *Directory) findByProfile(ctx context.Context, p Presser) (Identity, error) {
	where, err := d.findHome(ctx)
	if err != nil {
		return Identity{}, err
	}
	approver, isConfigured := d.configured(p.User)
	if isConfigured && len(d.teams) == 0 && p.AppTeam != "" && p.team() == p.AppTeam && (!where.isKnown() || where.team == p.AppTeam) {
		return Identity{Approver: approver}, nil // the profile would add nothing
	}
	var progress outbound.Progress
	info, err := d.api.userInfo(progress.ObserveRequest(ctx), p.User)
	switch {
	case err != nil && isAnswer(err):
		return Identity{}, unknownProfile(err)
	case err != nil:
		return Identity{}, judgeError(ctx, &progress, err)
	case !d.isMember(where, p, info):
		return Identity{}, foreign()
	case info.Deleted, info.IsBot:
		return Identity{Approver: "slack:" + p.User, Doubt: &denial{why: &refusal.Error{
			Code:   refusal.Forbidden,
			Field:  "user",
			Detail: "the account in Slack is deactivated, or it is a bot: its address counts for nobody",
		}, key: "slack.refused.deactivated"}}, nil
	}
	for _, c := range d.approvers[p.User] {
		if c.team == "" || c.team == info.TeamID || c.team == info.Enterprise.EnterpriseID {
			return Identity{Approver: c.approver}, nil
		}
	}
	if info.Profile.Email == "" {
		return Identity{Approver: "slack:" + p.User, Doubt: noAddress()}, nil
	}
	return Identity{Approver: info.Profile.Email}, nil
}

// configured returns the approver of the configuration whose user ID is written without a team.
func (d *Directory) configured(user string) (string, bool) {
	for _, c := range d.approvers[user] {
		if c.team == "" {
			return c.approver, true
		}
	}
	return "", false
}

// isMember reports whether a user may be believed. IsStranger alone does not tell: it is false for the people of other
// organisations in a channel that the app shares with them (https://docs.slack.dev/apis/slack-connect).
func (d *Directory) isMember(where home, p Presser, info *slack.User) bool {
	enterprise := info.Enterprise.EnterpriseID
	if len(d.teams) > 0 {
		return contains(d.teams, info.TeamID) || contains(d.teams, enterprise) ||
			slices.ContainsFunc(info.Enterprise.Teams, func(team string) bool { return contains(d.teams, team) })
	}
	if info.IsStranger {
		return false
	}
	if !where.isKnown() {
		where = home{team: p.AppTeam, enterprise: p.Enterprise}
	}
	if enterprise != "" && enterprise == where.enterprise {
		return true
	}
	return info.TeamID != "" && info.TeamID == where.team && (p.Team == "" || p.Team == info.TeamID)
}

// contains reports whether a list has an ID, and the ID is not empty.
func contains(list []string, id string) bool { return id != "" && slices.Contains(list, id) }

// serves reports whether the directory belongs to the presser's workspace or organisation.
func (d *Directory) serves(ctx context.Context, p Presser) bool {
	if d == nil || d.api == nil {
		return false
	}
	where, err := d.findHome(ctx)
	return err == nil && where.isKnown() && (where.team == p.AppTeam || where.enterprise != "" && where.enterprise == p.Enterprise)
}

// foreign returns the refusal of a person of another organisation.
func foreign() error {
	return &denial{why: &refusal.Error{
		Code:  refusal.Forbidden,
		Field: "user.team_id",
		Detail: "the person belongs to another workspace or organisation than the app; to admit it, name it in " +
			"channels.NAME.slack.teams, or the person in people.NAME.slack as TEAM/USER",
	}, key: "slack.refused.foreign"}
}

// noAddress returns the doubt about a member without an e-mail address.
func noAddress() *denial {
	return &denial{why: &refusal.Error{
		Code:  refusal.Missing,
		Field: "profile.email",
		Detail: "Slack gave no e-mail address for the person: the app lacks the scope users:read.email, or the profile has " +
			"none; people.NAME.slack can name the person",
	}, key: "slack.refused.no_address"}
}

// unknownProfile returns the refusal of a person with a profile that Slack hides.
func unknownProfile(err error) error {
	code := "an unknown error"
	response, ok := errors.AsType[slack.SlackErrorResponse](err)
	if ok && strings.Trim(response.Err, "abcdefghijklmnopqrstuvwxyz_") == "" && len(response.Err) < 60 {
		code = response.Err
	}
	if slices.Contains([]string{"user_not_found", "user_not_visible", "users_not_found"}, code) {
		return &denial{why: &refusal.Error{
			Code:   refusal.Forbidden,
			Field:  "user",
			Detail: "Slack does not show the person to the app (" + code + "): they belong to another workspace or organisation",
		}, key: "slack.refused.invisible"}
	}
	return &denial{why: &refusal.Error{
		Code:   refusal.Missing,
		Field:  "users.info",
		Detail: "Slack refused users.info: " + code + "; the app needs a valid bot_token with users:read and users:read.email",
	}, key: "slack.refused.no_users"}
}

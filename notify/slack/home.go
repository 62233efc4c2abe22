package slack

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/slack-go/slack"

	"github.com/approval-relay/approval-relay/outbound"
)

// home is the workspace of the bot token, and its organisation in Enterprise Grid. The token of an app that is installed
// for a whole organisation has the organisation in both places. It is empty if Slack does not tell.
type home struct {
	team       string // T…, or E…
	enterprise string // E…
}

func (h home) isKnown() bool { return h.team != "" || h.enterprise != "" }

// reaches reports whether a message of the app reaches a user of a team. All workspaces of an organisation share their
// users.
func (h home) reaches(team string, teams []string) bool {
	return !h.isKnown() || team == h.team || h.enterprise != "" || slices.Contains(teams, team)
}

// findHome asks Slack for the home of the token (https://docs.slack.dev/reference/methods/auth.test). A proxy that does
// not have this method leaves the home unknown. An error is temporary.
func (d *Directory) findHome(ctx context.Context) (home, error) {
	return d.homes.get("", func() (home, error) {
		var progress outbound.Progress
		answer, err := d.api.authTest(progress.ObserveRequest(ctx))
		if err == nil {
			return home{team: answer.TeamID, enterprise: answer.EnterpriseID}, nil
		}
		if isAnswer(err) {
			return home{}, nil
		}
		return home{}, judgeError(ctx, &progress, err)
	})
}

// isAnswer reports whether an error is an answer of Slack that would be the same next time.
func isAnswer(err error) bool {
	if response, ok := errors.AsType[slack.SlackErrorResponse](err); ok {
		return !isTemporary(response.Err)
	}
	if status, ok := errors.AsType[slack.StatusCodeError](err); ok {
		return status.Code >= 400 && status.Code < 500
	}
	_, isNoJSON := errors.AsType[*json.SyntaxError](err)
	return isNoJSON
}

// isTemporary reports whether an error code of any method of Slack may pass by itself.
func isTemporary(code string) bool {
	return slices.Contains([]string{
		"internal_error", "fatal_error", "service_unavailable", "request_timeout", "ratelimited", "rate_limited",
		"team_added_to_org", "accesslimited",
	}, code)
}

package slack

import (
	"encoding/json"
	"net/url"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/refusal"
)

// press is the press of a button.
type press struct {
	outcome     approval.Outcome
	button      string // its value
	presser     Presser
	responseURL string
}

// interaction is the payload of an interaction, as far as it is read. Team is null for an app that is installed for a
// whole organisation, and Enterprise is null outside of Enterprise Grid
// (https://docs.slack.dev/reference/interaction-payloads/block_actions-payload).
type interaction struct {
	Type string `json:"type"`
	Team *struct {
		ID string `json:"id"`
	} `json:"team"`
	Enterprise *struct {
		ID string `json:"id"`
	} `json:"enterprise"`
	User struct {
		ID     string `json:"id"`
		TeamID string `json:"team_id"`
	} `json:"user"`
	ResponseURL string `json:"response_url"`
	Actions     []struct {
		ActionID string `json:"action_id"`
		Value    string `json:"value"`
	} `json:"actions"`
}

// blockActions is the type of an interaction with a message.
const blockActions = "block_actions"

// parsePress parses an interaction: a form with JSON in the field payload, whatever the header Content-Type says, because
// the header is not signed. It returns nil for an interaction that is not the press of a deciding button.
func parsePress(body []byte) (*press, error) {
	form, err := url.ParseQuery(string(body))
	if err != nil || len(form["payload"]) != 1 {
		return nil, unreadable("the body is no form with a single field payload")
	}
	var kind struct {
		Type string `json:"type"`
	}
	payload := []byte(form.Get("payload"))
	if json.Unmarshal(payload, &kind) != nil {
		return nil, unreadable("the field payload is no JSON of an interaction")
	}
	if kind.Type != blockActions {
		return nil, nil
	}
	var in interaction
	if json.Unmarshal(payload, &in) != nil {
		return nil, unreadable("the field payload is no JSON of an interaction with a message")
	}
	for _, a := range in.Actions {
		if a.ActionID != actionApprove && a.ActionID != actionReject {
			continue
		}
		if in.User.ID == "" {
			return nil, unreadable("the interaction names no user")
		}
		return &press{
			outcome:     approval.Outcome(a.ActionID),
			button:      a.Value,
			presser:     in.presser(),
			responseURL: in.ResponseURL,
		}, nil
	}
	return nil, nil
}

// presser returns the user of an interaction.
func (in *interaction) presser() Presser {
	p := Presser{User: in.User.ID, Team: in.User.TeamID}
	if in.Team != nil {
		p.AppTeam = in.Team.ID
	}
	if in.Enterprise != nil {
		p.Enterprise = in.Enterprise.ID
	}
	return p
}

// unreadable returns the refusal of a request that Slack would not send.
func unreadable(detail string) error {
	return &refusal.Error{
		Code:   refusal.Format,
		Field:  "payload",
		Detail: detail,
		Public: "no interaction could be read",
	}
}

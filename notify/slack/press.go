package slack

import (
	"encoding/json"
	"net/url"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/refusal"
)

// press is the press of a button.
type press struct {
	// outcome is the decision of a button of an approval without choices of its own. Otherwise choice is the ID of the
	// choice; it is empty for a button that asks for a comment.
	outcome     approval.Outcome
	choice      string
	opensModal  bool
	button      string // its value
	trigger     string // allows one modal, within three seconds
	presser     Presser
	responseURL string
}

// submission is a modal that was sent.
type submission struct {
	metadata string
	state    modalState
	presser  Presser
}

// interaction is the payload of an interaction, as far as it is read. Team is null for an app that is installed for a
// whole organisation, and Enterprise is null outside of Enterprise Grid
// (https://docs.slack.dev/reference/interaction-payloads/block_actions-payload and .../view-interactions-payload).
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
	TriggerID   string `json:"trigger_id"`
	ResponseURL string `json:"response_url"`
	Actions     []struct {
		ActionID string `json:"action_id"`
		Value    string `json:"value"`
	} `json:"actions"`
	View struct {
		CallbackID      string `json:"callback_id"`
		PrivateMetadata string `json:"private_metadata"`
		State           struct {
			Values modalState `json:"values"`
		} `json:"state"`
	} `json:"view"`
}

// The types of the interactions that are handled: with a message, and with a modal.
const (
	blockActions   = "block_actions"
	viewSubmission = "view_submission"
)

// parseInteraction parses an interaction: a form with JSON in the field payload, whatever the header Content-Type says,
// because the header is not signed. It returns a press, a submission, or neither for any other interaction.
func parseInteraction(body []byte) (*press, *submission, error) {
	form, err := url.ParseQuery(string(body))
	if err != nil || len(form["payload"]) != 1 {
		return nil, nil, unreadable("the body is no form with a single field payload")
	}
	var kind struct {
		Type string `json:"type"`
	}
	payload := []byte(form.Get("payload"))
	if json.Unmarshal(payload, &kind) != nil {
		return nil, nil, unreadable("the field payload is no JSON of an interaction")
	}
	if kind.Type != blockActions && kind.Type != viewSubmission {
		return nil, nil, nil
	}
	var in interaction
	if json.Unmarshal(payload, &in) != nil {
		return nil, nil, unreadable("the field payload is no JSON of an interaction with a message or a modal")
	}
	p := in.press()
	isOurs := p != nil || kind.Type == viewSubmission && in.View.CallbackID == modalCallback
	switch {
	case !isOurs:
		return nil, nil, nil
	case in.User.ID == "":
		return nil, nil, unreadable("the interaction names no user")
	case p != nil:
		return p, nil, nil
	}
	return nil, &submission{
		metadata: in.View.PrivateMetadata,
		state:    in.View.State.Values,
		presser:  in.presser(),
	}, nil
}

// press returns the press of the first of our buttons, or nil.
func (in *interaction) press() *press {
	if in.Type != blockActions {
		return nil
	}
	for _, a := range in.Actions {
		p := &press{
			button:      a.Value,
			trigger:     in.TriggerID,
			presser:     in.presser(),
			responseURL: in.ResponseURL,
		}
		if p.setAction(a.ActionID) {
			return p
		}
	}
	return nil
}

// setAction sets the effect of a button. It reports whether the button is ours and has an effect.
func (p *press) setAction(id string) bool {
	switch id {
	case actionApprove, actionReject:
		p.outcome = approval.Outcome(id)
		return true
	case actionComment:
		p.opensModal = true
		return true
	}
	var ok bool
	if p.choice, ok = strings.CutPrefix(id, prefixDecide); ok {
		return p.choice != ""
	}
	p.choice, p.opensModal = strings.CutPrefix(id, prefixForm)
	return p.opensModal && p.choice != ""
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

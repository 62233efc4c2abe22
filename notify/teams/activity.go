package teams

import (
	"encoding/json"
	"strings"

	"github.com/approval-relay/approval-relay/refusal"
)

// activity is an activity of Teams, as far as it is read:
// https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-api-reference, "Activity object", and
// https://learn.microsoft.com/adaptive-cards/authoring-cards/universal-action-model.
type activity struct {
	Type       string `json:"type"`
	Name       string `json:"name"`
	ChannelID  string `json:"channelId"`
	ServiceURL string `json:"serviceUrl"`
	From       struct {
		ID          string `json:"id"`
		AADObjectID string `json:"aadObjectId"`
	} `json:"from"`
	Conversation struct {
		ID string `json:"id"`
	} `json:"conversation"`
	ChannelData struct {
		Tenant struct {
			ID string `json:"id"`
		} `json:"tenant"`
	} `json:"channelData"`
	Value json.RawMessage `json:"value"`
}

// The activities that are answered: the press of a button, and the arrival of the bot in a conversation.
const (
	typeInvoke       = "invoke"
	typeConversation = "conversationUpdate"
	cardAction       = "adaptiveCard/action"
	actionExecute    = "Action.Execute"
)

// The steps of a decision: what a button does. Empty is a press on the shared card.
const (
	stepSend = "send" // sends a form
	stepBack = "back" // leaves a form
)

// The keys of the data of our buttons. The inputs of a card are there too, by their IDs.
const (
	dataToken = "token"
	dataStep  = "step"
)

// press is the press of a button, with the inputs of the card.
type press struct {
	choice string
	token  string
	step   string
	inputs map[string]json.RawMessage
}

// parseActivity reads the body of a request.
func parseActivity(body []byte) (*activity, error) {
	var a activity
	if json.Unmarshal(body, &a) != nil || a.Type == "" {
		return nil, &refusal.Error{
			Code:   refusal.Format,
			Field:  "body",
			Detail: "the body is no activity of a bot",
			Public: "no activity could be read",
		}
	}
	return &a, nil
}

// baseConversation returns the ID of the channel or chat of an activity, without the thread.
func (a *activity) baseConversation() string {
	base, _, _ := strings.Cut(a.Conversation.ID, ";")
	return base
}

// parsePress returns the press of an invoke activity, or nil if it is not of a button of ours.
func (a *activity) parsePress() *press {
	var value struct {
		Action struct {
			Type string                     `json:"type"`
			Verb string                     `json:"verb"`
			Data map[string]json.RawMessage `json:"data"`
		} `json:"action"`
	}
	if json.Unmarshal(a.Value, &value) != nil || value.Action.Type != actionExecute {
		return nil
	}
	p := &press{choice: value.Action.Verb, inputs: value.Action.Data}
	p.token, p.step = p.text(dataToken), p.text(dataStep)
	if p.choice == "" || p.token == "" {
		return nil
	}
	return p
}

// text returns what was typed into an input as text. An input of numbers may send a number.
func (p *press) text(id string) string {
	raw := p.inputs[id]
	var text string
	switch {
	case len(raw) == 0 || string(raw) == "null":
		return ""
	case json.Unmarshal(raw, &text) == nil:
		return text
	}
	return string(raw)
}

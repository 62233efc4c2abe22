package slacktest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Fill has what a person enters in a modal, by block ID: the text of an input, the text of an option, or the texts of
// several options. An input that is not in it keeps its initial value.
type Fill map[string]any

// Submit returns the request that Slack makes when a user submits a modal
// (https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload). Like a hostile client, it does not
// check what is entered.
func Submit(secret string, now time.Time, user User, in Payload, v View, fill Fill) *http.Request {
	person := map[string]string{"id": user.ID, "username": "somebody", "name": "somebody"}
	if in.UserTeam != "" {
		person["team_id"] = in.UserTeam
	}
	values := map[string]any{}
	for _, b := range v.Blocks {
		if b.Type == "input" {
			entered, isFilled := fill[b.BlockID]
			values[b.BlockID] = map[string]any{b.Element.ActionID: b.Element.state(entered, isFilled)}
		}
	}
	payload, _ := json.Marshal(map[string]any{ //nolint:errchkjson // the values are texts
		"type":                  "view_submission",
		"team":                  in.Team,
		"enterprise":            in.Enterprise,
		"api_app_id":            "A0RELAY",
		"trigger_id":            "1.2.submitted",
		"user":                  person,
		"is_enterprise_install": in.OrgWide,
		"response_urls":         []any{},
		"view": map[string]any{
			"id":               v.ID,
			"type":             "modal",
			"callback_id":      v.CallbackID,
			"private_metadata": v.PrivateMetadata,
			"hash":             "1.abc",
			"blocks":           v.Blocks,
			"state":            map[string]any{"values": values},
		},
	})
	return SignForm(secret, now, string(payload))
}

// state returns the state of an element as the payload has it. A value that is not entered is null.
func (e *Input) state(entered any, isFilled bool) map[string]any {
	out := map[string]any{"type": e.Type}
	text, _ := entered.(string)
	switch e.Type {
	case "datepicker":
		out["selected_date"] = orNull(text, isFilled, e.InitialDate)
	case "datetimepicker":
		out["selected_date_time"] = nil
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			out["selected_date_time"] = n
		} else if !isFilled && e.InitialDateTime != nil {
			out["selected_date_time"] = *e.InitialDateTime
		}
	case "static_select", "radio_buttons":
		out["selected_option"] = nil
		if chosen := e.find(text); chosen != nil {
			out["selected_option"] = chosen
		} else if !isFilled && e.InitialOption != nil {
			out["selected_option"] = e.InitialOption
		}
	case "multi_static_select", "checkboxes":
		chosen := []*Option{}
		if !isFilled {
			for i := range e.InitialOptions {
				chosen = append(chosen, &e.InitialOptions[i])
			}
		}
		texts, _ := entered.([]string)
		for _, t := range texts {
			chosen = append(chosen, e.find(t))
		}
		out["selected_options"] = chosen
	default:
		initial := ""
		if e.InitialValue != nil {
			initial = *e.InitialValue
		}
		out["value"] = orNull(text, isFilled, initial)
	}
	return out
}

// find returns the option with a text. A text that no option has is an option that a hostile client makes up.
func (e *Input) find(text string) *Option {
	i := slices.IndexFunc(e.Options, func(o Option) bool { return o.Text.Text == text })
	switch {
	case i >= 0:
		return &e.Options[i]
	case text != "":
		return &Option{Text: Text{Type: "plain_text", Text: text}, Value: text}
	}
	return nil
}

func orNull(text string, isFilled bool, initial string) any {
	if !isFilled {
		text = initial
	}
	if text == "" {
		return nil
	}
	return text
}

// Answer is how Slack goes on after the response to a submission.
type Answer struct {
	Closed bool              // the modal is closed
	Errors map[string]string // shown beside the inputs, by block ID
	View   *View             // replaces the modal
}

// ReadAnswer reads the response to the submission of a modal, as Slack does. The error is for a response that makes Slack
// show "We had some trouble connecting" (https://docs.slack.dev/surfaces/modals#handling_submissions).
func ReadAnswer(submitted View, status int, contentType string, body []byte) (Answer, error) {
	if status != http.StatusOK {
		return Answer{}, fmt.Errorf("status %d", status)
	}
	if len(body) == 0 {
		return Answer{Closed: true}, nil
	}
	var response struct {
		Action string            `json:"response_action"`
		Errors map[string]string `json:"errors"`
		View   json.RawMessage   `json:"view"`
	}
	if contentType != "application/json" || json.Unmarshal(body, &response) != nil {
		return Answer{}, errors.New("the body is not empty and no JSON")
	}
	switch response.Action {
	case "clear":
		return Answer{Closed: true}, nil
	case "errors":
		for id, text := range response.Errors {
			isInput := slices.ContainsFunc(submitted.Blocks, func(b Block) bool { return b.Type == "input" && b.BlockID == id })
			if !isInput || text == "" {
				return Answer{}, fmt.Errorf("errors: %q is no input block of the modal, or has no text", id)
			}
		}
		if len(response.Errors) == 0 {
			return Answer{}, errors.New("errors is empty")
		}
		return Answer{Errors: response.Errors}, nil
	case "update":
		v, code, fault := parseView(response.View)
		if code != "" {
			return Answer{}, fmt.Errorf("view: %s: %s", code, fault)
		}
		v.ID = submitted.ID
		return Answer{View: &v}, nil
	}
	return Answer{}, fmt.Errorf("no response_action %q", response.Action)
}

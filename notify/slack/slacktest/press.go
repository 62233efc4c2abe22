package slacktest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Payload has the fields of the payload that depend on how the app is installed. A nil field is null in the payload, as
// Slack sends it; the empty text leaves a field out.
type Payload struct {
	Team       any // map with id, or nil
	Enterprise any // map with id, or nil
	OrgWide    bool
	// UserTeam is the workspace of the user; the empty text leaves it out.
	UserTeam string
}

// InTeam is the payload of a press in the app's own workspace.
func (u User) InTeam() Payload {
	return Payload{Team: map[string]string{"id": Team, "domain": "relay"}, UserTeam: u.teamID()}
}

// InGrid is the payload of a press in a workspace of an organisation, for an app that is installed in that workspace.
func (u User) InGrid(enterprise string) Payload {
	return Payload{
		Team:       map[string]string{"id": Team, "domain": "relay", "enterprise_id": enterprise, "enterprise_name": "Example"},
		Enterprise: map[string]string{"id": enterprise, "name": "Example"},
		UserTeam:   u.teamID(),
	}
}

// OrgWide is the payload of a press for an app that is installed for a whole organisation: it has no team
// (https://github.com/slackapi/bolt-python/pull/23).
func (u User) OrgWide(enterprise string) Payload {
	return Payload{
		Enterprise: map[string]string{"id": enterprise, "name": "Example"},
		OrgWide:    true,
		UserTeam:   u.teamID(),
	}
}

// PressButton returns the request that Slack makes when a user presses a button of a message. It is signed with the secret.
func (s *Server) PressButton(secret string, now time.Time, user User, m Message, action string) *http.Request {
	return s.Press(secret, now, user, user.InTeam(), m, action)
}

// Press returns the request of a press with a payload of any kind of installation.
func (s *Server) Press(secret string, now time.Time, user User, in Payload, m Message, action string) *http.Request {
	person := map[string]string{"id": user.ID, "username": "somebody", "name": "somebody"}
	if in.UserTeam != "" {
		person["team_id"] = in.UserTeam
	}
	var pressed Element
	for _, b := range m.Blocks {
		for _, e := range b.Elements {
			if e.ActionID == action {
				pressed = e
			}
		}
	}
	payload, _ := json.Marshal(map[string]any{ //nolint:errchkjson // the values are texts
		"type":                  "block_actions",
		"team":                  in.Team,
		"enterprise":            in.Enterprise,
		"api_app_id":            "A0RELAY",
		"trigger_id":            s.newTrigger(now),
		"response_url":          s.URL + "/actions/1",
		"user":                  person,
		"channel":               map[string]string{"id": m.Channel},
		"is_enterprise_install": in.OrgWide,
		"container":             map[string]string{"type": "message", "message_ts": m.Stamp, "channel_id": m.Channel},
		"actions": []map[string]any{{
			"type":      "button",
			"action_id": action,
			"block_id":  "b",
			"value":     pressed.Value,
			"action_ts": "1.5",
		}},
	})
	return SignForm(secret, now, string(payload))
}

// SignForm returns the request of an interaction with this payload.
func SignForm(secret string, now time.Time, payload string) *http.Request {
	return SignRequest(secret, now, "application/x-www-form-urlencoded", url.Values{"payload": {payload}}.Encode())
}

// SignRequest returns a request with the signature of Slack
// (https://docs.slack.dev/authentication/verifying-requests-from-slack).
func SignRequest(secret string, now time.Time, kind, body string) *http.Request {
	r, err := http.NewRequest(http.MethodPost, "/slack/interactions", strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	stamp := strconv.FormatInt(now.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "v0:%s:%s", stamp, body)
	r.Header.Set("Content-Type", kind)
	r.Header.Set("X-Slack-Request-Timestamp", stamp)
	r.Header.Set("X-Slack-Signature", "v0="+hex.EncodeToString(mac.Sum(nil)))
	return r
}

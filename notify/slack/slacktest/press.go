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

// PressButton returns the request that Slack makes when a user presses a button of a message. It is signed with the secret.
func (s *Server) PressButton(secret string, now time.Time, user User, m Message, action string) *http.Request {
	var pressed Element
	for _, b := range m.Blocks {
		for _, e := range b.Elements {
			if e.ActionID == action {
				pressed = e
			}
		}
	}
	payload, _ := json.Marshal(map[string]any{ //nolint:errchkjson // the values are texts
		"type":         "block_actions",
		"team":         map[string]string{"id": Team},
		"api_app_id":   "A0RELAY",
		"response_url": s.URL + "/actions/1",
		"user":         map[string]string{"id": user.ID, "username": "somebody", "team_id": user.teamID()},
		"channel":      map[string]string{"id": m.Channel},
		"container":    map[string]string{"type": "message", "message_ts": m.Stamp, "channel_id": m.Channel},
		"actions": []map[string]any{{
			"type":      "button",
			"action_id": action,
			"block_id":  "b",
			"value":     pressed.Value,
			"action_ts": "1.5",
		}},
	})
	return SignRequest(secret, now, "application/x-www-form-urlencoded", url.Values{"payload": {string(payload)}}.Encode())
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

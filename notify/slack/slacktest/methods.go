package slacktest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// reply is the body of a response of the Web API.
type reply map[string]any

// newRefusal returns the reply with an error code.
func newRefusal(err string) reply { return reply{"ok": false, "error": err} }

// serveMethod serves a method of the Web API. The request is a form with the bot token.
func (s *Server) serveMethod(name string, do func(url.Values) reply) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if f, failed := s.takeFailure(name); failed {
			if f.After {
				_ = r.ParseForm()
				do(r.PostForm)
			}
			if f.Status == http.StatusTooManyRequests {
				w.Header().Set("Retry-After", "17")
			}
			if f.Status != 0 {
				w.WriteHeader(f.Status)
				return
			}
			writeReply(w, newRefusal(f.Error))
			return
		}
		if err := r.ParseForm(); err != nil {
			writeReply(w, newRefusal("invalid_form_data"))
			return
		}
		token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		if token == "" {
			token = r.PostForm.Get("token")
		}
		if token != Token {
			writeReply(w, newRefusal("invalid_auth"))
			return
		}
		writeReply(w, do(r.PostForm))
	}
}

// takeFailure removes and returns the next failure of a method.
func (s *Server) takeFailure(method string) (Failure, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range s.failures {
		if f.Method == method {
			s.failures = append(s.failures[:i:i], s.failures[i+1:]...)
			return f, true
		}
	}
	return Failure{}, false
}

func writeReply(w http.ResponseWriter, v reply) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) //nolint:errchkjson // the values are texts
}

func (s *Server) postMessage(f url.Values) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	to := f.Get("channel")
	if strings.HasPrefix(to, "U") && s.findUser(to) == nil || to == "" {
		return newRefusal("channel_not_found")
	}
	blocks, fault := parseBlocks(f.Get("blocks"))
	if fault != "" {
		return newRefusal(fault)
	}
	m := &Message{
		Channel: strings.Replace(to, "U", "D", 1),
		Stamp:   fmt.Sprintf("1700000000.%06d", len(s.messages)+1),
		Text:    f.Get("text"),
		Blocks:  blocks,
	}
	s.messages = append(s.messages, m)
	return reply{"ok": true, "channel": m.Channel, "ts": m.Stamp}
}

func (s *Server) updateMessage(f url.Values) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	blocks, fault := parseBlocks(f.Get("blocks"))
	if fault != "" {
		return newRefusal(fault)
	}
	for _, m := range s.messages {
		if m.Channel == f.Get("channel") && m.Stamp == f.Get("ts") {
			m.Text, m.Blocks = f.Get("text"), blocks
			m.Edits++
			return reply{
				"ok":      true,
				"channel": m.Channel,
				"ts":      m.Stamp,
				"text":    m.Text,
			}
		}
	}
	return newRefusal("message_not_found")
}

func (s *Server) findUser(id string) *User {
	for i := range s.Users {
		if s.Users[i].ID == id {
			return &s.Users[i]
		}
	}
	return nil
}

func (s *Server) lookupByEmail(f url.Values) reply {
	for _, u := range s.Users {
		if strings.EqualFold(u.Email, f.Get("email")) && !u.Deleted && u.teamID() == Team {
			return reply{"ok": true, "user": u.toJSON()}
		}
	}
	return newRefusal("users_not_found")
}

func (s *Server) userInfo(f url.Values) reply {
	if u := s.findUser(f.Get("user")); u != nil {
		return reply{"ok": true, "user": u.toJSON()}
	}
	return newRefusal("user_not_found")
}

// testAuth answers auth.test (https://docs.slack.dev/reference/methods/auth.test).
func (s *Server) testAuth(url.Values) reply {
	if s.Home.Silent {
		return newRefusal("unknown_method")
	}
	answer := reply{"ok": true, "team_id": cmp.Or(s.Home.Team, Team), "user_id": "U0BOT", "bot_id": "B0BOT"}
	if s.Home.Enterprise != "" {
		answer["enterprise_id"] = s.Home.Enterprise
		answer["is_enterprise_install"] = s.Home.Team == s.Home.Enterprise
	}
	return answer
}

// toJSON returns the user as users.info has it (https://docs.slack.dev/reference/objects/user-object).
func (u User) toJSON() map[string]any {
	profile := map[string]string{"real_name": "Somebody"}
	if u.Email != "" {
		profile["email"] = u.Email
	}
	out := map[string]any{
		"id":                  u.ID,
		"team_id":             u.teamID(),
		"deleted":             u.Deleted,
		"is_bot":              u.Bot,
		"is_restricted":       u.Guest,
		"is_ultra_restricted": false,
		"profile":             profile,
	}
	if u.teamID() != Team && u.Enterprise == "" {
		out["is_stranger"] = !u.Visible
	}
	if u.Enterprise != "" {
		out["enterprise_user"] = map[string]any{
			"id":            u.ID,
			"enterprise_id": u.Enterprise,
			"is_admin":      false,
			"teams":         u.Teams,
		}
	}
	return out
}

func (u User) teamID() string {
	if u.Team == "" {
		return Team
	}
	return u.Team
}

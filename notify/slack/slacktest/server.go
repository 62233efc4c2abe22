// Package slacktest is a Slack that enforces what Slack enforces of us: the
// shapes and limits of Block Kit, credentials, and who is who. Tests press its
// buttons.
package slacktest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// Token is the bot token that the server takes, Team its workspace.
const (
	Token = "xoxb-canary-0123456789-abcdefghij" //nolint:gosec // nobody's
	Team  = "T0RELAY"
)

// User is a member of the workspace, or a guest of another.
type User struct {
	ID, Email, Team string
	Deleted, Bot    bool
}

// Message is a message as it is now.
type Message struct {
	Channel, Stamp, Text string
	Blocks               []Block
	Edits                int
}

// Block is a block of Block Kit, as far as we use them.
type Block struct {
	Type     string    `json:"type"`
	Text     *Text     `json:"text"`
	Elements []Element `json:"elements"`
}

// Text is a text object.
type Text struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// Element is a button, or a text in a context block.
type Element struct {
	Type     string          `json:"type"`
	ActionID string          `json:"action_id"`
	Value    string          `json:"value"`
	URL      string          `json:"url"`
	Label    json.RawMessage `json:"text"`
	Confirm  json.RawMessage `json:"confirm"`
}

// Server is the Slack.
type Server struct {
	*httptest.Server
	Users []User

	mu       sync.Mutex
	messages []*Message
	said     []json.RawMessage // at response URLs
	fail     []Failure
}

// Failure is what the server does instead, once.
type Failure struct {
	Method string // such as chat.postMessage; "webhook"
	Status int    // 0 is 200 with Error
	Error  string
	After  bool // having done what was asked: the reply is lost
}

// Start returns a running server. It is to be closed.
func Start(users ...User) *Server {
	s := &Server{Users: users}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/chat.postMessage", s.api("chat.postMessage", s.post))
	mux.HandleFunc("POST /api/chat.update", s.api("chat.update", s.update))
	mux.HandleFunc("POST /api/users.lookupByEmail", s.api("users.lookupByEmail", s.byEmail))
	mux.HandleFunc("POST /api/users.info", s.api("users.info", s.info))
	mux.HandleFunc("POST /services/{secret}", s.webhook)
	mux.HandleFunc("POST /actions/{id}", s.respond)
	s.Server = httptest.NewServer(mux)
	return s
}

// API returns the base of the methods' URLs.
func (s *Server) API() string { return s.URL + "/api/" }

// Webhook returns the URL of an incoming webhook.
func (s *Server) Webhook() string { return s.URL + "/services/webhook-s3cret-path" }

// Fail makes later calls fail, one each.
func (s *Server) Fail(f ...Failure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = append(s.fail, f...)
}

// Messages returns what is in the channels.
func (s *Server) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Message
	for _, m := range s.messages {
		out = append(out, *m)
	}
	return out
}

// Said returns what was said at response URLs.
func (s *Server) Said() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, b := range s.said {
		out = append(out, string(b))
	}
	return out
}

// Press returns the request that Slack makes when a user presses a button of a
// message, signed with the secret.
func (s *Server) Press(secret string, now time.Time, user User, m Message, action string) *http.Request {
	var pressed Element
	for _, b := range m.Blocks {
		for _, e := range b.Elements {
			if e.ActionID == action {
				pressed = e
			}
		}
	}
	payload, _ := json.Marshal(map[string]any{ //nolint:errchkjson // texts
		"type":         "block_actions",
		"team":         map[string]string{"id": Team},
		"api_app_id":   "A0RELAY",
		"response_url": s.URL + "/actions/1",
		"user":         map[string]string{"id": user.ID, "username": "somebody", "team_id": user.team()},
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
	return Sign(secret, now, "application/x-www-form-urlencoded", url.Values{"payload": {string(payload)}}.Encode())
}

// Sign returns a request with Slack's signature
// (https://docs.slack.dev/authentication/verifying-requests-from-slack).
func Sign(secret string, now time.Time, kind, body string) *http.Request {
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

func (u User) team() string {
	if u.Team == "" {
		return Team
	}
	return u.Team
}

type reply map[string]any

func refuse(err string) reply { return reply{"ok": false, "error": err} }

// api serves a method of the Web API: a form with the bot's token.
func (s *Server) api(method string, do func(url.Values) reply) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if f, failed := s.failure(method); failed {
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
			write(w, refuse(f.Error))
			return
		}
		if err := r.ParseForm(); err != nil {
			write(w, refuse("invalid_form_data"))
			return
		}
		token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		if token == "" {
			token = r.PostForm.Get("token")
		}
		if token != Token {
			write(w, refuse("invalid_auth"))
			return
		}
		write(w, do(r.PostForm))
	}
}

func (s *Server) failure(method string) (Failure, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range s.fail {
		if f.Method == method {
			s.fail = append(s.fail[:i:i], s.fail[i+1:]...)
			return f, true
		}
	}
	return Failure{}, false
}

func write(w http.ResponseWriter, v reply) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) //nolint:errchkjson // a test's
}

func (s *Server) post(f url.Values) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	to := f.Get("channel")
	if strings.HasPrefix(to, "U") && s.user(to) == nil || to == "" {
		return refuse("channel_not_found")
	}
	blocks, fault := parse(f.Get("blocks"))
	if fault != "" {
		return refuse(fault)
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

func (s *Server) update(f url.Values) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	blocks, fault := parse(f.Get("blocks"))
	if fault != "" {
		return refuse(fault)
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
	return refuse("message_not_found")
}

func (s *Server) user(id string) *User {
	for i := range s.Users {
		if s.Users[i].ID == id {
			return &s.Users[i]
		}
	}
	return nil
}

func (s *Server) byEmail(f url.Values) reply {
	for _, u := range s.Users {
		if strings.EqualFold(u.Email, f.Get("email")) && !u.Deleted && u.team() == Team {
			return reply{"ok": true, "user": u.json()}
		}
	}
	return refuse("users_not_found")
}

func (s *Server) info(f url.Values) reply {
	if u := s.user(f.Get("user")); u != nil {
		return reply{"ok": true, "user": u.json()}
	}
	return refuse("user_not_found")
}

func (u User) json() map[string]any {
	return map[string]any{
		"id":          u.ID,
		"team_id":     u.team(),
		"deleted":     u.Deleted,
		"is_bot":      u.Bot,
		"is_stranger": u.team() != Team,
		"profile":     map[string]string{"email": u.Email},
	}
}

func (s *Server) webhook(w http.ResponseWriter, r *http.Request) {
	if f, failed := s.failure("webhook"); failed {
		w.WriteHeader(f.Status)
		return
	}
	var m struct {
		Text   string          `json:"text"`
		Blocks json.RawMessage `json:"blocks"`
	}
	err := json.NewDecoder(r.Body).Decode(&m)
	blocks, fault := parse(string(m.Blocks))
	if err != nil || fault != "" || r.PathValue("secret") != "webhook-s3cret-path" {
		http.Error(w, "invalid_payload", http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages = append(s.messages, &Message{Channel: "webhook", Text: m.Text, Blocks: blocks})
}

func (s *Server) respond(_ http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said = append(s.said, b)
}

// parse reads blocks, and returns Slack's error for what breaks a limit
// (https://docs.slack.dev/reference/block-kit/blocks/ and .../block-elements/button-element).
func parse(text string) ([]Block, string) {
	var blocks []Block
	if err := json.Unmarshal([]byte(text), &blocks); err != nil || len(blocks) == 0 || len(blocks) > 50 {
		return nil, "invalid_blocks"
	}
	if len(text) > 40000 {
		return nil, "msg_blocks_too_long"
	}
	for _, b := range blocks {
		if !b.fits() {
			return nil, "invalid_blocks"
		}
	}
	return blocks, ""
}

func (b Block) fits() bool {
	switch b.Type {
	case "header":
		return b.Text != nil && b.Text.Type == "plain_text" && within(b.Text.Text, 150)
	case "section":
		return b.Text != nil && within(b.Text.Text, 3000)
	case "context":
		return len(b.Elements) > 0 && len(b.Elements) <= 10
	case "actions":
		for _, e := range b.Elements {
			var label Text
			if e.Type != "button" || json.Unmarshal(e.Label, &label) != nil || !within(label.Text, 75) || utf8.RuneCountInString(e.Value) > 2000 || len(e.URL) > 3000 {
				return false
			}
			if e.Confirm != nil && !confirms(e.Confirm) {
				return false
			}
		}
		return len(b.Elements) > 0 && len(b.Elements) <= 25
	}
	return false
}

// confirms checks a confirmation dialog: title 100, text 300, buttons 30
// (https://docs.slack.dev/reference/block-kit/composition-objects/confirmation-dialog-object).
func confirms(raw json.RawMessage) bool {
	var c struct{ Title, Text, Confirm, Deny Text }
	return json.Unmarshal(raw, &c) == nil && within(c.Title.Text, 100) && within(c.Text.Text, 300) && within(c.Confirm.Text, 30) && within(c.Deny.Text, 30)
}

func within(s string, most int) bool { n := utf8.RuneCountInString(s); return n > 0 && n <= most }

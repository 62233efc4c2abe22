// Package slacktest is a Slack server for tests. It enforces the shapes and limits of Block Kit, the credentials and the
// membership of users. Tests press the buttons of its messages.
package slacktest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"
)

// Token is the bot token that the server accepts, Team its workspace.
const (
	Token = "xoxb-canary-0123456789-abcdefghij" //nolint:gosec // it is not a real token
	Team  = "T0RELAY"
)

// User is a member of the workspace, a member of another workspace of its organisation, or a person of another
// organisation.
type User struct {
	ID      string
	Email   string // empty if the profile has none, or the app may not read it
	Team    string // empty means Team
	Deleted bool
	Bot     bool
	Guest   bool
	// Enterprise is the organisation in Enterprise Grid, and Teams are the user's workspaces in it.
	Enterprise string
	Teams      []string
	// Visible is set for a person of another organisation who is in a channel that the app shares with them: Slack calls
	// only the others strangers.
	Visible bool
}

// Message is a message in its current form.
type Message struct {
	Channel string
	Stamp   string
	Text    string
	Blocks  []Block
	Edits   int
}

// Server is the Slack server.
type Server struct {
	*httptest.Server
	Users []User
	// Home is what auth.test says about the token: its workspace or organisation.
	Home Home
	// Now is the clock by which triggers expire; nil means that they do not.
	Now func() time.Time

	mu       sync.Mutex
	messages []*Message
	answers  []json.RawMessage // at response URLs
	failures []Failure
	triggers map[string]*trigger
	views    []View
}

// Home is the workspace and the organisation of a token. The token of an app that is installed for a whole organisation
// has the organisation in both fields.
type Home struct {
	Team       string // empty means Team
	Enterprise string
	// Silent makes the server not know the method auth.test, as some proxies.
	Silent bool
}

// Failure replaces the response to a call.
type Failure struct {
	Method string // such as chat.postMessage; "webhook"
	Status int    // 0 is 200 with Error
	Error  string
	After  bool // the call is carried out, and its response is lost
}

// StartServer returns a running server. The caller closes it.
func StartServer(users ...User) *Server {
	s := &Server{Users: users}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/chat.postMessage", s.serveMethod("chat.postMessage", s.postMessage))
	mux.HandleFunc("POST /api/chat.update", s.serveMethod("chat.update", s.updateMessage))
	mux.HandleFunc("POST /api/users.lookupByEmail", s.serveMethod("users.lookupByEmail", s.lookupByEmail))
	mux.HandleFunc("POST /api/auth.test", s.serveMethod("auth.test", s.testAuth))
	mux.HandleFunc("POST /api/users.info", s.serveMethod("users.info", s.userInfo))
	mux.HandleFunc("POST /api/views.open", s.openView)
	mux.HandleFunc("POST /services/{secret}", s.postToWebhook)
	mux.HandleFunc("POST /actions/{id}", s.recordAnswer)
	s.Server = httptest.NewServer(mux)
	return s
}

// APIURL returns the base of the methods' URLs.
func (s *Server) APIURL() string { return s.URL + "/api/" }

// WebhookURL returns the URL of an incoming webhook.
func (s *Server) WebhookURL() string { return s.URL + "/services/webhook-s3cret-path" }

// FailNext makes later calls fail, one call for each failure.
func (s *Server) FailNext(failures ...Failure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failures = append(s.failures, failures...)
}

// Messages returns the messages of all channels, in their order.
func (s *Server) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Message
	for _, m := range s.messages {
		out = append(out, *m)
	}
	return out
}

// Answers returns the bodies that were posted to response URLs.
func (s *Server) Answers() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, b := range s.answers {
		out = append(out, string(b))
	}
	return out
}

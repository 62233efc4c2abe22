// Package googlechattest is an incoming webhook of Google Chat for tests. It accepts the messages that Google Chat
// accepts by its documentation, and refuses any other. It also refuses text that Google Chat would show differently:
//
//   - the request: https://developers.google.com/workspace/chat/quickstart/webhooks
//   - at most 32,000 bytes: https://developers.google.com/workspace/chat/api/reference/rest/v1/spaces.messages/create
//   - the card, with at most 100 widgets:
//     https://developers.google.com/workspace/chat/api/reference/rest/v1/cards#Card
//   - the subset of HTML: https://developers.google.com/workspace/chat/format-messages#card-formatting
package googlechattest

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
)

// The secrets in the URL.
const (
	Key   = "s3cret-key"
	Token = "s3cret-token="
)

// path is the path of the webhook's space.
const path = "/v1/spaces/AAAA1111/messages"

// maxMessage is the longest message, in bytes.
const maxMessage = 32_000

// Webhook is the server.
type Webhook struct {
	// URL is the address of the webhook; its query is secret.
	URL string
	// Status and Header are the response to a valid message.
	Status int
	Header http.Header

	mu       sync.Mutex
	messages []Message
	calls    int
}

// Message is a message as its reader sees it.
type Message struct {
	Text   string // a line for each line that Google Chat shows
	URL    string // of the button
	Thread string // its key
	Body   []byte // of the request
}

// StartWebhook runs a webhook that answers with success, until the test ends.
func StartWebhook(t testing.TB) *Webhook {
	t.Helper()
	w := &Webhook{Status: http.StatusOK}
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	w.URL = server.URL + path + "?key=" + Key + "&token=s3cret-token%3D"
	return w
}

// Messages returns the accepted messages.
func (w *Webhook) Messages() []Message {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.messages)
}

// CountCalls returns the number of requests.
func (w *Webhook) CountCalls() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.calls
}

// ServeHTTP implements http.Handler.
func (w *Webhook) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls++
	query := r.URL.Query()
	body, err := io.ReadAll(r.Body)
	message, invalid := parseMessage(body)
	switch {
	case r.Method != http.MethodPost || r.URL.Path != path:
		writeError(rw, http.StatusNotFound, "NOT_FOUND", "no such space")
	case query.Get("key") != Key || query.Get("token") != Token:
		writeError(rw, http.StatusUnauthorized, "UNAUTHENTICATED", "key or token")
	case query.Get("messageReplyOption") != "REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD": // the thread would be ignored
		writeError(rw, http.StatusBadRequest, "INVALID_ARGUMENT", "messageReplyOption")
	case len(body) > maxMessage:
		writeError(rw, http.StatusBadRequest, "INVALID_ARGUMENT", "the message is too long")
	case err != nil || invalid != nil:
		writeError(rw, http.StatusBadRequest, "INVALID_ARGUMENT", fmt.Sprint(err, invalid))
	case w.Status != http.StatusOK:
		maps.Copy(rw.Header(), w.Header)
		writeError(rw, w.Status, "STATUS", string(body))
	default:
		w.messages = append(w.messages, message)
		rw.Header().Set("Content-Type", "application/json")
		_, _ = rw.Write(body) // Google Chat answers with the message, and so with the link
	}
}

func writeError(rw http.ResponseWriter, status int, code, text string) {
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	_, _ = fmt.Fprintf(rw, `{"error": {"code": %d, "status": %q, "message": %q}}`, status, code, text)
}

// Package discordtest is an incoming webhook of Discord for tests. It accepts the messages that Discord accepts by its
// documentation, and refuses any other. It also refuses text that Discord would show differently:
//
//   - the request: https://discord.com/developers/docs/resources/webhook#execute-webhook
//   - the limits of embeds: https://discord.com/developers/docs/resources/message#embed-object-embed-limits
//   - mentions: https://discord.com/developers/docs/resources/message#allowed-mentions-object
//   - rate limits: https://discord.com/developers/docs/topics/rate-limits
//   - Markdown: https://support.discord.com/hc/en-us/articles/210298617
package discordtest

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

// Token is the secret in the URL.
const Token = "s3cret-webhook-token"

// Webhook is the server.
type Webhook struct {
	// URL is the address of the webhook; its path is secret.
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
	Text string // a line for each line that Discord shows
	URL  string // of the title and of the link in the text
	Body []byte // of the request
}

// StartWebhook runs a webhook that answers with success, until the test ends.
func StartWebhook(t testing.TB) *Webhook {
	t.Helper()
	w := &Webhook{Status: http.StatusOK}
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	w.URL = server.URL + "/api/webhooks/1234567890/" + Token
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
	body, err := io.ReadAll(r.Body)
	message, invalid := parseMessage(body)
	switch {
	case r.Method != http.MethodPost || r.URL.Path != "/api/webhooks/1234567890/"+Token:
		writeError(rw, http.StatusNotFound, 10015, "Unknown Webhook")
	case r.Header.Get("Content-Type") != "application/json":
		writeError(rw, http.StatusBadRequest, 50109, "The request body contains invalid JSON.")
	case err != nil || invalid != nil:
		writeError(rw, http.StatusBadRequest, 50035, fmt.Sprint("Invalid Form Body: ", err, invalid))
	case r.URL.Query().Get("wait") != "true": // success does not mean that the message is stored
		rw.WriteHeader(http.StatusNoContent)
	default:
		w.answer(rw, message)
	}
}

// answer answers a valid message that is confirmed by the response.
func (w *Webhook) answer(rw http.ResponseWriter, m Message) {
	maps.Copy(rw.Header(), w.Header)
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(w.Status)
	switch w.Status {
	case http.StatusOK:
		w.messages = append(w.messages, m)
		_, _ = rw.Write(m.Body) // Discord answers with the message, and so with the link
	case http.StatusTooManyRequests:
		_, _ = io.WriteString(rw, `{"message": "You are being rate limited.", "retry_after": 16.57, "global": false}`)
	default:
		_, _ = rw.Write(m.Body)
	}
}

func writeError(rw http.ResponseWriter, status, code int, text string) {
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	_, _ = fmt.Fprintf(rw, `{"message": %q, "code": %d}`, text, code)
}

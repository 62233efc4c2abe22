// Package teamstest is a workflow of Microsoft Teams for tests. It accepts the messages that Teams accepts by its
// documentation, and refuses any other:
//
//   - the message around the card: https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using
//   - at most 28 KB: https://learn.microsoft.com/connectors/teams/#known-issues-and-limitations-with-actions
//   - the card: https://learn.microsoft.com/adaptive-cards/schema-explorer/adaptive-card
//   - Markdown in TextBlock and FactSet, none in TextRun: https://learn.microsoft.com/adaptive-cards/authoring-cards/text-features
package teamstest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Signature is the secret in the URL.
const Signature = "s3cret-signature"

// maxBody is 28 KB, in bytes.
const maxBody = 28_000

// Workflow is the server.
type Workflow struct {
	// URL is the address of the workflow; its path and query are secret.
	URL string
	// Status and Header are the response to a valid card.
	Status int
	Header http.Header

	mu    sync.Mutex
	cards []Card
	calls int
}

// Card is a card as its reader sees it.
type Card struct {
	Text string // a line for each block
	URL  string // of the button
	Body []byte // of the request
}

// StartWorkflow runs a workflow that answers 202, until the test ends.
func StartWorkflow(t testing.TB) *Workflow {
	t.Helper()
	w := &Workflow{Status: http.StatusAccepted}
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	w.URL = server.URL + "/workflows/s3cret-path/triggers/manual/paths/invoke?sig=" + Signature
	return w
}

// Cards returns the accepted cards.
func (w *Workflow) Cards() []Card {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.cards)
}

// CountCalls returns the number of requests.
func (w *Workflow) CountCalls() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.calls
}

// ServeHTTP implements http.Handler.
func (w *Workflow) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls++
	body, err := io.ReadAll(r.Body)
	card, invalid := parseCard(body)
	switch {
	case r.Method != http.MethodPost || r.URL.Query().Get("sig") != Signature:
		http.Error(rw, "not signed", http.StatusUnauthorized)
	case r.Header.Get("Content-Type") != "application/json":
		http.Error(rw, "no JSON", http.StatusUnsupportedMediaType)
	case len(body) > maxBody:
		http.Error(rw, "Request Entity too large", http.StatusRequestEntityTooLarge)
	case err != nil || invalid != nil:
		http.Error(rw, fmt.Sprint(err, invalid), http.StatusBadRequest)
	default:
		maps.Copy(rw.Header(), w.Header)
		rw.WriteHeader(w.Status)
		if w.Status/100 == 2 {
			w.cards = append(w.cards, card)
		}
		_, _ = rw.Write(body) // an echo of the link
	}
}

// parseCard returns the card of a request, or an error if Teams would refuse it or show its text differently.
func parseCard(body []byte) (Card, error) {
	var m struct {
		Type        string `json:"type"`
		Attachments []struct {
			ContentType string `json:"contentType"`
			Content     struct {
				Schema  string            `json:"$schema"`
				Type    string            `json:"type"`
				Version string            `json:"version"`
				Body    []json.RawMessage `json:"body"`
				Actions []struct {
					Type  string `json:"type"`
					Title string `json:"title"`
					URL   string `json:"url"`
				} `json:"actions"`
				Teams struct {
					Width string `json:"width"`
				} `json:"msteams"`
			} `json:"content"`
		} `json:"attachments"`
	}
	if err := decodeStrictly(body, &m); err != nil {
		return Card{}, err
	}
	if m.Type != "message" || len(m.Attachments) != 1 ||
		m.Attachments[0].ContentType != "application/vnd.microsoft.card.adaptive" {
		return Card{}, fmt.Errorf("no message with one card: %+v", m)
	}
	c := m.Attachments[0].Content
	if c.Type != "AdaptiveCard" || (c.Version != "1.4" && c.Version != "1.5") {
		return Card{}, fmt.Errorf("no card: %+v", c)
	}
	if len(c.Actions) != 1 || c.Actions[0].Type != "Action.OpenUrl" || c.Actions[0].Title == "" {
		return Card{}, fmt.Errorf("no card with one button: %+v", c)
	}
	if u, err := url.Parse(c.Actions[0].URL); err != nil || u.Host == "" {
		return Card{}, fmt.Errorf("the button leads nowhere: %q", c.Actions[0].URL)
	}
	out := Card{URL: c.Actions[0].URL, Body: body}
	for _, raw := range c.Body {
		text, err := showBlock(raw)
		if err != nil {
			return out, err
		}
		out.Text += text + "\n"
	}
	return out, nil
}

// markdown matches text that a TextBlock would not show literally.
var markdown = regexp.MustCompile("[*_`~#<>\\[\\]\\\\]|^[-+]|^[0-9]+\\.|https?:|\\{\\{")

// macro matches text that a client would replace by a date.
var macro = regexp.MustCompile(`\{\{(DATE|TIME)\(`)

// showBlock returns the visible text of an element of a card.
func showBlock(raw json.RawMessage) (string, error) {
	var b struct {
		Type      string `json:"type"`
		Text      string `json:"text"`
		Wrap      bool   `json:"wrap"`
		Subtle    bool   `json:"isSubtle"`
		Size      string `json:"size"`
		Spacing   string `json:"spacing"`
		Separator bool   `json:"separator"`
		Inlines   []struct {
			Type   string `json:"type"`
			Text   string `json:"text"`
			Size   string `json:"size"`
			Weight string `json:"weight"`
			Subtle bool   `json:"isSubtle"`
			Colour string `json:"color"`
			Strike bool   `json:"strikethrough"`
			Select *struct {
				Type string `json:"type"`
				URL  string `json:"url"`
			} `json:"selectAction"` // since version 1.2
		} `json:"inlines"`
	}
	if err := decodeStrictly(raw, &b); err != nil {
		return "", err
	}
	switch {
	case b.Type == "TextBlock" && b.Text != "" && b.Inlines == nil:
		if markdown.MatchString(b.Text) {
			return "", fmt.Errorf("markdown: %q", b.Text)
		}
		return "(" + b.Text + ")", nil
	case b.Type == "RichTextBlock" && b.Text == "" && len(b.Inlines) > 0:
		var text strings.Builder
		for _, r := range b.Inlines {
			if r.Select != nil && (r.Select.Type != "Action.OpenUrl" || !strings.HasPrefix(r.Select.URL, "https://")) {
				return "", fmt.Errorf("no link: %+v", r.Select)
			}
			if r.Type != "TextRun" || strings.ContainsAny(r.Text, "\r\n") || macro.MatchString(r.Text) {
				return "", fmt.Errorf("not a run of text on one line: %+v", r)
			}
			text.WriteString(r.Text)
		}
		return text.String(), nil
	}
	return "", fmt.Errorf("no such element: %s", raw)
}

func decodeStrictly(b []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

package slacktest

import (
	"encoding/json"
	"io"
	"net/http"
)

// postToWebhook serves the incoming webhook.
func (s *Server) postToWebhook(w http.ResponseWriter, r *http.Request) {
	if f, failed := s.takeFailure("webhook"); failed {
		w.WriteHeader(f.Status)
		return
	}
	var m struct {
		Text   string          `json:"text"`
		Blocks json.RawMessage `json:"blocks"`
	}
	err := json.NewDecoder(r.Body).Decode(&m)
	blocks, fault := parseBlocks(string(m.Blocks))
	if err != nil || fault != "" || r.PathValue("secret") != "webhook-s3cret-path" {
		http.Error(w, "invalid_payload", http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages = append(s.messages, &Message{Channel: "webhook", Text: m.Text, Blocks: blocks})
}

// recordAnswer serves the response URLs.
func (s *Server) recordAnswer(_ http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers = append(s.answers, b)
}

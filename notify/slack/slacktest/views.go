package slacktest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"
)

// View is a modal that was opened (https://docs.slack.dev/reference/views/modal-views).
type View struct {
	ID              string  `json:"id"`
	Type            string  `json:"type"`
	Title           *Text   `json:"title"`
	Submit          *Text   `json:"submit"`
	Close           *Text   `json:"close"`
	Blocks          []Block `json:"blocks"`
	PrivateMetadata string  `json:"private_metadata"`
	CallbackID      string  `json:"callback_id"`
}

// trigger is the permission to open a modal that comes with an interaction: it is good for one call, within three seconds
// (https://docs.slack.dev/interactivity/handling-user-interaction#modal_responses).
type trigger struct {
	made time.Time
	used bool
}

const triggerLife = 3 * time.Second

// newTrigger returns the trigger ID of an interaction.
func (s *Server) newTrigger(now time.Time) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.triggers == nil {
		s.triggers = map[string]*trigger{}
	}
	id := fmt.Sprintf("1.2.%d", len(s.triggers)+1)
	s.triggers[id] = &trigger{made: now}
	return id
}

// Views returns the modals that were opened, in their order.
func (s *Server) Views() []View {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]View(nil), s.views...)
}

// openView serves views.open (https://docs.slack.dev/reference/methods/views.open).
func (s *Server) openView(w http.ResponseWriter, r *http.Request) {
	if f, failed := s.takeFailure("views.open"); failed {
		if f.Status != 0 {
			w.WriteHeader(f.Status)
			return
		}
		writeReply(w, newRefusal(f.Error))
		return
	}
	if strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ") != Token {
		writeReply(w, newRefusal("invalid_auth"))
		return
	}
	body, err := io.ReadAll(r.Body)
	var call struct {
		TriggerID string          `json:"trigger_id"`
		View      json.RawMessage `json:"view"`
	}
	if err != nil || json.Unmarshal(body, &call) != nil {
		writeReply(w, newRefusal("invalid_json"))
		return
	}
	view, code, fault := parseView(call.View)
	if code != "" {
		answer := newRefusal(code)
		answer["response_metadata"] = map[string]any{"messages": []string{"[ERROR] " + fault}}
		writeReply(w, answer)
		return
	}
	writeReply(w, s.exchangeTrigger(call.TriggerID, view))
}

// exchangeTrigger opens a view, if the trigger allows it.
func (s *Server) exchangeTrigger(id string, view View) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.triggers[id]
	switch {
	case t == nil:
		return newRefusal("invalid_trigger_id")
	case t.used:
		return newRefusal("exchanged_trigger_id")
	case s.Now != nil && s.Now().Sub(t.made) > triggerLife:
		return newRefusal("expired_trigger_id")
	}
	t.used = true
	view.ID = fmt.Sprintf("V%d", len(s.views)+1)
	s.views = append(s.views, view)
	return reply{"ok": true, "view": map[string]any{"id": view.ID, "type": "modal", "title": view.Title, "blocks": []any{}}}
}

// parseView decodes a modal. It returns the error of Slack if the modal breaks a limit, and what it breaks.
func parseView(raw json.RawMessage) (view View, code, fault string) {
	if len(raw) > 250_000 {
		return View{}, "view_too_large", "the view has more than 250 kB"
	}
	if err := json.Unmarshal(raw, &view); err != nil {
		return View{}, "invalid_arguments", "the view is no JSON of a view"
	}
	if fault := view.fault(); fault != "" {
		return View{}, "invalid_arguments", fault
	}
	return view, "", ""
}

// fault returns the limit that a modal breaks, or the empty text.
func (v View) fault() string {
	hasInput, focused := false, 0
	seen := map[string]bool{}
	for i, b := range v.Blocks {
		if fault := b.faultInModal(); fault != "" {
			return fmt.Sprintf("blocks[%d]: %s", i, fault)
		}
		if b.BlockID != "" && seen[b.BlockID] {
			return fmt.Sprintf("blocks[%d]: its block_id is used twice", i)
		}
		seen[b.BlockID] = true
		if b.Type == "input" {
			hasInput = true
			if b.Element.FocusOnLoad {
				focused++
			}
		}
	}
	switch {
	case v.Type != "modal":
		return "type is not modal"
	case !v.Title.isPlain(24):
		return "title must be plain_text of 1 to 24 characters"
	case v.Submit == nil && hasInput:
		return "submit is required beside an input block"
	case v.Submit != nil && !v.Submit.isPlain(24):
		return "submit must be plain_text of 1 to 24 characters"
	case v.Close != nil && !v.Close.isPlain(24):
		return "close must be plain_text of 1 to 24 characters"
	case len(v.Blocks) == 0 || len(v.Blocks) > 100:
		return "a modal has 1 to 100 blocks"
	case utf8.RuneCountInString(v.PrivateMetadata) > 3000:
		return "private_metadata has more than 3,000 characters"
	case utf8.RuneCountInString(v.CallbackID) > 255:
		return "callback_id has more than 255 characters"
	case focused > 1:
		return "focus_on_load is set twice"
	}
	return ""
}

// faultInModal returns the limit that a block of a modal breaks, or the empty text.
func (b Block) faultInModal() string {
	if utf8.RuneCountInString(b.BlockID) > 255 {
		return "block_id has more than 255 characters"
	}
	if b.Type != "input" {
		if !b.isValid() {
			return "the block is beyond the limits of a " + b.Type
		}
		return ""
	}
	switch {
	case !b.Label.isPlain(2000):
		return "label must be plain_text of 1 to 2,000 characters"
	case b.Hint != nil && !b.Hint.isPlain(2000):
		return "hint must be plain_text of 1 to 2,000 characters"
	case b.Element == nil:
		return "an input block has one element"
	}
	return b.Element.fault()
}

// isPlain reports whether a text is plain_text of 1 to limit characters.
func (t *Text) isPlain(limit int) bool {
	return t != nil && t.Type == "plain_text" && hasLength(t.Text, limit)
}

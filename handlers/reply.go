package handlers

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	"github.com/ThreeDotsLabs/watermill/message"
)

// Fate is what became of a message, for an ingress that must answer its sender.
type Fate struct {
	Err  error
	Body any // what the handler replied, if anything
}

type fateKey struct{}

// WithFate returns a context whose message will report its fate there.
func WithFate(ctx context.Context, fate *Fate) context.Context {
	return context.WithValue(ctx, fateKey{}, fate)
}

// FateOf returns where the message reports its fate, or nil.
func FateOf(msg *message.Message) *Fate {
	fate, _ := msg.Context().Value(fateKey{}).(*Fate)
	return fate
}

// Reply gives the sender of the message an answer, where it waits for one.
func Reply(msg *message.Message, body any) {
	if fate := FateOf(msg); fate != nil {
		fate.Body = body
	}
}

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }

// jsonSize returns how many bytes v takes as JSON.
func jsonSize(v any) int {
	b, _ := json.Marshal(v) // what was read from JSON can be written
	return len(b)
}

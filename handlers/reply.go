package handlers

import (
	"context"

	"github.com/ThreeDotsLabs/watermill/message"
)

// Fate is the final result of a message, for an ingress that answers the sender.
type Fate struct {
	Err  error
	Body any // the reply of the handler, if it made one
}

type fateKey struct{}

// WithFate returns a context for a message that stores its result in fate.
func WithFate(ctx context.Context, fate *Fate) context.Context {
	return context.WithValue(ctx, fateKey{}, fate)
}

// FateOf returns where the message stores its result, or nil if its sender does not wait for an answer.
func FateOf(msg *message.Message) *Fate {
	fate, _ := msg.Context().Value(fateKey{}).(*Fate)
	return fate
}

// Reply stores the answer to the sender of a message, if the sender waits for one.
func Reply(msg *message.Message, body any) {
	if fate := FateOf(msg); fate != nil {
		fate.Body = body
	}
}

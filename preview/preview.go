// Package preview shows what a configuration does with a request or a decision: by the code that handles real messages,
// on an empty store in memory, and without a call to another system. It is for checking a configuration before it is used.
package preview

import (
	"context"
	"log/slog"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/metadata"
	"github.com/approval-relay/approval-relay/store/memory"
)

// MissingField is a field that the message does not have, with the expressions that were tried.
type MissingField struct {
	Name        string   `json:"name"`
	Expressions []string `json:"expressions"`
}

// bench is a store with one order, and the handlers' access to it. It keeps the actions that the program would carry out.
type bench struct {
	store       *memory.Store
	transitions *handlers.Transitions
	actions     []approval.Action
}

func newBench(at time.Time) *bench {
	b := &bench{store: memory.New()}
	b.transitions = &handlers.Transitions{
		Orders:   b.store,
		Dispatch: b,
		Observer: b,
		Log:      slog.New(slog.DiscardHandler),
		Now:      func() time.Time { return at },
		Lease:    time.Minute,
	}
	return b
}

// HasCapacity implements handlers.Dispatcher.
func (*bench) HasCapacity(approval.ActionKind, string) bool { return true }

// Dispatch implements handlers.Dispatcher.
func (b *bench) Dispatch(_ context.Context, actions []approval.Action) {
	b.actions = append(b.actions, actions...)
}

// Observe implements handlers.Observer.
func (*bench) Observe(context.Context, []approval.Event) {}

// newMessage returns a message as a queue or an HTTP request brings it. The names of headers are in lower case.
func newMessage(ctx context.Context, body []byte, headers map[string]string, sent time.Time) *message.Message {
	msg := message.NewMessage(watermill.NewULID(), body)
	for name, value := range headers {
		msg.Metadata.Set(metadata.Header+name, value)
	}
	msg.Metadata.Set(metadata.SentAt, sent.UTC().Format(time.RFC3339Nano))
	msg.SetContext(ctx)
	return msg
}

func missingFields(fields []handlers.MissingField) []MissingField {
	list := make([]MissingField, 0, len(fields))
	for _, f := range fields {
		list = append(list, MissingField{Name: f.Name, Expressions: f.Expressions})
	}
	return list
}

// Package preview shows what a configuration does with a request or a decision: by the code that handles real messages,
// on an empty store in memory, and without a call to another system. It is for checking a configuration before it is
// used.
package preview

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/body"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/metadata"
	"github.com/approval-relay/approval-relay/store/memory"
)

// MissingField is a field that the message does not have, with the expressions that were tried.
type MissingField struct {
	Name        string   `json:"name"`
	Expressions []string `json:"expressions"`
}

// bench is a store with one order, and the handlers' access to it. It keeps the actions that the program would carry
// out.
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

// Reserve implements handlers.Dispatcher.
func (*bench) Reserve(handlers.Reservation) bool { return true }

// Release implements handlers.Dispatcher.
func (*bench) Release(approval.Action) {}

// SetNextDue implements handlers.Dispatcher.
func (*bench) SetNextDue(string, time.Time) {}

// ActionNotMade implements handlers.Observer.
func (*bench) ActionNotMade(approval.ActionKind) {}

// Dispatch implements handlers.Dispatcher.
func (b *bench) Dispatch(_ context.Context, actions []approval.Action) {
	b.actions = append(b.actions, actions...)
}

// Observe implements handlers.Observer.
func (*bench) Observe(context.Context, []approval.Event) {}

// Message is a message as a queue or an HTTP request brings it.
type Message struct {
	Body       []byte
	Headers    http.Header       // of an HTTP request
	Query      string            // of the URL of an HTTP request, without the question mark
	Attributes map[string]string // of a queue's message
	OrderID    string            // in the path of POST /v1/orders/{orderId}/decisions
	SentAt     time.Time
	// WithoutQueue is set for a message that comes by HTTP only, so that its time of sending is unknown.
	WithoutQueue bool

	format body.Format // of Body, for the handler
}

// open returns the message with the body as the way in of HTTP gives it to the handler.
func (m Message) open(o body.Opener) (Message, error) {
	o.Limit = body.MaxInflated
	plain, format, err := o.Open(m.Headers, m.Body)
	m.Body, m.format = plain, format
	return m, err
}

// forHandler returns the message as the handlers take it. Credentials are left out.
func (m Message) forHandler(ctx context.Context) *message.Message {
	msg := message.NewMessage(watermill.NewULID(), m.Body)
	msg.Metadata.Set(metadata.BodyFormat, string(m.format))
	for name, value := range lowerCase(m.Headers) {
		msg.Metadata.Set(metadata.Header+name, value)
	}
	for name, value := range m.Attributes {
		msg.Metadata.Set(metadata.Attribute+name, value)
	}
	if m.OrderID != "" {
		msg.Metadata.Set(metadata.OrderID, m.OrderID)
	}
	if !m.WithoutQueue {
		msg.Metadata.Set(metadata.SentAt, m.SentAt.UTC().Format(time.RFC3339Nano))
	}
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

// Package router is the map of the program: every source, the handler it leads
// to, and where its actions go next. It holds the middleware that all messages
// pass, the HTTP routes, and the sweeper.
package router

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/store"
)

// Source is where messages come from, and what handles them.
type Source struct {
	Name       string // "request" or "decision" and the configured name, as metrics and logs have it
	Topic      string // as the subscriber understands it
	Subscriber message.Subscriber
	Handle     message.NoPublishHandlerFunc
	// DeadLetters takes what can never be handled; nil where the sender is told.
	DeadLetters DeadLetters
}

// DeadLetters takes messages that cannot be handled, durably: the store's own table
// or a dead letter queue.
type DeadLetters interface {
	PutDeadLetter(ctx context.Context, d store.DeadLetter) (id string, err error)
}

// Observer is told what became of messages.
type Observer interface {
	MessageHandled(ctx context.Context, source, result string, took time.Duration)
	DeadLettered(source string)
}

// Parts are what the map connects.
type Parts struct {
	Requests      []Source // SQS queues of approval requests, one per workflow; and POST /v1/requests
	Decisions     []Source // SQS queues of SNS decisions; POST /webhooks/{source}; POST /v1/orders/{id}/decisions
	Notifications *handlers.Notification
	Callbacks     *handlers.Callback
	Dispatcher    *Dispatcher
	Observer      Observer
	Tracer        Tracer // nil where nothing is traced
	Log           *slog.Logger
	// TimeLimit bounds one message: a store that hangs.
	TimeLimit time.Duration
	// CloseTimeout bounds the end: handlers that run get this long to finish.
	CloseTimeout time.Duration
}

// New draws the map.
//
//	SQS, POST /v1/requests ─────────▶ handlers.Request ──┐
//	SNS via SQS, POST /webhooks/…, ──▶ handlers.Decision ─┤ the order's record in the store
//	POST /v1/orders/…/decisions                           │
//	decision page ───────────────────▶ handlers.Decider ──┤
//	sweeper ─────────────────────────▶ Order.Advance ─────┘
//	                                                      │ actions
//	                                 ┌────────────────────┴───────────────────┐
//	                    "notifications" (Go channel)                "callbacks" (Go channel)
//	                                 ▼                                        ▼
//	                    handlers.Notification                       handlers.Callback
func New(p Parts) (*message.Router, error) {
	// Watermill's own log would repeat each error that the middleware logs.
	r, err := message.NewRouter(message.RouterConfig{CloseTimeout: p.CloseTimeout}, watermill.NopLogger{})
	if err != nil {
		return nil, fmt.Errorf("router: %w", err)
	}
	// The first is the outermost. The fate of a message is decided from the error
	// that all others leave, so settle is outside; the count includes panics, so
	// recovering is inside it; the limit is next to the handler, because its
	// context must not be seen by those who end the message. A trace is around
	// all of them: what they log and count is in it.
	if p.Tracer != nil {
		r.AddMiddleware(trace(p.Tracer, p.Requests))
	}
	r.AddMiddleware(settle(p.Log), count(p.Observer), recovering, limit(p.TimeLimit))

	for _, s := range append(p.Requests, p.Decisions...) {
		h := r.AddConsumerHandler(s.Name, s.Topic, s.Subscriber, s.Handle)
		if s.DeadLetters != nil {
			h.AddMiddleware(deadLetter(s.Name, s.DeadLetters, p.Observer, p.Log))
		}
	}
	// Theirs are inside the others: what panics is recovered before done, which else
	// would let it through to the Go channel.
	r.AddConsumerHandler(TopicNotifications, TopicNotifications, p.Dispatcher, p.Notifications.Handle).AddMiddleware(p.Dispatcher.done, recovering)
	r.AddConsumerHandler(TopicCallbacks, TopicCallbacks, p.Dispatcher, p.Callbacks.Handle).AddMiddleware(p.Dispatcher.done, recovering)
	return r, nil
}

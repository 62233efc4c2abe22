// Package router is the map of the program: it connects every source of messages with its handler, and every action
// with the handler that carries it out. It has the middleware around the handlers, the dispatcher that hands actions
// out, and the sweeper that finds due actions.
package router

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/store"
)

// Source is a place from which messages come, a queue or an HTTP route, with the handler of its messages.
type Source struct {
	Name       string // "request-" or "decision-" and the configured name; metrics and logs use it
	Topic      string // the queue or the HTTP topic, as the subscriber names it
	Subscriber message.Subscriber
	Handle     message.NoPublishHandlerFunc
	// DeadLetters keeps the messages that can never be handled. It is nil for a source whose sender waits for the result
	// and gets the reason as an answer, such as an HTTP route.
	DeadLetters DeadLetters
}

// DeadLetters keeps messages that cannot be handled, durably: the store's own table or a dead letter queue.
type DeadLetters interface {
	PutDeadLetter(ctx context.Context, d store.DeadLetter) (id string, err error)
}

// Observer is notified of the result of each message, for the metrics.
type Observer interface {
	MessageHandled(ctx context.Context, source, result string, took time.Duration)
	DeadLettered(source string)
}

// Parts are the parts of the program that the map connects.
type Parts struct {
	Requests      []Source                     // queues of approval requests, and POST /v1/requests
	Decisions     []Source                     // queues of decisions, POST /webhooks/{source}, POST /v1/orders/{orderId}/decisions
	Notifications message.NoPublishHandlerFunc // carries out notifications, see handlers.Notification
	Callbacks     message.NoPublishHandlerFunc // carries out callbacks and heartbeats, see handlers.Callback
	Dispatcher    *Dispatcher
	Observer      Observer
	Tracer        Tracer // nil if tracing is off
	Log           *slog.Logger
	Now           func() time.Time // the clock of the program
	Refusals      refusal.Recorder // records the messages that become dead letters; nil records nothing
	// TimeLimit bounds the handling of a message of a source, in case the store hangs.
	TimeLimit time.Duration
	// CloseTimeout is the time that running handlers have to finish when the program stops.
	CloseTimeout time.Duration
}

// New connects the parts.
//
//	approval requests:                         ┌─────────────────────┐
//	  SQS queue, POST /v1/requests ───────────▶│ handlers.Request    │──┐
//	decisions:                                 ├─────────────────────┤  │
//	  SQS queue, POST /webhooks/{source},      │                     │  │  transition of the order
//	  POST /v1/orders/{orderId}/decisions ────▶│ handlers.Decision   │──┤  in the store
//	decision page, Slack's buttons, operator ─▶│ handlers.Decider    │──┤
//	due actions, found by the sweeper ────────▶│ Order.Advance       │──┤
//	                                           └─────────────────────┘  │
//	          ┌──────────────────────── actions ────────────────────────┘
//	          ▼
//	     Dispatcher ──┬── topic "notifications" ──▶ handlers.Notification ──▶ channels
//	                  └── topic "callbacks" ──────▶ handlers.Callback ──────▶ targets
func New(p Parts) (*Router, error) {
	// The middleware logs each error, and Watermill's own log would repeat it.
	watermillRouter, err := message.NewRouter(message.RouterConfig{CloseTimeout: p.CloseTimeout}, watermill.NopLogger{})
	if err != nil {
		return nil, fmt.Errorf("router: %w", err)
	}
	p.Refusals = refusal.OrDiscard(p.Refusals)
	r := &Router{Router: watermillRouter, parts: p}
	// The first middleware is the outermost. Tracing surrounds all others, so that their logs and counts are part of
	// the trace. Settling comes next, because it needs the final error of the message. Counting includes panics, so
	// panics are recovered inside it. The time limit is inside these, because they must not run under its context. The
	// middleware of a single handler, such as writeDeadLetters, runs inside all of these: a message that became a dead
	// letter is settled, and counts by the reason for which it was refused. The place of growStack does not matter.
	if p.Tracer != nil {
		r.AddMiddleware(traceMessages(p.Tracer, r.isRequestSource))
	}
	r.AddMiddleware(growStack, settleMessages(p.Log), countMessages(p.Observer), recoverPanics)

	for _, s := range p.Requests {
		r.addSource(s, true)
	}
	for _, s := range p.Decisions {
		r.addSource(s, false)
	}
	// These two handlers need a recoverPanics of their own, inside releaseCapacity. Otherwise a panic would pass through
	// releaseCapacity and become an error outside of it, and the Go channel would deliver the action again at once. limitTime
	// is left to sources: an action bounds its call by its lease, and each of its reads and updates of the store.
	r.consume(TopicNotifications, TopicNotifications, p.Dispatcher, p.Notifications).
		AddMiddleware(p.Dispatcher.releaseCapacity, recoverPanics)
	r.consume(TopicCallbacks, TopicCallbacks, p.Dispatcher, p.Callbacks).
		AddMiddleware(p.Dispatcher.releaseCapacity, recoverPanics)
	return r, nil
}

// Router is Watermill's router with the sources of the program. Sources can be added while it runs.
type Router struct {
	*message.Router
	parts   Parts
	sources sync.Map // by name: whether the source has approval requests
}

// Close ends the sources, and lets the handlers end within the time limit. Watermill does not wait for what reaches its
// handler while it waits for those that run. An action among these would be made, and its result would be lost: the next
// process would have to make the attempt again.
func (r *Router) Close() error {
	timer := time.NewTimer(r.parts.CloseTimeout)
	defer timer.Stop()
	err := r.Router.Close()
	_ = r.parts.Dispatcher.Close() // it never fails
	if !r.parts.Dispatcher.awaitActions(timer) && err == nil {
		err = errActionsRunning
	}
	return err
}

// errActionsRunning is the error of Close if handlers of actions did not end in time.
var errActionsRunning = errors.New("router: actions did not end in time")

// AddSources adds the sources that the router does not have yet, and starts them. It waits until the router runs.
func (r *Router) AddSources(ctx context.Context, requests, decisions []Source) error {
	select {
	case <-r.Running():
	case <-ctx.Done():
		return fmt.Errorf("router: wait until it runs: %w", ctx.Err())
	}
	for _, s := range requests {
		r.addSource(s, true)
	}
	for _, s := range decisions {
		r.addSource(s, false)
	}
	if err := r.RunHandlers(context.Background()); err != nil { // the handlers outlive ctx; Close ends them
		return fmt.Errorf("router: start new sources: %w", err)
	}
	return nil
}

// addSource adds a source, unless the router has it.
func (r *Router) addSource(s Source, hasRequests bool) {
	if _, known := r.sources.LoadOrStore(s.Name, hasRequests); known {
		return
	}
	h := r.consume(s.Name, s.Topic, s.Subscriber, s.Handle)
	h.AddMiddleware(limitTime(r.parts.TimeLimit))
	if s.DeadLetters != nil {
		h.AddMiddleware(writeDeadLetters(s, r.parts.Observer, r.parts.Refusals, r.parts.Log, r.parts.Now))
	}
}

// isRequestSource reports whether the source with this name has approval requests.
func (r *Router) isRequestSource(name string) bool {
	hasRequests, _ := r.sources.Load(name)
	return hasRequests == true
}

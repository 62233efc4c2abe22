package handlers

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// Orders is the part of the store that handlers use. Package store states the contract of its methods.
type Orders interface {
	Update(ctx context.Context, orderID string, transition func(*approval.Order) error) error
	Get(ctx context.Context, orderID string) (*approval.Order, error)
}

// Dispatcher hands actions to the handlers that carry them out.
type Dispatcher interface {
	// HasCapacity reports whether another action of this kind can run on the channel or target of this name.
	HasCapacity(kind approval.ActionKind, name string) bool
	// Dispatch hands the actions out and returns before they are carried out.
	Dispatch(ctx context.Context, actions []approval.Action)
}

// Observer is notified of the events of orders, for the metrics.
type Observer interface {
	Observe(ctx context.Context, events []approval.Event)
}

// Tracer makes spans of transitions.
type Tracer interface {
	// TraceParent returns the W3C traceparent of the context, or "" if the context is not traced.
	TraceParent(ctx context.Context) string
	// RecordTransition makes the span of a transition, from its beginning until now, in the trace of its approval. It
	// returns the context of the span.
	RecordTransition(
		ctx context.Context, orderID string, began time.Time, events []approval.Event, err error,
	) context.Context
}

// Transitions runs transitions on stored orders. The program changes orders in no other way.
type Transitions struct {
	Orders   Orders
	Dispatch Dispatcher
	Observer Observer
	Tracer   Tracer // nil if tracing is off
	Log      *slog.Logger
	Now      func() time.Time
	// Lease is the time that this process has for an action. After a crash the next attempt begins when the lease has
	// expired. The lease must be longer than a call may take.
	Lease time.Duration
}

// Run runs a transition on an order. After the transition is stored, Run reports the events and dispatches the actions.
// After an error it is not known whether the transition was stored.
func (t *Transitions) Run(
	ctx context.Context, orderID string,
	transition func(*approval.Order, approval.Environment) ([]approval.Action, error),
) error {
	var actions []approval.Action
	var events []approval.Event
	began := t.Now()
	err := t.Orders.Update(ctx, orderID, func(o *approval.Order) error {
		env := approval.Environment{
			Now:   t.Now(),
			Lease: t.Lease,
			Reserve: func(a approval.Action, _ approval.Token) bool {
				return t.Dispatch.HasCapacity(a.Kind, a.OutputName())
			},
			Jitter: rand.Float64(), //nolint:gosec // it only spreads retries
		}
		var err error
		actions, err = transition(o, env)
		events = slices.Clone(o.NewEvents())
		return err
	})
	if t.Tracer != nil {
		ctx = t.Tracer.RecordTransition(ctx, orderID, began, events, err)
	}
	if err != nil {
		return fmt.Errorf("update order %s: %w", quoteOrderID(orderID), err)
	}
	t.Observer.Observe(ctx, events)
	t.logEvents(ctx, orderID, events)
	t.Dispatch.Dispatch(ctx, actions)
	return nil
}

// currentTrace returns the W3C traceparent of the context, or "".
func (t *Transitions) currentTrace(ctx context.Context) string {
	if t.Tracer == nil {
		return ""
	}
	return t.Tracer.TraceParent(ctx)
}

// quoteOrderID returns an order ID for an error message. A long ID is cut.
func quoteOrderID(orderID string) string {
	if len(orderID) > 64 {
		orderID = orderID[:64] + "…"
	}
	return fmt.Sprintf("%q", orderID)
}

// Package handlers turns what comes in, a message or an HTTP request, into a
// transition of the order it is about, and carries out the actions that the
// transition asked for. It knows the domain and Watermill's messages; stores,
// channels and targets reach it as interfaces of one or two methods.
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

// Orders is the slice of the store that handlers use; package store says what
// its methods promise.
type Orders interface {
	Update(ctx context.Context, orderID string, transition func(*approval.Order) error) error
	Get(ctx context.Context, orderID string) (*approval.Order, error)
}

// Dispatcher hands actions to those that carry them out.
type Dispatcher interface {
	// HasCapacity says whether one more action of the kind fits, for the channel or
	// target of that name.
	HasCapacity(kind approval.ActionKind, name string) bool
	// Dispatch hands the actions out. It does not wait for them to be done.
	Dispatch(ctx context.Context, actions []approval.Action)
}

// Observer is told what happened, for the metrics.
type Observer interface {
	Observe(ctx context.Context, events []approval.Event)
}

// Tracer makes the spans of what happens to orders.
type Tracer interface {
	// TraceParent returns where in a trace the context is, as a W3C traceparent; "" where
	// it is in none.
	TraceParent(ctx context.Context) string
	// RecordTransition makes the span of a transition that began then and has now ended, in
	// the trace of the approval that it was about. It returns the context within.
	RecordTransition(ctx context.Context, orderID string, began time.Time, events []approval.Event, err error) context.Context
}

// Transitions runs transitions on stored orders. It is the only way by which
// this program changes an order.
type Transitions struct {
	Orders   Orders
	Dispatch Dispatcher
	Observer Observer
	Tracer   Tracer // nil where nothing is traced
	Log      *slog.Logger
	Now      func() time.Time
	// Lease is how long this process has for an action that it was given. It
	// bounds how long a crash delays an answer, and must be longer than a call
	// may take.
	Lease time.Duration
}

// Run runs a transition on the order, and once it is stored tells the observer
// what happened and hands out the actions. An error means that nothing is known
// to be stored.
func (t *Transitions) Run(ctx context.Context, orderID string, transition func(*approval.Order, approval.Environment) ([]approval.Action, error)) error {
	var actions []approval.Action
	var events []approval.Event
	began := t.Now()
	err := t.Orders.Update(ctx, orderID, func(o *approval.Order) error {
		turn := approval.Environment{
			Now:         t.Now(),
			Lease:       t.Lease,
			HasCapacity: t.Dispatch.HasCapacity,
			Jitter:      rand.Float64(),
		} //nolint:gosec // spreads retries
		var err error
		actions, err = transition(o, turn)
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

// currentTrace returns where in a trace the context is, if anything is traced.
func (t *Transitions) currentTrace(ctx context.Context) string {
	if t.Tracer == nil {
		return ""
	}
	return t.Tracer.TraceParent(ctx)
}

// logEvents writes one line for each thing that happened.
func (t *Transitions) logEvents(ctx context.Context, orderID string, events []approval.Event) {
	if len(events) == 0 || !t.Log.Enabled(ctx, slog.LevelInfo) {
		return
	}
	log := t.Log.With("order_id", orderID)
	for _, e := range events {
		level := slog.LevelInfo
		switch e.Kind {
		case approval.EventNotificationExhausted, approval.EventUnmatchedExpired, approval.EventUndeliverable:
			level = slog.LevelWarn
		case approval.EventCallbackEnded:
			if e.Code == string(approval.CallbackExhausted) {
				level = slog.LevelError
			}
		}
		log.LogAttrs(ctx, level, string(e.Kind), eventAttributes(e)...)
	}
}

// eventAttributes lists what an event says, without what it leaves empty.
func eventAttributes(e approval.Event) []slog.Attr {
	var out []slog.Attr
	for _, f := range []struct{ name, value string }{
		{"approval_id", e.Approval}, {"workflow", e.Workflow}, {"by", e.By}, {"via", string(e.Via)}, {"source", e.Source},
		{"outcome", string(e.Outcome)}, {"code", e.Code}, {"channel", e.Channel}, {"target", e.Target},
		{"reason_code", string(e.ReasonCode)}, {"note", e.Note},
	} {
		if f.value != "" {
			out = append(out, slog.String(f.name, f.value))
		}
	}
	if e.Attempt > 0 {
		out = append(out, slog.Int("attempt", e.Attempt))
	}
	if e.Age > 0 {
		out = append(out, slog.Float64("age_seconds", e.Age.Seconds()))
	}
	return out
}

// quoteOrderID cuts an order ID of any length for an error text.
func quoteOrderID(orderID string) string {
	if len(orderID) > 64 {
		orderID = orderID[:64] + "…"
	}
	return fmt.Sprintf("%q", orderID)
}

package handlers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/deadline"
	"github.com/approval-relay/approval-relay/heartbeat"
)

// Orders is the part of the store that handlers use. Package store states the contract of its methods.
type Orders interface {
	Update(ctx context.Context, orderID string, transition func(*approval.Order) error) error
	UpdateUnsynced(ctx context.Context, orderID string, transition func(*approval.Order) error) error
	Get(ctx context.Context, orderID string) (*approval.Order, error)
}

// Dispatcher hands actions to the handlers that carry them out, within a capacity.
type Dispatcher interface {
	// Reserve reserves the capacity for an action and reports whether there was any. Otherwise the order waits for it:
	// it is advanced when capacity becomes free.
	Reserve(r Reservation) bool
	// Release returns the capacity of an action that is not dispatched.
	Release(action approval.Action)
	// Dispatch hands the actions out and returns before they are carried out. Their capacity is reserved, and is
	// released when they end.
	Dispatch(ctx context.Context, actions []approval.Action)
	// SetNextDue states when an order has something else to do than to wait for capacity. It is ignored for an order
	// that does not wait.
	SetNextDue(orderID string, next time.Time)
}

// Observer is notified of the events of orders and of their actions, for the metrics.
type Observer interface {
	Observe(ctx context.Context, events []approval.Event)
	// ActionNotMade is called for an action that was held back before any call.
	ActionNotMade(kind approval.ActionKind)
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
	Orders Orders
	// Recent reads the order of an action that this process has just begun, see store.RecentGetter. Nil means Orders.Get.
	Recent   func(ctx context.Context, orderID string) (*approval.Order, error)
	Dispatch Dispatcher
	Observer Observer
	Tracer   Tracer // nil if tracing is off
	Log      *slog.Logger
	Now      func() time.Time
	// Hold reports whether an action must wait because an operator has paused its workflow. The order is then advanced when
	// the workflow is resumed. Nil holds nothing.
	Hold func(action approval.Action) bool
	// HoldDeadlines reports whether the clock cannot be trusted, so that no approval is closed by its deadline. Nil means
	// that it always can.
	HoldDeadlines func() bool
	// Lease is the time that this process has for an action. After a crash the next attempt begins when the lease has
	// expired. The lease must be longer than a call may take.
	Lease time.Duration
	// ShortLease is the lease of a callback near the end of its task, see approval.Environment. It too must be longer than a
	// call may take. Zero stands for Lease.
	ShortLease time.Duration

	// Heartbeats keeps the heartbeats of pending approvals in memory. If it is nil, heartbeats are due in the records.
	Heartbeats *heartbeat.Schedule

	heartbeats takenHeartbeats
	bound      atomic.Pointer[boundMethods]
	updates    deadline.Group // bounds reads and updates by updateTimeout
	calls      deadline.Group // bounds the calls of actions
}

// updateTimeout bounds an update, in case the store hangs.
const updateTimeout = 30 * time.Second

// Run runs a transition on an order. After the transition is stored, Run reports the events and dispatches the actions.
// After an error it is not known whether the transition was stored.
//
// A transition that was begun is ended, within a time of its own, even if the caller leaves: an update that is cut off
// may be stored or not, and its actions would wait for the end of their leases.
func (t *Transitions) Run(
	ctx context.Context, orderID string,
	transition func(*approval.Order, approval.Environment) ([]approval.Action, error),
) error {
	return t.run(ctx, orderID, transition, false)
}

// errBeginsAction ends an unsynced update that begins an action: it must be an Update.
var errBeginsAction = errors.New("the transition begins an action")

// runEnd is Run for the end of an attempt, also after the end of the context, because the attempt was made. It may become
// durable later: if it is lost, the attempt is made again.
// A transition that begins another action is durable before that action is dispatched, as for Run.
func (t *Transitions) runEnd(
	ctx context.Context, orderID string,
	transition func(*approval.Order, approval.Environment) ([]approval.Action, error),
) error {
	return t.run(ctx, orderID, transition, true)
}

// run is Run, or runEnd if the transition is the end of an attempt.
func (t *Transitions) run(
	ctx context.Context, orderID string,
	transition func(*approval.Order, approval.Environment) ([]approval.Action, error), isEnd bool,
) error {
	if err := ctx.Err(); err != nil && !isEnd {
		return fmt.Errorf("update order %s: %w", quoteOrderID(orderID), err)
	}
	ctx = t.updates.Within(ctx, updateTimeout)
	r := &transitionRun{
		transitions: t,
		orderID:     orderID,
		transition:  transition,
		reserved:    reservations{dispatcher: t.Dispatch},
	}
	defer func() { r.reserved.keepOnly(nil) }() // after an error or a panic
	began := t.Now()
	err := r.store(ctx, isEnd)
	t.keepHeartbeats(orderID, r.heartbeats, err)
	if t.Tracer != nil {
		ctx = t.Tracer.RecordTransition(ctx, orderID, began, r.events, err)
	}
	if err != nil {
		return fmt.Errorf("update order %s: %w", quoteOrderID(orderID), err)
	}
	r.reserved.keepOnly(r.actions)
	t.Observer.Observe(ctx, r.events)
	t.logEvents(ctx, orderID, r.events, r.ends)
	t.Dispatch.Dispatch(ctx, r.actions)
	return nil
}

// transitionRun is a transition that is being run, with what came of it.
type transitionRun struct {
	transitions *Transitions
	orderID     string
	transition  func(*approval.Order, approval.Environment) ([]approval.Action, error)

	reserved   reservations
	actions    []approval.Action
	events     []approval.Event
	ends       []approvalEnd
	heartbeats []approval.HeartbeatChange
}

// store applies the transition to the stored order. The end of an attempt is unsynced unless it begins another action.
func (r *transitionRun) store(ctx context.Context, isEnd bool) error {
	orders := r.transitions.Orders
	if isEnd {
		if err := orders.UpdateUnsynced(ctx, r.orderID, r.applyEnd); !errors.Is(err, errBeginsAction) {
			return err
		}
	}
	return orders.Update(ctx, r.orderID, r.apply)
}

// apply runs the transition on an order. The store may call it again, with an order that was read anew.
func (r *transitionRun) apply(o *approval.Order) (err error) {
	r.reserved.keepOnly(nil)
	env := r.transitions.newEnvironment(o, &r.reserved)
	r.actions, err = r.transition(o, env)
	r.events = slices.Clip(o.NewEvents()) // an order only appends to them
	r.ends = approvalEnds(o)
	r.heartbeats = nil
	if err == nil {
		r.heartbeats = slices.Clone(o.HeartbeatChanges())
	}
	if due := o.NextDue(); !due.IsZero() && !due.After(env.Now) {
		r.transitions.Dispatch.SetNextDue(r.orderID, o.NextDueAfter(env.Now))
	}
	return err
}

// applyEnd is apply for an unsynced update: it refuses a transition that begins an action.
func (r *transitionRun) applyEnd(o *approval.Order) error {
	if err := r.apply(o); err != nil || len(r.actions) == 0 {
		return err
	}
	return errBeginsAction
}

// readBegun returns the order of an action that this process has begun. It reads after the end of the context too: an
// action that was begun is carried out, also while the program stops.
func (t *Transitions) readBegun(ctx context.Context, orderID string) (*approval.Order, error) {
	ctx = t.updates.Within(ctx, updateTimeout)
	if t.Recent != nil {
		return t.Recent(ctx, orderID)
	}
	return t.Orders.Get(ctx, orderID)
}

// newEnvironment returns the environment of a transition on an order.
func (t *Transitions) newEnvironment(o *approval.Order, reserved *reservations) approval.Environment {
	now := t.Now()
	methods := t.methods()
	return approval.Environment{
		Now:        now,
		Lease:      t.Lease,
		ShortLease: t.ShortLease,
		Reserve: func(action approval.Action, token approval.Token) bool {
			return reserved.reserve(o, action, token, now)
		},
		Hold: t.Hold,

		HeartbeatTaken:  methods.lastHeartbeatTaken,
		KeepsHeartbeats: methods.keepsHeartbeats,

		HoldDeadlines: t.HoldDeadlines != nil && t.HoldDeadlines(),
		Jitter:        rand.Float64(), //nolint:gosec // it only spreads retries
	}
}

// boundMethods has methods as an environment takes them. Each costs an allocation, so they are made once.
type boundMethods struct {
	lastHeartbeatTaken func(approvalID string) time.Time
	keepsHeartbeats    func(interval time.Duration) bool
}

func (t *Transitions) methods() *boundMethods {
	methods := t.bound.Load()
	if methods == nil {
		methods = &boundMethods{t.lastHeartbeatTaken, t.keepsHeartbeats}
		t.bound.Store(methods)
	}
	return methods
}

// observeUnstored reports the events of a transition that leaves the order as it is, without a call of the store.
func (t *Transitions) observeUnstored(
	ctx context.Context, stored *approval.Order, transition func(*approval.Order, approval.Environment),
) {
	order := stored.AsStored()
	transition(order, approval.Environment{Now: t.Now()})
	t.Observer.Observe(ctx, order.NewEvents())
	t.logEvents(ctx, order.ID, order.NewEvents(), nil)
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

package heartbeat

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// Due is a heartbeat that is to be sent now.
type Due struct {
	OrderID  string
	Interval time.Duration
	// Order is the order, read a moment ago together with others, or nil.
	Order *approval.Order

	key key
}

// FindIn returns the ID of the approval in its order, or "".
func (d Due) FindIn(o *approval.Order) string {
	for _, a := range o.Approvals {
		if keyOf(a.ID) == d.key {
			return a.ID
		}
	}
	return ""
}

// Result tells when the next heartbeat is due. The zero value stands for a success.
type Result struct {
	// IsLast is set if memory has no further heartbeat of the approval.
	IsLast bool
	// RetryAfter is the pause after a heartbeat that was not made or has failed.
	RetryAfter time.Duration
	HasFailed  bool
}

// Orders is the part of the store that has the pending orders.
type Orders interface {
	List(ctx context.Context, q store.OrderQuery) (orders []*approval.Order, next string, err error)
}

// Config configures a Heart.
type Config struct {
	Schedule *Schedule
	Orders   Orders
	// Send sends a heartbeat. It reads the record first, unless Due has it, so heartbeats end with their approval, also if
	// another process closes it.
	Send func(ctx context.Context, due Due) Result
	// GetMany reads the orders of heartbeats that are sent together, see store.ManyGetter. Nil means that Send reads each.
	GetMany func(ctx context.Context, orderIDs []string) (map[string]*approval.Order, error)
	// MayChange returns an error while the store is read-only: then heartbeats wait, because another store may have the
	// orders by now. Nil means that it never is.
	MayChange func(ctx context.Context) error
	// Workers is the register of the workers that use the store. It is nil if a single process uses it.
	Workers store.WorkerRegister
	// WorkerID tells this process apart from every other, also from the process before it.
	WorkerID string
	// Now is the clock that the records' times come from.
	Now func() time.Time
	Log *slog.Logger
	// Concurrency returns the largest number of heartbeats in progress to a target. A number below 1 counts as 1.
	Concurrency func(target string) int
	// CloseTimeout is the time that heartbeats in progress have to end after the end of Run's context.
	CloseTimeout time.Duration
}

// Heart sends the heartbeats of a Schedule. Each target has a goroutine that waits until heartbeats are due, and further
// goroutines that send them.
//
// Workers that share a store divide the orders by rendezvous hashing over the workers that live. A worker keeps the
// heartbeats of the approvals that it has stored itself, also if another worker owns them. When a worker comes or goes,
// there is a new view. Each worker confirms the view; from then on, the approvals that it stores belong to the new
// view. When all have confirmed, each reads the pending orders and takes over the heartbeats that it owns. When all
// have read them, each gives up the heartbeats from before the view that others own. So at any time at least one
// worker keeps a heartbeat, unless its worker has died: then the others keep it after TakeOverTime. Two workers that send
// it for a while are harmless.
type Heart struct {
	Config

	running sync.WaitGroup
}

// NewHeart returns a Heart.
func NewHeart(c Config) *Heart { return &Heart{Config: c} }

// Run sends heartbeats until the context ends.
func (h *Heart) Run(ctx context.Context) error {
	var parts sync.WaitGroup
	parts.Go(func() { h.takeOver(ctx) })
	for {
		select {
		case <-ctx.Done():
			parts.Wait()
			h.waitAtMost(h.CloseTimeout)
			return nil
		case <-h.Schedule.grown:
			for _, l := range h.Schedule.takeAdded() {
				parts.Go(func() { h.serve(ctx, l) })
			}
		}
	}
}

// serve sends the heartbeats of a lane. A goroutine sends many heartbeats, one after the other, because the stack of a new
// goroutine would have to grow for each.
func (h *Heart) serve(ctx context.Context, l *lane) {
	w := &senders{due: make(chan dueHeartbeat), freed: make(chan struct{}, 1)}
	for {
		for h.free(l, w) <= 0 {
			select {
			case <-w.freed:
			case <-ctx.Done():
				return
			}
		}
		entries := h.awaitDue(ctx, l, w)
		orders := h.readTogether(ctx, entries)
		for _, e := range entries {
			w.busy.Add(1)
			t := dueHeartbeat{e, orders[e.orderID]}
			delete(orders, e.orderID) // an order is read by a single goroutine
			select {
			case w.due <- t:
			default: // no goroutine is idle
				h.running.Go(func() { h.sendAll(ctx, t, w) })
			}
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// free returns the number of heartbeats that may begin. It is below 0 after the bound of the target has fallen.
func (h *Heart) free(l *lane, w *senders) int {
	return max(1, h.Concurrency(l.target)) - int(w.busy.Load())
}

// dueHeartbeat is a heartbeat that is to be sent, with its order if that was read.
type dueHeartbeat struct {
	entry *entry
	order *approval.Order
}

// readTogether reads the orders of several heartbeats. An order that it does not return is read by Send, which knows the
// error.
func (h *Heart) readTogether(ctx context.Context, entries []*entry) map[string]*approval.Order {
	if h.GetMany == nil || len(entries) < 2 {
		return nil
	}
	defer func() {
		if r := recover(); r != nil { // Send reads each order by itself, so that a damaged one affects only its own heartbeat
			h.Log.Error("orders of heartbeats could not be read together", "error", panicText(r))
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	ids := make([]string, len(entries))
	for i, e := range entries {
		ids[i] = e.orderID
	}
	orders, _ := h.GetMany(ctx, ids)
	return orders
}

// readLimit bounds a read for several heartbeats, because the other heartbeats of their target wait for it.
const readLimit = 2 * time.Second

// senders are the goroutines that send the heartbeats of a lane.
type senders struct {
	due   chan dueHeartbeat // goes to one that is idle
	busy  atomic.Int32      // heartbeats in progress
	freed chan struct{}     // has a value if one has ended
}

// maxIdle is the time after which a goroutine without a heartbeat to send ends.
const maxIdle = 10 * time.Second

// sendAll sends a heartbeat and then those that are due.
func (h *Heart) sendAll(ctx context.Context, t dueHeartbeat, w *senders) {
	idle := time.NewTimer(maxIdle)
	defer idle.Stop()
	for {
		h.send(ctx, t)
		w.busy.Add(-1)
		wake(w.freed)
		idle.Reset(maxIdle)
		select {
		case t = <-w.due:
		case <-idle.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// awaitDue waits until heartbeats of the lane are due and the store is not read-only, and takes as many as may begin. It
// returns nil if the context ends.
func (h *Heart) awaitDue(ctx context.Context, l *lane, w *senders) []*entry {
	for ctx.Err() == nil {
		wait := readOnlyPause
		if h.MayChange == nil || h.MayChange(ctx) == nil {
			var entries []*entry
			limit := min(max(1, h.free(l, w)), store.MaxMany) // the bound may have fallen during the wait
			if entries, wait = h.Schedule.takeDue(l, limit); entries != nil {
				return entries
			}
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-l.woken:
		case <-ctx.Done():
		}
		timer.Stop()
	}
	return nil
}

// readOnlyPause is the pause after which a store that is read-only is looked at again.
const readOnlyPause = 500 * time.Millisecond

// send sends a heartbeat. If that panics, it is sent again after an eighth of its interval, and only this heartbeat is
// affected.
func (h *Heart) send(ctx context.Context, t dueHeartbeat) {
	e := t.entry
	result := Result{RetryAfter: max(e.interval/8, time.Second), HasFailed: true}
	defer func() {
		if r := recover(); r != nil {
			h.Log.LogAttrs(ctx, slog.LevelError, "heartbeat failed",
				slog.String("error", panicText(r)))
		}
		h.Schedule.ended(e, result)
	}()
	result = h.Send(ctx, Due{OrderID: e.orderID, Interval: e.interval, Order: t.order, key: e.key})
}

// panicText returns the type and the place of a panic. Its value may have parts of a record.
func panicText(r any) string { return fmt.Sprintf("panic (%T) at\n%s", r, debug.Stack()) }

func (h *Heart) waitAtMost(d time.Duration) {
	ended := make(chan struct{})
	go func() {
		h.running.Wait()
		close(ended)
	}()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ended:
	case <-timer.C:
	}
}

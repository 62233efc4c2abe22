package router

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// heldPage is the number of orders that are read between two rests to find the held ones.
const heldPage = 500

// AwaitHeld lets the orders that an earlier process held wait in memory, so that they are advanced soon after their
// workflow is resumed, or soon after the start if that was before it. Their records would make them due minutes later. It
// rests after each page for as long as the page took. In a store without DueBy, or if this fails, the records decide.
func (s *Sweeper) AwaitHeld(ctx context.Context) {
	if s.Dispatcher == nil || s.DueBy == nil {
		return
	}
	ids, err := s.DueBy(ctx, s.Transitions.Now().Add(approval.MaxHoldWait))
	if err != nil {
		s.Log.LogAttrs(ctx, slog.LevelError, "looking for held orders failed", slog.String("error", err.Error()))
		return
	}
	held := 0
	for page := range slices.Chunk(ids[:min(len(ids), maxWaitingOrders)], heldPage) {
		began := time.Now()
		for _, id := range page {
			held += s.awaitIfHeld(ctx, id)
		}
		if !rest(ctx, time.Since(began)) {
			return
		}
	}
	if held > 0 {
		s.Log.LogAttrs(ctx, slog.LevelInfo, "held orders were found", slog.Int("orders", held))
	}
}

// awaitIfHeld lets an order wait for each workflow for which it is held. It returns 1 if there is any. An order that cannot
// be read is left to the sweeper, which logs it.
func (s *Sweeper) awaitIfHeld(ctx context.Context, orderID string) (held int) {
	o, err := s.Transitions.Orders.Get(ctx, orderID)
	if err != nil {
		return 0
	}
	for _, action := range o.HeldActions() {
		s.Dispatcher.capacity.awaitResume(action)
		held = 1
	}
	return held
}

// rest waits, and reports whether the context has not ended.
func rest(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(min(d, time.Second))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

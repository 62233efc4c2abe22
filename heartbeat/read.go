package heartbeat

import (
	"context"
	"log/slog"
	"time"

	"github.com/approval-relay/approval-relay/store"
)

const (
	// readPage is the number of orders of a page.
	readPage = 500
	// maxReadPause bounds the pause after a page that took long.
	maxReadPause = time.Second
)

// readPending takes over the kept heartbeats of the pending orders that owns selects. It rests after each page for as long
// as the page took, so that a start with millions of approvals leaves half of the machine to the rest. It reports whether
// it has read all.
func (h *Heart) readPending(ctx context.Context, owns func(orderID string) bool) bool {
	began, after, found := time.Now(), "", 0
	for {
		page := time.Now()
		orders, next, err := h.Orders.List(ctx, store.OrderQuery{State: store.StatePending, After: after, Limit: readPage})
		if ctx.Err() != nil {
			return false
		}
		for _, o := range orders {
			if kept := o.KeptHeartbeats(); len(kept) > 0 && owns(o.ID) {
				found += len(kept)
				h.Schedule.takeOver(o.ID, kept, h.Now())
			}
		}
		pause := min(time.Since(page), maxReadPause)
		switch {
		case err != nil:
			h.Log.LogAttrs(ctx, slog.LevelError, "reading heartbeats failed", slog.String("error", err.Error()))
			pause = maxReadPause
		case next == "":
			h.Log.LogAttrs(ctx, slog.LevelInfo, "heartbeats were read",
				slog.Int("approvals", found),
				slog.Float64("seconds", time.Since(began).Seconds()))
			return true
		default:
			after = next
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return false
		}
	}
}

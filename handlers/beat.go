package handlers

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/callback"
	"github.com/approval-relay/approval-relay/heartbeat"
)

// Beat sends a heartbeat that is due in memory. It has read the record first: another worker may have closed the approval.
// If the target takes the heartbeat, the record stays as it is; every other result is recorded like the end of any
// action.
func (h *Callback) Beat(ctx context.Context, due heartbeat.Due) heartbeat.Result {
	t := h.Transitions
	order, err := due.Order, error(nil)
	if order == nil {
		order, err = t.Orders.Get(ctx, due.OrderID)
	}
	switch {
	case errors.Is(err, approval.ErrNotFound): // its transition was not stored, or its retention has ended
		return heartbeat.Result{IsLast: true}
	case err != nil:
		return retryBeat(due.Interval, approval.Result{Kind: approval.ResultFailed})
	}
	action, isDue, isKept := order.KeptHeartbeatAction(due.FindIn(order), t.Now())
	answer, isCurrent := order.CurrentAnswer(action, t.Now())
	if !isDue || !isCurrent {
		return heartbeat.Result{IsLast: true}
	}
	err = h.callTarget(ctx, action, answer)
	if errors.Is(err, callback.ErrNoHeartbeats) {
		return heartbeat.Result{IsLast: !isKept}
	}
	result := t.resultOf(action, err)
	if result.Kind != approval.ResultNotMade {
		if err := h.recordHeartbeat(ctx, order, action, result); err != nil {
			t.Log.LogAttrs(ctx, slog.LevelWarn, "action not recorded",
				slog.String("kind", string(action.Kind)),
				slog.String("error", err.Error()))
		}
	}
	next := heartbeat.Result{}
	if result.Kind == approval.ResultFailed || result.Kind == approval.ResultNotMade || result.Kind == approval.ResultClosed {
		next = retryBeat(due.Interval, result)
	}
	next.IsLast = !isKept
	return next
}

// retryBeat returns when a heartbeat is sent again that was not taken.
func retryBeat(interval time.Duration, r approval.Result) heartbeat.Result {
	if r.Kind == approval.ResultNotMade {
		return heartbeat.Result{RetryAfter: max(time.Second, r.After)}
	}
	jitter := rand.Float64() //nolint:gosec // it only spreads retries
	return heartbeat.Result{RetryAfter: approval.HeartbeatRetryPause(interval, r, jitter), HasFailed: true}
}

// recordHeartbeat records the result of a heartbeat. It writes only if the record changes.
func (h *Callback) recordHeartbeat(
	ctx context.Context, order *approval.Order, action approval.Action, result approval.Result,
) error {
	t := h.Transitions
	t.rememberHeartbeat(order, action, result)
	if order.HeartbeatChangesNothing(action, result) {
		t.observeUnstored(ctx, order, func(o *approval.Order, env approval.Environment) {
			o.RecordHeartbeatResult(action, result, env)
		})
		return nil
	}
	return t.recordResult(ctx, action, func(o *approval.Order, env approval.Environment) []approval.Action {
		return o.RecordHeartbeatResult(action, result, env)
	})
}

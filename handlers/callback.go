package handlers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/callback"
)

// Callback carries out callbacks, heartbeats and reconciliations.
type Callback struct {
	Transitions *Transitions
	Targets     map[string]callback.Target
	// Timeout bounds a call, including the wait for the rate limit.
	Timeout time.Duration
	// MakeReceipt makes the receipts of answers; nil makes none.
	MakeReceipt MakeReceipt
}

// Handle calls the target and records the result. The transition that returned the action has recorded that the attempt
// began. If the action is outdated, because its lease has expired or the callback has ended, nothing is called.
func (h *Callback) Handle(msg *message.Message) error {
	action, err := readAction(msg)
	if err != nil {
		return err
	}
	order, err := h.Transitions.readBegun(msg.Context(), action.OrderID)
	if err != nil {
		return fmt.Errorf("call back for order %s: %w", quoteOrderID(action.OrderID), err)
	}
	answer, current := order.CurrentAnswer(action, h.Transitions.Now())
	if !current {
		return h.Transitions.endOutdated(msg.Context(), action)
	}
	if action.Kind == approval.ActionReconcile {
		return h.reconcile(msg.Context(), action, answer)
	}
	if action.Kind != approval.ActionHeartbeat {
		h.addReceipt(order, &answer)
	}
	err = h.callTarget(msg.Context(), action, answer)
	if errors.Is(err, callback.ErrNoHeartbeats) {
		if !action.Probe {
			return nil
		}
		err = nil // whether the task is open cannot be told, so it counts as open
	}
	result := h.Transitions.resultOf(action, err)
	if action.Kind == approval.ActionHeartbeat {
		return h.recordHeartbeat(msg.Context(), order, action, result)
	}
	return h.Transitions.recordResult(msg.Context(), action,
		func(o *approval.Order, env approval.Environment) []approval.Action {
			return o.RecordCallbackResult(action, result, env)
		})
}

func (h *Callback) callTarget(ctx context.Context, action approval.Action, answer approval.Answer) error {
	target, ok := h.Targets[action.Target]
	if !ok {
		err := fmt.Errorf("target %q is not configured", action.Target)
		return approval.NotApplied(approval.WithReasonCode(approval.ReasonNotConfigured, err))
	}
	ctx, err := h.Transitions.boundByLease(ctx, action, h.Timeout)
	if err != nil {
		return err
	}
	if action.Kind != approval.ActionHeartbeat {
		return target.Deliver(ctx, answer)
	}
	if heart, ok := target.(callback.Heartbeater); ok {
		return heart.Heartbeat(ctx, answer)
	}
	return callback.ErrNoHeartbeats
}

package handlers

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/callback"
)

// Callback carries out the callbacks and heartbeats that transitions ask for.
type Callback struct {
	Transitions *Transitions
	Targets     map[string]callback.Target
	// Timeout bounds one call, the wait for its turn at the rate limiter included.
	Timeout time.Duration
}

// Handle makes the call that the message's action is about. The attempt was
// recorded as begun by the transition that asked for it; its end is recorded
// here, whatever it is.
func (h *Callback) Handle(msg *message.Message) error {
	act, err := decodeAction(msg)
	if err != nil {
		return err
	}
	order, err := h.Transitions.Orders.Get(msg.Context(), act.OrderID)
	if err != nil {
		return fmt.Errorf("call back for order %s: %w", quoteOrderID(act.OrderID), err)
	}
	answer, current := order.CurrentAnswer(act, h.Transitions.Now())
	if !current {
		return nil // somebody else's by now, or it has ended
	}
	result := approval.ResultOf(h.callTarget(msg.Context(), act, answer))
	return h.Transitions.recordResult(msg.Context(), act, func(o *approval.Order, t approval.Environment) []approval.Action {
		if act.Kind == approval.ActionHeartbeat {
			o.RecordHeartbeatResult(act, result, t)
			return nil
		}
		return o.RecordCallbackResult(act, result, t)
	})
}

func (h *Callback) callTarget(ctx context.Context, act approval.Action, answer approval.Answer) error {
	target, ok := h.Targets[act.Target]
	if !ok {
		err := fmt.Errorf("target %q is not configured", act.Target)
		return approval.NotApplied(approval.WithReasonCode(approval.ReasonNotConfigured, err))
	}
	ctx, cancel := h.Transitions.boundByLease(ctx, act, h.Timeout)
	defer cancel()
	if act.Kind == approval.ActionHeartbeat {
		return target.Heartbeat(ctx, answer)
	}
	return target.Deliver(ctx, answer)
}

// decodeAction reads the action of an in-process message.
func decodeAction(msg *message.Message) (approval.Action, error) {
	var act approval.Action
	if err := json.Unmarshal(msg.Payload, &act); err != nil || act.OrderID == "" {
		return act, approval.Permanent(errAction)
	}
	return act, nil
}

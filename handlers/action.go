package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/approval-relay/approval-relay/approval"
)

// errAction is returned for a message that does not contain an action.
var errAction = errors.New("not an action")

// decodeAction returns the action in a message of the dispatcher.
func decodeAction(msg *message.Message) (approval.Action, error) {
	var action approval.Action
	if err := json.Unmarshal(msg.Payload, &action); err != nil || action.OrderID == "" {
		return action, approval.Permanent(errAction)
	}
	return action, nil
}

// boundByLease bounds an action by a time limit and by the end of its lease. The action goes on if the context of its
// message ends.
func (t *Transitions) boundByLease(
	ctx context.Context, action approval.Action, limit time.Duration,
) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), min(limit, action.LeaseExpires.Sub(t.Now())))
}

// resultOf returns the result of an action.
func (t *Transitions) resultOf(action approval.Action, err error) approval.Result {
	result := approval.ResultOf(err)
	if result.Kind == approval.ResultNotMade {
		t.Observer.ActionNotMade(action.Kind)
	}
	return result
}

// recordResult stores the result of an action. It does so after the end of the context too, because the action has
// happened. If the store hangs, the action begins again after its lease, as after a crash.
func (t *Transitions) recordResult(
	ctx context.Context, action approval.Action, record func(*approval.Order, approval.Environment) []approval.Action,
) error {
	transition := func(o *approval.Order, env approval.Environment) ([]approval.Action, error) {
		return record(o, env), nil
	}
	return t.runEnd(context.WithoutCancel(ctx), action.OrderID, transition)
}

package handlers

import (
	"context"
	"errors"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/approval-relay/approval-relay/approval"
)

// errAction is returned for a message without an action.
var errAction = errors.New("not an action")

type actionKey struct{}

// WithAction returns the context of a message that carries an action. The dispatcher makes it, see ActionOf.
func WithAction(ctx context.Context, action approval.Action) context.Context {
	action.LeaseExpires = action.LeaseExpires.Round(0).UTC() // stored times, with which it is compared, lack the monotonic clock
	return context.WithValue(ctx, actionKey{}, &action)
}

// ActionOf returns the action that the message of a context carries, and reports whether it has an action.
func ActionOf(ctx context.Context) (approval.Action, bool) {
	action, ok := ctx.Value(actionKey{}).(*approval.Action)
	if !ok {
		return approval.Action{}, false
	}
	return *action, true
}

// readAction returns the action in a message of the dispatcher.
func readAction(msg *message.Message) (approval.Action, error) {
	action, ok := ActionOf(msg.Context())
	if !ok || action.OrderID == "" {
		return action, approval.Permanent(errAction)
	}
	return action, nil
}

// boundByLease bounds an action by a time limit and by the end of its lease. The action goes on if the context of its
// message ends. The error is errNoTime if there is too little time for a call. A heartbeat has its interval, however
// short that is: a read that is cut off is harmless.
func (t *Transitions) boundByLease(
	ctx context.Context, action approval.Action, limit time.Duration,
) (context.Context, error) {
	left := action.LeaseExpires.Sub(t.Now())
	isHeartbeat := action.Kind == approval.ActionHeartbeat && !action.Probe
	if left < minCallTime && !isHeartbeat {
		return nil, errNoTime
	}
	return t.calls.Within(ctx, min(limit, left)), nil
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
	return t.runEnd(ctx, action.OrderID, transition)
}

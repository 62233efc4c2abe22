package handlers

import (
	"context"
	"errors"
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// minCallTime is the shortest remaining time for a call. A call that is cut off may have been applied; a later call has its
// whole time.
const minCallTime = time.Second

// errNoTime is the error of an action whose lease ended, or nearly so, before its call.
var errNoTime = approval.NotMade(approval.NotApplied(approval.WithReasonCode(approval.ReasonNoCapacity,
	errors.New("not sent: the time of the attempt was over before it could be made"))))

// ReturnAction records that an action was begun and not made, so that it does not count as an attempt and is due again. A result is
// not recorded if another attempt has begun since.
func (t *Transitions) ReturnAction(ctx context.Context, action approval.Action) error {
	result := t.resultOf(action, errNoTime)
	return t.recordResult(ctx, action, func(o *approval.Order, env approval.Environment) []approval.Action {
		switch action.Kind {
		case approval.ActionNotify:
			return o.RecordNotificationResult(action, result, env)
		case approval.ActionHeartbeat:
			return o.RecordHeartbeatResult(action, result, env)
		case approval.ActionReconcile:
			return o.RecordReconciliation(action, "", result, env)
		}
		return o.RecordCallbackResult(action, result, env)
	})
}

// endOutdated ends the handling of an action that is not current. If it was not made because its lease has ended, that is
// recorded: otherwise the next attempt would take it for a call that may have been made.
func (t *Transitions) endOutdated(ctx context.Context, action approval.Action) error {
	if action.LeaseExpires.After(t.Now()) { // it was decided otherwise
		return nil
	}
	return t.ReturnAction(ctx, action)
}

package handlers

import (
	"context"
	"fmt"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/callback"
)

// reconcile asks the target how the task of an ended callback has ended, and records the truth.
func (h *Callback) reconcile(ctx context.Context, action approval.Action, answer approval.Answer) error {
	truth, err := h.findTruth(ctx, action, answer)
	result := h.Transitions.resultOf(action, err)
	return h.Transitions.recordResult(ctx, action,
		func(o *approval.Order, env approval.Environment) []approval.Action {
			return o.RecordReconciliation(action, truth, result, env)
		})
}

func (h *Callback) findTruth(
	ctx context.Context, action approval.Action, answer approval.Answer,
) (approval.Truth, error) {
	target, ok := h.Targets[action.Target].(callback.Reconciler)
	if !ok {
		err := fmt.Errorf("target %q does not tell how a task has ended", action.Target)
		return "", approval.Permanent(approval.WithReasonCode(approval.ReasonNotConfigured, err))
	}
	ctx, err := h.Transitions.boundByLease(ctx, action, h.Timeout)
	if err != nil {
		return "", err
	}
	return target.FindTruth(ctx, answer)
}

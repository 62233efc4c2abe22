package handlers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// redriveCallbacks restarts the exhausted callbacks of a page of orders.
func (h *Redriver) redriveCallbacks(
	ctx context.Context, run *redriveRun, from store.RedrivePosition,
) (next store.RedrivePosition, err error) {
	query := store.OrderQuery{State: store.StateExhausted, After: from.After, Limit: redrivePage}
	orders, nextPage, err := h.Orders.List(ctx, query)
	if err != nil {
		return next, fmt.Errorf("list exhausted callbacks: %w", err)
	}
	if nextPage != "" {
		next = store.RedrivePosition{Part: store.RedriveCallbacks, After: nextPage}
	}
	var selected []exhaustedOrder
	last := from
	for _, o := range orders {
		approvalIDs, lookedAt, isComplete := run.selectCallbacks(h, o, last.ApprovalID)
		if len(approvalIDs) > 0 {
			selected = append(selected, exhaustedOrder{o.ID, approvalIDs})
		}
		if !isComplete {
			last.ApprovalID = lookedAt
			next = last
			break
		}
		last = store.RedrivePosition{Part: store.RedriveCallbacks, After: o.ID}
	}
	return next, h.restartCallbacks(ctx, run, selected)
}

// exhaustedOrder is an order with exhausted callbacks that are to be restarted.
type exhaustedOrder struct {
	orderID     string
	approvalIDs []string
}

// selectCallbacks counts the exhausted callbacks of an order, and returns the approvals whose callback is to be restarted,
// and the last approval that it looked at. Dismissed callbacks are left out, unless the request names their order. It
// begins after an approval, if the order has it. If Max is reached before the end of the order, the result is not
// complete.
func (r *redriveRun) selectCallbacks(
	h *Redriver, o *approval.Order, after string,
) (approvalIDs []string, lookedAt string, isComplete bool) {
	begin := 1 + slices.IndexFunc(o.Approvals, func(a *approval.Approval) bool { return a.ID == after })
	lookedAt = after
	for _, a := range o.Approvals[begin:] {
		if !r.DryRun && r.left <= 0 {
			return approvalIDs, lookedAt, false
		}
		lookedAt = a.ID
		isSelected := a.IsExhausted() || r.OrderID != "" && a.Callback.State == approval.CallbackExhausted
		isSelected = isSelected && r.scope.Includes(a.Workflow)
		if !isSelected || !r.countFound(a.Callback.ReasonCode(), a.Callback.LastError) {
			continue
		}
		if !a.TaskExpires.IsZero() && a.TaskExpires.Before(h.Transitions.Now()) {
			r.report.Expired++
		}
		if r.mayRedrive(a.Callback.Redrives) {
			approvalIDs = append(approvalIDs, a.ID)
		}
	}
	return approvalIDs, lookedAt, true
}

// redriveOneOrder restarts the exhausted callbacks of the order that the request names.
func (h *Redriver) redriveOneOrder(ctx context.Context, run *redriveRun) error {
	o, err := h.Transitions.Orders.Get(ctx, run.OrderID)
	if err == nil {
		if _, visible := run.scope.Part(o); !visible {
			err = fmt.Errorf("order %q: %w", run.OrderID, approval.ErrNotFound)
		}
	}
	if err != nil {
		return fmt.Errorf("read order %s: %w", quoteOrderID(run.OrderID), err)
	}
	approvalIDs, _, _ := run.selectCallbacks(h, o, "")
	if len(approvalIDs) == 0 {
		return nil
	}
	return h.restartCallbacks(ctx, run, []exhaustedOrder{{o.ID, approvalIDs}})
}

// restartCallbacks restarts callbacks, each order in one transition. A callback that changed meanwhile is counted as
// kept: another operator may have restarted it.
func (h *Redriver) restartCallbacks(ctx context.Context, run *redriveRun, orders []exhaustedOrder) error {
	var mu sync.Mutex
	var failed []error
	forEach(orders, func(o exhaustedOrder) {
		restarted, err := h.restartOrder(ctx, run, o)
		mu.Lock()
		defer mu.Unlock()
		run.report.Redriven += restarted
		run.report.Kept += len(o.approvalIDs) - restarted
		failed = appendFirst(failed, err)
	})
	return errors.Join(failed...)
}

// forEach calls f for each item, redrivesAtOnce of them at the same time.
func forEach[T any](items []T, f func(T)) {
	var group sync.WaitGroup
	for chunk := range slices.Chunk(items, redrivesAtOnce) {
		for _, item := range chunk {
			group.Go(func() { f(item) })
		}
		group.Wait()
	}
}

// appendFirst appends an error, unless there is one already: if the store fails, it fails for all alike.
func appendFirst(errs []error, err error) []error {
	if err == nil || len(errs) > 0 {
		return errs
	}
	return append(errs, err)
}

func (h *Redriver) restartOrder(ctx context.Context, run *redriveRun, o exhaustedOrder) (restarted int, err error) {
	actor := approval.OperatorActor(run.By, run.OnBehalfOf)
	restart := func(order *approval.Order, env approval.Environment) (actions []approval.Action, _ error) {
		restarted = 0
		for _, id := range o.approvalIDs {
			began, begun := order.RedriveCallback(id, actor, run.MaxRedrives, env)
			if began {
				restarted++
			}
			actions = append(actions, begun...)
		}
		return actions, nil
	}
	if err := h.Transitions.Run(ctx, o.orderID, restart); err != nil {
		return 0, err
	}
	return restarted, nil
}

package handlers

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// Lister lists orders; package store states the promises of its method.
type Lister interface {
	List(ctx context.Context, q store.Query) (orders []*approval.Order, next string, err error)
}

// DeadLetterQueue is a dead letter queue of SQS.
type DeadLetterQueue interface {
	// Count counts the messages by reason code, at most limit of them.
	Count(ctx context.Context, limit int) (store.RedriveGroups, error)
	// Move moves at most limit messages with that reason code back to their queue, or of any code if it is empty. It
	// leaves alone the messages that were redriven redriveLimit times already, and counts them as guarded.
	Move(ctx context.Context, limit, redriveLimit int, code approval.ReasonCode) (moved, guarded int, err error)
}

// Redriver restarts, by order of an operator, exhausted callbacks, dead letters in the store's own table, and messages
// in dead letter queues.
type Redriver struct {
	Transitions *Transitions
	Orders      Lister
	DeadLetters store.DeadLetters
	Queues      map[string]DeadLetterQueue // by source
	// Handlers handle the dead letters of each source again.
	Handlers map[string]message.NoPublishHandlerFunc
}

// maxRedrive bounds one redrive.
const maxRedrive = 1000

// Redrive restarts the selected callbacks and messages, or counts them in a dry run. If one part fails, it goes on with
// the others. The result and the operator's name are logged, and are in the history of each order whose callback was
// restarted.
func (h *Redriver) Redrive(ctx context.Context, request store.RedriveRequest) store.RedriveReport {
	if request.Max <= 0 || request.Max > maxRedrive {
		request.Max = maxRedrive
	}
	if request.MaxRedrives == 0 {
		request.MaxRedrives = 3
	}
	run := redriveRun{
		RedriveRequest: request,
		report:         store.RedriveReport{DryRun: request.DryRun},
		left:           request.Max,
	}
	parts := []func(context.Context, *redriveRun) error{h.redriveCallbacks, h.redriveDeadLetters, h.redriveQueues}
	if request.OrderID != "" {
		parts = []func(context.Context, *redriveRun) error{h.redriveOneOrder}
	}
	for _, part := range parts {
		if err := part(ctx, &run); err != nil {
			run.report.Errors = append(run.report.Errors, err.Error())
		}
	}
	h.logRun(ctx, run)
	return run.report
}

// logRun logs the result of a redrive under the operator's name.
func (h *Redriver) logRun(ctx context.Context, run redriveRun) {
	if run.DryRun {
		return
	}
	h.Transitions.Log.LogAttrs(ctx, slog.LevelInfo, "redrive",
		slog.String("by", run.By),
		slog.String("reason_code", string(run.ReasonCode)),
		slog.String("order_id", run.OrderID),
		slog.Int("redriven", run.report.Redriven),
		slog.Int("failed", run.report.Failed),
		slog.Int("guarded", run.report.Guarded),
		slog.Int("errors", len(run.report.Errors)),
		slog.String("on_behalf_of", run.OnBehalfOf),
	)
}

// redriveRun is the state of one redrive.
type redriveRun struct {
	store.RedriveRequest
	report store.RedriveReport
	left   int // until Max is reached
}

// countFound reports whether the request selects this reason code, and counts it.
func (r *redriveRun) countFound(code approval.ReasonCode, text string) bool {
	if !r.Selects(code) {
		return false
	}
	r.report.Found.Add(code, 1, text)
	return true
}

// mayRedrive reports whether a callback or message that was redriven so often is to be redriven now.
func (r *redriveRun) mayRedrive(redrives int) bool {
	switch {
	case r.MaxRedrives > 0 && redrives >= r.MaxRedrives:
		r.report.Guarded++
		return false
	case r.left <= 0:
		return false
	}
	r.left--
	return !r.DryRun
}

// redriveCallbacks restarts the exhausted callbacks of all orders.
func (h *Redriver) redriveCallbacks(ctx context.Context, run *redriveRun) error {
	for after, first := "", true; first || after != ""; first = false {
		orders, next, err := h.Orders.List(ctx, store.Query{Exhausted: true, After: after, Limit: 100})
		if err != nil {
			return fmt.Errorf("list exhausted callbacks: %w", err)
		}
		for _, o := range orders {
			if err := h.redriveOrder(ctx, run, o); err != nil {
				return err
			}
		}
		after = next
	}
	return nil
}

// redriveOneOrder restarts the exhausted callbacks of the order that the request names.
func (h *Redriver) redriveOneOrder(ctx context.Context, run *redriveRun) error {
	o, err := h.Transitions.Orders.Get(ctx, run.OrderID)
	if err != nil {
		return fmt.Errorf("read order %s: %w", quoteOrderID(run.OrderID), err)
	}
	return h.redriveOrder(ctx, run, o)
}

func (h *Redriver) redriveOrder(ctx context.Context, run *redriveRun, o *approval.Order) error {
	for _, a := range o.Approvals {
		if a.Callback.State != approval.CallbackExhausted || !run.countFound(a.Callback.ReasonCode(), a.Callback.LastError) {
			continue
		}
		if !a.TaskExpires.IsZero() && a.TaskExpires.Before(h.Transitions.Now()) {
			run.report.Expired++
		}
		if !run.mayRedrive(a.Callback.Redrives) {
			continue
		}
		began := false
		restart := func(o *approval.Order, env approval.Environment) (actions []approval.Action, _ error) {
			began, actions = o.RedriveCallback(a.ID, approval.OperatorActor(run.By, run.OnBehalfOf), run.MaxRedrives, env)
			return actions, nil
		}
		if err := h.Transitions.Run(ctx, o.ID, restart); err != nil {
			return err
		}
		if began {
			run.report.Redriven++
		} else {
			run.report.Failed++
		}
	}
	return nil
}

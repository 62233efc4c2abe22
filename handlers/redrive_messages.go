package handlers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// redriveDeadLetters handles the dead letters in the store's own table again. A dead letter that cannot be read does
// not stop the others.
func (h *Redriver) redriveDeadLetters(ctx context.Context, run *redriveRun) error {
	letters, err := h.DeadLetters.ListDeadLetters(ctx, "", 10*maxRedrive)
	if err != nil {
		err = fmt.Errorf("list dead letters: %w", err)
	}
	for _, d := range letters {
		if failed := h.redriveDeadLetter(ctx, run, d); failed != nil {
			return errors.Join(failed, err)
		}
	}
	return err
}

// redriveDeadLetter handles a dead letter again, if the request selects it. If the handler refuses it, it is stored
// again with its new reason before the old one is removed. If the handler fails for now, it stays as it is.
func (h *Redriver) redriveDeadLetter(ctx context.Context, run *redriveRun, d store.DeadLetter) error {
	handle, known := h.Handlers[d.Source]
	if !known || !run.countFound(d.ReasonCode, d.Reason) || !run.mayRedrive(d.Redrives) {
		return nil
	}
	msg := message.NewMessage(watermill.NewULID(), d.Body)
	msg.Metadata = d.Metadata
	msg.SetContext(ctx)
	handled := handle(msg)
	if errors.Is(handled, ErrFiltered) {
		handled = nil
	}
	switch {
	case handled == nil:
		run.report.Redriven++
	case approval.IsPermanent(handled):
		run.report.Failed++
		again := d
		again.Redrives++
		again.ReasonCode = approval.ReasonCodeOf(handled)
		again.Reason = handled.Error()
		if _, err := h.DeadLetters.PutDeadLetter(ctx, again); err != nil {
			return fmt.Errorf("put dead letter back: %w", err)
		}
	default:
		return fmt.Errorf("redrive dead letter %s: %w", d.ID, handled)
	}
	if err := h.DeadLetters.DeleteDeadLetter(ctx, d.ID); err != nil {
		return fmt.Errorf("delete dead letter: %w", err)
	}
	h.Transitions.Log.LogAttrs(ctx, slog.LevelInfo, "dead letter redriven",
		slog.String("by", run.By),
		slog.String("id", d.ID),
		slog.String("source", d.Source),
		slog.Bool("failed_again", handled != nil),
	)
	return nil
}

// redriveQueues moves the messages in dead letter queues back to their queues.
func (h *Redriver) redriveQueues(ctx context.Context, run *redriveRun) error {
	var failed []error
	for _, name := range slices.Sorted(maps.Keys(h.Queues)) {
		if err := run.redriveQueue(ctx, h.Queues[name]); err != nil {
			failed = append(failed, fmt.Errorf("dead letter queue of %s: %w", name, err))
		}
	}
	return errors.Join(failed...)
}

func (r *redriveRun) redriveQueue(ctx context.Context, q DeadLetterQueue) error {
	if !r.DryRun {
		moved, guarded, err := q.Move(ctx, r.left, r.MaxRedrives, r.ReasonCode)
		r.left -= moved
		r.report.Redriven += moved
		r.report.Guarded += guarded
		return err
	}
	groups, err := q.Count(ctx, maxRedrive)
	for _, g := range groups {
		if r.Selects(g.ReasonCode) {
			r.report.Found.Add(g.ReasonCode, g.Count, g.Example)
		}
	}
	return err
}

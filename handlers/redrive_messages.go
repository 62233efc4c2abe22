package handlers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/role"
	"github.com/approval-relay/approval-relay/store"
)

// redriveDeadLetters handles a page of the dead letters in the store's own table again.
func (h *Redriver) redriveDeadLetters(
	ctx context.Context, run *redriveRun, from store.RedrivePosition,
) (next store.RedrivePosition, err error) {
	letters, err := h.DeadLetters.ListDeadLetters(ctx, from.After, redrivePage)
	if err != nil {
		return next, fmt.Errorf("list dead letters: %w", err)
	}
	if len(letters) == redrivePage {
		next = store.RedrivePosition{Part: store.RedriveDeadLetters, After: letters[redrivePage-1].ID}
	}
	var selected []store.DeadLetter
	last := from
	for _, d := range letters {
		if !run.DryRun && run.left <= 0 {
			next = last
			break
		}
		last.After = d.ID
		if run.scope.IncludesSource(d.Source) && run.countFound(d.ReasonCode, d.Reason) && run.mayRedrive(d.Redrives) {
			selected = append(selected, d)
		}
	}
	return next, h.handleDeadLetters(ctx, run, selected)
}

// handleDeadLetters handles dead letters again. A dead letter that cannot be read or handled now does not stop the
// others. If there are only such dead letters, it returns an error, because the cause is most likely common.
func (h *Redriver) handleDeadLetters(ctx context.Context, run *redriveRun, letters []store.DeadLetter) error {
	var mu sync.Mutex
	var failed []error
	done := false
	forEach(letters, func(d store.DeadLetter) {
		result, err := h.handleDeadLetter(ctx, run, d)
		mu.Lock()
		defer mu.Unlock()
		switch result {
		case redriveDone:
			run.report.Redriven++
		case redriveFailed:
			run.report.Failed++
		default:
			run.report.Kept++
		}
		done = done || result != redriveKept
		failed = appendFirst(failed, err)
	})
	if done && len(failed) > 0 {
		run.addError(failed[0])
		return nil
	}
	return errors.Join(failed...)
}

// redriveResult is the result of the redrive of a dead letter.
type redriveResult int

const (
	redriveKept   redriveResult = iota // it stays as it was
	redriveDone                        // it was handled
	redriveFailed                      // it was refused again
)

// handleDeadLetter handles a dead letter again. If the handler refuses it, it stays with its new reason. If the handler
// fails for now, it stays as it was.
func (h *Redriver) handleDeadLetter(
	ctx context.Context, run *redriveRun, head store.DeadLetter,
) (result redriveResult, err error) {
	handle, known := h.Handlers[head.Source]
	if !known {
		return redriveKept, fmt.Errorf("redrive dead letter %s: the configuration has no source %q", head.ID, head.Source)
	}
	d, err := h.DeadLetters.GetDeadLetter(ctx, head.ID)
	if err != nil {
		return redriveKept, ignoreGone(err)
	}
	msg := message.NewMessage(watermill.NewULID(), d.Body)
	msg.Metadata = d.Metadata
	msg.SetContext(withoutCaller(ctx))
	handled := handle(msg)
	if errors.Is(handled, ErrFiltered) {
		handled = nil
	}
	switch {
	case handled == nil:
		result = redriveDone
		if err = ignoreGone(h.DeadLetters.DeleteDeadLetter(ctx, d.ID)); err != nil {
			err = fmt.Errorf("delete dead letter %s, which was handled: %w", d.ID, err)
		}
	case approval.IsPermanent(handled):
		result = redriveFailed
		d.Redrives++
		d.ReasonCode = approval.ReasonCodeOf(handled)
		d.Reason = handled.Error()
		if err = ignoreGone(h.DeadLetters.MarkDeadLetter(ctx, d)); err != nil {
			err = fmt.Errorf("mark dead letter %s, which failed again: %w", d.ID, err)
		}
	default:
		return redriveKept, fmt.Errorf("redrive dead letter %s: %w", d.ID, handled)
	}
	h.Transitions.Log.LogAttrs(ctx, slog.LevelInfo, "dead letter redriven",
		slog.String("by", run.By),
		slog.String("id", d.ID),
		slog.String("source", d.Source),
		slog.Bool("failed_again", result == redriveFailed),
	)
	return result, err
}

// ignoreGone returns nil for a dead letter that does not exist any more: another operator redrove it.
func ignoreGone(err error) error {
	if errors.Is(err, approval.ErrNotFound) {
		return nil
	}
	return err
}

// redriveQueue moves messages of the dead letter queue of a source back to their queue. A queue of which nothing was
// moved is done with: SQS has no order in which a further step could go on.
func (h *Redriver) redriveQueue(
	ctx context.Context, run *redriveRun, from store.RedrivePosition,
) (next store.RedrivePosition, err error) {
	names := h.queuesIn(run.scope)
	i, _ := slices.BinarySearch(names, from.After)
	if i == len(names) {
		return next, nil
	}
	if i+1 < len(names) {
		next = store.RedrivePosition{Part: store.RedriveQueues, After: names[i+1]}
	}
	q := h.Queues[names[i]]
	request := store.QueueRedrive{RedriveRequest: run.RedriveRequest, RunID: from.RunID, Until: run.until}
	request.Max = run.left
	redrive := q.Move
	if run.DryRun {
		redrive = q.Count
	}
	report, err := redrive(ctx, request)
	for _, g := range report.Found {
		run.report.Found.Add(g.ReasonCode, g.Count, g.Example)
	}
	run.left -= report.Requeued
	run.report.Redriven += report.Requeued
	run.report.Requeued += report.Requeued
	run.report.Returned += report.Returned
	run.report.Guarded += report.Guarded
	run.report.Kept += report.Kept
	if err != nil {
		return next, fmt.Errorf("dead letter queue of %s: %w", names[i], err)
	}
	if report.HasMore && report.Requeued > 0 {
		return store.RedrivePosition{Part: store.RedriveQueues, After: names[i]}, nil
	}
	run.report.NotLookedAt += report.NotLookedAt
	return next, nil
}

// queuesIn returns the sources in a scope that have a dead letter queue, in order.
func (h *Redriver) queuesIn(scope role.Scope) []string {
	names := slices.Sorted(maps.Keys(h.Queues))
	return slices.DeleteFunc(names, func(source string) bool { return !scope.IncludesSource(source) })
}

// depthTimeout bounds the reading of the depths of the queues.
const depthTimeout = 5 * time.Second

// QueueDepths reads the number of messages in each dead letter queue, in the order of the sources.
func (h *Redriver) QueueDepths(ctx context.Context) []store.QueueDepth {
	ctx, cancel := context.WithTimeout(ctx, depthTimeout)
	defer cancel()
	names := h.queuesIn(redriveScope(ctx))
	depths := make([]store.QueueDepth, len(names))
	var group sync.WaitGroup
	for i, name := range names {
		group.Go(func() {
			d := store.QueueDepth{Source: name}
			d.Queue, d.Messages, d.Err = h.Queues[name].CountAll(ctx)
			depths[i] = d
		})
	}
	group.Wait()
	return depths
}

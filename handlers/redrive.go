package handlers

import (
	"context"
	"crypto/rand"
	"log/slog"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/role"
	"github.com/approval-relay/approval-relay/store"
)

// Lister lists orders; package store states the promises of its method.
type Lister interface {
	List(ctx context.Context, q store.OrderQuery) (orders []*approval.Order, next string, err error)
}

// DeadLetterQueue is a dead letter queue of SQS.
type DeadLetterQueue interface {
	// Count counts the selected messages, and moves none.
	Count(ctx context.Context, r store.QueueRedrive) (store.QueueReport, error)
	// Move moves the selected messages back to their queue, at most r.Max of them.
	Move(ctx context.Context, r store.QueueRedrive) (store.QueueReport, error)
	// Look returns messages, and reports whether there are more. They stay in the queue.
	Look(ctx context.Context, r store.QueueLook) (letters []store.QueuedLetter, hasMore bool, err error)
	// Dismiss deletes the selected messages. It returns their IDs, and reports whether it ended early.
	Dismiss(ctx context.Context, d store.Dismissal) (ids []string, hasMore bool, err error)
	// CountAll returns the queue's name and the number of its messages as SQS counts them, approximately.
	CountAll(ctx context.Context) (queue string, messages int, err error)
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

// The bounds of a step. A million callbacks or messages need many steps; each step answers before its caller gives up.
const (
	maxRedrive = 1000 // callbacks and messages
	// redriveStep is the time after which a step begins nothing more. What it has begun ends within redriveMargin.
	redriveStep   = 15 * time.Second
	redriveMargin = 15 * time.Second
	// redrivePage is the number of orders or dead letters that are read at once, redrivesAtOnce the number of them that
	// are redriven at the same time. At most so many bodies are in memory.
	redrivePage    = 48
	redrivesAtOnce = 8
)

// Redrive restarts the selected callbacks and messages, or counts them in a dry run. It is one step: after Max of them,
// or after some seconds, it returns the position at which the next step goes on. If one part fails, it goes on with the
// others. The result and the operator's name are logged, and are in the history of each order whose callback was
// restarted.
//
// If the caller leaves, the step ends early. What it has begun is finished and counted all the same.
func (h *Redriver) Redrive(ctx context.Context, request store.RedriveRequest) store.RedriveReport {
	if request.Max <= 0 || request.Max > maxRedrive {
		request.Max = maxRedrive
	}
	if request.MaxRedrives == 0 {
		request.MaxRedrives = 3
	}
	run := &redriveRun{
		RedriveRequest: request,
		scope:          redriveScope(ctx),
		report:         store.RedriveReport{DryRun: request.DryRun},
		left:           request.Max,
		until:          h.Transitions.Now().Add(redriveStep),
	}
	work, cancel := context.WithTimeout(context.WithoutCancel(ctx), redriveStep+redriveMargin)
	defer cancel()
	position, err := store.ParseRedrivePosition(request.After)
	switch {
	case err != nil:
		run.addError(err)
	case request.OrderID != "":
		if err := h.redriveOneOrder(work, run); err != nil {
			run.addError(err)
		}
	default:
		if position.RunID == "" {
			position.RunID = rand.Text()
		}
		for position.Part != store.RedriveEnd && ctx.Err() == nil && h.hasTime(run) {
			position = h.redriveSome(work, run, position)
		}
		run.report.Next = position.String()
	}
	h.logRun(ctx, run)
	return run.report
}

// hasTime reports whether the step may go on.
func (h *Redriver) hasTime(run *redriveRun) bool {
	return (run.DryRun || run.left > 0) && h.Transitions.Now().Before(run.until)
}

// redriveSome redrives a page of a part, and returns the position after it. After an error it goes on with the next
// part.
func (h *Redriver) redriveSome(
	ctx context.Context, run *redriveRun, position store.RedrivePosition,
) (next store.RedrivePosition) {
	var err error
	switch position.Part {
	case store.RedriveCallbacks:
		if next, err = h.redriveCallbacks(ctx, run, position); err != nil || next.Part == store.RedriveEnd {
			next = store.RedrivePosition{Part: store.RedriveDeadLetters}
		}
	case store.RedriveDeadLetters:
		if next, err = h.redriveDeadLetters(ctx, run, position); err != nil || next.Part == store.RedriveEnd {
			next = store.RedrivePosition{Part: store.RedriveQueues}
		}
	default:
		next, err = h.redriveQueue(ctx, run, position)
	}
	if err != nil {
		run.addError(err)
	}
	next.RunID = position.RunID
	return next
}

// logRun logs the result of a step under the operator's name.
func (h *Redriver) logRun(ctx context.Context, run *redriveRun) {
	if run.DryRun {
		return
	}
	h.Transitions.Log.LogAttrs(ctx, slog.LevelInfo, "redrive",
		slog.String("by", run.By),
		slog.String("on_behalf_of", run.OnBehalfOf),
		slog.String("reason_code", string(run.ReasonCode)),
		slog.String("order_id", run.OrderID),
		slog.Int("redriven", run.report.Redriven),
		slog.Int("requeued", run.report.Requeued),
		slog.Int("failed", run.report.Failed),
		slog.Int("returned", run.report.Returned),
		slog.Int("guarded", run.report.Guarded),
		slog.Int("kept", run.report.Kept),
		slog.Int("errors", len(run.report.Errors)),
		slog.Bool("has_more", run.report.Next != ""),
	)
}

// redriveRun is the state of one step.
type redriveRun struct {
	store.RedriveRequest
	scope  role.Scope // of the operator
	report store.RedriveReport
	left   int // until Max is reached
	until  time.Time
}

func (r *redriveRun) addError(err error) { r.report.Errors = append(r.report.Errors, err.Error()) }

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
	if r.IsGuarded(redrives) {
		r.report.Guarded++
		return false
	}
	if r.DryRun {
		return false
	}
	r.left--
	return true
}

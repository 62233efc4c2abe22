package handlers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/approval-relay/approval-relay/approval"
)

// Letter is a message that was given up, as an operator sees it.
type Letter struct {
	ID       string            `json:"id"`
	Source   string            `json:"source"`
	Reason   string            `json:"reason"`
	At       time.Time         `json:"at"`
	Redrives int               `json:"redrives"`
	Body     []byte            `json:"-"` // may hold a token
	Metadata map[string]string `json:"-"`
}

// Letters keeps the messages that were given up.
type Letters interface {
	// List returns those that can be read, with the error of those that cannot.
	List(ctx context.Context, after string, limit int) ([]Letter, error)
	Put(ctx context.Context, l Letter) error
	Take(ctx context.Context, id string) error
}

// Queue is a dead letter queue of SQS. It counts by reason, or moves messages
// back to where they came from.
type Queue interface {
	Count(ctx context.Context, limit int) (map[string]int, error)
	Move(ctx context.Context, limit, redriveLimit int, reason string) (moved, guarded int, err error)
}

// Exhausted lists the orders with a callback that was given up.
type Exhausted interface {
	ListExhausted(ctx context.Context, after string, limit int) (orders []*approval.Order, next string, err error)
}

// Redrive starts again what was given up: callbacks, messages in the store's
// own table, and messages in dead letter queues.
type Redrive struct {
	Transitions *Transitions
	Exhausted   Exhausted
	Letters     Letters
	Queues      map[string]Queue // by source
	// Handle is what a message of a source is handed to again.
	Handle map[string]message.NoPublishHandlerFunc
}

// RedriveOrder says what to redrive.
type RedriveOrder struct {
	DryRun bool   `json:"dryRun"`
	Max    int    `json:"max"`    // at most this many; 0 means 1,000
	Reason string `json:"reason"` // only those with this reason; empty means any
	// Limit is the loop guard: what was redriven that often is left alone. 0
	// means 3; a negative one takes the guard away.
	Limit int    `json:"limit"`
	By    string `json:"by"` // who orders it, for the history
	// OrderID narrows it down to the callbacks of one order; no messages then.
	OrderID string `json:"orderId,omitempty"`
}

// RedriveReport says what was, or would be, redriven.
type RedriveReport struct {
	DryRun   bool           `json:"dryRun"`
	Found    map[string]int `json:"found"` // by reason
	Redriven int            `json:"redriven"`
	Guarded  int            `json:"guarded"` // left alone by the loop guard
	Expired  int            `json:"expired"` // callbacks whose task has expired: the answer will most likely be too late
	Failed   int            `json:"failed"`  // given up again at once
	// Errors says what could not be redriven now, or not even looked at.
	Errors []string `json:"errors,omitempty"`
}

// maxRedrive bounds one redrive.
const maxRedrive = 1000

// Run redrives, or counts what it would. Where one part fails it goes on with
// the others. What it did, and by whose order, is logged; a callback's order has it
// in its history too.
func (h *Redrive) Run(ctx context.Context, order RedriveOrder) RedriveReport {
	if order.Max <= 0 || order.Max > maxRedrive {
		order.Max = maxRedrive
	}
	if order.Limit == 0 {
		order.Limit = 3
	}
	order.Reason = Reason(order.Reason)
	run := redriving{RedriveOrder: order, report: RedriveReport{DryRun: order.DryRun, Found: map[string]int{}}, left: order.Max}
	parts := []func(context.Context, *redriving) error{h.callbacks, h.letters, h.queues}
	if order.OrderID != "" {
		parts = []func(context.Context, *redriving) error{h.ofOrder}
	}
	for _, part := range parts {
		if err := part(ctx, &run); err != nil {
			run.report.Errors = append(run.report.Errors, err.Error())
		}
	}
	h.log(ctx, run)
	return run.report
}

// log says who redrove what.
func (h *Redrive) log(ctx context.Context, run redriving) {
	if run.DryRun {
		return
	}
	h.Transitions.Log.LogAttrs(ctx, slog.LevelInfo, "redrive", slog.String("by", run.By), slog.String("reason", run.Reason), slog.String("order_id", run.OrderID),
		slog.Int("redriven", run.report.Redriven), slog.Int("failed", run.report.Failed), slog.Int("guarded", run.report.Guarded), slog.Int("errors", len(run.report.Errors)))
}

// redriving is one run of a redrive.
type redriving struct {
	RedriveOrder
	report RedriveReport
	left   int
}

// finds says whether one with that reason is looked for, and counts it.
func (r *redriving) finds(reason string) bool {
	reason = Reason(reason)
	if r.Reason != "" && r.Reason != reason {
		return false
	}
	r.report.Found[reason]++
	return true
}

// takes says whether one that was found is to be redriven after so many times.
func (r *redriving) takes(redrives int) bool {
	switch {
	case r.Limit > 0 && redrives >= r.Limit:
		r.report.Guarded++
		return false
	case r.left <= 0:
		return false
	}
	r.left--
	return !r.DryRun
}

// callbacks redrives the callbacks that were given up.
func (h *Redrive) callbacks(ctx context.Context, run *redriving) error {
	for after, first := "", true; first || after != ""; first = false {
		orders, next, err := h.Exhausted.ListExhausted(ctx, after, 100)
		if err != nil {
			return fmt.Errorf("list exhausted callbacks: %w", err)
		}
		for _, o := range orders {
			if err := h.order(ctx, run, o); err != nil {
				return err
			}
		}
		after = next
	}
	return nil
}

// ofOrder redrives the callbacks of one order.
func (h *Redrive) ofOrder(ctx context.Context, run *redriving) error {
	o, err := h.Transitions.Orders.Get(ctx, run.OrderID)
	if err != nil {
		return fmt.Errorf("read order %s: %w", show(run.OrderID), err)
	}
	return h.order(ctx, run, o)
}

func (h *Redrive) order(ctx context.Context, run *redriving, o *approval.Order) error {
	for _, a := range o.Approvals {
		if a.Callback.State != approval.CallbackExhausted || !run.finds(a.Callback.LastError) {
			continue
		}
		if !a.TaskExpires.IsZero() && a.TaskExpires.Before(h.Transitions.Now()) {
			run.report.Expired++
		}
		if !run.takes(a.Callback.Redrives) {
			continue
		}
		began := false
		err := h.Transitions.Run(ctx, o.ID, func(o *approval.Order, t approval.Environment) (actions []approval.Action, _ error) {
			began, actions = o.RedriveCallback(a.ID, run.By, run.Limit, t)
			return actions, nil
		})
		if err != nil {
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

// letters redrives the messages in the store's own table. One that cannot be
// read holds up no other.
func (h *Redrive) letters(ctx context.Context, run *redriving) error {
	letters, err := h.Letters.List(ctx, "", 10*maxRedrive)
	if err != nil {
		err = fmt.Errorf("list dead letters: %w", err)
	}
	return errors.Join(h.messages(ctx, run, letters), err)
}

func (h *Redrive) messages(ctx context.Context, run *redriving, letters []Letter) error {
	for _, l := range letters {
		handle, known := h.Handle[l.Source]
		if !known || !run.finds(l.Reason) || !run.takes(l.Redrives) {
			continue
		}
		msg := message.NewMessage(watermill.NewULID(), l.Body)
		msg.Metadata = l.Metadata
		msg.SetContext(ctx)
		handled := handle(msg)
		switch {
		case handled == nil, errors.Is(handled, ErrFiltered):
			run.report.Redriven++
		case approval.IsPermanent(handled):
			run.report.Failed++
			again := l
			again.Redrives, again.Reason = l.Redrives+1, handled.Error()
			if err := h.Letters.Put(ctx, again); err != nil {
				return fmt.Errorf("put dead letter back: %w", err)
			}
		default:
			return fmt.Errorf("redrive dead letter %s: %w", l.ID, handled)
		}
		if err := h.Letters.Take(ctx, l.ID); err != nil {
			return fmt.Errorf("take dead letter: %w", err)
		}
		h.Transitions.Log.LogAttrs(ctx, slog.LevelInfo, "dead letter redriven", slog.String("by", run.By), slog.String("id", l.ID),
			slog.String("source", l.Source), slog.Bool("given_up_again", handled != nil && !errors.Is(handled, ErrFiltered)))
	}
	return nil
}

// queues redrives the messages in dead letter queues.
func (h *Redrive) queues(ctx context.Context, run *redriving) error {
	var failed []error
	for _, name := range slices.Sorted(maps.Keys(h.Queues)) {
		if err := run.queue(ctx, h.Queues[name]); err != nil {
			failed = append(failed, fmt.Errorf("dead letter queue of %s: %w", name, err))
		}
	}
	return errors.Join(failed...)
}

func (r *redriving) queue(ctx context.Context, q Queue) error {
	if !r.DryRun {
		moved, guarded, err := q.Move(ctx, r.left, r.Limit, r.Reason)
		r.left -= moved
		r.report.Redriven += moved
		r.report.Guarded += guarded
		return err
	}
	counts, err := q.Count(ctx, maxRedrive)
	for text, n := range counts {
		if reason := Reason(text); r.Reason == "" || r.Reason == reason {
			r.report.Found[reason] += n
		}
	}
	return err
}

// View returns what an operator may see of an order: no token, no link.
func View(o *approval.Order) *approval.Order {
	view := *o
	view.Approvals = make([]*approval.Approval, len(o.Approvals))
	for i, a := range o.Approvals {
		c := *a
		c.Token = approval.Token{}
		c.Approvers = names(a.Approvers)
		c.Escalations = slices.Clone(a.Escalations)
		for j, e := range a.Escalations {
			c.Escalations[j].Approvers = names(e.Approvers)
		}
		view.Approvals[i] = &c
	}
	return &view
}

// names are the approvers without what makes their links.
func names(approvers []approval.Approver) []approval.Approver {
	out := slices.Clone(approvers)
	for i := range out {
		out[i].Nonce = ""
	}
	return out
}

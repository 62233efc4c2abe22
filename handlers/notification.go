package handlers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/approval-relay/approval-relay/approval"
)

// Channel tells people. Its error says how it ended, see approval.ResultOf.
type Channel interface {
	Notify(ctx context.Context, m approval.Message) error
}

// Notification carries out the notifications that transitions ask for.
type Notification struct {
	Transitions *Transitions
	Channels    map[string]Channel
	// Link makes the link for an approver.
	Link func(approval.Capability) approval.Token
	// Timeout bounds one message: an SMTP server or a webhook that accepts the
	// connection and then says nothing.
	Timeout time.Duration
}

// Handle sends the notification that the message's action is about. Its end is
// recorded, whatever it is; there is nothing to be tried again by the message.
func (h *Notification) Handle(msg *message.Message) error {
	act, err := action(msg)
	if err != nil {
		return err
	}
	order, err := h.Transitions.Orders.Get(msg.Context(), act.OrderID)
	if err != nil {
		return fmt.Errorf("notify for order %s: %w", show(act.OrderID), err)
	}
	a, n := order.Notification(act, h.Transitions.Now())
	if n == nil {
		return nil // somebody else's by now, or the approval has closed
	}
	link := h.Link(order.Capability(a, n.Approver))
	result := approval.ResultOf(h.send(msg.Context(), act, order.Message(a, n, link)))
	return h.Transitions.record(msg.Context(), act, func(o *approval.Order, t approval.Turn) []approval.Action {
		return o.Notified(act, result, t)
	})
}

func (h *Notification) send(ctx context.Context, act approval.Action, m approval.Message) error {
	channel, ok := h.Channels[act.Channel]
	if !ok {
		return approval.NotApplied(fmt.Errorf("channel %q is not configured", act.Channel))
	}
	ctx, cancel := h.Transitions.until(ctx, act, h.Timeout)
	defer cancel()
	return channel.Notify(ctx, m)
}

// record stores the end of an action, although its context may be over: it has
// happened.
func (t *Transitions) record(ctx context.Context, act approval.Action, end func(*approval.Order, approval.Turn) []approval.Action) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	return t.Run(ctx, act.OrderID, func(o *approval.Order, turn approval.Turn) ([]approval.Action, error) {
		return end(o, turn), nil
	})
}

// recordTimeout bounds a store that hangs. The action is then begun again after
// its lease, as after a crash.
const recordTimeout = 30 * time.Second

// until bounds an action by its time limit and by the end of its lease.
func (t *Transitions) until(ctx context.Context, act approval.Action, limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), min(limit, act.Until.Sub(t.Now())))
}

// errAction is an action that was not written by us.
var errAction = errors.New("not an action")

package handlers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/notify"
)

// Links makes what a message carries.
type Links interface {
	// URL returns the link of a capability.
	URL(c approval.Capability) string
	// ButtonToken returns what a button in a chat carries. It proves to us which
	// approval it is about, and does not say who pressed it.
	ButtonToken(c approval.Capability) string
}

// Notification carries out the notifications that transitions ask for.
type Notification struct {
	Transitions *Transitions
	Channels    map[string]notify.Channel
	Links       Links
	// Timeout bounds one message: an SMTP server or a webhook that accepts the
	// connection and then says nothing.
	Timeout time.Duration
}

// Handle sends the notification that the message's action is about. Its end is
// recorded, whatever it is; there is nothing to be tried again by the message.
func (h *Notification) Handle(msg *message.Message) error {
	act, err := decodeAction(msg)
	if err != nil {
		return err
	}
	order, err := h.Transitions.Orders.Get(msg.Context(), act.OrderID)
	if err != nil {
		return fmt.Errorf("notify for order %s: %w", quoteOrderID(act.OrderID), err)
	}
	a, n := order.CurrentNotification(act, h.Transitions.Now())
	if n == nil {
		return nil // somebody else's by now, or the approval has closed
	}
	receipt, err := h.sendMessage(msg.Context(), act, h.composeMessage(order, a, n), n.Receipt)
	result := approval.ResultOf(err)
	result.Receipt = receipt
	return h.Transitions.recordResult(msg.Context(), act, func(o *approval.Order, t approval.Environment) []approval.Action {
		return o.RecordNotificationResult(act, result, t)
	})
}

// composeMessage is what is to be said. Only people get a link.
func (h *Notification) composeMessage(o *approval.Order, a *approval.Approval, n *approval.Notification) approval.Message {
	m := o.ComposeMessage(a, n)
	if n.Kind != approval.NotifyEvent && n.Kind != approval.NotifyOutcome {
		c := o.LinkCapability(a, n.Approver)
		m.Link, m.Button = approval.NewToken(h.Links.URL(c)), approval.NewToken(h.Links.ButtonToken(c))
	}
	return m
}

func (h *Notification) sendMessage(ctx context.Context, act approval.Action, m approval.Message, receipt string) (string, error) {
	channel, ok := h.Channels[act.Channel]
	if !ok {
		return "", approval.NotApplied(fmt.Errorf("channel %q is not configured", act.Channel))
	}
	ctx, cancel := h.Transitions.boundByLease(ctx, act, h.Timeout)
	defer cancel()
	editable, can := channel.(notify.Editable)
	switch {
	case m.Kind == approval.NotifyOutcome && can:
		return "", editable.Edit(ctx, receipt, m)
	case m.Kind == approval.NotifyOutcome: // the channel was another kind when it was sent
		return "", approval.Permanent(fmt.Errorf("channel %q cannot edit its messages", act.Channel))
	case can:
		return editable.Post(ctx, m)
	}
	return "", channel.Notify(ctx, m)
}

// recordResult stores the end of an action, although its context may be over: it has
// happened.
func (t *Transitions) recordResult(ctx context.Context, act approval.Action, end func(*approval.Order, approval.Environment) []approval.Action) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	return t.Run(ctx, act.OrderID, func(o *approval.Order, turn approval.Environment) ([]approval.Action, error) {
		return end(o, turn), nil
	})
}

// recordTimeout bounds a store that hangs. The action is then begun again after
// its lease, as after a crash.
const recordTimeout = 30 * time.Second

// boundByLease bounds an action by its time limit and by the end of its lease.
func (t *Transitions) boundByLease(ctx context.Context, act approval.Action, limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), min(limit, act.LeaseExpires.Sub(t.Now())))
}

// errAction is an action that was not written by us.
var errAction = errors.New("not an action")

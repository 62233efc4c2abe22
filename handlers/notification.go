package handlers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/notify"
	"github.com/approval-relay/approval-relay/organisation"
)

// Links makes the links and button tokens of messages.
type Links interface {
	// URL returns the link of a capability.
	URL(c approval.Capability) string
	// ButtonToken returns the token of a button in a chat. It proves the approval of the button, and does not identify
	// the person.
	ButtonToken(c approval.Capability) string
	// StatusURL returns the link of a requester, which shows the approval and never decides it.
	StatusURL(c approval.Capability) string
}

// Channel is an open channel, with the readers of its messages.
type Channel struct {
	Sender   notify.Channel
	Audience notify.Audience
	// Limit is the channel's own rate limit; nil is none.
	Limit Limiter
}

// Limiter is a rate limit.
type Limiter interface {
	// Wait returns when the next message may be sent, or an error if that is not before the context ends.
	Wait(ctx context.Context) error
}

// errRateLimit is the error of a message that the channel's own rate limit did not admit in time.
var errRateLimit = approval.WithReasonCode(approval.ReasonRateLimited,
	errors.New("not sent: the channel's own rate limit did not admit the message in time"))

// await waits for the rate limit, for half of the time that is left: a message that begins at the last moment would be
// cut off. A message that is not admitted counts as no attempt.
func (c Channel) await(ctx context.Context) error {
	if c.Limit == nil {
		return nil
	}
	if end, bounded := ctx.Deadline(); bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(end)/2)
		defer cancel()
	}
	if c.Limit.Wait(ctx) != nil { // its text is about deadlines
		return approval.NotMade(approval.NotApplied(errRateLimit))
	}
	return nil
}

// Notification carries out notifications.
type Notification struct {
	Transitions *Transitions
	Channels    map[string]Channel
	Links       Links
	// Timeout bounds a message, in case a server accepts the connection and then stays silent.
	Timeout time.Duration
	// Preferences has the languages and zones of the readers. It may be nil.
	Preferences *Preferences
	// Organisation is the organisation that asks.
	Organisation organisation.Organisation
	// ConsoleURL returns the address of an order in the operator's console, or "" if it is not known. It may be nil.
	ConsoleURL func(orderID string) string
}

// Handle sends a notification and records the result. If the action is outdated, because its lease has expired or the
// approval has closed, nothing is sent.
func (h *Notification) Handle(msg *message.Message) error {
	action, err := readAction(msg)
	if err != nil {
		return err
	}
	order, err := h.Transitions.readBegun(msg.Context(), action.OrderID)
	if err != nil {
		return fmt.Errorf("notify for order %s: %w", quoteOrderID(action.OrderID), err)
	}
	a, n := order.CurrentNotification(action, h.Transitions.Now())
	if n == nil {
		return h.Transitions.endOutdated(msg.Context(), action)
	}
	receipt, err := h.sendMessage(msg.Context(), action, h.composeMessage(order, a, n), n.Receipt)
	result := h.Transitions.resultOf(action, err)
	result.Receipt = receipt
	record := func(o *approval.Order, env approval.Environment) []approval.Action {
		return o.RecordNotificationResult(action, result, env)
	}
	return h.Transitions.recordResult(msg.Context(), action, record)
}

// composeMessage returns the message of a notification for the readers that the channel has now. A reload may have
// replaced the channel since the request: the deciding link of an approver then must not reach a group, and programs get
// no link at all.
func (h *Notification) composeMessage(
	o *approval.Order, a *approval.Approval, n *approval.Notification,
) approval.Message {
	m := o.ComposeMessage(a, n)
	audience := h.Channels[n.Channel].Audience
	if audience == notify.AudienceGroup {
		m.Approver, m.HasVoted = "", false
	}
	m.SentAt, m.Organisation = h.Transitions.Now(), h.Organisation
	if h.Preferences != nil {
		reader := h.Preferences.OfReader(m.Approver, m.Workflow)
		m.Language, m.Zone = reader.Language, reader.Zone
	}
	if n.Event == approval.ProgramEventProposed && h.ConsoleURL != nil {
		m.Console = h.ConsoleURL(o.ID)
	}
	if n.Kind == approval.NotifyEvent || n.Kind == approval.NotifyOutcome {
		return m
	}
	switch {
	case audience != notify.AudienceApprover && audience != notify.AudienceGroup:
	case n.Kind == approval.NotifyRequester:
		if audience == notify.AudienceApprover { // a group could withdraw in the name of the requester
			m.Link = approval.NewToken(h.Links.StatusURL(o.RequesterCapability(a)))
		}
	case n.Kind.IsNotice():
		m.Link = approval.NewToken(h.Links.URL(o.LinkCapability(a, m.Approver)))
	default:
		c := o.LinkCapability(a, m.Approver)
		m.Link = approval.NewToken(h.Links.URL(c))
		c.Shown = o.ContentDigest(a)
		m.Button = approval.NewToken(h.Links.ButtonToken(c))
	}
	return m
}

// sendMessage sends a message, or edits the message of the receipt. It returns the receipt of a message that can be
// edited later.
func (h *Notification) sendMessage(
	ctx context.Context, action approval.Action, m approval.Message, receipt string,
) (string, error) {
	channel, ok := h.Channels[action.Channel]
	if !ok {
		err := fmt.Errorf("channel %q is not configured", action.Channel)
		return "", approval.NotApplied(approval.WithReasonCode(approval.ReasonNotConfigured, err))
	}
	ctx, err := h.Transitions.boundByLease(ctx, action, h.Timeout)
	if err != nil {
		return "", err
	}
	if err := channel.await(ctx); err != nil {
		return "", err
	}
	editable, canEdit := channel.Sender.(notify.Editable)
	isEdit := m.Kind == approval.NotifyOutcome || m.Kind == approval.NotifyUpdate
	switch {
	case isEdit && canEdit:
		return "", editable.Edit(ctx, receipt, m)
	case isEdit: // the configuration of the channel has changed since
		return "", approval.Permanent(fmt.Errorf("channel %q cannot edit its messages", action.Channel))
	case canEdit:
		return editable.Post(ctx, m)
	}
	return "", channel.Sender.Notify(ctx, m)
}

// Package logchannel is the channel for trying things out: it prints each
// notification, with its link, where the person who runs the program sees it.
package logchannel

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/untrusted"
)

// Channel prints notifications. Whoever reads what it prints may decide for the
// approver: that is its purpose in a demo, and why it is nothing for production.
type Channel struct {
	mu sync.Mutex
	w  io.Writer
}

// New returns a channel that prints to w, one Write for each notification.
func New(w io.Writer) *Channel { return &Channel{w: w} }

// Notify prints the message. The error of the writer is one to try again after.
func (c *Channel) Notify(_ context.Context, m approval.Message) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, err := io.WriteString(c.w, format(m)); err != nil {
		return fmt.Errorf("print the notification: %w", err)
	}
	return nil
}

// format writes what a person needs on a terminal. Every line from outside is
// one line here, and holds no control sequence.
func format(m approval.Message) string {
	var b strings.Builder
	head := "Approval needed"
	switch m.Kind {
	case approval.NotifyReminder:
		head = "Reminder: approval needed"
	case approval.NotifyEscalation:
		head = "Still undecided, approval needed"
	case approval.NotifyEvent:
		return fmt.Sprintf("\n%s: order %s\n", untrusted.SingleLine(m.Event), untrusted.SingleLine(m.OrderID))
	}
	fmt.Fprintf(&b, "\n%s: %s\n", head, untrusted.SingleLine(first(m.Title, m.Workflow, "order "+m.OrderID)))
	lines := []approval.Field{
		{Name: "order", Value: m.OrderID}, {Name: "step", Value: m.Step}, {Name: "from", Value: m.Requester}, {Name: "for", Value: m.Approver},
	}
	lines = append(append(lines, m.Details...), approval.Field{Name: "until", Value: m.Deadline.UTC().Format(time.RFC1123)})
	for _, f := range lines {
		if f.Value != "" {
			fmt.Fprintf(&b, "  %s: %s\n", untrusted.SingleLine(f.Name), untrusted.SingleLine(f.Value))
		}
	}
	fmt.Fprintf(&b, "  decide at: %s\n", untrusted.SingleLine(m.Link.Reveal()))
	return b.String()
}

// first returns the first text that is not empty.
func first(texts ...string) string {
	for _, s := range texts {
		if s != "" {
			return s
		}
	}
	return ""
}

// Package logchannel is the channel for demonstrations: it prints each notification with its link on the terminal of the
// program.
package logchannel

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/notify"
	"github.com/approval-relay/approval-relay/untrusted"
)

// Channel prints notifications. Everybody who reads them can decide for the approver. That is its purpose in a
// demonstration, and the reason not to use it in production.
type Channel struct {
	mu sync.Mutex
	w  io.Writer
}

// NewChannel returns a channel that prints each notification by a single Write to w.
func NewChannel(w io.Writer) *Channel { return &Channel{w: w} }

// Notify implements notify.Channel. An error of the writer is retried.
func (c *Channel) Notify(_ context.Context, m approval.Message) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, err := io.WriteString(c.w, formatMessage(m)); err != nil {
		return fmt.Errorf("print the notification: %w", err)
	}
	return nil
}

// formatMessage returns the text for a terminal. Every text from outside has one line and no control sequence.
func formatMessage(m approval.Message) string {
	if m.Kind == approval.NotifyEvent {
		return fmt.Sprintf("\n%s: order %s\n", notify.HeadlineFor(m), untrusted.TerminalLine(m.OrderID))
	}
	var b strings.Builder
	content := notify.NewContent(m, notify.Limits{})
	fmt.Fprintf(&b, "\n%s: %s\n", content.Headline, untrusted.TerminalLine(content.Title))
	line := func(label, value string) {
		fmt.Fprintf(&b, "  %s: %s\n", untrusted.TerminalLine(label), untrusted.TerminalText(value))
	}
	for _, f := range content.Facts {
		line(f.Label, f.Value)
	}
	for _, d := range content.Details {
		line(d.Name, strings.Join(d.Lines, " "))
	}
	if note := content.LeftOutNames(); note != "" {
		fmt.Fprintf(&b, "  %s\n", untrusted.TerminalLine(note))
	}
	switch {
	case !m.Kind.IsNotice():
		line(content.Words.Text("message.decide_at"), m.Link.Reveal())
	case !m.Link.IsZero():
		line(content.LinkLabel, m.Link.Reveal())
	}
	if content.Footer != "" {
		fmt.Fprintf(&b, "  %s\n", untrusted.TerminalLine(content.Footer))
	}
	return b.String()
}

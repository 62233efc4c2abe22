package handlers

import (
	"context"
	"log/slog"

	"github.com/approval-relay/approval-relay/approval"
)

// logEvents logs a line for each event of an order.
func (t *Transitions) logEvents(ctx context.Context, orderID string, events []approval.Event) {
	if len(events) == 0 || !t.Log.Enabled(ctx, slog.LevelInfo) {
		return
	}
	log := t.Log.With("order_id", orderID)
	for _, e := range events {
		log.LogAttrs(ctx, eventLevel(e), string(e.Kind), eventAttributes(e)...)
	}
}

// eventLevel returns the log level of an event.
func eventLevel(e approval.Event) slog.Level {
	switch e.Kind {
	case approval.EventNotificationExhausted, approval.EventUnmatchedExpired, approval.EventUndeliverable:
		return slog.LevelWarn
	case approval.EventCallbackEnded:
		if e.Code == string(approval.CallbackExhausted) {
			return slog.LevelError
		}
	}
	return slog.LevelInfo
}

// eventAttributes returns the fields of an event that are set.
func eventAttributes(e approval.Event) []slog.Attr {
	var out []slog.Attr
	for _, f := range []struct{ name, value string }{
		{"approval_id", e.Approval},
		{"workflow", e.Workflow},
		{"by", e.By},
		{"via", string(e.Via)},
		{"source", e.Source},
		{"outcome", string(e.Outcome)},
		{"code", e.Code},
		{"channel", e.Channel},
		{"target", e.Target},
		{"reason_code", string(e.ReasonCode)},
		{"note", loggedNote(e)},
	} {
		if f.value != "" {
			out = append(out, slog.String(f.name, f.value))
		}
	}
	if e.Attempt > 0 {
		out = append(out, slog.Int("attempt", e.Attempt))
	}
	if e.Age > 0 {
		out = append(out, slog.Float64("age_seconds", e.Age.Seconds()))
	}
	return out
}

// loggedNote returns the note of an event, unless an approver or a requester may have typed it: what people write to each other
// is in the record, and not in the log.
func loggedNote(e approval.Event) string {
	isAct := e.Kind == approval.EventAct || e.Kind == approval.EventCancelled
	isPerson := e.Via == approval.ViaLink || e.Via == approval.ViaChat || e.Via == approval.ViaSSO
	if isAct && isPerson {
		return ""
	}
	return e.Note
}

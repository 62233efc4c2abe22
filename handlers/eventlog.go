package handlers

import (
	"context"
	"log/slog"

	"github.com/approval-relay/approval-relay/approval"
)

// logEvents logs a line for each event of an order.
func (t *Transitions) logEvents(ctx context.Context, orderID string, events []approval.Event) {
	var log *slog.Logger
	for _, e := range events {
		level := eventLevel(e)
		if !t.Log.Enabled(ctx, level) {
			continue
		}
		if log == nil {
			log = t.Log.With("order_id", orderID)
		}
		log.LogAttrs(ctx, level, string(e.Kind), eventAttributes(e)...)
	}
}

// eventLevel returns the log level of an event. A pending approval has a heartbeat every few minutes, for days.
func eventLevel(e approval.Event) slog.Level {
	switch {
	case isFailedAttempt(e), e.AnswerMissed:
		return slog.LevelWarn
	case e.Kind == approval.EventUnmatchedExpired, e.Kind == approval.EventUndeliverable:
		return slog.LevelWarn
	case isExhausted(e):
		return slog.LevelError
	case e.Kind == approval.EventHeartbeat && e.Code == string(approval.ResultOK):
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

// isFailedAttempt reports whether the event is an attempt of a callback, a notification or a heartbeat that failed or was
// refused. That the target no longer waits is an answer, and no failure.
func isFailedAttempt(e approval.Event) bool {
	switch e.Kind {
	case approval.EventNotificationFailed, approval.EventNotificationExhausted:
		return true
	case approval.EventCallbackAttempt, approval.EventHeartbeat:
		return e.Code == string(approval.ResultFailed) || e.Code == string(approval.ResultRefused)
	}
	return false
}

// isExhausted reports whether the event is the end of a callback whose note is an error.
func isExhausted(e approval.Event) bool {
	return e.Kind == approval.EventCallbackEnded && e.Code == string(approval.CallbackExhausted)
}

// eventAttributes returns the fields of an event that are set.
func eventAttributes(e approval.Event) []slog.Attr {
	var out []slog.Attr
	note := "note"
	if isFailedAttempt(e) || isExhausted(e) {
		note = "error"
	}
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
		{note, loggedNote(e)},
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

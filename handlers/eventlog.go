package handlers

import (
	"context"
	"log/slog"
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// approvalEnd is the story of an approval whose callback has ended, for the line of the log that tells it.
type approvalEnd struct {
	approvalID string
	outcome    approval.Status
	by         string        // the principal of the vote that decided it; empty without a decision
	decided    time.Duration // from the request until the approval was closed
	waited     time.Duration // from the request until the workflow had its answer
}

// approvalEnds returns the ends of approvals among the new events of an order.
func approvalEnds(o *approval.Order) (ends []approvalEnd) {
	for _, e := range o.NewEvents() {
		if e.Kind != approval.EventCallbackEnded {
			continue
		}
		a := o.FindApproval(e.Approval)
		if a == nil {
			continue
		}
		end := approvalEnd{
			approvalID: a.ID,
			outcome:    a.Status,
			decided:    a.ClosedAt.Sub(a.RequestedAt),
			waited:     e.At.Sub(a.RequestedAt),
		}
		if v := approval.DecidingVote(a.Status, a.Votes); v != nil {
			end.by = v.By
		}
		ends = append(ends, end)
	}
	return ends
}

// logEvents logs a line for each event of an order. At the usual level, an approval that goes well has a single line:
// its end.
func (t *Transitions) logEvents(ctx context.Context, orderID string, events []approval.Event, ends []approvalEnd) {
	for _, e := range events {
		level := eventLevel(e)
		if !t.Log.Enabled(ctx, level) {
			continue
		}
		attributes := append(make([]slog.Attr, 0, 16), slog.String("order_id", orderID))
		attributes = appendEvent(attributes, e)
		for _, end := range ends {
			if e.Kind == approval.EventCallbackEnded && e.Approval == end.approvalID {
				attributes = appendEnd(attributes, end)
			}
		}
		t.Log.LogAttrs(ctx, level, string(e.Kind), attributes...)
	}
}

// eventLevel returns the log level of an event. Failures and refusals have lines of their own. Of the successes only
// the end of an approval has a line: the record of the order tells the rest.
func eventLevel(e approval.Event) slog.Level {
	switch {
	case isFailedAttempt(e), e.AnswerMissed:
		return slog.LevelWarn
	case e.Kind == approval.EventUnmatchedExpired, e.Kind == approval.EventUndeliverable:
		return slog.LevelWarn
	case isExhausted(e):
		return slog.LevelError
	case e.Kind == approval.EventCallbackEnded, isRefusal(e):
		return slog.LevelInfo
	}
	return slog.LevelDebug
}

// isRefusal reports whether the event tells that something was refused, or that an answer did not count.
func isRefusal(e approval.Event) bool {
	switch e.Kind {
	case approval.EventDecisionReceived:
		return !approval.Verdict{Code: approval.VerdictCode(e.Code)}.IsAccepted()
	case approval.EventProbed:
		return e.Code == string(approval.ResultFailed) || e.Code == string(approval.ResultRefused)
	case approval.EventReconciled:
		return e.Code != string(approval.TruthAnswered)
	}
	return false
}

// isFailedAttempt reports whether the event is an attempt of a callback, a notification or a heartbeat that failed, was
// refused or was interrupted. That the target no longer waits is an answer, and no failure.
func isFailedAttempt(e approval.Event) bool {
	switch e.Kind {
	case approval.EventNotificationFailed, approval.EventNotificationExhausted:
		return true
	case approval.EventCallbackAttempt, approval.EventHeartbeat:
		switch approval.ResultKind(e.Code) {
		case approval.ResultFailed, approval.ResultRefused, approval.ResultInterrupted:
			return true
		}
	}
	return false
}

// isExhausted reports whether the event is the end of a callback whose note is an error.
func isExhausted(e approval.Event) bool {
	return e.Kind == approval.EventCallbackEnded && e.Code == string(approval.CallbackExhausted)
}

// appendEvent appends the fields of an event that are set.
func appendEvent(out []slog.Attr, e approval.Event) []slog.Attr {
	note := "note"
	if isFailedAttempt(e) || isExhausted(e) {
		note = "error"
	}
	for _, f := range [...]struct{ name, value string }{
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
		name := "attempt"
		if e.Kind == approval.EventCallbackEnded {
			name = "attempts"
		}
		out = append(out, slog.Int(name, e.Attempt))
	}
	if e.Age > 0 {
		name := "age_seconds"
		if e.Kind == approval.EventCallbackEnded {
			name = "answered_seconds"
		}
		out = append(out, loggedTime(name, e.Age))
	}
	return out
}

// appendEnd appends how an approval ended, and how long it took.
func appendEnd(out []slog.Attr, end approvalEnd) []slog.Attr {
	out = append(out, slog.String("outcome", string(end.outcome)))
	if end.by != "" {
		out = append(out, slog.String("by", end.by))
	}
	return append(out, loggedTime("decided_seconds", end.decided), loggedTime("waited_seconds", end.waited))
}

// loggedTime returns a duration in seconds, to the millisecond.
func loggedTime(name string, d time.Duration) slog.Attr {
	return slog.Float64(name, float64(d.Round(time.Millisecond).Milliseconds())/1000)
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

package tracing

import (
	"context"
	"slices"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/approval-relay/approval-relay/approval"
)

// RecordTransition makes the span of a transition that began then and has now ended. It is
// in the trace of the approval that it was about, whatever brought it about: the
// clock, or a decision that came in a trace of its own, which it is linked to. It
// returns the context within.
func (t *Tracer) RecordTransition(ctx context.Context, orderID string, began time.Time, events []approval.Event, err error) context.Context {
	told := slices.DeleteFunc(slices.Clone(events), func(e approval.Event) bool {
		return e.Kind == approval.EventHeartbeat || e.Kind == approval.EventTokenErased // nobody's story
	})
	name := "order.update"
	switch {
	case err != nil:
		told = nil // they have not happened
	case len(told) == 0:
		return ctx
	default:
		name = "order." + string(told[0].Kind)
	}
	here := trace.SpanContextFromContext(ctx)
	parent := ctx
	home := approvalTrace(told, here)
	switch {
	case home.IsValid():
		parent = trace.ContextWithRemoteSpanContext(ctx, home)
	case here.IsValid():
		home = here
	default:
		return ctx
	}
	markFailedAttempt(trace.SpanFromContext(ctx), told)
	_, span := t.tracer.Start(parent, name, trace.WithTimestamp(began), trace.WithLinks(linksToOtherTraces(told, home, here)...), trace.WithAttributes(describeEvents(orderID, told)...))
	setError(span, err)
	span.End()
	return trace.ContextWithSpan(ctx, span)
}

// approvalTrace returns the trace that the events are in; the invalid one where they are
// in the one of the context, or in none.
func approvalTrace(events []approval.Event, here trace.SpanContext) trace.SpanContext {
	var home trace.SpanContext
	for _, e := range events {
		s := parseTraceParent(e.Trace)
		if s.IsValid() && s.TraceID() == here.TraceID() {
			return trace.SpanContext{}
		}
		if !home.IsValid() {
			home = s
		}
	}
	return home
}

// linksToOtherTraces returns the other traces that led here: those that decisions came in, and
// the one of the message.
func linksToOtherTraces(events []approval.Event, home, here trace.SpanContext) []trace.Link {
	var out []trace.Link
	add := func(s trace.SpanContext) {
		known := slices.ContainsFunc(out, func(l trace.Link) bool { return l.SpanContext.Equal(s) })
		if s.IsValid() && s.TraceID() != home.TraceID() && !known {
			out = append(out, trace.Link{SpanContext: s})
		}
	}
	for _, e := range events {
		add(parseTraceParent(e.DecisionTrace))
	}
	if len(out) == 0 {
		add(here)
	}
	return out
}

// describeEvents lists what the events say, without names of people and words of theirs.
func describeEvents(orderID string, events []approval.Event) []attribute.KeyValue {
	out := attributesOf("order_id", orderID)
	var kinds, seen []string
	for _, e := range events {
		kinds = append(kinds, string(e.Kind))
		for _, f := range [][2]string{
			{"approval_id", e.Approval}, {"workflow", e.Workflow}, {"via", string(e.Via)}, {"source", e.Source}, {"outcome", string(e.Outcome)},
			{"code", e.Code}, {"channel", e.Channel}, {"target", e.Target}, {"attempt", attemptText(e)},
		} {
			if f[1] != "" && !slices.Contains(seen, f[0]) {
				seen = append(seen, f[0])
				out = append(out, attribute.String(f[0], f[1]))
			}
		}
	}
	if len(kinds) > 0 {
		out = append(out, attribute.StringSlice("events", kinds))
	}
	return out
}

func attemptText(e approval.Event) string {
	if e.Attempt == 0 {
		return ""
	}
	return strconv.Itoa(e.Attempt)
}

// markFailedAttempt says on the span of an attempt how the attempt ended.
func markFailedAttempt(span trace.Span, events []approval.Event) {
	for _, e := range events {
		failed := e.Kind == approval.EventNotificationFailed || e.Kind == approval.EventCallbackAttempt && e.Code != string(approval.ResultOK)
		if failed {
			span.SetStatus(codes.Error, e.Code+": "+e.Note[:min(len(e.Note), maxError)])
		}
	}
}

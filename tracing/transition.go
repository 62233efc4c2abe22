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

// RecordTransition makes the span of a transition, from began until now, and returns the context within it. The span
// is in the trace of the approval, also if the transition has a cause in another trace, such as a decision; the span
// then has a link to that trace. Without a trace, or without events worth a span, the context is unchanged.
func (t *Tracer) RecordTransition(
	ctx context.Context, orderID string, began time.Time, events []approval.Event, err error,
) context.Context {
	notable := notableEvents(events)
	name := "order.update"
	switch {
	case err != nil:
		notable = nil // the store has not kept them
	case len(notable) == 0:
		return ctx
	default:
		name = "order." + string(notable[0].Kind)
	}
	current := trace.SpanContextFromContext(ctx)
	parent := ctx
	home := approvalTrace(notable, current)
	switch {
	case home.IsValid():
		parent = trace.ContextWithRemoteSpanContext(ctx, home)
	case current.IsValid():
		home = current
	default:
		return ctx
	}
	markFailedAttempt(trace.SpanFromContext(ctx), notable)
	_, span := t.tracer.Start(parent, name,
		trace.WithTimestamp(began),
		trace.WithLinks(linksToOtherTraces(notable, home, current)...),
		trace.WithAttributes(describeEvents(orderID, notable)...),
	)
	setError(span, err)
	span.End()
	return trace.ContextWithSpan(ctx, span)
}

// notableEvents returns the events without heartbeats, probes and erased tokens, which would fill a trace.
func notableEvents(events []approval.Event) []approval.Event {
	return slices.DeleteFunc(slices.Clone(events), func(e approval.Event) bool {
		switch e.Kind {
		case approval.EventHeartbeat, approval.EventProbed, approval.EventTokenErased:
			return true
		}
		return false
	})
}

// approvalTrace returns the trace of the events' approval. It is invalid if the approval is not traced, or if the
// current trace is already the approval's.
func approvalTrace(events []approval.Event, current trace.SpanContext) trace.SpanContext {
	var home trace.SpanContext
	for _, e := range events {
		s := parseTraceParent(e.Trace)
		if s.IsValid() && s.TraceID() == current.TraceID() {
			return trace.SpanContext{}
		}
		if !home.IsValid() {
			home = s
		}
	}
	return home
}

// linksToOtherTraces returns links to the traces of the decisions that caused the events. If there are none, it returns
// a link to the current trace, the trace of the message.
func linksToOtherTraces(events []approval.Event, home, current trace.SpanContext) []trace.Link {
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
		add(current)
	}
	return out
}

// describeEvents returns the attributes of the events, without names of people and without their comments. Of each
// attribute the first value counts.
func describeEvents(orderID string, events []approval.Event) []attribute.KeyValue {
	out := attributesOf("order_id", orderID)
	var kinds, known []string
	for _, e := range events {
		kinds = append(kinds, string(e.Kind))
		for _, f := range [][2]string{
			{"approval_id", e.Approval},
			{"workflow", e.Workflow},
			{"via", string(e.Via)},
			{"source", e.Source},
			{"outcome", string(e.Outcome)},
			{"code", e.Code},
			{"channel", e.Channel},
			{"target", e.Target},
			{"attempt", attemptText(e)},
		} {
			if f[1] != "" && !slices.Contains(known, f[0]) {
				known = append(known, f[0])
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

// markFailedAttempt sets the error of an attempt's span if the events state that the attempt failed.
func markFailedAttempt(span trace.Span, events []approval.Event) {
	for _, e := range events {
		callbackFailed := e.Kind == approval.EventCallbackAttempt && e.Code != string(approval.ResultOK)
		if callbackFailed || e.Kind == approval.EventNotificationFailed {
			span.SetStatus(codes.Error, e.Code+": "+truncate(e.Note))
		}
	}
}

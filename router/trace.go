package router

import (
	"cmp"
	"context"
	"strconv"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/metadata"
)

// Tracer makes spans of messages.
type Tracer interface {
	// ContinueTrace returns a context in the trace that a W3C traceparent names, or else an X-Ray header. If neither names a
	// trace, it returns the context unchanged.
	ContinueTrace(ctx context.Context, traceparent, xray string) context.Context
	// StartSpan starts a span in the trace of the context, or in a new trace. The attributes are pairs of names and values.
	// It returns the function that ends the span.
	StartSpan(ctx context.Context, name string, attributes ...string) (context.Context, func(error))
}

// traceMessages makes a span for each request and for each traced action. A decision has no span here. It belongs to
// the trace of its approval, known only inside the transition; the span of the transition links to the trace
// in which the decision arrived.
func traceMessages(t Tracer, isRequestSource func(name string) bool) message.HandlerMiddleware {
	return func(h message.HandlerFunc) message.HandlerFunc {
		return func(msg *message.Message) (out []*message.Message, err error) {
			before := msg.Context()
			ctx, end := startSpan(t, msg, isRequestSource(message.HandlerNameFromCtx(before)))
			msg.SetContext(ctx)
			defer func() {
				end(err)
				msg.SetContext(before)
			}()
			return h(msg)
		}
	}
}

// startSpan starts the span of a request or of a traced action. Heartbeats are not traced, because an approval may have
// thousands.
func startSpan(t Tracer, msg *message.Message, isRequest bool) (context.Context, func(error)) {
	act, isAction := handlers.ActionOf(msg.Context())
	switch {
	case isRequest:
		return t.StartSpan(contextWithTrace(t, msg), message.HandlerNameFromCtx(msg.Context()), "message_id", msg.UUID)
	case !isAction:
		return contextWithTrace(t, msg), endNoSpan
	case act.Trace == "" || act.Kind == approval.ActionHeartbeat:
		return msg.Context(), endNoSpan
	}
	ctx := t.ContinueTrace(msg.Context(), act.Trace, "")
	name := string(act.Kind) + " " + act.OutputName()
	return t.StartSpan(ctx, name, "order_id", act.OrderID, "attempt", strconv.Itoa(act.Attempt))
}

func endNoSpan(error) {}

// contextWithTrace returns the context of a message from outside in its trace: an SQS message has it in an attribute or
// in AWS's own trace header, and an HTTP request has it in a header.
func contextWithTrace(t Tracer, msg *message.Message) context.Context {
	m := msg.Metadata
	return t.ContinueTrace(msg.Context(),
		cmp.Or(m.Get(metadata.Attribute+"traceparent"), m.Get(metadata.Header+"traceparent")),
		cmp.Or(m.Get(metadata.TraceHeader), m.Get(metadata.Header+"x-amzn-trace-id")))
}

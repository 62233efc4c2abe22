package router

import (
	"cmp"
	"context"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/approval-relay/approval-relay/metadata"
)

// Tracer follows what messages set going.
type Tracer interface {
	// ContinueTrace returns a context that is where in a trace a message came from: as a
	// W3C traceparent says, else as an X-Ray header does; where neither does, as it was.
	ContinueTrace(ctx context.Context, traceparent, xray string) context.Context
	// StartSpan starts a span in the trace of the context, or in a new one, with
	// attributes as names and values in turn, and returns how to end it.
	StartSpan(ctx context.Context, name string, attributes ...string) (context.Context, func(error))
}

// metaTrace is the key of an action's trace, which is its approval's. A message that comes in names its trace in an
// attribute or in metadata.TraceHeader if SQS brought it, and in a header if HTTP did.
const metaTrace = "traceparent"

// trace begins a span for each request, and for each action that is in a trace.
// A decision has none here: it belongs to the trace of what it decides, which its
// transition finds, and is linked to the one that it came in.
func trace(t Tracer, requests []Source) message.HandlerMiddleware {
	asks := map[string]bool{}
	for _, s := range requests {
		asks[s.Name] = true
	}
	return func(h message.HandlerFunc) message.HandlerFunc {
		return func(msg *message.Message) (out []*message.Message, err error) {
			before, name := msg.Context(), message.HandlerNameFromCtx(msg.Context())
			ctx, end := carried(t, msg), func(error) {}
			switch m := msg.Metadata; {
			case asks[name]:
				ctx, end = t.StartSpan(ctx, name, "message_id", msg.UUID)
			case m.Get(metaTrace) != "" && m.Get(metaKind) != "":
				ctx, end = t.StartSpan(ctx, m.Get(metaKind)+" "+m.Get(metaName), "order_id", m.Get(metadata.OrderID), "attempt", m.Get(metaAttempt))
			}
			msg.SetContext(ctx)
			defer func() {
				end(err)
				msg.SetContext(before)
			}()
			return h(msg)
		}
	}
}

func carried(t Tracer, msg *message.Message) context.Context {
	m := msg.Metadata
	traceparent := cmp.Or(m.Get(metaTrace), m.Get(metadata.Attribute+"traceparent"), m.Get(metadata.Header+"traceparent"))
	xray := cmp.Or(m.Get(metadata.TraceHeader), m.Get(metadata.Header+"x-amzn-trace-id"))
	return t.ContinueTrace(msg.Context(), traceparent, xray)
}

package tracing

import (
	"context"
	"strings"

	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// ContinueTrace returns a context that is where in a trace a message came from: as a W3C
// traceparent says, else as an X-Ray header does; where neither does, as it was.
func (t *Tracer) ContinueTrace(ctx context.Context, traceparent, xray string) context.Context {
	if s := parseTraceParent(traceparent); s.IsValid() {
		return trace.ContextWithRemoteSpanContext(ctx, s)
	}
	if s := t.parseXRay(xray); s.IsValid() {
		return trace.ContextWithRemoteSpanContext(ctx, s)
	}
	return ctx
}

// parseTraceParent reads a W3C traceparent; what is none is the invalid place.
func parseTraceParent(traceparent string) trace.SpanContext {
	ctx := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{"traceparent": traceparent})
	return trace.SpanContextFromContext(ctx)
}

// parseXRay reads an X-Ray header, such as AWS puts beside a message:
//
//	Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1
//
// Where it leaves the sampling to us, ours decides.
// https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
func (t *Tracer) parseXRay(header string) trace.SpanContext {
	var c trace.SpanContextConfig
	sampled := ""
	for field := range strings.SplitSeq(header, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		switch name {
		case "Root":
			version, id, _ := strings.Cut(value, "-")
			epoch, rest, _ := strings.Cut(id, "-")
			if version != "1" || len(epoch) != 8 || len(rest) != 24 {
				return trace.SpanContext{}
			}
			c.TraceID, _ = trace.TraceIDFromHex(epoch + rest) // zero where it is none
		case "Parent":
			c.SpanID, _ = trace.SpanIDFromHex(value)
		case "Sampled":
			sampled = value
		}
	}
	if sampled == "1" || sampled != "0" && t.wouldSample(c.TraceID) {
		c.TraceFlags = trace.FlagsSampled
	}
	return trace.NewSpanContext(c)
}

// wouldSample says whether a trace would be sampled if it began here.
func (t *Tracer) wouldSample(id trace.TraceID) bool {
	return t.ratio.ShouldSample(sdktrace.SamplingParameters{ParentContext: context.Background(), TraceID: id}).Decision == sdktrace.RecordAndSample
}

package tracing

import (
	"context"
	"strings"

	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// ContinueTrace returns a context in the trace that a message came from: the trace of its W3C traceparent, or else of
// its X-Ray header. If the message has neither, the context is unchanged.
func (t *Tracer) ContinueTrace(ctx context.Context, traceparent, xray string) context.Context {
	if s := parseTraceParent(traceparent); s.IsValid() {
		return trace.ContextWithRemoteSpanContext(ctx, s)
	}
	if s := t.parseXRay(xray); s.IsValid() {
		return trace.ContextWithRemoteSpanContext(ctx, s)
	}
	return ctx
}

// parseTraceParent reads a W3C traceparent. For any other text it returns an invalid span context.
func parseTraceParent(traceparent string) trace.SpanContext {
	carrier := propagation.MapCarrier{"traceparent": traceparent}
	ctx := propagation.TraceContext{}.Extract(context.Background(), carrier)
	return trace.SpanContextFromContext(ctx)
}

// parseXRay reads an X-Ray header, as AWS adds it to a message:
//
//	Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1
//
// If the header leaves the sampling decision to us, our own sampler decides.
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
			c.TraceID, _ = trace.TraceIDFromHex(epoch + rest) // zero, and so invalid, if the digits are wrong
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

// wouldSample reports whether a trace with this ID would be sampled if it began here.
func (t *Tracer) wouldSample(id trace.TraceID) bool {
	parameters := sdktrace.SamplingParameters{ParentContext: context.Background(), TraceID: id}
	return t.ratio.ShouldSample(parameters).Decision == sdktrace.RecordAndSample
}

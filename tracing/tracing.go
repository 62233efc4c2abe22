// Package tracing follows an approval from its request to the answer of its workflow, as OpenTelemetry spans. Hours,
// restarts and other processes may lie between the two, because the record of the order keeps the traceparent of the
// request. Only this package knows OpenTelemetry. A span has names, IDs and codes. It never has a token, a URL, a
// payload or the name of a person.
package tracing

import (
	"context"
	"fmt"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/approval-relay/approval-relay/outbound"
)

// Config configures a Tracer. Its settings must have a collector (OTLP).
type Config struct {
	Settings
	Version string // service.version
	// ObserveExport is called after every export, with the number of its spans and its error.
	ObserveExport func(spans int, err error)
}

// Tracer makes spans. It is safe for concurrent use.
type Tracer struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
	ratio    sdktrace.Sampler
}

// New returns a Tracer that sends its spans by OTLP over HTTP. New itself makes no call.
func New(ctx context.Context, c Config) (*Tracer, error) {
	exporter, err := newExporter(ctx, c.OTLP)
	if err != nil {
		return nil, err
	}
	service, err := resource.New(ctx,
		resource.WithTelemetrySDK(),
		resource.WithHost(),
		resource.WithFromEnv(),
		resource.WithAttributes(
			attribute.String("service.name", c.ServiceName),
			attribute.String("service.version", c.Version),
		),
	)
	if err != nil {
		return nil, fmt.Errorf("tracing: describe the service: %w", err)
	}
	ratio := sdktrace.TraceIDRatioBased(c.SampleRatio)
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(observedExporter{exporter, c.ObserveExport}),
		sdktrace.WithResource(service),
		sdktrace.WithSampler(sdktrace.ParentBased(ratio)),
	)
	tracer := provider.Tracer("github.com/approval-relay/approval-relay")
	return &Tracer{provider: provider, tracer: tracer, ratio: ratio}, nil
}

// Close sends the remaining spans, for as long as the context lasts.
func (t *Tracer) Close(ctx context.Context) error {
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("tracing: send the last spans: %w", err)
	}
	return nil
}

// observedExporter passes the errors of exports to observe instead of the SDK. The SDK would print them, with the URL
// and the answer of the collector.
type observedExporter struct {
	sdktrace.SpanExporter
	observe func(spans int, err error)
}

// ExportSpans implements sdktrace.SpanExporter.
func (e observedExporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	e.observe(len(spans), e.SpanExporter.ExportSpans(ctx, spans))
	return nil
}

// TraceParent returns the W3C traceparent of the context's span, or "" without a span.
func (t *Tracer) TraceParent(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier["traceparent"]
}

// SampledTraceID returns the ID of the context's trace if the trace is sampled, so that it can be looked up. Otherwise
// it returns "".
func (t *Tracer) SampledTraceID(ctx context.Context) string {
	if s := trace.SpanContextFromContext(ctx); s.IsValid() && s.IsSampled() {
		return s.TraceID().String()
	}
	return ""
}

// StartSpan starts a span in the trace of the context, or in a new trace. The attributes are names and values in turn.
// It returns the context within the span, and the function that ends the span. Outgoing calls in that context carry the
// traceparent.
func (t *Tracer) StartSpan(ctx context.Context, name string, attributes ...string) (context.Context, func(error)) {
	ctx, span := t.tracer.Start(ctx, name, trace.WithAttributes(attributesOf(attributes...)...))
	ctx = outbound.WithTrace(ctx, t.TraceParent(ctx))
	return ctx, func(err error) {
		setError(span, err)
		span.End()
	}
}

// attributesOf returns attributes from names and values in turn, without empty values.
func attributesOf(texts ...string) []attribute.KeyValue {
	var out []attribute.KeyValue
	for i := 0; i+1 < len(texts); i += 2 {
		if texts[i+1] != "" {
			out = append(out, attribute.String(texts[i], texts[i+1]))
		}
	}
	return out
}

// setError sets the status of a span that failed, with the text of the error.
func setError(span trace.Span, err error) {
	if err != nil {
		span.SetStatus(codes.Error, truncate(err.Error()))
	}
}

// maxError is the maximum length of the text of an error, in bytes.
const maxError = 256

// truncate shortens the text of an error, without cutting a character in two: OTLP refuses text that is not UTF-8.
func truncate(text string) string {
	return strings.ToValidUTF8(text[:min(len(text), maxError)], "")
}

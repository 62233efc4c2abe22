// Package tracing follows an approval from the message that asked for it to the
// answer of its workflow, as OpenTelemetry spans, however many hours, restarts
// and processes lie between: where in its trace the request was handled is kept
// in the order's record. It is the only room that knows OpenTelemetry. A span has
// names, IDs and codes; never a token, a URL, a payload or who decided.
package tracing

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/approval-relay/approval-relay/outbound"
)

// Config says where spans go.
type Config struct {
	// Endpoint is the collector's URL; without a path it is /v1/traces.
	Endpoint string
	Headers  map[string]string // of every export; they may be secret
	Service  string            // service.name
	Version  string            // service.version
	// Ratio, in [0,1], is how many of the traces that begin here are sampled. Of
	// those that began elsewhere it was decided there.
	Ratio float64
	// ObserveExport is told how the export of so many spans ended.
	ObserveExport func(spans int, err error)
}

// exportTimeout bounds one export: a collector that says nothing. Meanwhile spans
// queue, and what the queue does not hold is dropped; nothing waits for it.
const exportTimeout = 10 * time.Second

// Tracer makes spans. It is safe for concurrent use.
type Tracer struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
	ratio    sdktrace.Sampler
}

// New returns a Tracer that sends its spans as OTLP over HTTP. It makes no call.
func New(ctx context.Context, c Config) (*Tracer, error) {
	endpoint, err := url.Parse(c.Endpoint)
	if err != nil {
		return nil, errors.New("tracing: the endpoint is no URL") // the error quotes it
	}
	if endpoint.Path == "" || endpoint.Path == "/" {
		endpoint.Path = "/v1/traces"
	}
	exporter, err := otlptracehttp.New(ctx,
		otlptracehttp.WithEndpointURL(endpoint.String()), otlptracehttp.WithHeaders(c.Headers), otlptracehttp.WithTimeout(exportTimeout),
		otlptracehttp.WithHTTPClient(&http.Client{
			Timeout:       exportTimeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // the headers are for the collector
		}),
	)
	if err != nil {
		return nil, fmt.Errorf("tracing: set up the exporter: %w", err)
	}
	about, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithHost(), resource.WithFromEnv(),
		resource.WithAttributes(attribute.String("service.name", c.Service), attribute.String("service.version", c.Version)))
	if err != nil {
		return nil, fmt.Errorf("tracing: describe the service: %w", err)
	}
	ratio := sdktrace.TraceIDRatioBased(c.Ratio)
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(observedExporter{exporter, c.ObserveExport}), sdktrace.WithResource(about), sdktrace.WithSampler(sdktrace.ParentBased(ratio)),
	)
	return &Tracer{provider: provider, tracer: provider.Tracer("github.com/approval-relay/approval-relay"), ratio: ratio}, nil
}

// Close sends what has not been sent, for as long as the context lasts.
func (t *Tracer) Close(ctx context.Context) error {
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("tracing: send the last spans: %w", err)
	}
	return nil
}

// observedExporter is an exporter whose errors are told to us, and to nobody else: the SDK
// would print them with the collector's URL and answer.
type observedExporter struct {
	sdktrace.SpanExporter
	observe func(spans int, err error)
}

// ExportSpans implements sdktrace.SpanExporter.
func (e observedExporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	e.observe(len(spans), e.SpanExporter.ExportSpans(ctx, spans))
	return nil
}

// TraceParent returns where in a trace the context is, as a W3C traceparent; "" where it
// is in none.
func (t *Tracer) TraceParent(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier["traceparent"]
}

// SampledTraceID returns the ID of the trace that the context is in if it is sampled, so that
// it can be looked up; else "".
func (t *Tracer) SampledTraceID(ctx context.Context) string {
	if s := trace.SpanContextFromContext(ctx); s.IsValid() && s.IsSampled() {
		return s.TraceID().String()
	}
	return ""
}

// StartSpan starts a span in the trace of the context, or in a new one, with
// attributes as names and values in turn, and returns how to end it. The calls
// that are made within say so.
func (t *Tracer) StartSpan(ctx context.Context, name string, attributes ...string) (context.Context, func(error)) {
	ctx, span := t.tracer.Start(ctx, name, trace.WithAttributes(attributesOf(attributes...)...))
	ctx = outbound.WithTrace(ctx, t.TraceParent(ctx))
	return ctx, func(err error) {
		setError(span, err)
		span.End()
	}
}

// attributesOf makes attributes of names and values, without those that are empty.
func attributesOf(texts ...string) []attribute.KeyValue {
	var out []attribute.KeyValue
	for i := 0; i+1 < len(texts); i += 2 {
		if texts[i+1] != "" {
			out = append(out, attribute.String(texts[i], texts[i+1]))
		}
	}
	return out
}

// maxError bounds the text of an error, in bytes.
const maxError = 256

// setError says on the span that it went wrong, in the words of the log.
func setError(span trace.Span, err error) {
	if err != nil {
		text := err.Error()
		span.SetStatus(codes.Error, text[:min(len(text), maxError)])
	}
}

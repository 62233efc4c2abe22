package outbound

import (
	"context"
	"net/http"
)

type traceKey struct{}

// WithTrace returns a context whose calls belong to a span, named by its W3C traceparent.
func WithTrace(ctx context.Context, traceparent string) context.Context {
	return context.WithValue(ctx, traceKey{}, traceparent)
}

// SetTrace sets the header by which the receiver of a call joins the trace of its context, if it has a trace. It is for
// receivers that are part of the workflow or configured by the operator. A traceparent is random and not a secret.
func SetTrace(ctx context.Context, header http.Header) {
	if trace, _ := ctx.Value(traceKey{}).(string); trace != "" {
		header.Set("Traceparent", trace)
	}
}

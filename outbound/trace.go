package outbound

import (
	"context"
	"net/http"
)

type traceKey struct{}

// WithTrace returns a context whose calls are made from that place in a trace, a
// W3C traceparent.
func WithTrace(ctx context.Context, traceparent string) context.Context {
	return context.WithValue(ctx, traceKey{}, traceparent)
}

// SetTrace lets the receiver of a call join the trace that the call is made in,
// if it is in any. It is for receivers who are part of the workflow or told by the
// operator's choice; what it says is random, and nobody's secret.
func SetTrace(ctx context.Context, header http.Header) {
	if trace, _ := ctx.Value(traceKey{}).(string); trace != "" {
		header.Set("Traceparent", trace)
	}
}

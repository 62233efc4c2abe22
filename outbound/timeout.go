package outbound

import (
	"context"
	"time"
)

// WithinTimeout bounds a call by a timeout, as context.WithTimeout does. A context that ends earlier anyway is returned as
// it is: most calls are bounded already by whoever makes them, and one timer for a call is enough.
func WithinTimeout(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	if end, bounded := ctx.Deadline(); bounded && time.Until(end) <= timeout {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, timeout)
}

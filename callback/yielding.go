package callback

import (
	"context"

	"github.com/approval-relay/approval-relay/setup"
)

// Yielding returns the rate limit for the heartbeats of a target whose answers share it. Of all heartbeats, only a
// single waits for the limit at a time, so an answer waits behind a single heartbeat at most, however many are due.
func Yielding(limit setup.Limiter) setup.Limiter {
	return yielding{limit: limit, first: make(chan struct{}, 1)}
}

type yielding struct {
	limit setup.Limiter
	first chan struct{} // has a value while a heartbeat waits for the limit
}

// Wait implements setup.Limiter.
func (y yielding) Wait(ctx context.Context) error {
	select {
	case y.first <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-y.first }()
	return y.limit.Wait(ctx)
}

package callback

import (
	"context"
	"errors"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/outbound"
)

// DefaultTimeout bounds one call where a target's configuration does not: it is
// for an endpoint that takes the connection and then says nothing (a failing zone,
// a firewall that drops). AWS answers within tens of milliseconds when it is well.
const DefaultTimeout = 10 * time.Second

// Limiter gives turns to those who wait for one, as *rate.Limiter does.
type Limiter interface {
	Wait(ctx context.Context) error
}

// Attempt waits for its turn at the limiter and makes one call of the SDK's, each
// within the timeout. What the error means is said at outbound.Call.Judge; where
// there was no turn in time, nothing was sent. In time is within half of what the
// caller leaves: a call that is begun at the last moment is cut off, and nobody
// knows whether it was applied.
func Attempt(ctx context.Context, limit Limiter, timeout time.Duration, codes outbound.Codes, send func(context.Context, *outbound.Call) error) error {
	if end, bounded := ctx.Deadline(); bounded {
		timeout = min(timeout, time.Until(end))
	}
	waiting, stop := context.WithTimeout(ctx, timeout/2)
	defer stop()
	if limit.Wait(waiting) != nil { // its text speaks of deadlines, ours of what it means
		return approval.NotApplied(errLimit)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var call outbound.Call
	return call.Judge(ctx, send(ctx, &call), codes)
}

// errLimit says that our own rate limiter had no room before the time was up.
var errLimit = errors.New("our own rate limit for the account and region leaves no room in time")

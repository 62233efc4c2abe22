package callback

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/outbound"
	"github.com/approval-relay/approval-relay/setup"
)

// DefaultTimeout bounds a call if the configuration of a target does not: an endpoint may accept the connection and
// then stay silent (a failing zone, a firewall that drops packets). A healthy AWS answers within tens of milliseconds.
const DefaultTimeout = 10 * time.Second

// SendWithinLimit calls an SDK operation within the rate limit. See AttemptWithinLimit for the time limits and outbound.SendOnce for
// the meaning of the errors.
func SendWithinLimit[In, Out, Options any](
	ctx context.Context, limit setup.Limiter, service outbound.Service[Options],
	operation func(context.Context, *In, ...func(*Options)) (*Out, error), in *In,
) error {
	return AttemptWithinLimit(ctx, limit, service.Timeout, func(ctx context.Context) error {
		_, err := outbound.SendOnce(ctx, service, operation, in)
		return err
	})
}

// AttemptWithinLimit waits for the rate limiter and then calls send, each within the timeout. If the limiter does not
// admit the call within half of the time that ctx leaves, send is not called: a call that begins at the last moment would
// be cut off, and its outcome would be unknown. The attempt is then not made, and counts as none.
func AttemptWithinLimit(
	ctx context.Context, limit setup.Limiter, timeout time.Duration, send func(context.Context) error,
) error {
	if end, bounded := ctx.Deadline(); bounded {
		timeout = min(timeout, time.Until(end))
	}
	waiting, stop := context.WithTimeout(ctx, timeout/2)
	defer stop()
	if limit.Wait(waiting) != nil { // its text is about deadlines
		return approval.NotMade(approval.NotApplied(errRateLimit))
	}
	ctx, cancel := outbound.WithinTimeout(ctx, timeout)
	defer cancel()
	return send(ctx)
}

// errRateLimit is the error of a call that our own rate limit did not admit in time.
var errRateLimit = approval.WithReasonCode(approval.ReasonRateLimited,
	errors.New("not sent: our own rate limit for the account and region did not admit the call in time"))

// InvalidToken returns a Permanent error about a token that the target cannot have issued.
func InvalidToken(format string, args ...any) error {
	return approval.Permanent(approval.WithReasonCode(approval.ReasonInvalidToken, fmt.Errorf(format, args...)))
}

// ForOrder adds the action and the order to the error of a call. It returns nil for nil.
func ForOrder(action string, a approval.Answer, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s for order %.80q: %w", action, a.OrderID, err)
}

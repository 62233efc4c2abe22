package callback_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/callback"
)

// A call that the rate limit admits too late is not made: it would be cut off, and its outcome would be unknown. What is
// left is the shorter of the timeout and the lease, which is the end of the context.
func TestAttemptIsNotMadeTooLate(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lease, wait time.Duration
		calls       int
	}{
		"within half of the timeout": {lease: time.Minute, wait: 4 * time.Second, calls: 1},
		"after half of the timeout":  {lease: time.Minute, wait: 6 * time.Second},
		"within half of the lease":   {lease: 4 * time.Second, wait: time.Second, calls: 1},
		"after half of the lease":    {lease: 4 * time.Second, wait: 3 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			limit := rate.NewLimiter(rate.Every(c.wait), 1)
			limit.Allow()
			ctx, cancel := context.WithTimeout(t.Context(), c.lease)
			defer cancel()
			calls := 0
			err := callback.AttemptWithinLimit(ctx, limit, callback.DefaultTimeout, func(ctx context.Context) error {
				calls++
				end, _ := ctx.Deadline()
				require.Equal(t, min(callback.DefaultTimeout, c.lease-c.wait), time.Until(end), name)
				return nil
			})
			require.Equal(t, c.calls, calls, name)
			if c.calls == 0 {
				r := approval.ResultOf(err)
				require.Equal(t, approval.ResultNotMade, r.Kind)
				require.False(t, r.MaybeApplied)
				require.Equal(t, approval.ReasonRateLimited, r.ReasonCode)
			}
		})
	}
}

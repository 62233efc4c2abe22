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

// A call that the rate limit admits too late is not made: it would be cut off, and its outcome would be unknown.
func TestAttemptIsNotMadeTooLate(t *testing.T) {
	t.Parallel()
	for wait, want := range map[time.Duration]int{4 * time.Second: 1, 6 * time.Second: 0} {
		synctest.Test(t, func(t *testing.T) {
			limit := rate.NewLimiter(rate.Every(wait), 1)
			limit.Allow()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			calls := 0
			err := callback.AttemptWithinLimit(ctx, limit, callback.DefaultTimeout, func(ctx context.Context) error {
				calls++
				end, _ := ctx.Deadline()
				require.Equal(t, 10*time.Second-wait, time.Until(end))
				return nil
			})
			require.Equal(t, want, calls, wait)
			if want == 0 {
				r := approval.ResultOf(err)
				require.Equal(t, approval.ResultFailed, r.Kind)
				require.False(t, r.MaybeApplied)
			}
		})
	}
}

package outbound_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/outbound"
)

func TestWithinTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		endsAfter := func(parent context.Context, timeout time.Duration) time.Duration {
			ctx, cancel := outbound.WithinTimeout(parent, timeout)
			defer cancel()
			end, bounded := ctx.Deadline()
			require.True(t, bounded)
			return end.Sub(began)
		}
		bounded, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		require.Equal(t, 3*time.Second, endsAfter(t.Context(), 3*time.Second), "without a bound")
		require.Equal(t, 3*time.Second, endsAfter(bounded, 3*time.Second), "the timeout is shorter")
		require.Equal(t, 10*time.Second, endsAfter(bounded, time.Minute), "the context ends earlier")

		_, release := outbound.WithinTimeout(bounded, time.Minute)
		release()
		require.NoError(t, bounded.Err(), "the end of a call does not end the context that it was given")
	})
}

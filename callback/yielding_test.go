package callback_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/approval-relay/approval-relay/callback"
)

// However many heartbeats wait for a shared rate limit, an answer does not wait for them.
func TestAnswersGoBeforeHeartbeats(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		limit := rate.NewLimiter(10, 1)
		heartbeats := callback.Yielding(limit)
		ctx, cancel := context.WithCancel(t.Context())
		var waiting sync.WaitGroup
		sent := 0
		var mu sync.Mutex
		for range 1000 {
			waiting.Go(func() {
				if heartbeats.Wait(ctx) == nil {
					mu.Lock()
					sent++
					mu.Unlock()
				}
			})
		}
		time.Sleep(time.Second)
		began := time.Now()
		for range 20 {
			require.NoError(t, limit.Wait(t.Context()))
		}
		require.LessOrEqual(t, time.Since(began), 4*time.Second+100*time.Millisecond, "every second call at the worst")
		mu.Lock()
		before := sent
		mu.Unlock()
		require.Positive(t, before)
		time.Sleep(2 * time.Second)
		mu.Lock()
		require.InDelta(t, before+20, sent, 1, "then the heartbeats have the whole rate")
		mu.Unlock()
		cancel()
		waiting.Wait()
		require.ErrorIs(t, heartbeats.Wait(ctx), context.Canceled)
	})
}

package heartbeat

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

const (
	// maxApprovals is what a worker is made for, with maxAtOnce heartbeats in progress.
	maxApprovals = 500_000
	maxAtOnce    = 512
	manyInterval = 4 * time.Minute
	callTime     = 100 * time.Millisecond
)

// noOrders is a store without orders.
type noOrders struct{}

func (noOrders) List(context.Context, store.OrderQuery) ([]*approval.Order, string, error) {
	return nil, "", nil
}

// A single worker sends the heartbeats of many approvals in time: 2,380 a second for half a million of them, also after a
// start, when all are due within a quarter of the interval. It runs a tenth of that with a tenth of the heartbeats in
// progress, or all of it with LONG=1, which takes half a minute.
func TestManyApprovals(t *testing.T) {
	t.Parallel()
	manyApprovals, manyAtOnce := maxApprovals/10, maxAtOnce/10
	if os.Getenv("LONG") != "" {
		manyApprovals, manyAtOnce = maxApprovals, maxAtOnce
	}
	synctest.Test(t, func(t *testing.T) {
		s := NewSchedule(0)
		var mu sync.Mutex
		sent, most := 0, 0
		perSecond := map[int64]int{}
		h := NewHeart(Config{
			Schedule: s,
			Orders:   noOrders{},
			Send: func(ctx context.Context, _ Due) Result {
				select {
				case <-time.After(callTime):
				case <-ctx.Done():
				}
				mu.Lock()
				defer mu.Unlock()
				sent++
				perSecond[time.Now().Unix()]++
				return Result{}
			},
			Now:         time.Now,
			Log:         slog.New(slog.DiscardHandler),
			Concurrency: func(string) int { return manyAtOnce },
		})
		for i := range manyApprovals {
			s.takeOver(fmt.Sprintf("order-%d", i), []approval.KeptHeartbeat{manyHeartbeat(i)}, time.Now())
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			_ = h.Run(ctx)
			close(ended)
		}()
		began := time.Now()
		var atStart, later time.Duration
		for time.Since(began) < 3*manyInterval {
			time.Sleep(time.Second)
			_, late := s.Stats()
			if time.Since(began) > manyInterval {
				later = max(later, late)
			}
			atStart = max(atStart, late)
		}
		cancel()
		<-ended
		require.Less(t, atStart, manyInterval/4, "after the start")
		require.Less(t, later, time.Second)
		mu.Lock()
		defer mu.Unlock()
		for at, n := range perSecond {
			if time.Unix(at, 0).Sub(began) > 2*manyInterval {
				most = max(most, n)
			}
		}
		mean := float64(manyApprovals) / (manyInterval.Seconds() * 7 / 8)
		require.Less(t, float64(most), 1.5*mean)
		require.GreaterOrEqual(t, sent, 3*manyApprovals)
	})
}

func manyHeartbeat(i int) approval.KeptHeartbeat {
	return approval.KeptHeartbeat{
		ApprovalID: fmt.Sprintf("%032x", i),
		Target:     "sfn",
		Interval:   manyInterval,
	}
}

// An approval takes little memory.
func TestMemoryOfAnApproval(t *testing.T) { //nolint:paralleltest // it measures the heap
	const n = 100_000
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	s := NewSchedule(0)
	for i := range n {
		order := fmt.Sprintf("order-%026d", i) // 32 bytes
		s.takeOver(order, []approval.KeptHeartbeat{manyHeartbeat(i)}, time.Now())
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	each := float64(after.HeapAlloc-before.HeapAlloc) / n
	t.Logf("%.0f bytes an approval with an order ID of 32 bytes", each)
	require.Less(t, each, 256.0)
	runtime.KeepAlive(s)
}

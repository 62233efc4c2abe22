package router

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store/memory"
)

// counted counts the claims of a store.
type counted struct {
	*memory.Store
	mu     sync.Mutex
	claims []time.Time
	err    error
}

func (c *counted) Claim(ctx context.Context, now time.Time, limit int, lease time.Duration) ([]string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.claims = append(c.claims, now)
	if c.err != nil {
		return nil, c.err
	}
	return c.Store.Claim(ctx, now, limit, lease)
}

func newSweeper(c *counted, w *watcher) *Sweeper {
	return &Sweeper{
		Claimer:     c,
		Transitions: transitions(c.Store, w, nowhere{}),
		Observer:    w,
		Log:         w.logger(),
		Interval:    time.Second,
		Batch:       10,
		Lease:       2 * time.Second,
	}
}

// sweep runs the sweeper for some time.
func sweep(t *testing.T, s *Sweeper, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	require.NoError(t, s.Run(ctx))
}

func TestTheSweeperTimesOutWhatIsPastItsDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, w := &counted{Store: memory.New()}, newWatcher()
		ask(t, c.Store, "A-1", time.Now().Add(1500*time.Millisecond))
		s := newSweeper(c, w)
		sweep(t, s, 1900*time.Millisecond)
		require.Equal(t, approval.Pending, get(t, c.Store, "A-1").Approvals[0].Status)
		sweep(t, s, 200*time.Millisecond)
		require.Equal(t, approval.TimedOut, get(t, c.Store, "A-1").Approvals[0].Status)
		require.Zero(t, w.failed)
	})
}

// The sweeper pauses after a batch that is not full. It does not pause after a full batch, and it does not spin on orders
// without capacity.
func TestHowOftenItSweeps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, w := &counted{Store: memory.New()}, newWatcher()
		s := newSweeper(c, w)
		sweep(t, s, 10500*time.Millisecond)
		require.Len(t, c.claims, 11)
		require.Less(t, s.SinceLastSweep(time.Now()), time.Second)
		require.Zero(t, (&Sweeper{}).SinceLastSweep(time.Now()), "one that has not begun is not late")

		for i := range 25 {
			ask(t, c.Store, fmt.Sprint(i), time.Now().Add(time.Second))
		}
		time.Sleep(time.Second)
		c.claims, w.swept = nil, nil
		sweep(t, s, 500*time.Millisecond)
		require.Equal(t, []int{10, 10, 5}, w.swept)
		require.Len(t, c.claims, 3)
	})
}

// stores counts the updates that are stored.
type stores struct {
	*memory.Store
	n atomic.Int32
}

func (s *stores) Update(ctx context.Context, orderID string, f func(*approval.Order) error) error {
	err := s.Store.Update(ctx, orderID, f)
	if err == nil {
		s.n.Add(1)
	}
	return err
}

// full has no capacity.
type full struct{ nowhere }

func (full) HasCapacity(approval.ActionKind, string) bool { return false }

func TestWhatFindsNoRoomComesAgainAfterItsLease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, w := &counted{Store: memory.New()}, newWatcher()
		s := newSweeper(c, w)
		stored := &stores{Store: c.Store}
		s.Transitions.Orders, s.Transitions.Dispatch = stored, full{}
		for i := range 30 {
			ask(t, c.Store, fmt.Sprint(i), time.Now().Add(time.Second))
		}
		time.Sleep(time.Second)
		sweep(t, s, 10*time.Second)
		require.EqualValues(t, 30, stored.n.Load(), "each timed out once; what finds no room stores nothing")
		require.Zero(t, w.failed)
		require.Less(t, len(c.claims), 40, "three batches each lease, and a look each second")
		for i := range 30 {
			require.Zero(t, get(t, c.Store, fmt.Sprint(i)).Approvals[0].Callback.Attempts)
		}
		s.Transitions.Dispatch = nowhere{}
		sweep(t, s, 3*time.Second)
		for i := range 30 {
			require.Equal(t, 1, get(t, c.Store, fmt.Sprint(i)).Approvals[0].Callback.Attempts)
		}
	})
}

// After a failure of the store the sweeper goes on and reports the failure. The process stays healthy.
func TestASweepThatFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, w := &counted{Store: memory.New()}, newWatcher()
		s := newSweeper(c, w)
		sweep(t, s, 100*time.Millisecond)
		c.err = errOdd
		sweep(t, s, 5500*time.Millisecond)
		require.Equal(t, 6, w.failed)
		require.Len(t, c.claims, 7)
		require.LessOrEqual(t, s.SinceLastSweep(time.Now()), time.Second, "a restart would mend nothing")
		require.Equal(t, 6, strings.Count(w.logged(), "claim due orders: odd"))
	})
}

// hanging is a store that does not answer.
type hanging struct{}

func (hanging) Claim(ctx context.Context, _ time.Time, _ int, _ time.Duration) ([]string, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// A sweep that hangs makes the process unhealthy.
func TestASweepThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSweeper(&counted{Store: memory.New()}, newWatcher())
		s.Claimer = hanging{}
		sweep(t, s, time.Minute)
		require.GreaterOrEqual(t, s.SinceLastSweep(time.Now()), time.Minute)
	})
}

// odd has records that cannot be read, and records that make a transition panic.
type odd struct{ *memory.Store }

func (o odd) Update(ctx context.Context, orderID string, f func(*approval.Order) error) error {
	switch {
	case orderID == "odd-1":
		panic("secret")
	case strings.HasPrefix(orderID, "odd-"):
		return errOdd
	}
	return o.Store.Update(ctx, orderID, f)
}

// An order that cannot be advanced, or that panics, does not delay others, does not end the process, and does not make it
// unhealthy.
func TestOneOrderThatCannotBeAdvanced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, w := &counted{Store: memory.New()}, newWatcher()
		s := newSweeper(c, w)
		require.Zero(t, s.SinceLastSweep(time.Now()), "it has not begun")
		s.Transitions.Orders = odd{c.Store}
		for i := range 12 { // more than a batch
			ask(t, c.Store, fmt.Sprint("odd-", i), time.Now().Add(time.Second))
		}
		ask(t, c.Store, "sound", time.Now().Add(2*time.Second))
		time.Sleep(2 * time.Second)
		sweep(t, s, 10*time.Second)
		require.Equal(t, approval.TimedOut, get(t, c.Store, "sound").Approvals[0].Status)
		require.NotZero(t, w.failed)
		require.NotContains(t, w.logged(), "secret")
		require.LessOrEqual(t, s.SinceLastSweep(time.Now()), time.Second)
	})
}

// After a restart the running actions of the dead process are due at once.
func TestTheSweeperAdoptsOrphans(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, w := &counted{Store: memory.New()}, newWatcher()
		ask(t, c.Store, "A-1", time.Now().Add(-time.Second)) // timed out at once: its first attempt is under way
		require.True(t, get(t, c.Store, "A-1").Approvals[0].Callback.AttemptRunning)

		s := newSweeper(c, w)
		sweep(t, s, 100*time.Millisecond)
		require.Equal(t, 1, get(t, c.Store, "A-1").Approvals[0].Callback.Attempts, "its process may live")

		var until time.Time
		s.AdoptOrphans(t.Context())                         // nobody knows of orphans
		ask(t, c.Store, "A-2", time.Now().Add(time.Second)) // due, not under way
		s.Orphans = func(_ context.Context, to time.Time) ([]string, error) {
			until = to
			return []string{"A-1", "A-2"}, nil
		}
		stored := &stores{Store: c.Store}
		s.Transitions.Orders = stored
		s.AdoptOrphans(t.Context())
		require.EqualValues(t, 1, stored.n.Load())
		require.Equal(t, time.Now().Add(30*time.Second), until, "whatever lease it may have")
		require.Equal(t, 1, get(t, c.Store, "A-1").Approvals[0].Callback.Attempts, "nothing is begun before the router runs")
		sweep(t, s, 100*time.Millisecond)
		callback := get(t, c.Store, "A-1").Approvals[0].Callback
		require.Equal(t, 2, callback.Attempts)
		require.True(t, callback.MaybeApplied)

		s.Orphans = func(context.Context, time.Time) ([]string, error) { return nil, errOdd }
		s.AdoptOrphans(t.Context())
		require.Contains(t, w.logged(), "adopting running actions failed")
	})
}

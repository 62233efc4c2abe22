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
	leased int // the orders of all claims
	err    error
}

func (c *counted) Claim(ctx context.Context, now time.Time, limit int, lease time.Duration) ([]string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.claims = append(c.claims, now)
	if c.err != nil {
		return nil, c.err
	}
	ids, err := c.Store.Claim(ctx, now, limit, lease)
	c.leased += len(ids)
	return ids, err
}

// leases returns the number of orders that were leased so far. Each lease is a write.
func (c *counted) leases() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.leased
}

func newSweeper(c *counted, w *watcher) *Sweeper {
	return NewSweeper(SweeperConfig{
		Claimer:      c,
		Transitions:  transitions(c.Store, w, nowhere{}),
		Observer:     w,
		Log:          w.logger(),
		Interval:     time.Second,
		Batch:        10,
		Lease:        20 * time.Second,
		CloseTimeout: time.Minute,
	})
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
		claimed := 0
		for _, n := range w.swept {
			claimed += n
		}
		require.Equal(t, 25, claimed)
		require.LessOrEqual(t, len(c.claims), 6, "it claims half a batch at least")
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

func (s *stores) UpdateUnsynced(ctx context.Context, orderID string, f func(*approval.Order) error) error {
	return s.Update(ctx, orderID, f)
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

func (o odd) UpdateUnsynced(ctx context.Context, orderID string, f func(*approval.Order) error) error {
	return o.Update(ctx, orderID, f)
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

		s.AdoptOrphans(t.Context())                         // nobody knows of orphans
		ask(t, c.Store, "A-2", time.Now().Add(time.Second)) // due, not under way
		s.Orphans = func(context.Context) ([]string, error) { return []string{"A-1", "A-2"}, nil }
		stored := &stores{Store: c.Store}
		s.Transitions.Orders = stored
		s.AdoptOrphans(t.Context())
		require.EqualValues(t, 1, stored.n.Load())
		require.Equal(t, 1, get(t, c.Store, "A-1").Approvals[0].Callback.Attempts, "nothing is begun before the router runs")
		sweep(t, s, 100*time.Millisecond)
		callback := get(t, c.Store, "A-1").Approvals[0].Callback
		require.Equal(t, 2, callback.Attempts)
		require.True(t, callback.MaybeApplied)

		s.Orphans = func(context.Context) ([]string, error) { return nil, errOdd }
		s.AdoptOrphans(t.Context())
		require.Contains(t, w.logged(), "adopting running actions failed")
	})
}

// busy always has a full batch of due orders, which cannot be advanced.
type busy struct{ claims int }

func (b *busy) Claim(_ context.Context, _ time.Time, limit int, _ time.Duration) ([]string, error) {
	b.claims++
	ids := make([]string, limit)
	for i := range ids {
		ids[i] = fmt.Sprint("odd-", b.claims, "-", i)
	}
	return ids, nil
}

// A store that fails is not hammered, however much is due. What failed is tried again soon, before its lease ends.
func TestAStoreThatFailsIsNotHammered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, w := &counted{Store: memory.New()}, newWatcher()
		s, b := newSweeper(c, w), &busy{}
		s.Claimer, s.Transitions.Orders = b, odd{c.Store}
		sweep(t, s, 10500*time.Millisecond)
		require.LessOrEqual(t, b.claims, 2*11, "twice in a second at most")
		require.GreaterOrEqual(t, w.failed, 10)
	})
}

// flaky fails the first updates.
type flaky struct {
	*memory.Store
	failures int
}

func (f *flaky) Update(ctx context.Context, orderID string, transition func(*approval.Order) error) error {
	if f.failures--; f.failures >= 0 {
		return errOdd
	}
	return f.Store.Update(ctx, orderID, transition)
}

func (f *flaky) UpdateUnsynced(
	ctx context.Context, orderID string, transition func(*approval.Order) error,
) error {
	return f.Update(ctx, orderID, transition)
}

func TestWhatFailedIsTriedAgainBeforeItsLeaseEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, w := &counted{Store: memory.New()}, newWatcher()
		s := newSweeper(c, w)
		s.Transitions.Orders = &flaky{Store: c.Store, failures: 2}
		ask(t, c.Store, "A-1", time.Now().Add(time.Second))
		sweep(t, s, 9*time.Second)
		require.Equal(t, approval.TimedOut, get(t, c.Store, "A-1").Approvals[0].Status)
		require.Less(t, 9*time.Second, s.Lease)
		require.Equal(t, 2, w.failed)
	})
}

// The removal of an order after its retention has no event, and is stored all the same.
func TestTheSweeperRemovesWhatIsPastItsRetention(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, w := &counted{Store: memory.New()}, newWatcher()
		s := newSweeper(c, w)
		ask(t, c.Store, "A-1", time.Now().Add(-time.Second), func(r *approval.Request) { r.Retention = 2 * time.Hour })
		require.NoError(t, c.Update(t.Context(), "A-1", func(o *approval.Order) error {
			action := approval.Action{Kind: approval.ActionCallback, ApprovalID: o.Approvals[0].ID, Attempt: 1}
			o.RecordCallbackResult(action, approval.Result{Kind: approval.ResultOK}, approval.Environment{Now: time.Now()})
			return nil
		}))
		sweep(t, s, 2*time.Hour-time.Minute)
		require.True(t, get(t, c.Store, "A-1").Approvals[0].Token.IsZero(), "erased, with an event")
		sweep(t, s, 2*time.Minute)
		_, err := c.Get(t.Context(), "A-1")
		require.ErrorIs(t, err, approval.ErrNotFound)
	})
}

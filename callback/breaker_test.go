package callback_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/callback"
	"github.com/approval-relay/approval-relay/outbound"
)

// far is a target whose places answer as they are told.
type far struct {
	mu    sync.Mutex
	calls map[string]int
	says  map[string]error
	hangs map[string]chan struct{}
}

func (f *far) Deliver(ctx context.Context, a approval.Answer) error {
	f.mu.Lock()
	f.calls[a.Step]++
	says, hangs := f.says[a.Step], f.hangs[a.Step]
	f.mu.Unlock()
	if hangs != nil {
		select {
		case <-hangs:
		case <-ctx.Done():
			return outbound.EndpointFailed(ctx.Err())
		}
	}
	return says
}

func (f *far) Heartbeat(ctx context.Context, a approval.Answer) error { return f.Deliver(ctx, a) }

func (f *far) set(place string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.says[place] = err
}

func (f *far) count(place string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[place]
}

// before returns a Breaker in front of it, and how many places are held.
func (f *far) before(most int) (*callback.Breaker, *int) {
	held := new(int)
	f.calls, f.says = map[string]int{}, map[string]error{}
	return callback.NewBreaker(f, callback.BreakerConfig{
		Place: func(a approval.Answer) string { return a.Step }, Most: most, Held: func(delta int) { *held += delta },
	}), held
}

func at1(place string) approval.Answer { return approval.Answer{Step: place} }

var errDown = outbound.EndpointFailed(errors.New("no answer"))

func TestBreakerStopsCallingWhatIsDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &far{}
		b, held := f.before(0)
		f.set("down", errDown)
		for range callback.TripAfter {
			require.ErrorIs(t, b.Deliver(t.Context(), at1("down")), errDown)
		}
		require.Equal(t, 1, *held)

		err := b.Deliver(t.Context(), at1("down"))
		result := approval.ResultOf(err)
		require.Equal(t, approval.ResultFailed, result.Kind, "the order tries again")
		require.False(t, result.MaybeApplied, "nothing was sent")
		require.Equal(t, callback.HoldFor, result.After)
		require.Equal(t, callback.TripAfter, f.count("down"), "it is left alone")
		require.NoError(t, b.Deliver(t.Context(), at1("well")), "another place is not")

		time.Sleep(callback.HoldFor + time.Millisecond)
		require.ErrorIs(t, b.Deliver(t.Context(), at1("down")), errDown, "one call finds out")
		require.Error(t, b.Deliver(t.Context(), at1("down")))
		require.Equal(t, callback.TripAfter+1, f.count("down"))
		require.Equal(t, 1, *held)

		time.Sleep(callback.HoldFor + time.Millisecond)
		f.set("down", nil)
		for range 3 {
			require.NoError(t, b.Deliver(t.Context(), at1("down")))
		}
		require.Zero(t, *held)
	})
}

// Only one call finds out whether a place that hung still does.
func TestBreakerAsksOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &far{}
		b, _ := f.before(0)
		f.set("down", errDown)
		for range callback.TripAfter {
			_ = b.Deliver(t.Context(), at1("down"))
		}
		time.Sleep(callback.HoldFor + time.Millisecond)
		hang := make(chan struct{})
		f.mu.Lock()
		f.hangs = map[string]chan struct{}{"down": hang}
		f.says["down"] = nil
		f.mu.Unlock()
		var asked sync.WaitGroup
		asked.Go(func() { require.NoError(t, b.Deliver(t.Context(), at1("down"))) })
		synctest.Wait()
		require.Error(t, b.Deliver(t.Context(), at1("down")))
		require.Equal(t, callback.TripAfter+1, f.count("down"))
		close(hang)
		asked.Wait()
	})
}

// What a place refuses, or our own limiter, says nothing against the place; and a
// heartbeat nothing for it.
func TestBreakerKnowsWhatIsNoFailure(t *testing.T) {
	t.Parallel()
	none := rate.NewLimiter(0, 0)
	limited := callback.Attempt(t.Context(), none, time.Millisecond, nil)
	require.Error(t, limited)
	for name, no := range map[string]error{
		"refused": approval.Permanent(errors.New("400")), "no right": approval.NotApplied(errors.New("403")), "closed": approval.ErrClosed, "our limit": limited,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &far{}
			b, held := f.before(0)
			f.set("x", no)
			for range 3 * callback.TripAfter {
				require.ErrorIs(t, b.Deliver(t.Context(), at1("x")), no)
			}
			require.Zero(t, *held)
		})
	}
	f := &far{}
	b, held := f.before(0)
	for range callback.TripAfter {
		f.set("x", errDown)
		_ = b.Deliver(t.Context(), at1("x"))
		f.set("x", nil)
		require.NoError(t, b.Heartbeat(t.Context(), at1("x")))
	}
	require.Equal(t, 1, *held)
}

// What cannot wait is sent whatever became of the others: heartbeats, and answers
// to tasks that end soon.
func TestBreakerHoldsNothingUrgent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &far{}
		b, held := f.before(0)
		f.set("x", errDown)
		soon, later := at1("x"), at1("x")
		soon.Expires, later.Expires = time.Now().Add(callback.Urgent-time.Second), time.Now().Add(callback.Urgent)
		for range callback.TripAfter {
			_ = b.Deliver(t.Context(), later)
		}
		require.Equal(t, 1, *held)
		f.set("x", nil)
		require.Error(t, b.Deliver(t.Context(), later))
		require.NoError(t, b.Deliver(t.Context(), soon))
		require.NoError(t, b.Heartbeat(t.Context(), later))
		require.Equal(t, callback.TripAfter+2, f.count("x"))
	})
}

// A slow place has so many calls under way, and leaves the others theirs.
func TestBreakerBoundsEachPlace(t *testing.T) {
	t.Parallel()
	f := &far{}
	b, _ := f.before(2)
	hang := make(chan struct{})
	f.hangs = map[string]chan struct{}{"slow": hang}
	var slow sync.WaitGroup
	for range 2 {
		slow.Go(func() { require.NoError(t, b.Deliver(t.Context(), at1("slow"))) })
	}
	require.Eventually(t, func() bool { return f.count("slow") == 2 }, 10*time.Second, time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	result := approval.ResultOf(b.Deliver(ctx, at1("slow")))
	require.Equal(t, approval.ResultFailed, result.Kind)
	require.False(t, result.MaybeApplied)
	require.Equal(t, 2, f.count("slow"))
	require.NoError(t, b.Deliver(t.Context(), at1("fast")))
	close(hang)
	slow.Wait()
	require.NoError(t, b.Deliver(t.Context(), at1("slow")))
}

// Whoever names places cannot fill the memory, nor leave the metric wrong.
func TestBreakerForgets(t *testing.T) {
	t.Parallel()
	f := &far{}
	b, held := f.before(0)
	for i := range 3000 {
		place := fmt.Sprint("down-", i)
		f.set(place, errDown)
		for range callback.TripAfter {
			_ = b.Deliver(t.Context(), at1(place))
		}
	}
	require.LessOrEqual(t, *held, 1000)
	require.Positive(t, *held)
}

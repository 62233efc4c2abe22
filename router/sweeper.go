package router

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
)

// Claimer hands out orders that have something due.
type Claimer interface {
	Claim(ctx context.Context, now time.Time, limit int, lease time.Duration) ([]string, error)
}

// SweepObserver is told of every sweep.
type SweepObserver interface {
	Swept(claimed int, err error)
}

// Sweeper does what the clock asks for: it finds the orders that have something
// due and advances them. What a crash left behind is found by it too.
type Sweeper struct {
	Orders      Claimer
	Transitions *handlers.Transitions
	Observer    SweepObserver
	Log         *slog.Logger
	// Every is how long a sweep that found nothing is followed by none.
	Every time.Duration
	// Batch is how many orders are claimed at once, and advanced side by side.
	Batch int
	// Lease is how long the claimed orders are ours. It is also how soon an order
	// comes again whose actions found no room.
	Lease time.Duration
	// Orphans lists the orders that may have actions under way which a dead process
	// began, all due by that time; nil where other processes live on the same store.
	Orphans func(ctx context.Context, until time.Time) ([]string, error)

	last atomic.Int64 // when the last sweep ended well, or Run began; unix nanoseconds, 0 before
}

// Run sweeps until the context is done.
func (s *Sweeper) Run(ctx context.Context) error {
	s.last.Store(s.Transitions.Now().UnixNano())
	wait := time.NewTimer(0)
	defer wait.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-wait.C:
		}
		claimed, err := s.Sweep(ctx)
		s.Observer.Swept(claimed, err)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			s.Log.LogAttrs(ctx, slog.LevelError, "sweep failed", slog.String("error", err.Error()))
			wait.Reset(s.Every)
		case claimed == s.Batch: // there may be more
			s.last.Store(s.Transitions.Now().UnixNano())
			wait.Reset(0)
		default:
			s.last.Store(s.Transitions.Now().UnixNano())
			wait.Reset(s.Every)
		}
	}
}

// Sweep advances the orders that are due, once, and says how many they were.
func (s *Sweeper) Sweep(ctx context.Context) (int, error) {
	ids, err := s.Orders.Claim(ctx, s.Transitions.Now(), s.Batch, s.Lease)
	if err != nil {
		return 0, fmt.Errorf("claim due orders: %w", err)
	}
	return len(ids), s.all(ctx, ids, (*approval.Order).Advance)
}

// Adopt makes what was under way when the last process died due for the first
// sweep. It comes before anything is consumed: what this process begins is not to
// be taken for a dead one's. Where it fails, the leases end by themselves, later.
func (s *Sweeper) Adopt(ctx context.Context) {
	if s.Orphans == nil {
		return
	}
	ids, err := s.Orphans(ctx, s.Transitions.Now().Add(s.Transitions.Lease))
	if err == nil {
		err = s.all(ctx, ids, func(o *approval.Order, t approval.Turn) []approval.Action { o.Orphaned(t); return nil })
	}
	if err != nil {
		s.Log.LogAttrs(ctx, slog.LevelError, "adopting what was under way failed", slog.String("error", err.Error()))
	}
}

// all runs a transition on each of the orders, a batch of them side by side.
func (s *Sweeper) all(ctx context.Context, ids []string, transition func(*approval.Order, approval.Turn) []approval.Action) error {
	var group errgroup.Group
	group.SetLimit(s.Batch)
	for _, id := range ids {
		group.Go(func() error {
			return s.Transitions.Run(ctx, id, func(o *approval.Order, t approval.Turn) ([]approval.Action, error) {
				return transition(o, t), nil
			})
		})
	}
	return group.Wait()
}

// Age returns how long ago the last sweep ended well, or the first began, for the
// health check; 0 before that.
func (s *Sweeper) Age(now time.Time) time.Duration {
	last := s.last.Load()
	if last == 0 {
		return 0
	}
	return now.Sub(time.Unix(0, last))
}

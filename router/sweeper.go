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

	last atomic.Int64 // when the last sweep ended, unix nanoseconds
}

// Run sweeps until the context is done.
func (s *Sweeper) Run(ctx context.Context) error {
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
	var group errgroup.Group
	for _, id := range ids {
		group.Go(func() error {
			return s.Transitions.Run(ctx, id, func(o *approval.Order, t approval.Turn) ([]approval.Action, error) {
				return o.Advance(t), nil
			})
		})
	}
	return len(ids), group.Wait()
}

// Age returns how long ago the last sweep ended well, for the health check.
func (s *Sweeper) Age(now time.Time) time.Duration { return now.Sub(time.Unix(0, s.last.Load())) }

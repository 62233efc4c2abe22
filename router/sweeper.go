package router

import (
	"context"
	"errors"
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
	SweepEnded(claimed int, err error)
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

	last atomic.Int64 // when the last sweep ended, or Run began; unix nanoseconds
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
		if ctx.Err() != nil { // cut off: no failure
			return nil
		}
		s.Observer.SweepEnded(claimed, err)
		if err != nil {
			s.Log.LogAttrs(ctx, slog.LevelError, "sweep failed", slog.String("error", err.Error()))
		}
		s.last.Store(s.Transitions.Now().UnixNano())
		if err == nil && claimed == s.Batch { // there may be more
			wait.Reset(0)
		} else {
			wait.Reset(s.Every)
		}
	}
}

// Sweep advances the orders that are due, once, and says how many they were. Its
// error is the first of those that could not be advanced; the others were.
func (s *Sweeper) Sweep(ctx context.Context) (int, error) {
	ids, err := s.Orders.Claim(ctx, s.Transitions.Now(), s.Batch, s.Lease)
	if err != nil {
		return 0, fmt.Errorf("claim due orders: %w", err)
	}
	return len(ids), s.all(ctx, ids, advance)
}

// errUnchanged ends an update that would store what is stored.
var errUnchanged = errors.New("unchanged")

// advance advances an order. Where nothing that is due finds room there is nothing
// to store: while a target hangs, thousands of answers may be due at every sweep.
func advance(o *approval.Order, t approval.Environment) ([]approval.Action, error) {
	due := o.NextDue()
	actions := o.Advance(t)
	if len(actions) == 0 && len(o.NewEvents()) == 0 && o.NextDue().Equal(due) {
		return nil, errUnchanged
	}
	return actions, nil
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
		err = s.all(ctx, ids, func(o *approval.Order, t approval.Environment) ([]approval.Action, error) {
			if !o.ReleaseLeases(t) { // it is due, and nobody had begun: after an outage that may be most of them
				return nil, errUnchanged
			}
			return nil, nil
		})
	}
	if err != nil {
		s.Log.LogAttrs(ctx, slog.LevelError, "adopting what was under way failed", slog.String("error", err.Error()))
	}
}

// all runs a transition on each of the orders, a batch of them side by side. One
// that cannot be read, or that panics, concerns no other, nor the process.
func (s *Sweeper) all(ctx context.Context, ids []string, transition func(*approval.Order, approval.Environment) ([]approval.Action, error)) error {
	var group errgroup.Group
	group.SetLimit(s.Batch)
	for _, id := range ids {
		group.Go(func() (err error) {
			defer recovered(&err)
			if err = s.Transitions.Run(ctx, id, transition); errors.Is(err, errUnchanged) {
				return nil
			}
			return err
		})
	}
	return group.Wait()
}

// Age returns for how long no sweep has ended, for the health check: what hangs is
// to be restarted. One that fails is none of that: its store is ill, and the other
// workers', and a restart would mend nothing. It is 0 before Run.
func (s *Sweeper) Age(now time.Time) time.Duration {
	if last := s.last.Load(); last != 0 {
		return now.Sub(time.Unix(0, last))
	}
	return 0
}

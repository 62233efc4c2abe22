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

// Claimer leases orders with due actions to this process.
type Claimer interface {
	Claim(ctx context.Context, now time.Time, limit int, lease time.Duration) ([]string, error)
}

// SweepObserver is notified of every sweep, for the metrics.
type SweepObserver interface {
	SweepEnded(claimed int, err error)
}

// Sweeper finds the orders with due actions and advances them: deadlines, reminders, heartbeats and retries. It also
// finds actions that a crashed process left behind, after their leases have expired.
type Sweeper struct {
	Claimer     Claimer
	Transitions *handlers.Transitions
	Observer    SweepObserver
	Log         *slog.Logger
	// Interval is the pause after a sweep that did not fill its batch. After a full batch the next sweep follows at
	// once.
	Interval time.Duration
	// Batch is the number of orders that a sweep claims and advances concurrently.
	Batch int
	// Lease is the time for which claimed orders are leased to this process, see store.Store. An order without capacity
	// for its actions is claimed again after this time. The lease of an action is Transitions.Lease.
	Lease time.Duration
	// Orphans lists the orders that are due by the given time, as store.OrphanLister does. It is nil if other processes
	// may use the same store: their actions are not orphans.
	Orphans func(ctx context.Context, until time.Time) ([]string, error)

	lastSweep atomic.Int64 // the end of the last sweep, or the start of Run; Unix nanoseconds
}

// Run sweeps until the context ends.
func (s *Sweeper) Run(ctx context.Context) error {
	s.lastSweep.Store(s.Transitions.Now().UnixNano())
	wait := time.NewTimer(0)
	defer wait.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-wait.C:
		}
		claimed, err := s.Sweep(ctx)
		if ctx.Err() != nil { // the sweep was interrupted and has not failed
			return nil
		}
		s.Observer.SweepEnded(claimed, err)
		if err != nil {
			s.Log.LogAttrs(ctx, slog.LevelError, "sweep failed", slog.String("error", err.Error()))
		}
		s.lastSweep.Store(s.Transitions.Now().UnixNano())
		if err == nil && claimed == s.Batch { // more orders may be due
			wait.Reset(0)
		} else {
			wait.Reset(s.Interval)
		}
	}
}

// Sweep claims due orders once, advances them, and returns their number. If some orders cannot be advanced, it returns
// the first error and advances the others.
func (s *Sweeper) Sweep(ctx context.Context) (int, error) {
	ids, err := s.Claimer.Claim(ctx, s.Transitions.Now(), s.Batch, s.Lease)
	if err != nil {
		return 0, fmt.Errorf("claim due orders: %w", err)
	}
	return len(ids), s.transitionAll(ctx, ids, advanceOrder)
}

// errUnchanged ends an update that would store an unchanged record.
var errUnchanged = errors.New("unchanged")

// advanceOrder advances an order. If nothing changes, because there is no capacity for any due action, it stores
// nothing: while a target hangs, thousands of answers may be due in every sweep.
func advanceOrder(o *approval.Order, env approval.Environment) ([]approval.Action, error) {
	due := o.NextDue()
	actions := o.Advance(env)
	if len(actions) == 0 && len(o.NewEvents()) == 0 && o.NextDue().Equal(due) {
		return nil, errUnchanged
	}
	return actions, nil
}

// AdoptOrphans makes the actions that the previous process left under way due at once, so that they do not wait for
// their leases to expire. It must run before this process begins actions of its own, because it cannot tell these from
// orphans. If it fails, the sweeper begins the next attempts after the leases have expired.
func (s *Sweeper) AdoptOrphans(ctx context.Context) {
	if s.Orphans == nil {
		return
	}
	// An action under way is due at the end of its lease, which is at most one lease from now.
	ids, err := s.Orphans(ctx, s.Transitions.Now().Add(s.Transitions.Lease))
	if err == nil {
		err = s.transitionAll(ctx, ids, adoptOrder)
	}
	if err != nil {
		s.Log.LogAttrs(ctx, slog.LevelError, "adopting running actions failed", slog.String("error", err.Error()))
	}
}

// adoptOrder makes the running actions of an order due. After an outage most orders are due without a running action;
// it stores nothing for them.
func adoptOrder(o *approval.Order, env approval.Environment) ([]approval.Action, error) {
	if !o.ReleaseLeases(env) {
		return nil, errUnchanged
	}
	return nil, nil
}

// transitionAll runs a transition on each of the orders, a batch of them concurrently. If an order cannot be read, or
// its transition panics, the others are not affected.
func (s *Sweeper) transitionAll(
	ctx context.Context, ids []string, transition func(*approval.Order, approval.Environment) ([]approval.Action, error),
) error {
	var group errgroup.Group
	group.SetLimit(s.Batch)
	for _, id := range ids {
		group.Go(func() (err error) {
			defer catchPanic(&err)
			if err = s.Transitions.Run(ctx, id, transition); errors.Is(err, errUnchanged) {
				return nil
			}
			return err
		})
	}
	return group.Wait()
}

// SinceLastSweep returns the time since the last sweep ended, or 0 before Run. The health check uses it: a sweeper that
// hangs needs a restart. A sweep that failed has ended too, because a restart does not repair the store.
func (s *Sweeper) SinceLastSweep(now time.Time) time.Duration {
	if last := s.lastSweep.Load(); last != 0 {
		return now.Sub(time.Unix(0, last))
	}
	return 0
}

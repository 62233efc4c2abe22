package router

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/store"
)

// Claimer leases orders with due actions to this process.
type Claimer interface {
	Claim(ctx context.Context, now time.Time, limit int, lease time.Duration) ([]string, error)
}

// SweepObserver is notified of every sweep, for the metrics.
type SweepObserver interface {
	SweepEnded(claimed int, err error)
}

// SweeperConfig configures a Sweeper.
type SweeperConfig struct {
	Claimer     Claimer
	Transitions *handlers.Transitions
	// Dispatcher has the orders that wait for capacity. It is nil if no order waits.
	Dispatcher *Dispatcher
	Observer   SweepObserver
	Log        *slog.Logger
	// Interval is the pause after a sweep that found less than it looked for, or that failed. After any other sweep the
	// next one follows as soon as some orders are advanced.
	Interval time.Duration
	// Batch is the number of orders that are advanced concurrently, and the most that a sweep claims.
	Batch int
	// Lease is the time for which claimed orders are leased to this process, see store.Store. If this process dies,
	// another one claims them after this time. The lease of an action is Transitions.Lease.
	Lease time.Duration
	// ReturnClaims ends the leases of the orders that this process has claimed, as store.ClaimReturner does, when the
	// sweeper stops. It is nil if the leases end with the process.
	ReturnClaims func(ctx context.Context, now time.Time) error
	// Orphans lists the orders with actions under way, as store.OrphanLister does. It is nil if other processes use the
	// store too.
	Orphans func(ctx context.Context) ([]string, error)
	// DueBy lists the orders that are due by the given time, as store.DueLister does. It may be nil.
	DueBy func(ctx context.Context, until time.Time) ([]string, error)
	// CloseTimeout is the time that running transitions have to end after the end of Run's context.
	CloseTimeout time.Duration
}

// Sweeper finds the orders with due actions and advances them: deadlines, reminders, heartbeats and retries. It also
// finds actions that a crashed process left behind, after their leases have expired, and it advances the orders that
// waited for capacity.
type Sweeper struct {
	SweeperConfig
	pool    *pool
	retries retries

	lastSweep atomic.Int64 // the end of the last sweep, or the start of Run; Unix nanoseconds
}

// NewSweeper returns a sweeper.
func NewSweeper(c SweeperConfig) *Sweeper {
	return &Sweeper{SweeperConfig: c, pool: newPool(c.Batch), retries: retries{times: map[string]time.Time{}}}
}

// Run sweeps until the context ends.
func (s *Sweeper) Run(ctx context.Context) error {
	s.lastSweep.Store(s.Transitions.Now().UnixNano())
	var woken sync.WaitGroup
	woken.Go(func() { s.advanceWoken(ctx) })
	defer func() {
		woken.Wait()
		s.pool.waitAtMost(s.CloseTimeout)
		s.returnClaims(ctx)
	}()
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-pause.C:
		}
		full, err := s.startSweep(ctx)
		if ctx.Err() != nil { // the sweep was interrupted and has not failed
			return nil
		}
		if err == nil && full { // more orders may be due
			pause.Reset(0)
		} else {
			pause.Reset(s.Interval)
		}
	}
}

// startSweep claims due orders and starts to advance them. It does not wait for them, so that a slow order delays no
// other. It waits until orders of earlier sweeps have ended if too many are being advanced. It reports whether the store
// may have more due orders, and returns the first failure since the last sweep.
func (s *Sweeper) startSweep(ctx context.Context) (full bool, err error) {
	slots := s.pool.take(ctx, s.Interval/10)
	defer func() { s.pool.giveBack(slots) }()
	now := s.Transitions.Now()
	slots -= s.start(ctx, s.retries.take(now, slots))
	if s.Dispatcher != nil {
		s.Dispatcher.capacity.expireGrants(time.Now())
		slots -= s.start(ctx, s.Dispatcher.capacity.takeDue(now, slots))
	}
	var claimed []string
	if slots > 0 {
		claimed, err = s.claim(ctx, now, slots)
	}
	full = len(claimed) == slots
	slots -= s.start(ctx, claimed)
	if ctx.Err() != nil {
		return false, nil
	}
	err = errors.Join(err, s.retries.takeFailure())
	s.Observer.SweepEnded(len(claimed), err)
	if err != nil {
		s.Log.LogAttrs(ctx, slog.LevelError, "sweep failed", slog.String("error", err.Error()))
	}
	s.lastSweep.Store(s.Transitions.Now().UnixNano())
	return full, err
}

// claim claims due orders. A claim that was begun when the sweeper is stopped still has the CloseTimeout: if it was cut
// off, the store might lease the orders after their leases were returned.
func (s *Sweeper) claim(ctx context.Context, now time.Time, limit int) ([]string, error) {
	ctx, cancel := outlive(ctx, s.CloseTimeout)
	defer cancel()
	claimed, err := s.Claimer.Claim(ctx, now, limit, s.Lease)
	if err != nil {
		return nil, fmt.Errorf("claim due orders: %w", err)
	}
	return claimed, nil
}

// outlive returns a context that ends some time after the given one.
func outlive(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel()
		case <-longer.Done():
		}
	})
	return longer, func() {
		stop()
		cancel()
	}
}

// returnClaims leaves the claimed orders that were not advanced to the other processes, so that their heartbeats and
// deadlines do not wait for the end of the leases.
func (s *Sweeper) returnClaims(ctx context.Context) {
	if s.ReturnClaims == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.CloseTimeout)
	defer cancel()
	if err := s.ReturnClaims(ctx, s.Transitions.Now()); err != nil {
		s.Log.LogAttrs(ctx, slog.LevelWarn, "the other workers wait for the leases", slog.String("error", err.Error()))
	}
}

// start starts to advance orders, each in a slot of the pool that the caller has taken. It returns their number.
func (s *Sweeper) start(ctx context.Context, ids []string) int {
	for _, id := range ids {
		s.pool.run(func() { s.advance(ctx, id) })
	}
	return len(ids)
}

// advanceWoken advances the orders that capacity has become free for, until the context ends. Their number is bounded by
// the slots of the dispatcher, so they need no slot of the pool.
func (s *Sweeper) advanceWoken(ctx context.Context) {
	if s.Dispatcher == nil {
		return
	}
	capacity := s.Dispatcher.capacity
	for {
		select {
		case <-ctx.Done():
			return
		case <-capacity.signal:
		}
		for _, g := range capacity.takeGrants() {
			s.pool.runExtra(func() {
				defer capacity.returnGrant(g)
				s.advance(ctx, g.orderID)
			})
		}
	}
}

// advance advances an order. If that fails, or if the transition panics, it is tried again soon, and no other order is
// affected.
func (s *Sweeper) advance(ctx context.Context, orderID string) {
	err := s.transition(ctx, orderID, advanceOrder)
	if err != nil && ctx.Err() == nil {
		s.retries.add(orderID, s.Transitions.Now(), err)
	}
}

// transition runs a transition on an order. It is fine if the order stays as it is.
func (s *Sweeper) transition(
	ctx context.Context, orderID string,
	transition func(*approval.Order, approval.Environment) ([]approval.Action, error),
) (err error) {
	defer catchPanic(&err)
	err = s.Transitions.Run(ctx, orderID, transition)
	if _, isReadOnly := errors.AsType[*store.ReadOnlyError](err); isReadOnly || errors.Is(err, errUnchanged) {
		return nil // an order of a read-only store stays due
	}
	return err
}

// errUnchanged ends an update that would store an unchanged record.
var errUnchanged = errors.New("unchanged")

// advanceOrder advances an order. If nothing changes, because there is no capacity for any due action, it stores
// nothing: while a target hangs, thousands of answers may be due.
func advanceOrder(o *approval.Order, env approval.Environment) ([]approval.Action, error) {
	due := o.NextDue()
	actions := o.Advance(env)
	if len(actions) == 0 && len(o.NewEvents()) == 0 && o.NextDue().Equal(due) {
		return nil, errUnchanged
	}
	return actions, nil
}

// SinceLastSweep returns the time since the last sweep ended, or 0 before Run. The health check uses it: a sweeper that
// hangs needs a restart. A sweep that failed has ended too, because a restart does not repair the store.
func (s *Sweeper) SinceLastSweep(now time.Time) time.Duration {
	if last := s.lastSweep.Load(); last != 0 {
		return now.Sub(time.Unix(0, last))
	}
	return 0
}

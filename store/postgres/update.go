package postgres

import (
	"context"
	"sync/atomic"

	"github.com/approval-relay/approval-relay/approval"
)

// update is a change of an order on its way into the database.
type update struct {
	ctx     context.Context
	orderID string
	// compute returns the row after the update, without its version, and whether it differs. It may be called several
	// times.
	compute  func(before stored) (after stored, changed bool, out outcome)
	unsynced bool
	begun    atomic.Bool // a lane has begun it, or its caller has withdrawn it
	result   chan outcome

	out outcome // of the last compute
}

// outcome is the result of an update.
type outcome struct {
	err      error
	panicked any
}

// hasFailed reports whether the update itself failed, not its transaction.
func (o outcome) hasFailed() bool { return o.err != nil || o.panicked != nil }

// deliver passes the outcome to the caller: it returns the error, or repeats the panic.
func (o outcome) deliver() error {
	if o.panicked != nil {
		panic(o.panicked)
	}
	return o.err
}

// Update implements store.Store.
func (s *Store) Update(ctx context.Context, orderID string, transition func(*approval.Order) error) error {
	return s.submit(s.newUpdate(ctx, orderID, transition))
}

// UpdateUnsynced implements store.Store. The new record survives the end of this process. If the database server crashes
// within the fraction of a second that it takes to write its log, this process stores the record again, see lateWrites. The
// record is lost only if this process ends too.
func (s *Store) UpdateUnsynced(ctx context.Context, orderID string, transition func(*approval.Order) error) error {
	u := s.newUpdate(ctx, orderID, transition)
	u.unsynced = true
	return s.submit(u)
}

func (s *Store) newUpdate(ctx context.Context, orderID string, transition func(*approval.Order) error) *update {
	return &update{ctx: ctx, orderID: orderID, compute: func(before stored) (stored, bool, outcome) {
		return s.applyTransition(orderID, before, transition)
	}}
}

// submit passes an update to the lanes and waits for the outcome.
func (s *Store) submit(u *update) error {
	if err := validateID(u.orderID); err != nil {
		return err
	}
	u.result = make(chan outcome, 1)
	select {
	case <-s.closed:
		return errClosed
	case <-u.ctx.Done():
		return u.ctx.Err()
	default:
	}
	select {
	case <-s.closed:
		return errClosed
	case <-u.ctx.Done():
		return u.ctx.Err()
	case s.lanes.queue <- u:
	}
	select {
	case out := <-u.result:
		return out.deliver()
	case <-u.ctx.Done():
		if u.begun.CompareAndSwap(false, true) {
			return u.ctx.Err()
		}
	case <-s.lanes.ended:
	}
	// A lane may be running the transition, and that assigns to variables of the caller. So the caller waits for its end.
	select {
	case out := <-u.result:
		return out.deliver()
	case <-s.lanes.ended:
	}
	select {
	case out := <-u.result:
		return out.deliver()
	default:
		return errClosed
	}
}

// Package gate refuses the changes of a store that is read-only. Any process can make a store read-only by a control, and
// every worker reads it within seconds; the gate makes "within seconds" exact. A worker changes orders, and acknowledges
// changes, only for a short time after it has read that it may. After a store became read-only and that
// time has passed, every change that any worker has acknowledged, or will ever acknowledge, is in the store: it can be
// copied.
package gate

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// Trust is how long a worker relies on the controls that it has read. Workers look every two seconds, so that
// the ordinary change of an order costs no read.
const Trust = 10 * time.Second

// Inner is a store behind a gate.
type Inner interface {
	store.Store
	store.DeadLetters
	store.ControlKeeper
	io.Closer
}

// Store is a store behind a gate.
type Store struct {
	Inner

	trust   time.Duration
	looking chan struct{} // has an element during a look at the controls for the gate, so that they are not made at once
	known   atomic.Pointer[knowledge]
}

// knowledge is the result of a look at the controls.
type knowledge struct {
	since   time.Time // the look began then
	refusal error     // nil if the store may be changed
}

// New returns a store behind a gate. Trust is usually the constant of that name.
func New(inner Inner, trust time.Duration) *Store {
	return &Store{
		Inner:   inner,
		trust:   trust,
		looking: make(chan struct{}, 1),
	}
}

// Controls implements store.ControlKeeper. The gate learns from it.
func (s *Store) Controls(ctx context.Context) ([]store.Control, error) {
	since := time.Now()
	controls, err := s.Inner.Controls(ctx)
	if err == nil {
		s.learn(since, controls)
	}
	return controls, err
}

// learn replaces the result of an older look.
func (s *Store) learn(since time.Time, controls []store.Control) {
	k := &knowledge{since: since}
	if control, isReadOnly := store.FindReadOnly(controls); isReadOnly {
		k.refusal = &store.ReadOnlyError{Control: control}
	}
	for {
		before := s.known.Load()
		if before != nil && before.since.After(since) || s.known.CompareAndSwap(before, k) {
			return
		}
	}
}

// MayChange returns an error if the store is read-only, or if that cannot be found out. It is for work that changes no
// order and must not go on in a store that was moved.
func (s *Store) MayChange(ctx context.Context) error { return s.check(ctx) }

// check returns an error if the store is read-only, or if that cannot be found out.
func (s *Store) check(ctx context.Context) error {
	if k := s.fresh(); k != nil {
		return k.refusal
	}
	select {
	case s.looking <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.looking }()
	if s.fresh() == nil {
		if _, err := s.Controls(ctx); err != nil {
			return err
		}
	}
	return s.known.Load().refusal
}

// fresh returns the result of the last look, or nil if it is too old by any clock: the wall clock can be set back, and the
// monotonic clock stands still while the computer sleeps.
func (s *Store) fresh() *knowledge {
	k := s.known.Load()
	if k == nil {
		return nil
	}
	now := time.Now()
	byWall := now.Round(0).Sub(k.since.Round(0))
	if max(now.Sub(k.since), byWall) > s.trust {
		return nil
	}
	return k
}

// change makes a change. It checks the controls again after it: a process that was stopped in the middle, or whose call
// took long, may have changed the store too late, and must not acknowledge that. Neither must it tell what it has found
// there: to refuse a repeated message acknowledges it.
func (s *Store) change(ctx context.Context, f func() error) error {
	if err := s.check(ctx); err != nil {
		return err
	}
	changeErr := f()
	err := s.check(ctx)
	switch readOnly, isReadOnly := errors.AsType[*store.ReadOnlyError](err); {
	case isReadOnly:
		return &store.ReadOnlyError{Control: readOnly.Control, MayBeStored: changeErr == nil}
	case changeErr != nil:
		return changeErr
	}
	return err
}

// Update implements store.Store.
func (s *Store) Update(ctx context.Context, orderID string, transition func(*approval.Order) error) error {
	return s.change(ctx, func() error { return s.Inner.Update(ctx, orderID, transition) })
}

// UpdateUnsynced implements store.Store.
func (s *Store) UpdateUnsynced(ctx context.Context, orderID string, transition func(*approval.Order) error) error {
	return s.change(ctx, func() error { return s.Inner.UpdateUnsynced(ctx, orderID, transition) })
}

// Claim implements store.Store. Nothing is due in a store that is read-only.
func (s *Store) Claim(ctx context.Context, now time.Time, limit int, lease time.Duration) ([]string, error) {
	err := s.check(ctx)
	if _, isReadOnly := errors.AsType[*store.ReadOnlyError](err); isReadOnly {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return s.Inner.Claim(ctx, now, limit, lease)
}

// PutDeadLetter implements store.DeadLetters.
func (s *Store) PutDeadLetter(ctx context.Context, d store.DeadLetter) (id string, err error) {
	err = s.change(ctx, func() (err error) {
		id, err = s.Inner.PutDeadLetter(ctx, d)
		return err
	})
	return id, err
}

// MarkDeadLetter implements store.DeadLetters.
func (s *Store) MarkDeadLetter(ctx context.Context, d store.DeadLetter) error {
	return s.change(ctx, func() error { return s.Inner.MarkDeadLetter(ctx, d) })
}

// DeleteDeadLetter implements store.DeadLetters.
func (s *Store) DeleteDeadLetter(ctx context.Context, id string) error {
	return s.change(ctx, func() error { return s.Inner.DeleteDeadLetter(ctx, id) })
}

package dynamodb

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"reflect"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// maxConflicts bounds the number of times that an update starts again because another process was faster.
const maxConflicts = 50

// UpdateUnsynced implements store.Store. Every write of a table is durable, so it is the same as Update.
func (s *Store) UpdateUnsynced(ctx context.Context, orderID string, transition func(*approval.Order) error) error {
	return s.Update(ctx, orderID, transition)
}

// Update implements store.Store. It computes the change on the item that this process has kept, on an item that may be
// some milliseconds old, or on none. Such a change is safe, because its write has the condition that the item is
// unchanged. A refusal of the transition is not safe, and an order without a change is not: both are decided again on the
// current item.
func (s *Store) Update(ctx context.Context, orderID string, transition func(*approval.Order) error) error {
	if err := validateID(orderID); err != nil {
		return err
	}
	release, err := s.locks.acquire(ctx, orderID)
	if err != nil {
		return err
	}
	defer release()
	before, err := s.readForUpdate(ctx, orderID)
	if err != nil {
		return fmt.Errorf("read order %q: %w", orderID, err)
	}
	isCurrent := false
	for attempt := 1; ; attempt++ {
		c, err := s.computeChange(orderID, before, transition)
		changesNothing := err != nil || c.item == nil && before == nil
		if changesNothing && !isCurrent {
			if before, err = s.getItem(ctx, orderKey(orderID)); err != nil {
				return fmt.Errorf("read order %q: %w", orderID, err)
			}
			isCurrent = true
			continue
		} else if changesNothing {
			s.setTimer(orderID, before)
			if err == nil { // the order was empty and stays so
				err = ctx.Err()
			}
			return err
		}
		conflict, err := s.tryChange(ctx, c)
		switch {
		case err == nil:
			return nil
		case conflict == nil:
			return fmt.Errorf("store order %q: %w", orderID, err)
		case attempt == maxConflicts:
			return fmt.Errorf("store order %q: other processes were faster %d times", orderID, attempt)
		}
		before, isCurrent = conflict.current, true
		if attempt > 1 {
			if err := waitBeforeRetry(ctx, min(attempt, 5)); err != nil {
				return err
			}
		}
	}
}

// readForUpdate returns the kept item of an order, or reads it. An order that is expected to be new is not read: if it
// exists, the condition of the write fails, and the answer has the current item.
func (s *Store) readForUpdate(ctx context.Context, orderID string) (item, error) {
	if kept, ok := s.recent.find(orderID); ok {
		return kept.item, nil
	}
	if store.IsNewExpected(ctx) {
		return nil, nil
	}
	return s.readItem(ctx, orderKey(orderID), false)
}

// tryChange writes a change. If another process was faster, it returns the conflict beside the error.
func (s *Store) tryChange(ctx context.Context, c *change) (*conflictError, error) {
	startedAt := time.Now()
	s.load.units.Add(c.dueUnits())
	err := s.writeChange(ctx, c)
	conflict, isConflict := errors.AsType[*conflictError](err)
	if !isConflict {
		s.observeCommit(startedAt, err)
	}
	if err != nil || c.item == nil {
		s.recent.forget(c.orderID)
	} else {
		s.recent.keep(c.orderID, c.item, startedAt)
		s.decoded.keep(c.orderID, getBytes(c.item, "order_record"), c.order, c.unknown)
	}
	switch {
	case err == nil:
		s.setTimer(c.orderID, c.item)
	case !isConflict && mayHaveBeenApplied(err): // the order may be due, and the next scan may be minutes away
		s.timers.find(c.orderID, startedAt.Add(attemptTimeout).UnixNano())
	}
	return conflict, err
}

// dueUnits returns the write units of the change in the index by due time.
func (c *change) dueUnits() int64 {
	before, after := c.before["next_at"], c.item["next_at"]
	if reflect.DeepEqual(before, after) {
		return 0
	}
	var units int64
	for _, row := range []types.AttributeValue{before, after} {
		if row != nil {
			units++
		}
	}
	return units
}

// setTimer sets the timer of an order to the due time in its item, or nil if the order was removed.
func (s *Store) setTimer(orderID string, i item) {
	_, isDue := i["next_at"]
	s.timers.set(orderID, getNumber(i, "next_at"), isDue && !isRemoval(i), time.Now().Add(timerHorizon).UnixNano())
}

// validateID returns an error for an order ID that cannot be part of a key.
func validateID(orderID string) error {
	switch {
	case orderID == "":
		return approval.InvalidField("order", "is missing")
	case !utf8.ValidString(orderID):
		return approval.InvalidField("order", "is not UTF-8")
	case len(orderID) > maxSortKey:
		return approval.InvalidField("order", "is longer than %d bytes, the limit of a DynamoDB key", maxSortKey)
	}
	return nil
}

// Get implements store.Store.
func (s *Store) Get(ctx context.Context, orderID string) (*approval.Order, error) {
	if validateID(orderID) != nil {
		return nil, fmt.Errorf("order %q: %w", orderID, approval.ErrNotFound)
	}
	got, err := s.getItem(ctx, orderKey(orderID))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read order %q: %w", orderID, err)
	case got == nil:
		return nil, fmt.Errorf("order %q: %w", orderID, approval.ErrNotFound)
	}
	o, _, err := s.decodeOrder(orderID, got)
	return o, err
}

// GetRecent implements store.RecentGetter.
func (s *Store) GetRecent(ctx context.Context, orderID string) (*approval.Order, error) {
	if kept, ok := s.recent.find(orderID); ok && time.Since(kept.writtenAt) < recentTrust {
		if o := s.decoded.copyOf(orderID, getBytes(kept.item, "order_record")); o != nil {
			return o, nil
		}
		o, _, err := s.decodeOrder(orderID, kept.item)
		return o, err
	}
	return s.Get(ctx, orderID)
}

// takeOrder returns the order of an item for a transition.
func (s *Store) takeOrder(orderID string, i item) (*approval.Order, store.Unknown, error) {
	if o, unknown := s.decoded.take(orderID, getBytes(i, "order_record")); o != nil {
		return o, unknown, nil
	}
	return s.decodeOrder(orderID, i)
}

func (s *Store) decodeOrder(orderID string, i item) (*approval.Order, store.Unknown, error) {
	record, err := decompress(getBytes(i, "order_record"))
	if err != nil {
		return nil, store.Unknown{}, fmt.Errorf("record of order %q is damaged: %w", orderID, err)
	}
	return store.DecodeForUpdate(orderID, record, s.config.Sealer)
}

// newWriteID returns a random ID for a write or a claim.
func newWriteID() []byte {
	b := make([]byte, idSize)
	_, _ = rand.Read(b) // never fails, see crypto/rand
	return b
}

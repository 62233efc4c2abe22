package dynamodb

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// maxConflicts bounds the number of times that an update starts again because another process was faster.
const maxConflicts = 50

// UpdateUnsynced implements store.Store. Every write of a table is durable, so it is the same as Update.
func (s *Store) UpdateUnsynced(ctx context.Context, orderID string, transition func(*approval.Order) error) error {
	return s.Update(ctx, orderID, transition)
}

// Update implements store.Store.
func (s *Store) Update(ctx context.Context, orderID string, transition func(*approval.Order) error) error {
	if err := validateID(orderID); err != nil {
		return err
	}
	release, err := s.locks.acquire(ctx, orderID)
	if err != nil {
		return err
	}
	defer release()
	before, err := s.getItem(ctx, orderKey(orderID))
	if err != nil {
		return fmt.Errorf("read order %q: %w", orderID, err)
	}
	for attempt := 1; ; attempt++ {
		c, err := s.computeChange(orderID, before, transition)
		if err != nil {
			return err
		}
		if c.item == nil && before == nil { // the order was empty and stays so
			return ctx.Err()
		}
		startedAt := time.Now()
		err = s.writeChange(ctx, c)
		conflict, isConflict := errors.AsType[*conflictError](err)
		if !isConflict {
			s.observeCommit(startedAt, err)
		}
		switch {
		case err == nil:
			return nil
		case !isConflict:
			return fmt.Errorf("store order %q: %w", orderID, err)
		case attempt == maxConflicts:
			return fmt.Errorf("store order %q: other processes were faster %d times", orderID, attempt)
		}
		before = conflict.current
		if attempt > 1 {
			if err := waitBeforeRetry(ctx, min(attempt, 5)); err != nil {
				return err
			}
		}
	}
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

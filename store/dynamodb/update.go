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

// maxLost bounds how often an update begins anew because other processes were first.
const maxLost = 50

// Update implements store.Store.
func (s *Store) Update(ctx context.Context, orderID string, transition func(*approval.Order) error) error {
	if err := valid(orderID); err != nil {
		return err
	}
	end, err := s.turns.take(ctx, orderID)
	if err != nil {
		return err
	}
	defer end()
	before, err := s.get(ctx, orderKey(orderID))
	if err != nil {
		return fmt.Errorf("read order %q: %w", orderID, err)
	}
	for try := 1; ; try++ {
		c, err := s.compute(orderID, before, transition)
		if err != nil {
			return err
		}
		if c.item == nil && before == nil { // nothing was there, nothing is
			return ctx.Err()
		}
		began := time.Now()
		err = s.write(ctx, c)
		lost, isLost := errors.AsType[*lostError](err)
		if !isLost {
			s.observed(began, err)
		}
		switch {
		case err == nil:
			return nil
		case !isLost:
			return fmt.Errorf("store order %q: %w", orderID, err)
		case try == maxLost:
			return fmt.Errorf("store order %q: other processes were first %d times", orderID, try)
		}
		before = lost.now
		if try > 1 {
			if err := pause(ctx, min(try, 5)); err != nil {
				return err
			}
		}
	}
}

// valid refuses what cannot be a key.
func valid(orderID string) error {
	switch {
	case orderID == "":
		return approval.InvalidField("order", "is missing")
	case !utf8.ValidString(orderID):
		return approval.InvalidField("order", "is not UTF-8")
	case len(orderID) > maxKey:
		return approval.InvalidField("order", "is longer than %d bytes, which is what a DynamoDB key takes", maxKey)
	}
	return nil
}

// Get implements store.Store.
func (s *Store) Get(ctx context.Context, orderID string) (*approval.Order, error) {
	if valid(orderID) != nil {
		return nil, fmt.Errorf("order %q: %w", orderID, approval.ErrNotFound)
	}
	got, err := s.get(ctx, orderKey(orderID))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read order %q: %w", orderID, err)
	case got == nil:
		return nil, fmt.Errorf("order %q: %w", orderID, approval.ErrNotFound)
	}
	return s.decode(orderID, got)
}

func (s *Store) decode(orderID string, i item) (*approval.Order, error) {
	record, err := unpack(bin(i, "order_record"))
	if err != nil {
		return nil, fmt.Errorf("record of order %q is damaged: %w", orderID, err)
	}
	return store.Decode(orderID, record, s.config.Sealer)
}

// newID returns what a write, or a claim, is known by.
func newID() []byte {
	b := make([]byte, idSize)
	_, _ = rand.Read(b) // never fails, see crypto/rand
	return b
}

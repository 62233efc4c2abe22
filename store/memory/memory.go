// Package memory keeps orders in memory, for tests and for trials. Nothing survives the end of the process, and Claim,
// List and Stats read every order.
package memory

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// Store implements store.Store and store.DeadLetters. Like the other stores, it holds encoded records, so that a caller
// never shares memory with a stored order.
type Store struct {
	// Limits are those of each record. They are set before the store is used.
	Limits store.RecordLimits

	mu             sync.Mutex
	orders         map[string]entry
	deadLetters    []store.DeadLetter
	lastDeadLetter int64 // number of the last dead letter
	controls       []store.Control
}

type entry struct {
	record  []byte
	due     time.Time
	next    time.Time // when a Claim may return it: due, or the end of its lease
	claimed time.Time // the now of the Claim that leased it; zero if it is not leased
	pending []approval.PendingApproval
	states  store.StateSet
	owed    []approval.OwedAnswer
}

// New returns an empty store.
func New() *Store { return &Store{orders: map[string]entry{}, Limits: store.DefaultRecordLimits()} }

// plainSealer does not encrypt, because the key would be in the same memory as the secrets.
type plainSealer struct{}

func (plainSealer) Seal(b []byte, _ ...string) ([]byte, error) { return b, nil }
func (plainSealer) Open(b []byte, _ ...string) ([]byte, error) { return b, nil }
func (plainSealer) IsCurrent([]byte) bool                      { return true }

// Update implements store.Store.
func (s *Store) Update(ctx context.Context, orderID string, transition func(*approval.Order) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	o := &approval.Order{ID: orderID}
	var unknown store.Unknown
	before, stored := s.orders[orderID]
	if stored {
		var err error
		if o, unknown, err = store.DecodeForUpdate(orderID, before.record, plainSealer{}); err != nil {
			return err
		}
	}
	size := store.Measure(o, len(before.record))
	if err := transition(o); err != nil {
		return err
	}
	record, err := s.Limits.Fit(size, o, func(o *approval.Order, _ bool) ([]byte, error) {
		return store.Encode(orderID, o, unknown, plainSealer{})
	})
	if err != nil {
		return err
	}
	if o.IsEmpty() {
		delete(s.orders, orderID)
		return nil
	}
	e := entry{
		record:  record,
		due:     o.NextDue(),
		next:    o.NextDue(),
		pending: o.PendingApprovals(),
		states:  store.StatesOf(o),
		owed:    o.OwedAnswers(),
	}
	if !e.due.IsZero() && !e.due.After(before.claimed) { // it is still due at the now of the Claim: the lease is kept
		e.next = before.next
		e.claimed = before.claimed
	}
	s.orders[orderID] = e
	spoil(o)
	return nil
}

// UpdateUnsynced implements store.Store. This store ends with its process, so it is the same as Update.
func (s *Store) UpdateUnsynced(ctx context.Context, orderID string, transition func(*approval.Order) error) error {
	return s.Update(ctx, orderID, transition)
}

// Get implements store.Store.
func (s *Store) Get(_ context.Context, orderID string) (*approval.Order, error) {
	s.mu.Lock()
	e, ok := s.orders[orderID]
	s.mu.Unlock()
	if !ok {
		return nil, fmt.Errorf("order %q: %w", orderID, approval.ErrNotFound)
	}
	return store.Decode(orderID, e.record, plainSealer{})
}

// Claim implements store.Store.
func (s *Store) Claim(ctx context.Context, now time.Time, limit int, lease time.Duration) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var due []string
	for id, e := range s.orders {
		if !e.next.IsZero() && !e.next.After(now) {
			due = append(due, id)
		}
	}
	slices.SortFunc(due, func(a, b string) int { return s.orders[a].next.Compare(s.orders[b].next) })
	due = due[:min(max(limit, 0), len(due))]
	for _, id := range due {
		e := s.orders[id]
		e.next = now.Add(lease)
		e.claimed = now
		s.orders[id] = e
	}
	return due, nil
}

// List implements store.Store.
func (s *Store) List(_ context.Context, q store.OrderQuery) (orders []*approval.Order, next string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids, cursor, err := s.listIDs(q)
	if err != nil {
		return nil, "", err
	}
	for _, id := range ids {
		e := s.orders[id]
		if !e.isSelected(q) {
			continue
		}
		if len(orders) == q.PageSize() {
			return orders, cursor(orders[len(orders)-1].ID), nil
		}
		o, err := store.Decode(id, e.record, plainSealer{})
		if err != nil {
			return nil, "", err
		}
		orders = append(orders, o)
	}
	return orders, "", nil
}

// isSelected reports whether a query selects the order.
func (e entry) isSelected(q store.OrderQuery) bool {
	if q.ByAge || q.State == store.StatePending {
		return len(e.pending) > 0
	}
	set := q.State.Set()
	return set == 0 || e.states&set != 0
}

// listIDs returns the IDs of all orders after q.After, sorted as the query asks for, and the function that returns the
// position of an order as text.
func (s *Store) listIDs(q store.OrderQuery) (ids []string, cursor func(id string) string, err error) {
	if !q.ByAge {
		ids = slices.DeleteFunc(slices.Sorted(maps.Keys(s.orders)), func(id string) bool { return id <= q.After })
		return ids, func(id string) string { return id }, nil
	}
	after, err := store.ParseAgeCursor(q.After)
	if err != nil {
		return nil, nil, err
	}
	age := func(id string) store.AgeCursor {
		return store.AgeCursor{Since: store.OldestPending(s.orders[id].pending), OrderID: id}
	}
	for id := range s.orders {
		if after.Compare(age(id)) < 0 {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b string) int { return age(a).Compare(age(b)) })
	return ids, func(id string) string { return age(id).String() }, nil
}

// Stats implements store.Store.
func (s *Store) Stats(context.Context) (store.Stats, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := store.Stats{Workflows: map[string]store.WorkflowStats{}, DeadLetters: len(s.deadLetters)}
	for _, e := range s.orders {
		out.AddStates(e.states)
		for _, w := range e.owed {
			out.AddOwed(w)
		}
		if !e.due.IsZero() && (out.OldestDue.IsZero() || e.due.Before(out.OldestDue)) {
			out.OldestDue = e.due
		}
		for _, p := range e.pending {
			w := out.Workflows[p.Workflow]
			w.Pending++
			if w.Oldest.IsZero() || p.Since.Before(w.Oldest) {
				w.Oldest = p.Since
			}
			out.Workflows[p.Workflow] = w
		}
	}
	return out, nil
}

// Close does nothing.
func (*Store) Close() error { return nil }

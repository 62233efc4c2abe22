package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

func updateTests() map[string]func(*testing.T, store.Store) {
	return map[string]func(*testing.T, store.Store){
		"an order comes back complete":        orderComesBack,
		"a failed transition stores nothing":  failureStoresNothing,
		"a panic stores nothing":              panicStoresNothing,
		"an empty order is removed":           emptyOrderIsRemoved,
		"an order keeps its ID":               orderKeepsID,
		"updates of an order are serialized":  updatesAreSerialized,
		"orders do not mix":                   ordersDoNotMix,
		"callers share no memory with stores": noMemoryIsShared,
		"a cancelled update is atomic":        cancelledUpdateIsAtomic,
	}
}

func orderComesBack(t *testing.T, s store.Store) {
	requireNotStored(t, s, "o")
	full := newRequest("a token with \x00 and ü, not to be seen", 2*time.Hour, func(a *approval.Request) {
		a.Approvers = []approval.Approver{{ID: "ann", Nonce: "n"}, {ID: "bob", Nonce: "m"}}
		a.Channels, a.Reminders, a.HeartbeatInterval = []string{"email"}, []time.Time{at(time.Hour)}, time.Minute
		a.Title, a.Details = "<Title> & more", []approval.Field{{Name: "sum", Value: "12 €"}}
		a.Output = approval.Output{"number": 1, "nested": map[string]any{"list": []any{"a", true, nil}}}
	})
	var before string
	mustUpdate(t, s, "o", func(o *approval.Order) error {
		assert.Equal(t, &approval.Order{ID: "o"}, o, "an order that is not stored")
		err := addRequest(full)(o)
		before = encodeOrder(t, o)
		return err
	})
	require.Contains(t, before, "not to be seen")
	require.Equal(t, before, encodeOrder(t, mustGet(t, s, "o")))
	require.Empty(t, mustGet(t, s, "o").NewEvents(), "new events are returned once")
	mustUpdate(t, s, "o", func(o *approval.Order) error {
		assert.Equal(t, before, encodeOrder(t, o))
		return nil
	})
	require.Equal(t, before, encodeOrder(t, mustGet(t, s, "o")))
}

func failureStoresNothing(t *testing.T, s store.Store) {
	failure := errors.New("not today")
	fail := func(o *approval.Order) error {
		_ = dueAt(time.Hour)(o)
		addVote(o)
		return failure
	}
	require.Same(t, failure, s.Update(t.Context(), "o", fail), "the error is unchanged")
	requireNotStored(t, s, "o")
	mustUpdate(t, s, "o", dueAt(2*time.Hour))
	before := encodeOrder(t, mustGet(t, s, "o"))
	require.Same(t, failure, s.Update(t.Context(), "o", fail))
	require.Equal(t, before, encodeOrder(t, mustGet(t, s, "o")))
	stats, err := s.Stats(t.Context())
	require.NoError(t, err)
	require.True(t, stats.OldestDue.Equal(at(2*time.Hour)))
}

func panicStoresNothing(t *testing.T, s store.Store) {
	mustUpdate(t, s, "o", dueAt(time.Hour))
	before := encodeOrder(t, mustGet(t, s, "o"))
	for range 3 { // the store keeps working
		require.PanicsWithValue(t, "at the disco", func() {
			_ = s.Update(t.Context(), "o", func(o *approval.Order) error {
				addVote(o)
				panic("at the disco")
			})
		})
	}
	require.Equal(t, before, encodeOrder(t, mustGet(t, s, "o")))
	mustUpdate(t, s, "o", func(o *approval.Order) error {
		assert.Equal(t, 1, addVote(o))
		return nil
	})
}

func emptyOrderIsRemoved(t *testing.T, s store.Store) {
	mustUpdate(t, s, "never was", func(*approval.Order) error { return nil })
	requireNotStored(t, s, "never was")
	mustUpdate(t, s, "o", dueAt(time.Hour))
	mustUpdate(t, s, "o", removeOrder)
	requireNotStored(t, s, "o")
	require.Empty(t, listAll(t, s, store.OrderQuery{}))
	claimed, err := s.Claim(t.Context(), at(2*time.Hour), 10, time.Minute)
	require.NoError(t, err)
	require.Empty(t, claimed)
	stats, err := s.Stats(t.Context())
	require.NoError(t, err)
	require.Equal(t, store.Stats{Workflows: map[string]store.WorkflowStats{}}, stats)
	mustUpdate(t, s, "o", func(o *approval.Order) error {
		assert.Equal(t, &approval.Order{ID: "o"}, o, "it is removed completely")
		return dueAt(time.Hour)(o)
	})
	mustGet(t, s, "o")
}

func orderKeepsID(t *testing.T, s store.Store) {
	mustUpdate(t, s, "a", dueAt(time.Hour))
	require.Error(t, s.Update(t.Context(), "a", func(o *approval.Order) error {
		o.ID = "b"
		return nil
	}))
	require.Equal(t, "a", mustGet(t, s, "a").ID)
	requireNotStored(t, s, "b")
}

// updatesAreSerialized counts votes in an order from many goroutines. Each of them gets the count of the last run of
// its transition, so that no count occurs twice.
func updatesAreSerialized(t *testing.T, s store.Store) {
	const workers, each = 16, 20
	mustUpdate(t, s, "o", dueAt(time.Hour))
	var mu sync.Mutex
	var counts []int
	runConcurrently(workers, func(int) {
		for range each {
			var count int
			err := s.Update(t.Context(), "o", func(o *approval.Order) error {
				count = addVote(o)
				return nil
			})
			if !assert.NoError(t, err) {
				return
			}
			o, err := s.Get(t.Context(), "o")
			if assert.NoError(t, err) {
				assert.GreaterOrEqual(t, len(o.Approvals[0].Votes), count, "a stored vote is visible at once")
			}
			mu.Lock()
			counts = append(counts, count)
			mu.Unlock()
		}
	})
	slices.Sort(counts)
	require.Len(t, counts, workers*each)
	for i, count := range counts {
		require.Equal(t, i+1, count)
	}
	require.Len(t, mustGet(t, s, "o").Approvals[0].Votes, workers*each)
}

// ordersDoNotMix updates many orders concurrently. Some of the updates fail.
func ordersDoNotMix(t *testing.T, s store.Store) {
	const workers, orders, each = 8, 7, 15
	failure := errors.New("failure")
	runConcurrently(workers, func(w int) {
		for i := range each * orders {
			id := fmt.Sprint("o", i%orders)
			err := s.Update(t.Context(), id, func(o *approval.Order) error {
				if o.IsEmpty() {
					_ = dueAt(time.Hour)(o)
				}
				addVote(o)
				if (w+i)%5 == 0 {
					return failure
				}
				return nil
			})
			if (w+i)%5 == 0 {
				assert.Same(t, failure, err)
			} else {
				assert.NoError(t, err)
			}
		}
	})
	want := make([]int, orders)
	for w := range workers {
		for i := range each * orders {
			if (w+i)%5 != 0 {
				want[i%orders]++
			}
		}
	}
	for i, votes := range want {
		o := mustGet(t, s, fmt.Sprint("o", i))
		require.Len(t, o.Approvals[0].Votes, votes)
		require.Equal(t, "token of "+o.ID, o.Approvals[0].Token.Reveal())
	}
}

func noMemoryIsShared(t *testing.T, s store.Store) {
	mustUpdate(t, s, "o", dueAt(time.Hour))
	before := encodeOrder(t, mustGet(t, s, "o"))
	got, listed := mustGet(t, s, "o"), listAll(t, s, store.OrderQuery{})
	for _, o := range append(listed, got) {
		o.Approvals[0].Title, o.Approvals[0].Status = "other", approval.Approved
		addVote(o)
		o.Approvals = append(o.Approvals, o.Approvals[0])
		o.History[0].By = strings.Repeat("x", 10)
	}
	require.Equal(t, before, encodeOrder(t, mustGet(t, s, "o")))
	mustUpdate(t, s, "o", func(o *approval.Order) error {
		assert.Equal(t, before, encodeOrder(t, o))
		return nil
	})
}

// cancelledUpdateIsAtomic cancels updates before they start and while they run. Each of them is stored completely or
// returns the error of the context.
func cancelledUpdateIsAtomic(t *testing.T, s store.Store) {
	mustUpdate(t, s, "o", dueAt(time.Hour))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 50 {
		require.ErrorIs(t, s.Update(ctx, "o", func(*approval.Order) error { return nil }), context.Canceled)
	}
	_, err := s.Claim(ctx, at(2*time.Hour), 1, time.Minute)
	require.ErrorIs(t, err, context.Canceled)
	claimed, err := s.Claim(t.Context(), at(2*time.Hour), 1, time.Minute)
	require.NoError(t, err)
	require.Equal(t, []string{"o"}, claimed, "the cancelled claim leased no order")

	const workers = 32
	stored := make([]bool, workers)
	runConcurrently(workers, func(w int) {
		ctx, cancel := context.WithCancel(t.Context())
		err := s.Update(ctx, "o", func(o *approval.Order) error {
			cancel() // while the update runs
			addVote(o)
			return nil
		})
		stored[w] = err == nil
		if err != nil {
			assert.ErrorIs(t, err, context.Canceled)
		}
		cancel()
	})
	atLeast := 0
	for _, ok := range stored {
		if ok {
			atLeast++
		}
	}
	votes := len(mustGet(t, s, "o").Approvals[0].Votes)
	require.GreaterOrEqual(t, votes, atLeast)
	require.LessOrEqual(t, votes, workers)
}

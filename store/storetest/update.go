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
		"everything comes back":            everythingComesBack,
		"a failed one stores nothing":      failedStoresNothing,
		"a panic stores nothing":           panicStoresNothing,
		"an empty order is removed":        emptyIsRemoved,
		"an order keeps its ID":            keepsItsID,
		"updates of one order take turns":  updatesTakeTurns,
		"orders do not mix":                ordersDoNotMix,
		"nobody holds on to a stored one":  nothingIsShared,
		"a cancelled one is whole or none": cancelledIsWholeOrNone,
	}
}

func everythingComesBack(t *testing.T, s store.Store) {
	requireNone(t, s, "o")
	full := ask("a token with \x00 and ü, not to be seen", 2*time.Hour, func(a *approval.Request) {
		a.Approvers = []approval.Approver{{ID: "ann", Nonce: "n"}, {ID: "bob", Nonce: "m"}}
		a.Channels, a.Reminders, a.HeartbeatInterval = []string{"email"}, []time.Time{at(time.Hour)}, time.Minute
		a.Title, a.Details = "<Title> & more", []approval.Field{{Name: "sum", Value: "12 €"}}
		a.Output = approval.Output{"number": 1, "nested": map[string]any{"list": []any{"a", true, nil}}}
	})
	var last *approval.Order
	update(t, s, "o", func(o *approval.Order) error {
		assert.Equal(t, &approval.Order{ID: "o"}, o, "an order that nothing is known of")
		last = o
		return request(full)(o)
	})
	before := text(t, last)
	require.Contains(t, before, "not to be seen")
	require.Equal(t, before, text(t, get(t, s, "o")))
	require.Empty(t, get(t, s, "o").NewEvents(), "what was new is told once")
	update(t, s, "o", func(o *approval.Order) error {
		assert.Equal(t, before, text(t, o))
		return nil
	})
	require.Equal(t, before, text(t, get(t, s, "o")))
}

func failedStoresNothing(t *testing.T, s store.Store) {
	failure := errors.New("not today")
	fail := func(o *approval.Order) error {
		_ = dueAt(time.Hour)(o)
		vote(o)
		return failure
	}
	require.Same(t, failure, s.Update(t.Context(), "o", fail), "the error as it is")
	requireNone(t, s, "o")
	update(t, s, "o", dueAt(2*time.Hour))
	before := text(t, get(t, s, "o"))
	require.Same(t, failure, s.Update(t.Context(), "o", fail))
	require.Equal(t, before, text(t, get(t, s, "o")))
	stats, err := s.Stats(t.Context())
	require.NoError(t, err)
	require.True(t, stats.OldestDue.Equal(at(2*time.Hour)))
}

func panicStoresNothing(t *testing.T, s store.Store) {
	update(t, s, "o", dueAt(time.Hour))
	before := text(t, get(t, s, "o"))
	for range 3 { // nor does it harm the store
		require.PanicsWithValue(t, "at the disco", func() {
			_ = s.Update(t.Context(), "o", func(o *approval.Order) error {
				vote(o)
				panic("at the disco")
			})
		})
	}
	require.Equal(t, before, text(t, get(t, s, "o")))
	update(t, s, "o", func(o *approval.Order) error {
		assert.Equal(t, 1, vote(o))
		return nil
	})
}

func emptyIsRemoved(t *testing.T, s store.Store) {
	update(t, s, "never was", func(*approval.Order) error { return nil })
	requireNone(t, s, "never was")
	update(t, s, "o", dueAt(time.Hour))
	update(t, s, "o", forget)
	requireNone(t, s, "o")
	require.Empty(t, list(t, s, store.Query{}))
	claimed, err := s.Claim(t.Context(), at(2*time.Hour), 10, time.Minute)
	require.NoError(t, err)
	require.Empty(t, claimed)
	stats, err := s.Stats(t.Context())
	require.NoError(t, err)
	require.Equal(t, store.Stats{Workflows: map[string]store.WorkflowStats{}}, stats)
	update(t, s, "o", func(o *approval.Order) error {
		assert.Equal(t, &approval.Order{ID: "o"}, o, "nothing is left of it")
		return dueAt(time.Hour)(o)
	})
	get(t, s, "o")
}

func keepsItsID(t *testing.T, s store.Store) {
	update(t, s, "a", dueAt(time.Hour))
	require.Error(t, s.Update(t.Context(), "a", func(o *approval.Order) error {
		o.ID = "b"
		return nil
	}))
	require.Equal(t, "a", get(t, s, "a").ID)
	requireNone(t, s, "b")
}

// updatesTakeTurns counts in one order from many goroutines. Each of them has the count of the last run of its
// function, as the contract says, so that no two have the same.
func updatesTakeTurns(t *testing.T, s store.Store) {
	const workers, each = 16, 20
	update(t, s, "o", dueAt(time.Hour))
	var mu sync.Mutex
	var counts []int
	together(workers, func(int) {
		for range each {
			var count int
			err := s.Update(t.Context(), "o", func(o *approval.Order) error {
				count = vote(o)
				return nil
			})
			if !assert.NoError(t, err) {
				return
			}
			o, err := s.Get(t.Context(), "o")
			if assert.NoError(t, err) {
				assert.GreaterOrEqual(t, len(o.Approvals[0].Votes), count, "what was stored is there at once")
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
	require.Len(t, get(t, s, "o").Approvals[0].Votes, workers*each)
}

// ordersDoNotMix updates many orders at once, some of them in vain.
func ordersDoNotMix(t *testing.T, s store.Store) {
	const workers, orders, each = 8, 7, 15
	failure := errors.New("in vain")
	together(workers, func(w int) {
		for i := range each * orders {
			id := fmt.Sprint("o", i%orders)
			err := s.Update(t.Context(), id, func(o *approval.Order) error {
				if o.IsEmpty() {
					_ = dueAt(time.Hour)(o)
				}
				vote(o)
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
		o := get(t, s, fmt.Sprint("o", i))
		require.Len(t, o.Approvals[0].Votes, votes)
		require.Equal(t, "token of "+o.ID, o.Approvals[0].Token.Reveal())
	}
}

func nothingIsShared(t *testing.T, s store.Store) {
	var kept *approval.Order
	update(t, s, "o", func(o *approval.Order) error {
		kept = o
		return dueAt(time.Hour)(o)
	})
	before := text(t, get(t, s, "o"))
	got, listed := get(t, s, "o"), list(t, s, store.Query{})
	for _, o := range append(listed, kept, got) {
		o.Approvals[0].Title, o.Approvals[0].Status = "other", approval.Approved
		vote(o)
		o.Approvals = append(o.Approvals, o.Approvals[0])
		o.History[0].By = strings.Repeat("x", 10)
	}
	require.Equal(t, before, text(t, get(t, s, "o")))
	update(t, s, "o", func(o *approval.Order) error {
		assert.Equal(t, before, text(t, o))
		return nil
	})
}

// cancelledIsWholeOrNone cancels updates before and while they are under way: each has the context's error or is
// stored, and none is half stored.
func cancelledIsWholeOrNone(t *testing.T, s store.Store) {
	update(t, s, "o", dueAt(time.Hour))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 50 {
		require.ErrorIs(t, s.Update(ctx, "o", func(*approval.Order) error { return nil }), context.Canceled)
	}
	_, err := s.Claim(ctx, at(2*time.Hour), 1, time.Minute)
	require.ErrorIs(t, err, context.Canceled)
	claimed, err := s.Claim(t.Context(), at(2*time.Hour), 1, time.Minute)
	require.NoError(t, err)
	require.Equal(t, []string{"o"}, claimed, "the cancelled claim has leased nothing")

	const workers = 32
	stored := make([]bool, workers)
	together(workers, func(w int) {
		ctx, cancel := context.WithCancel(t.Context())
		err := s.Update(ctx, "o", func(o *approval.Order) error {
			cancel() // by now it is under way
			vote(o)
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
	votes := len(get(t, s, "o").Approvals[0].Votes)
	require.GreaterOrEqual(t, votes, atLeast)
	require.LessOrEqual(t, votes, workers)
}

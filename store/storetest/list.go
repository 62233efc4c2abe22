package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

func listTests() map[string]func(*testing.T, store.Store) {
	return map[string]func(*testing.T, store.Store){
		"pages have bounds":     pagesHaveBounds,
		"pages hold each once":  pagesHoldEachOnce,
		"filters select":        filtersSelect,
		"orders are whole":      listedAreWhole,
		"an empty store's list": emptyList,
		"by age":                longestFirst,
		"a place by age stays":  placesStay,
	}
}

// fill stores that many orders, each due an hour after the start.
func fill(t *testing.T, s store.Store, orders int) []string {
	t.Helper()
	const workers = 32
	out := make([]string, orders)
	together(workers, func(w int) {
		for i := w; i < orders; i += workers {
			out[i] = fmt.Sprintf("o-%05d", i)
			assert.NoError(t, s.Update(t.Context(), out[i], dueAt(time.Hour)))
		}
	})
	require.False(t, t.Failed())
	return out
}

func pagesHaveBounds(t *testing.T, s store.Store) {
	all := fill(t, s, 1001)
	for _, c := range []struct{ limit, want int }{{0, 100}, {-1, 100}, {1, 1}, {1000, 1000}, {1001, 1000}, {1 << 30, 1000}} {
		orders, next, err := s.List(t.Context(), store.Query{Limit: c.limit})
		require.NoError(t, err)
		require.Equal(t, all[:c.want], ids(orders), "limit %d", c.limit)
		require.Equal(t, all[c.want-1], next)
	}
	orders, next, err := s.List(t.Context(), store.Query{After: all[999]})
	require.NoError(t, err)
	require.Equal(t, all[1000:], ids(orders))
	require.Empty(t, next)
}

func pagesHoldEachOnce(t *testing.T, s store.Store) {
	all := fill(t, s, 12)
	for limit := 1; limit <= 13; limit++ { // 12 is a multiple of some
		require.Equal(t, all, ids(list(t, s, store.Query{Limit: limit})), "limit %d", limit)
		require.Equal(t, all[5:], ids(list(t, s, store.Query{Limit: limit, After: all[4]})))
		require.Equal(t, all[5:], ids(list(t, s, store.Query{Limit: limit, After: all[4] + "x"})), "after what is not there")
	}
	require.Empty(t, list(t, s, store.Query{After: "p"}))
}

func filtersSelect(t *testing.T, s store.Store) {
	give := func(id string, pending, exhausted bool) {
		update(t, s, id, func(o *approval.Order) error {
			for _, name := range []string{"1", "2"} {
				if err := request(ask(name, time.Hour, step(name)))(o); err != nil {
					return err
				}
			}
			if !pending {
				o.Approvals[0].Status, o.Approvals[1].Status = approval.Approved, approval.Rejected
			}
			if exhausted {
				o.Approvals[0].Status, o.Approvals[0].Callback.State = approval.Approved, approval.CallbackExhausted
			}
			return nil
		})
	}
	for i := range 5 {
		give(fmt.Sprint("closed", i), false, false)
		give(fmt.Sprint("exhausted", i), false, true)
		give(fmt.Sprint("pending", i), true, false)
	}
	give("both", true, true)
	require.Len(t, list(t, s, store.Query{Limit: 2}), 16)
	require.Equal(t, []string{"both", "exhausted0", "exhausted1", "exhausted2", "exhausted3", "exhausted4"}, ids(list(t, s, store.Query{Exhausted: true, Limit: 2})))
	require.Equal(t, []string{"both", "pending0", "pending1", "pending2", "pending3", "pending4"}, ids(list(t, s, store.Query{Pending: true, Limit: 2})))
	require.Equal(t, []string{"both"}, ids(list(t, s, store.Query{Pending: true, Exhausted: true, Limit: 2})))
	give("both", false, false)
	require.Empty(t, list(t, s, store.Query{Pending: true, Exhausted: true}))
	require.Equal(t, []string{"pending4"}, ids(list(t, s, store.Query{Pending: true, After: "pending3"})))
}

func listedAreWhole(t *testing.T, s store.Store) {
	fill(t, s, 3)
	for _, o := range list(t, s, store.Query{}) {
		require.Equal(t, text(t, get(t, s, o.ID)), text(t, o))
	}
}

func emptyList(t *testing.T, s store.Store) {
	for _, q := range []store.Query{{}, {Pending: true}, {Exhausted: true}, {After: "o"}, {ByAge: true}} {
		orders, next, err := s.List(t.Context(), q)
		require.NoError(t, err)
		require.Empty(t, orders)
		require.Empty(t, next)
	}
}

// waits stores an order with approvals that were requested at those times.
func waits(t *testing.T, s store.Store, id string, since ...time.Duration) {
	t.Helper()
	update(t, s, id, func(o *approval.Order) error {
		for i, d := range since {
			if _, _, err := o.AddRequest(ask(fmt.Sprint(id, i), 100*time.Hour, step(fmt.Sprint(i))), turn(d)); err != nil {
				return err
			}
		}
		return nil
	})
}

// longestFirst lists by age: by the oldest pending approval of each order, those of one age by ID, and what is closed
// not at all.
func longestFirst(t *testing.T, s store.Store) {
	waits(t, s, "a", 5*time.Hour)
	waits(t, s, "b", 3*time.Hour, 7*time.Hour)
	waits(t, s, "c", 9*time.Hour, 2*time.Hour)
	waits(t, s, "closed", 0)
	update(t, s, "closed", func(o *approval.Order) error { o.Approvals[0].Status = approval.Approved; return nil })
	for _, id := range []string{"e", "d", "f/1"} {
		waits(t, s, id, 4*time.Hour)
	}
	waits(t, s, "nanosecond", 4*time.Hour+1)
	want := []string{"c", "b", "d", "e", "f/1", "nanosecond", "a"}
	for limit := 1; limit <= len(want)+1; limit++ {
		require.Equal(t, want, ids(list(t, s, store.Query{ByAge: true, Limit: limit})), "limit %d", limit)
	}
	require.Equal(t, want, ids(list(t, s, store.Query{ByAge: true, Pending: true})))
	require.Empty(t, list(t, s, store.Query{ByAge: true, Exhausted: true}))
	update(t, s, "c", func(o *approval.Order) error { o.Approvals[1].Status = approval.Approved; return nil })
	update(t, s, "d", func(o *approval.Order) error {
		o.Approvals[0].Status, o.Approvals[0].Callback.State = approval.Approved, approval.CallbackExhausted
		return nil
	})
	update(t, s, "b", func(o *approval.Order) error { o.Approvals[0].Callback.State = approval.CallbackExhausted; return nil })
	require.Equal(t, []string{"b", "e", "f/1", "nanosecond", "a", "c"}, ids(list(t, s, store.Query{ByAge: true, Limit: 2})))
	require.Equal(t, []string{"b"}, ids(list(t, s, store.Query{ByAge: true, Exhausted: true})))
	for _, o := range list(t, s, store.Query{ByAge: true}) {
		require.Equal(t, text(t, get(t, s, o.ID)), text(t, o))
	}
}

// placesStay goes on from a place whose order is gone meanwhile, and refuses what is no place.
func placesStay(t *testing.T, s store.Store) {
	for i := range 6 {
		waits(t, s, fmt.Sprint("o", 5-i), time.Duration(i)*time.Hour)
	}
	orders, next, err := s.List(t.Context(), store.Query{ByAge: true, Limit: 3})
	require.NoError(t, err)
	require.Equal(t, []string{"o5", "o4", "o3"}, ids(orders))
	for _, id := range []string{"o3", "o1"} {
		update(t, s, id, forget)
	}
	require.Equal(t, []string{"o2", "o0"}, ids(list(t, s, store.Query{ByAge: true, After: next})))
	for _, bad := range []string{"o3", "/", "x/o3", "1.5/o3", "99999999999999999999/o3"} {
		orders, next, err := s.List(t.Context(), store.Query{ByAge: true, After: bad})
		require.True(t, approval.IsPermanent(err), bad)
		require.ErrorContains(t, err, "after: ")
		require.Empty(t, orders)
		require.Empty(t, next)
	}
}

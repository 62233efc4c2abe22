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
		"the page size is bounded":             pageSizeIsBounded,
		"pages list each order once":           pagesListEachOnce,
		"filters select":                       filtersSelect,
		"states select":                        statesSelect,
		"lists of approvals are complete":      approvalsAreListed,
		"listed orders are complete":           listedOrdersAreComplete,
		"an empty store has an empty list":     emptyStoreHasEmptyList,
		"a list by age begins with the oldest": oldestFirst,
		"a position by age stays valid":        cursorsStayValid,
	}
}

// storeDue stores that many orders, due an hour after the start, and returns their IDs.
func storeDue(t *testing.T, s store.Store, orders int) []string {
	t.Helper()
	const workers = 32
	out := make([]string, orders)
	runConcurrently(workers, func(w int) {
		for i := w; i < orders; i += workers {
			out[i] = fmt.Sprintf("o-%05d", i)
			assert.NoError(t, s.Update(t.Context(), out[i], dueAt(time.Hour)))
		}
	})
	require.False(t, t.Failed())
	return out
}

func pageSizeIsBounded(t *testing.T, s store.Store) {
	all := storeDue(t, s, 1001)
	for _, c := range []struct{ limit, want int }{{0, 100}, {-1, 100}, {1, 1}, {1000, 1000}, {1001, 1000}, {1 << 30, 1000}} {
		orders, next, err := s.List(t.Context(), store.OrderQuery{Limit: c.limit})
		require.NoError(t, err)
		require.Equal(t, all[:c.want], orderIDs(orders), "limit %d", c.limit)
		require.Equal(t, all[c.want-1], next)
	}
	orders, next, err := s.List(t.Context(), store.OrderQuery{After: all[999]})
	require.NoError(t, err)
	require.Equal(t, all[1000:], orderIDs(orders))
	require.Empty(t, next)
}

func pagesListEachOnce(t *testing.T, s store.Store) {
	all := storeDue(t, s, 12)
	for limit := 1; limit <= 13; limit++ { // some of them divide 12
		require.Equal(t, all, orderIDs(listAll(t, s, store.OrderQuery{Limit: limit})), "limit %d", limit)
		require.Equal(t, all[5:], orderIDs(listAll(t, s, store.OrderQuery{Limit: limit, After: all[4]})))
		require.Equal(t, all[5:], orderIDs(listAll(t, s, store.OrderQuery{Limit: limit, After: all[4] + "x"})),
			"after an ID that is not stored")
	}
	require.Empty(t, listAll(t, s, store.OrderQuery{After: "p"}))
}

func filtersSelect(t *testing.T, s store.Store) {
	give := func(id string, pending, exhausted bool) {
		mustUpdate(t, s, id, func(o *approval.Order) error {
			for _, name := range []string{"1", "2"} {
				if err := addRequest(newRequest(name, time.Hour, atStep(name)))(o); err != nil {
					return err
				}
			}
			if !pending {
				o.Approvals[0].Status, o.Approvals[1].Status = approval.Approved, approval.Rejected
			}
			for _, a := range o.Approvals {
				a.Callback = approval.Callback{}
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
	require.Len(t, listAll(t, s, store.OrderQuery{Limit: 2}), 16)
	exhausted := []string{"both", "exhausted0", "exhausted1", "exhausted2", "exhausted3", "exhausted4"}
	require.Equal(t, exhausted, orderIDs(listAll(t, s, store.OrderQuery{State: store.StateExhausted, Limit: 2})))
	pending := []string{"both", "pending0", "pending1", "pending2", "pending3", "pending4"}
	require.Equal(t, pending, orderIDs(listAll(t, s, store.OrderQuery{State: store.StatePending, Limit: 2})))
	give("both", false, false)
	require.Equal(t, exhausted[1:], orderIDs(listAll(t, s, store.OrderQuery{State: store.StateExhausted})))
	require.Equal(t, pending[1:], orderIDs(listAll(t, s, store.OrderQuery{State: store.StatePending})))
	require.Equal(t, []string{"pending4"}, orderIDs(listAll(t, s, store.OrderQuery{State: store.StatePending, After: "pending3"})))
}

func listedOrdersAreComplete(t *testing.T, s store.Store) {
	storeDue(t, s, 3)
	for _, o := range listAll(t, s, store.OrderQuery{}) {
		require.Equal(t, encodeOrder(t, mustGet(t, s, o.ID)), encodeOrder(t, o))
	}
}

func emptyStoreHasEmptyList(t *testing.T, s store.Store) {
	for _, q := range []store.OrderQuery{{}, {State: store.StatePending}, {State: store.StateAttention}, {After: "o"}, {ByAge: true}} {
		orders, next, err := s.List(t.Context(), q)
		require.NoError(t, err)
		require.Empty(t, orders)
		require.Empty(t, next)
	}
}

// storeWaiting stores an order with approvals that were requested at these times.
func storeWaiting(t *testing.T, s store.Store, id string, since ...time.Duration) {
	t.Helper()
	mustUpdate(t, s, id, func(o *approval.Order) error {
		for i, d := range since {
			request := newRequest(fmt.Sprint(id, i), 100*time.Hour, atStep(fmt.Sprint(i)))
			if _, _, err := o.AddRequest(request, environmentAt(d)); err != nil {
				return err
			}
		}
		return nil
	})
}

// oldestFirst lists by age: by the oldest pending approval of each order, and by order ID if the ages are equal. Closed
// orders are not listed.
func oldestFirst(t *testing.T, s store.Store) {
	storeWaiting(t, s, "a", 5*time.Hour)
	storeWaiting(t, s, "b", 3*time.Hour, 7*time.Hour)
	storeWaiting(t, s, "c", 9*time.Hour, 2*time.Hour)
	storeWaiting(t, s, "closed", 0)
	mustUpdate(t, s, "closed", func(o *approval.Order) error { o.Approvals[0].Status = approval.Approved; return nil })
	for _, id := range []string{"e", "d", "f/1"} {
		storeWaiting(t, s, id, 4*time.Hour)
	}
	storeWaiting(t, s, "nanosecond", 4*time.Hour+1)
	want := []string{"c", "b", "d", "e", "f/1", "nanosecond", "a"}
	for limit := 1; limit <= len(want)+1; limit++ {
		require.Equal(t, want, orderIDs(listAll(t, s, store.OrderQuery{ByAge: true, Limit: limit})), "limit %d", limit)
	}
	for _, state := range append(store.States(), store.StateAll) {
		require.Equal(t, want, orderIDs(listAll(t, s, store.OrderQuery{ByAge: true, State: state})))
	}
	mustUpdate(t, s, "c", func(o *approval.Order) error { o.Approvals[1].Status = approval.Approved; return nil })
	mustUpdate(t, s, "d", func(o *approval.Order) error {
		o.Approvals[0].Status, o.Approvals[0].Callback.State = approval.Approved, approval.CallbackExhausted
		return nil
	})
	mustUpdate(t, s, "b", func(o *approval.Order) error { o.Approvals[0].Callback.State = approval.CallbackExhausted; return nil })
	require.Equal(t, []string{"b", "e", "f/1", "nanosecond", "a", "c"}, orderIDs(listAll(t, s, store.OrderQuery{ByAge: true, Limit: 2})))
	for _, o := range listAll(t, s, store.OrderQuery{ByAge: true}) {
		require.Equal(t, encodeOrder(t, mustGet(t, s, o.ID)), encodeOrder(t, o))
	}
}

// cursorsStayValid continues a list after an order that was removed meanwhile. A malformed position is refused.
func cursorsStayValid(t *testing.T, s store.Store) {
	for i := range 6 {
		storeWaiting(t, s, fmt.Sprint("o", 5-i), time.Duration(i)*time.Hour)
	}
	orders, next, err := s.List(t.Context(), store.OrderQuery{ByAge: true, Limit: 3})
	require.NoError(t, err)
	require.Equal(t, []string{"o5", "o4", "o3"}, orderIDs(orders))
	for _, id := range []string{"o3", "o1"} {
		mustUpdate(t, s, id, removeOrder)
	}
	require.Equal(t, []string{"o2", "o0"}, orderIDs(listAll(t, s, store.OrderQuery{ByAge: true, After: next})))
	for _, bad := range []string{"o3", "/", "x/o3", "1.5/o3", "99999999999999999999/o3"} {
		orders, next, err := s.List(t.Context(), store.OrderQuery{ByAge: true, After: bad})
		require.True(t, approval.IsPermanent(err), bad)
		require.ErrorContains(t, err, "after: ")
		require.Empty(t, orders)
		require.Empty(t, next)
	}
}

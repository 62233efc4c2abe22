package storetest

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// claimModel is the contract of Claim in its simplest form.
type claimModel struct {
	now    time.Duration
	orders map[string]*modelOrder
}

type modelOrder struct {
	due     time.Duration
	claimed time.Duration // the now of the last claim
	until   time.Duration // the end of its lease; 0 if the order is not leased
}

// claimableFrom returns when the order can be claimed next.
func (c *modelOrder) claimableFrom() time.Duration { return max(c.due, c.until) }

// claimable lists the orders that a claim may return, the longest due first.
func (m *claimModel) claimable() []string {
	var out []string
	for id, o := range m.orders {
		if o.claimableFrom() <= m.now {
			out = append(out, id)
		}
	}
	slices.SortFunc(out, func(a, b string) int {
		return cmp.Compare(m.orders[a].claimableFrom(), m.orders[b].claimableFrom())
	})
	return out
}

// claimsAgreeWithModel runs random sequences of updates and claims, and compares every claim with the model.
func claimsAgreeWithModel(t *testing.T, s store.Store) {
	rapid.Check(t, func(t *rapid.T) {
		removeAll(t, s)
		m := &claimModel{now: time.Hour, orders: map[string]*modelOrder{}}
		orderID := rapid.SampledFrom([]string{"a", "b", "c", "d", "e"})
		seconds := func(from, to int) time.Duration {
			return time.Duration(rapid.IntRange(from, to).Draw(t, "seconds")) * time.Second
		}
		t.Repeat(map[string]func(*rapid.T){
			"time passes": func(*rapid.T) { m.now += seconds(0, 12) },
			"store": func(t *rapid.T) {
				id, due := orderID.Draw(t, "order"), m.now+seconds(-20, 20)
				mustUpdate(t, s, id, dueAt(due))
				o := m.orders[id]
				if o == nil {
					o = &modelOrder{}
					m.orders[id] = o
				}
				o.due = due
				if due > o.claimed { // not leased, or the lease ends early
					o.claimed, o.until = 0, 0
				}
			},
			"fail": func(t *rapid.T) {
				_ = s.Update(t.Context(), orderID.Draw(t, "order"), func(*approval.Order) error { return fmt.Errorf("no") })
			},
			"remove": func(t *rapid.T) {
				id := orderID.Draw(t, "order")
				mustUpdate(t, s, id, removeOrder)
				delete(m.orders, id)
			},
			"claim": func(t *rapid.T) {
				limit := rapid.IntRange(0, 4).Draw(t, "limit")
				got, may := mustClaim(t, s, m.now, limit), m.claimable()
				require.Len(t, got, min(limit, len(may)))
				for i, id := range got {
					require.Contains(t, may, id)
					require.Equal(t, m.orders[may[i]].claimableFrom(), m.orders[id].claimableFrom(), "the longest due first")
				}
				for _, id := range got {
					m.orders[id].claimed, m.orders[id].until = m.now, m.now+lease
				}
			},
		})
	})
}

// removeAll removes all orders.
func removeAll(t testingT, s store.Store) {
	t.Helper()
	for _, o := range listAll(t, s, store.OrderQuery{}) {
		mustUpdate(t, s, o.ID, removeOrder)
	}
}

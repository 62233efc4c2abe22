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

// claimModel is the contract of Claim in its plainest form.
type claimModel struct {
	now    time.Duration
	orders map[string]*claimable
}

type claimable struct {
	due            time.Duration
	claimed, until time.Duration // the last claim's lease; until 0 is none
}

// next is from when it may be claimed.
func (c *claimable) next() time.Duration { return max(c.due, c.until) }

// may lists what a claim may return, the longest due first.
func (m *claimModel) may() []string {
	var out []string
	for id, o := range m.orders {
		if o.next() <= m.now {
			out = append(out, id)
		}
	}
	slices.SortFunc(out, func(a, b string) int { return cmp.Compare(m.orders[a].next(), m.orders[b].next()) })
	return out
}

// claimsAgreeWithModel runs sequences of updates and claims, and compares every claim with what the model says.
func claimsAgreeWithModel(t *testing.T, s store.Store) {
	rapid.Check(t, func(t *rapid.T) {
		removeAll(t, s)
		m := &claimModel{now: time.Hour, orders: map[string]*claimable{}}
		orderID := rapid.SampledFrom([]string{"a", "b", "c", "d", "e"})
		seconds := func(from, to int) time.Duration {
			return time.Duration(rapid.IntRange(from, to).Draw(t, "seconds")) * time.Second
		}
		t.Repeat(map[string]func(*rapid.T){
			"time passes": func(*rapid.T) { m.now += seconds(0, 12) },
			"store": func(t *rapid.T) {
				id, due := orderID.Draw(t, "order"), m.now+seconds(-20, 20)
				update(t, s, id, dueAt(due))
				o := m.orders[id]
				if o == nil {
					o = &claimable{}
					m.orders[id] = o
				}
				o.due = due
				if due > o.claimed { // there is none, or it ends
					o.claimed, o.until = 0, 0
				}
			},
			"fail": func(t *rapid.T) {
				_ = s.Update(t.Context(), orderID.Draw(t, "order"), func(*approval.Order) error { return fmt.Errorf("no") })
			},
			"remove": func(t *rapid.T) {
				id := orderID.Draw(t, "order")
				update(t, s, id, forget)
				delete(m.orders, id)
			},
			"claim": func(t *rapid.T) {
				limit := rapid.IntRange(0, 4).Draw(t, "limit")
				got, may := claim(t, s, m.now, limit), m.may()
				require.Len(t, got, min(limit, len(may)))
				for i, id := range got {
					require.Contains(t, may, id)
					require.Equal(t, m.orders[may[i]].next(), m.orders[id].next(), "the longest due first")
				}
				for _, id := range got {
					m.orders[id].claimed, m.orders[id].until = m.now, m.now+lease
				}
			},
		})
	})
}

// removeAll removes all orders.
func removeAll(t tb, s store.Store) {
	t.Helper()
	for _, o := range list(t, s, store.Query{}) {
		update(t, s, o.ID, forget)
	}
}

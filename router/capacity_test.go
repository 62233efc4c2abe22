package router

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
)

// Whatever happens in whatever order, the slots in use are never above the limit, no slot is lost, and no order waits
// while there is a free slot.
func TestCapacityIsNeverExceededNorLost(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		const slots = 3
		w := newWatcher()
		d := newDispatcher(w, slots)
		d.capacity.setReady(approval.ActionCallback, approval.ActionNotify)
		running := map[approval.Action]handlers.Reservation{}
		count := func(same func(handlers.Reservation) bool) (n int) {
			for _, r := range running {
				if same(r) {
					n++
				}
			}
			return n
		}
		var grants []grant
		draw := func() handlers.Reservation {
			r := handlers.Reservation{
				Action: approval.Action{
					Kind:    rapid.SampledFrom([]approval.ActionKind{approval.ActionCallback, approval.ActionNotify}).Draw(t, "kind"),
					OrderID: fmt.Sprint(rapid.IntRange(0, 9).Draw(t, "order")),
					Target:  rapid.SampledFrom([]string{"sfn", "http"}).Draw(t, "target"),
					Channel: "mail",
					Attempt: rapid.IntRange(1, 5).Draw(t, "attempt"),
				},
				Token:  approval.NewToken(rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f"}).Draw(t, "host")),
				Urgent: rapid.Bool().Draw(t, "urgent"),
			}
			return r
		}
		t.Repeat(map[string]func(*rapid.T){
			"reserve": func(*rapid.T) {
				if r := draw(); d.Reserve(r) {
					running[r.Action] = r
				}
			},
			"end": func(t *rapid.T) {
				for action := range running { // any
					d.Release(action)
					d.Release(action) // a second time does nothing
					delete(running, action)
					return
				}
				t.Skip("nothing runs")
			},
			"take grants":   func(*rapid.T) { grants = append(grants, d.capacity.takeGrants()...) },
			"expire grants": func(*rapid.T) { d.capacity.expireGrants(time.Now().Add(grantTime)) },
			"return a grant": func(t *rapid.T) {
				if len(grants) == 0 {
					t.Skip("there is none")
				}
				d.capacity.returnGrant(grants[0])
				grants = grants[1:]
			},
			"": func(t *rapid.T) {
				require.Len(t, d.capacity.held, len(running))
				for r, q := range d.capacity.queues {
					same := func(v handlers.Reservation) bool {
						isURL := v.Action.Kind == approval.ActionCallback && v.Action.Target == "http"
						if r.kind == "" {
							return isURL && v.Action.Target+"\x00"+v.Token.Reveal() == r.name
						}
						return v.Action.Kind == r.kind && v.Action.OutputName() == r.name
					}
					require.Equal(t, count(same), q.used)
					require.LessOrEqual(t, q.used+len(q.granted), q.limit)
					require.False(t, len(q.waiting) > 0 && q.hasFreeSlot(q.limit), "an order waits beside a free slot")
				}
			},
		})
		for action := range running {
			d.Release(action)
		}
		for range 100 { // every order gets its turn, and does nothing with it
			for _, g := range append(grants, d.capacity.takeGrants()...) {
				d.capacity.returnGrant(g)
			}
			grants = nil
		}
		d.capacity.expireGrants(time.Now().Add(grantTime))
		require.Empty(t, d.capacity.queues)
		require.Empty(t, d.capacity.waiters)
		require.Empty(t, d.capacity.held)
		for _, n := range w.running {
			require.Zero(t, n)
		}
		for _, n := range w.waiting {
			require.Zero(t, n)
		}
	})
}

// A reload that changes the limit holds for what is under way and for what waits: a smaller one is not exceeded by
// anything new, and a larger one is used at once.
func TestLimitChangesWithTheConfiguration(t *testing.T) {
	t.Parallel()
	w := newWatcher()
	slots := 3
	d := NewDispatcher(Limits{Concurrency: func(approval.ActionKind, string) int { return slots }}, w, w.logger())
	d.capacity.setReady(approval.ActionCallback)
	of := func(i int) handlers.Reservation {
		return reservation(approval.ActionCallback, "sfn", fmt.Sprint("o", i))
	}
	for i := range 3 {
		require.True(t, d.Reserve(of(i)))
	}
	slots = 1
	require.False(t, d.Reserve(of(3)))
	require.False(t, d.Reserve(of(4)))
	for i := range 2 {
		d.Release(of(i).Action)
		require.Empty(t, d.capacity.takeGrants(), "one is still under way")
	}
	d.Release(of(2).Action)
	require.Len(t, d.capacity.takeGrants(), 1)
	require.True(t, d.Reserve(of(3)))
	require.False(t, d.Reserve(of(5)))
	slots = 8
	require.False(t, d.Reserve(of(6)), "o4 and o5 came before it")
	d.capacity.expireGrants(time.Now())
	require.Len(t, d.capacity.takeGrants(), 3, "nothing has to end first")
}

// Orders get their slots in the order in which they came, the urgent ones first. An order that comes now does not take
// the slot of an order that waits.
func TestWaitingOrdersAreServedInTurn(t *testing.T) {
	t.Parallel()
	w := newWatcher()
	d := newDispatcher(w, 1)
	d.capacity.setReady(approval.ActionCallback)
	reserve := func(orderID string, urgent bool) bool {
		r := reservation(approval.ActionCallback, "sfn", orderID)
		r.Urgent = urgent
		return d.Reserve(r)
	}
	end := func(orderID string) { d.Release(reservation(approval.ActionCallback, "sfn", orderID).Action) }
	require.True(t, reserve("running", false))
	for _, id := range []string{"first", "second", "third", "first"} {
		require.False(t, reserve(id, false))
	}
	require.False(t, reserve("hurried", true))
	require.False(t, reserve("third", true), "it has become urgent")
	var served []string
	for last := "running"; ; {
		end(last)
		grants := d.capacity.takeGrants()
		if len(grants) == 0 {
			break
		}
		require.Len(t, grants, 1)
		last = grants[0].orderID
		served = append(served, last)
		if last != "late" {
			require.False(t, reserve("late", false), "it takes nobody's slot")
		}
		require.True(t, reserve(last, false), last)
		d.capacity.returnGrant(grants[0]) // its slot is used
	}
	require.Equal(t, []string{"hurried", "third", "first", "second", "late"}, served)
	require.Zero(t, w.waiting[approval.ActionCallback])
}

// A slot that a slow order does not use in time goes to the next order.
func TestASlowOrderKeepsNoSlot(t *testing.T) {
	t.Parallel()
	d := newDispatcher(newWatcher(), 1)
	d.capacity.setReady(approval.ActionCallback)
	running := reservation(approval.ActionCallback, "sfn", "running")
	require.True(t, d.Reserve(running))
	require.False(t, d.Reserve(reservation(approval.ActionCallback, "sfn", "slow")))
	require.False(t, d.Reserve(reservation(approval.ActionCallback, "sfn", "next")))
	d.Release(running.Action)
	slow := d.capacity.takeGrants()
	require.Equal(t, "slow", slow[0].orderID)

	d.capacity.expireGrants(time.Now())
	require.Empty(t, d.capacity.takeGrants(), "it has a moment")
	d.capacity.expireGrants(time.Now().Add(grantTime))
	next := d.capacity.takeGrants()
	require.Equal(t, "next", next[0].orderID)
	d.capacity.returnGrant(slow[0])
	require.False(t, d.Reserve(reservation(approval.ActionCallback, "sfn", "slow")), "its slot is gone, and it waits again")
	require.True(t, d.Reserve(reservation(approval.ActionCallback, "sfn", "next")))
}

// The memory of the waiting orders is bounded. An order beyond it is left to the sweeper.
func TestWaitingOrdersAreBounded(t *testing.T) {
	t.Parallel()
	w := newWatcher()
	d := newDispatcher(w, 1)
	for range 2 {
		for i := range maxWaitingOrders + 10 {
			require.False(t, d.Reserve(reservation(approval.ActionCallback, "sfn", fmt.Sprint(i))))
		}
		require.Equal(t, maxWaitingOrders, w.waiting[approval.ActionCallback])
	}
	require.Len(t, d.capacity.waiters, maxWaitingOrders)
	require.NotContains(t, d.capacity.waiters, fmt.Sprint(maxWaitingOrders))
}

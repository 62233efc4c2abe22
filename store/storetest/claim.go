package storetest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

func claimTests() map[string]func(*testing.T, store.Store) {
	return map[string]func(*testing.T, store.Store){
		"the longest due comes first":                  longestDueFirst,
		"only due orders are claimed":                  claimsOnlyDueOrders,
		"a lease ends":                                 leaseEnds,
		"the lease is kept while the order is due":     leaseKeptWhileDue,
		"the lease ends early if nothing is due":       leaseEndsEarly,
		"a failed update keeps the lease":              leaseSurvivesFailedUpdate,
		"the removal of an order ends its lease":       leaseEndsWithRemoval,
		"leased orders hide no others":                 leasedOrdersHideNoOthers,
		"orders without capacity come last":            stuckOrdersComeLast,
		"an order is claimed once by many goroutines":  claimedOnceConcurrently,
		"an order is claimed once while it is updated": claimedOnceWhileUpdated,
		"any sequence of calls agrees with the model":  claimsAgreeWithModel,
	}
}

const lease = 10 * time.Second

func mustClaim(t testingT, s store.Store, now time.Duration, limit int) []string {
	t.Helper()
	out, err := s.Claim(t.Context(), at(now), limit, lease)
	require.NoError(t, err)
	if out == nil {
		out = []string{}
	}
	return out
}

func longestDueFirst(t *testing.T, s store.Store) {
	for i, minutes := range []int{3, 1, 5, 2, 4} {
		mustUpdate(t, s, fmt.Sprint(i), dueAt(time.Duration(minutes)*time.Minute))
	}
	require.Equal(t, []string{"1", "3"}, mustClaim(t, s, time.Hour, 2))
	require.Empty(t, mustClaim(t, s, time.Hour, 0))
	require.Empty(t, mustClaim(t, s, time.Hour, -1))
	require.Equal(t, []string{"0", "4", "2"}, mustClaim(t, s, time.Hour, 1000))
	require.Empty(t, mustClaim(t, s, time.Hour, 1000))
}

func claimsOnlyDueOrders(t *testing.T, s store.Store) {
	mustUpdate(t, s, "soon", dueAt(time.Minute))
	mustUpdate(t, s, "in 2262", func(o *approval.Order) error {
		return addRequest(newRequest("1", time.Date(2262, 1, 1, 0, 0, 0, 0, time.UTC).Sub(start)))(o)
	})
	for id, deadline := range map[string]time.Time{ // beyond the limit of some stores
		"in 9999": time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC),
		"in 2300": time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		mustUpdate(t, s, id, func(o *approval.Order) error {
			a := newRequest(id, 0)
			a.Deadline = deadline
			return addRequest(a)(o)
		})
	}
	mustUpdate(t, s, "never", func(o *approval.Order) error {
		_ = addRequest(newRequest("2", time.Hour))(o)
		o.Approvals[0].Deadline = time.Time{}
		return nil
	})
	require.True(t, mustGet(t, s, "never").NextDue().IsZero())
	require.Empty(t, mustClaim(t, s, time.Minute-1, 10))
	require.Equal(t, []string{"soon"}, mustClaim(t, s, time.Minute, 10), "at exactly this time")
	require.Empty(t, mustClaim(t, s, 100*365*24*time.Hour, 0))
	require.Equal(t, []string{"soon"}, mustClaim(t, s, 100*365*24*time.Hour, 10))
	mustUpdate(t, s, "long ago", func(o *approval.Order) error {
		_ = addRequest(newRequest("3", time.Hour))(o)
		o.Approvals[0].Deadline = time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC)
		return nil
	})
	require.Equal(t, []string{"long ago"}, mustClaim(t, s, time.Minute, 10))
}

func leaseEnds(t *testing.T, s store.Store) {
	mustUpdate(t, s, "o", dueAt(0))
	require.Equal(t, []string{"o"}, mustClaim(t, s, 0, 1))
	require.Empty(t, mustClaim(t, s, lease-1, 1))
	require.Equal(t, []string{"o"}, mustClaim(t, s, lease, 1))
	require.Empty(t, mustClaim(t, s, 2*lease-1, 1))
	require.Equal(t, []string{"o"}, mustClaim(t, s, 2*lease, 1))
}

// leaseKeptWhileDue updates orders that stay due, because there is no capacity for their actions. Without the lease, a
// sweeper would get the same orders again and again, and never the orders after them.
func leaseKeptWhileDue(t *testing.T, s store.Store) {
	for _, due := range []time.Duration{-time.Hour, 0, time.Minute} { // before the now of the claim, and exactly at it
		mustUpdate(t, s, "o", dueAt(due))
		now := time.Minute
		require.Equal(t, []string{"o"}, mustClaim(t, s, now, 1))
		mustUpdate(t, s, "o", func(o *approval.Order) error {
			addVote(o)
			return nil
		})
		mustUpdate(t, s, "o", dueAt(now)) // another due time that has come
		require.Empty(t, mustClaim(t, s, now, 1))
		require.Empty(t, mustClaim(t, s, now+lease-1, 1))
		require.Equal(t, []string{"o"}, mustClaim(t, s, now+lease, 1), "at the end of the lease")
		mustUpdate(t, s, "o", removeOrder)
	}
}

// leaseEndsEarly starts the due actions. The next actions are due at their time, even if that is before the end of the
// lease.
func leaseEndsEarly(t *testing.T, s store.Store) {
	mustUpdate(t, s, "o", dueAt(0))
	require.Equal(t, []string{"o"}, mustClaim(t, s, 0, 1))
	mustUpdate(t, s, "o", dueAt(time.Second))
	require.Empty(t, mustClaim(t, s, time.Second-1, 1))
	require.Equal(t, []string{"o"}, mustClaim(t, s, time.Second, 1))

	never := func(o *approval.Order) error {
		o.Approvals[0].Deadline = time.Time{}
		return nil
	}
	mustUpdate(t, s, "o", never)
	require.Empty(t, mustClaim(t, s, time.Hour, 1))
	mustUpdate(t, s, "o", dueAt(0)) // due in the past, by the clock of another process
	require.Equal(t, []string{"o"}, mustClaim(t, s, time.Second, 1))
}

func leaseSurvivesFailedUpdate(t *testing.T, s store.Store) {
	mustUpdate(t, s, "o", dueAt(0))
	require.Equal(t, []string{"o"}, mustClaim(t, s, 0, 1))
	require.Error(t, s.Update(t.Context(), "o", func(o *approval.Order) error {
		_ = dueAt(time.Second)(o)
		return fmt.Errorf("no")
	}))
	require.Panics(t, func() { _ = s.Update(t.Context(), "o", func(*approval.Order) error { panic("no") }) })
	require.Empty(t, mustClaim(t, s, lease-1, 1))
	require.Equal(t, []string{"o"}, mustClaim(t, s, lease, 1))
}

func leaseEndsWithRemoval(t *testing.T, s store.Store) {
	mustUpdate(t, s, "o", dueAt(0))
	require.Equal(t, []string{"o"}, mustClaim(t, s, 0, 1))
	mustUpdate(t, s, "o", removeOrder)
	mustUpdate(t, s, "o", dueAt(0))
	require.Equal(t, []string{"o"}, mustClaim(t, s, 0, 1))
}

func leasedOrdersHideNoOthers(t *testing.T, s store.Store) {
	want := []string{}
	for i := range 20 {
		id := fmt.Sprintf("%02d", i)
		mustUpdate(t, s, id, dueAt(time.Duration(i)*time.Second))
		want = append(want, id)
	}
	got := []string{}
	for range 7 {
		part := mustClaim(t, s, time.Minute, 3)
		got = append(got, part...)
		for _, id := range part {
			mustUpdate(t, s, id, dueAt(0)) // no capacity
		}
	}
	require.Equal(t, want, got)
	require.Empty(t, mustClaim(t, s, time.Minute, 3))
}

// stuckOrdersComeLast has many orders without capacity for their actions, more than a sweeper claims during a lease.
// The order after them is claimed all the same.
func stuckOrdersComeLast(t *testing.T, s store.Store) {
	for i := range 9 {
		mustUpdate(t, s, fmt.Sprint("stuck", i), dueAt(0))
	}
	mustUpdate(t, s, "other", dueAt(time.Minute))
	now := time.Minute
	var got []string
	for range 4 {
		part := mustClaim(t, s, now, 3)
		for _, id := range part {
			mustUpdate(t, s, id, func(*approval.Order) error { return nil })
		}
		got = append(got, part...)
		now += lease
	}
	require.Len(t, got, 12)
	require.Equal(t, "other", got[9])
}

// claimedOnceConcurrently claims from many goroutines.
func claimedOnceConcurrently(t *testing.T, s store.Store) {
	all := storeDue(t, s, 200)
	claimed := claimAll(t, s, func(string) {})
	require.Len(t, claimed, len(all))
	for _, id := range all {
		require.Equal(t, 1, claimed[id], id)
	}
}

// claimedOnceWhileUpdated claims from many goroutines while the orders are updated and stay due. The updates come from
// the goroutine that claimed the order and from others.
func claimedOnceWhileUpdated(t *testing.T, s store.Store) {
	all := storeDue(t, s, 100)
	claimed := claimAll(t, s, func(id string) {
		for _, id := range []string{id, all[0], all[99]} {
			assert.NoError(t, s.Update(t.Context(), id, dueAt(time.Minute)))
		}
	})
	require.Len(t, claimed, len(all))
	for _, id := range all {
		require.Equal(t, 1, claimed[id], id)
	}
}

// claimAll claims from many goroutines until no order is left, and returns the number of claims of each order.
func claimAll(t *testing.T, s store.Store, each func(id string)) map[string]int {
	t.Helper()
	var mu sync.Mutex
	claimed := map[string]int{}
	runConcurrently(8, func(int) {
		for range 1000 {
			part, err := s.Claim(t.Context(), at(2*time.Hour), 7, lease)
			if !assert.NoError(t, err) || len(part) == 0 {
				return
			}
			for _, id := range part {
				mu.Lock()
				claimed[id]++
				mu.Unlock()
				each(id)
			}
		}
		assert.Fail(t, "the claims do not end")
	})
	require.False(t, t.Failed())
	return claimed
}

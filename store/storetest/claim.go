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
		"only what is due":                             onlyWhatIsDue,
		"a lease ends":                                 leaseEnds,
		"an update that leaves it due keeps the lease": leaseOutlivesUpdate,
		"an update that begins it ends the lease":      updateEndsLease,
		"a failed update keeps the lease":              leaseOutlivesFailure,
		"a lease goes with its order":                  leaseGoesWithOrder,
		"what is leased hides nothing":                 leasedHidesNothing,
		"what finds no room goes to the end":           noRoomGoesToTheEnd,
		"two claimers never share":                     claimersNeverShare,
		"each is claimed once however it is updated":   claimedOnceWhileUpdated,
		"any sequence is as the contract says":         claimsAgreeWithModel,
	}
}

const lease = 10 * time.Second

func claim(t tb, s store.Store, now time.Duration, limit int) []string {
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
		update(t, s, fmt.Sprint(i), dueAt(time.Duration(minutes)*time.Minute))
	}
	require.Equal(t, []string{"1", "3"}, claim(t, s, time.Hour, 2))
	require.Empty(t, claim(t, s, time.Hour, 0))
	require.Empty(t, claim(t, s, time.Hour, -1))
	require.Equal(t, []string{"0", "4", "2"}, claim(t, s, time.Hour, 1000))
	require.Empty(t, claim(t, s, time.Hour, 1000))
}

func onlyWhatIsDue(t *testing.T, s store.Store) {
	update(t, s, "soon", dueAt(time.Minute))
	update(t, s, "in 2262", func(o *approval.Order) error {
		return request(ask("1", time.Date(2262, 1, 1, 0, 0, 0, 0, time.UTC).Sub(start)))(o)
	})
	for id, deadline := range map[string]time.Time{ // not every store's clock goes that far
		"in 9999": time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC), "in 2300": time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		update(t, s, id, func(o *approval.Order) error {
			a := ask(id, 0)
			a.Deadline = deadline
			return request(a)(o)
		})
	}
	update(t, s, "never", func(o *approval.Order) error {
		_ = request(ask("2", time.Hour))(o)
		o.Approvals[0].Deadline = time.Time{}
		return nil
	})
	require.True(t, get(t, s, "never").NextDue().IsZero())
	require.Empty(t, claim(t, s, time.Minute-1, 10))
	require.Equal(t, []string{"soon"}, claim(t, s, time.Minute, 10), "at the very time")
	require.Empty(t, claim(t, s, 100*365*24*time.Hour, 0))
	require.Equal(t, []string{"soon"}, claim(t, s, 100*365*24*time.Hour, 10))
	update(t, s, "long ago", func(o *approval.Order) error {
		_ = request(ask("3", time.Hour))(o)
		o.Approvals[0].Deadline = time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC)
		return nil
	})
	require.Equal(t, []string{"long ago"}, claim(t, s, time.Minute, 10))
}

func leaseEnds(t *testing.T, s store.Store) {
	update(t, s, "o", dueAt(0))
	require.Equal(t, []string{"o"}, claim(t, s, 0, 1))
	require.Empty(t, claim(t, s, lease-1, 1))
	require.Equal(t, []string{"o"}, claim(t, s, lease, 1))
	require.Empty(t, claim(t, s, 2*lease-1, 1))
	require.Equal(t, []string{"o"}, claim(t, s, 2*lease, 1))
}

// leaseOutlivesUpdate: the actions that are due found no room. Without the lease a sweeper would be handed the same
// orders again and again, and the orders behind them never.
func leaseOutlivesUpdate(t *testing.T, s store.Store) {
	for _, due := range []time.Duration{-time.Hour, 0, time.Minute} { // long ago, and at the very time of the claim
		update(t, s, "o", dueAt(due))
		now := time.Minute
		require.Equal(t, []string{"o"}, claim(t, s, now, 1))
		update(t, s, "o", func(o *approval.Order) error {
			vote(o)
			return nil
		})
		update(t, s, "o", dueAt(now)) // it may have changed, too
		require.Empty(t, claim(t, s, now, 1))
		require.Empty(t, claim(t, s, now+lease-1, 1))
		require.Equal(t, []string{"o"}, claim(t, s, now+lease, 1), "no longer than the lease")
		update(t, s, "o", forget)
	}
}

// updateEndsLease: what was due has been begun. What comes next is due at its time, even if that is before the lease
// would have ended.
func updateEndsLease(t *testing.T, s store.Store) {
	update(t, s, "o", dueAt(0))
	require.Equal(t, []string{"o"}, claim(t, s, 0, 1))
	update(t, s, "o", dueAt(time.Second))
	require.Empty(t, claim(t, s, time.Second-1, 1))
	require.Equal(t, []string{"o"}, claim(t, s, time.Second, 1))

	never := func(o *approval.Order) error {
		o.Approvals[0].Deadline = time.Time{}
		return nil
	}
	update(t, s, "o", never)
	require.Empty(t, claim(t, s, time.Hour, 1))
	update(t, s, "o", dueAt(0)) // and is due again, by whatever clock
	require.Equal(t, []string{"o"}, claim(t, s, time.Second, 1))
}

func leaseOutlivesFailure(t *testing.T, s store.Store) {
	update(t, s, "o", dueAt(0))
	require.Equal(t, []string{"o"}, claim(t, s, 0, 1))
	require.Error(t, s.Update(t.Context(), "o", func(o *approval.Order) error {
		_ = dueAt(time.Second)(o)
		return fmt.Errorf("no")
	}))
	require.Panics(t, func() { _ = s.Update(t.Context(), "o", func(*approval.Order) error { panic("no") }) })
	require.Empty(t, claim(t, s, lease-1, 1))
	require.Equal(t, []string{"o"}, claim(t, s, lease, 1))
}

func leaseGoesWithOrder(t *testing.T, s store.Store) {
	update(t, s, "o", dueAt(0))
	require.Equal(t, []string{"o"}, claim(t, s, 0, 1))
	update(t, s, "o", forget)
	update(t, s, "o", dueAt(0))
	require.Equal(t, []string{"o"}, claim(t, s, 0, 1))
}

func leasedHidesNothing(t *testing.T, s store.Store) {
	want := []string{}
	for i := range 20 {
		id := fmt.Sprintf("%02d", i)
		update(t, s, id, dueAt(time.Duration(i)*time.Second))
		want = append(want, id)
	}
	got := []string{}
	for range 7 {
		part := claim(t, s, time.Minute, 3)
		got = append(got, part...)
		for _, id := range part {
			update(t, s, id, dueAt(0)) // no room
		}
	}
	require.Equal(t, want, got)
	require.Empty(t, claim(t, s, time.Minute, 3))
}

// noRoomGoesToTheEnd: many orders that find no room, more than are gone through within a lease, do not keep the one
// that comes after them waiting for ever.
func noRoomGoesToTheEnd(t *testing.T, s store.Store) {
	for i := range 9 {
		update(t, s, fmt.Sprint("stuck", i), dueAt(0))
	}
	update(t, s, "other", dueAt(time.Minute))
	now := time.Minute
	var got []string
	for range 4 {
		part := claim(t, s, now, 3)
		for _, id := range part {
			update(t, s, id, func(*approval.Order) error { return nil })
		}
		got = append(got, part...)
		now += lease
	}
	require.Len(t, got, 12)
	require.Equal(t, "other", got[9])
}

// claimersNeverShare lets many claim at once.
func claimersNeverShare(t *testing.T, s store.Store) {
	all := fill(t, s, 200)
	claimed := claimAll(t, s, func(string) {})
	require.Len(t, claimed, len(all))
	for _, id := range all {
		require.Equal(t, 1, claimed[id], id)
	}
}

// claimedOnceWhileUpdated does so while the orders are updated, and stay due: by those that claimed them, and by
// others.
func claimedOnceWhileUpdated(t *testing.T, s store.Store) {
	all := fill(t, s, 100)
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

// claimAll claims from many goroutines until there is nothing left, and counts how often each order was claimed.
func claimAll(t *testing.T, s store.Store, each func(id string)) map[string]int {
	t.Helper()
	var mu sync.Mutex
	claimed := map[string]int{}
	together(8, func(int) {
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
		assert.Fail(t, "it claims without end")
	})
	require.False(t, t.Failed())
	return claimed
}

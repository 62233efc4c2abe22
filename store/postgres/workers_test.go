package postgres

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/store/storetest"
)

func failOnFault(t *testing.T) func(store.Fault) {
	t.Helper()
	return func(f store.Fault) { t.Errorf("%s: %s", f.Order, f.Text) }
}

// TestManyWorkers updates the same orders through several stores: none of the updates is lost, although each store keeps the
// records that it wrote last.
func TestManyWorkers(t *testing.T) {
	t.Parallel()
	c := newConfig(t)
	workers := []*Store{open(t, c), open(t, c), open(t, c)}
	const orders, each = 4, 20
	var group sync.WaitGroup
	for w, s := range workers {
		for i := range each {
			group.Go(func() {
				if err := s.Update(t.Context(), fmt.Sprint("o", i%orders), addVote(fmt.Sprint(w, "/", i))); err != nil {
					t.Error(err)
				}
			})
		}
	}
	group.Wait()
	for n := range orders {
		require.Equal(t, len(workers)*each/orders, countVotes(t, workers[n%len(workers)], fmt.Sprint("o", n)))
	}
	require.NoError(t, workers[0].CheckRecords(t.Context(), false, failOnFault(t)))
}

// TestErrorOfAnOldRecord runs a transition on a record that another worker has changed: its error counts only if the latest
// record leads to it.
func TestErrorOfAnOldRecord(t *testing.T) {
	t.Parallel()
	c := newConfig(t)
	first, second := open(t, c), open(t, c)
	require.NoError(t, first.Update(t.Context(), "o", addVote("first"))) // first keeps this record
	require.NoError(t, second.Update(t.Context(), "o", addVote("second")))
	var seen []int
	err := first.Update(t.Context(), "o", func(o *approval.Order) error {
		seen = append(seen, len(o.Approvals[0].Votes))
		if len(o.Approvals[0].Votes) == 1 {
			return fmt.Errorf("only one vote")
		}
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, []int{1, 2}, seen)
}

// TestRefusedUpdateStandsAlone stores updates of which one is refused by the database: only its caller gets the error.
func TestRefusedUpdateStandsAlone(t *testing.T) {
	t.Parallel()
	s := open(t, newConfig(t))
	mustExec(t, s, "ALTER TABLE relay.orders ADD CHECK (id <> 'bad')")
	const n = 20
	errs := make([]error, n)
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			id := fmt.Sprint("o", i)
			if i == 7 {
				id = "bad"
			}
			errs[i] = s.Update(t.Context(), id, addVote("v"))
		})
	}
	group.Wait()
	for i, err := range errs {
		if i == 7 {
			require.ErrorContains(t, err, "check constraint")
		} else {
			require.NoError(t, err)
		}
	}
}

// TestUnsynced stores an update without waiting for the disk: it is read at once, and a later update continues it.
func TestUnsynced(t *testing.T) {
	t.Parallel()
	c := newConfig(t)
	s := open(t, c)
	require.NoError(t, s.Update(t.Context(), "o", addVote("synced")))
	require.NoError(t, s.UpdateUnsynced(t.Context(), "o", addVote("unsynced")))
	require.Equal(t, 2, countVotes(t, open(t, c), "o"))
	require.NoError(t, s.Update(t.Context(), "o", addVote("synced again")))
	require.Equal(t, 3, countVotes(t, s, "o"))
}

// TestOwner divides the orders among two workers: each order has one owner, and each worker about half of them.
func TestOwner(t *testing.T) {
	t.Parallel()
	c := newConfig(t)
	workers := []*Store{open(t, c), open(t, c)}
	require.False(t, workers[0].Owns("o"), "before the first Claim")
	for range 2 { // the first claim of the first worker is before the second worker
		for _, s := range workers {
			s.members.next = start // looks again
			_, err := s.Claim(t.Context(), start, 1, 0)
			require.NoError(t, err)
		}
	}
	require.EqualValues(t, 2, workers[0].OwnershipChanges())
	owned := [2]int{}
	for i := range 1000 {
		id := fmt.Sprint("order-", i)
		require.NotEqual(t, workers[0].Owns(id), workers[1].Owns(id))
		if workers[0].Owns(id) {
			owned[0]++
		}
	}
	require.InDelta(t, 500, owned[0], 100)
}

func TestOptionalInterfaces(t *testing.T) {
	t.Parallel()
	storetest.RequireOptional(t, open(t, newConfig(t)), storetest.Optional{
		Prober:       true,
		KeyRegister:  true,
		Owner:        true,
		RecentGetter: true,

		WorkerRegister: true,
		ClaimReturner:  true,
		DueLister:      true,
		ManyGetter:     true,
	})
}

func TestWorkerRegister(t *testing.T) {
	t.Parallel()
	storetest.RunWorkers(t, open(t, newConfig(t)))
}

// TestWorkersOfLongAgo removes the rows of dead workers. The worker that looks stays, although it was suspended for longer,
// and so do the states of the living.
func TestWorkersOfLongAgo(t *testing.T) {
	t.Parallel()
	s := open(t, newConfig(t))
	_, err := s.KeepWorker(t.Context(), store.Worker{ID: "dead"})
	require.NoError(t, err)
	require.NoError(t, s.members.refresh(t.Context(), s))
	mustExec(t, s, "UPDATE relay.workers SET seen = now() - interval '2 hours'")
	living := store.Worker{ID: "living", Beat: 1}
	_, err = s.KeepWorker(t.Context(), living)
	require.NoError(t, err)
	s.members.next = start
	require.NoError(t, s.members.refresh(t.Context(), s))
	require.True(t, s.Owns("o"), "it is the only one, and the state of another is no owner")
	all, err := s.KeepWorker(t.Context(), living)
	require.NoError(t, err)
	require.Equal(t, []store.Worker{living}, all)
}

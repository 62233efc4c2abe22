package storetest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// unsyncedTests are the tests of Update with UpdateUnsynced in its place: but for a loss of power, the two promise the
// same.
func unsyncedTests() map[string]func(*testing.T, store.Store) {
	tests := map[string]func(*testing.T, store.Store){"it mixes with synced updates": unsyncedMixes}
	for name, test := range updateTests() {
		tests[name] = func(t *testing.T, s store.Store) { test(t, unsyncedStore{s}) }
	}
	return tests
}

// unsyncedStore is a store whose Update is unsynced.
type unsyncedStore struct{ store.Store }

func (s unsyncedStore) Update(ctx context.Context, orderID string, transition func(*approval.Order) error) error {
	return s.UpdateUnsynced(ctx, orderID, transition)
}

// unsyncedMixes updates an order in both ways, one after the other and at the same time: each update sees all before it,
// and so do Get, Claim and Stats.
func unsyncedMixes(t *testing.T, s store.Store) {
	ctx := t.Context()
	require.NoError(t, s.UpdateUnsynced(ctx, "o", dueAt(time.Hour)))
	require.Len(t, mustGet(t, s, "o").Approvals, 1)
	for i := range 6 {
		update := s.Update
		if i%2 == 1 {
			update = s.UpdateUnsynced
		}
		require.NoError(t, update(ctx, "o", func(o *approval.Order) error {
			assert.Equal(t, i+1, addVote(o))
			return nil
		}))
		require.Len(t, mustGet(t, s, "o").Approvals[0].Votes, i+1)
	}
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			update := s.Update
			if i%2 == 1 {
				update = s.UpdateUnsynced
			}
			assert.NoError(t, update(ctx, "o", func(o *approval.Order) error { addVote(o); return nil }))
		})
	}
	group.Wait()
	require.Len(t, mustGet(t, s, "o").Approvals[0].Votes, 26)
	require.NoError(t, s.UpdateUnsynced(ctx, "o", dueAt(time.Minute)))
	claimed, err := s.Claim(ctx, at(2*time.Minute), 10, time.Minute)
	require.NoError(t, err)
	require.Equal(t, []string{"o"}, claimed)
	require.NoError(t, s.UpdateUnsynced(ctx, "o", removeOrder))
	requireNotStored(t, s, "o")
	stats, err := s.Stats(ctx)
	require.NoError(t, err)
	require.Empty(t, stats.Workflows)
}

package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/store"
)

// Optional states which optional interfaces of package store an adapter implements.
type Optional struct {
	Prober       bool
	OrphanLister bool
	DueLister    bool
	ManyGetter   bool
	KeyRegister  bool
	Restored     bool
	Owner        bool
	RecentGetter bool

	WorkerRegister bool
	ClaimReturner  bool
}

// RequireOptional requires that the adapter implements exactly these optional interfaces. A method whose signature has
// changed would switch its feature off silently; a method too many would switch on a feature that is wrong for the
// adapter.
func RequireOptional(t *testing.T, s store.Store, want Optional) {
	t.Helper()
	_, prober := s.(store.Prober)
	_, orphanLister := s.(store.OrphanLister)
	_, dueLister := s.(store.DueLister)
	_, manyGetter := s.(store.ManyGetter)
	_, keyRegister := s.(store.KeyRegister)
	_, restored := s.(store.Restored)
	_, owner := s.(store.Owner)
	_, recentGetter := s.(store.RecentGetter)
	_, workerRegister := s.(store.WorkerRegister)
	_, claimReturner := s.(store.ClaimReturner)
	require.Equal(t, want, Optional{
		Prober:       prober,
		OrphanLister: orphanLister,
		DueLister:    dueLister,
		ManyGetter:   manyGetter,
		KeyRegister:  keyRegister,
		Restored:     restored,
		Owner:        owner,
		RecentGetter: recentGetter,

		WorkerRegister: workerRegister,
		ClaimReturner:  claimReturner,
	})
}

// TestDueLister tests a store that lists its due orders. The orders that a process had claimed are among them, so that the
// next process finds them.
func TestDueLister(t *testing.T, s store.Store) {
	t.Helper()
	lister, ok := s.(store.DueLister)
	require.True(t, ok)
	requireDue := func(until time.Time, want ...string) {
		t.Helper()
		ids, err := lister.ListDueBy(t.Context(), until)
		require.NoError(t, err)
		require.ElementsMatch(t, want, ids)
	}
	mustUpdate(t, s, "a", dueAt(time.Hour))
	mustUpdate(t, s, "b", dueAt(time.Hour))
	requireDue(at(time.Hour).Add(-1))
	requireDue(at(time.Hour), "a", "b")
	require.Len(t, mustClaim(t, s, time.Hour, 1), 1)
	requireDue(at(time.Hour), "a", "b")
}

// TestManyGetter tests a store that reads many orders at once.
func TestManyGetter(t *testing.T, s store.Store) {
	t.Helper()
	getter, ok := s.(store.ManyGetter)
	require.True(t, ok)
	ids := []string{"not stored"}
	for i := range store.MaxMany - 1 {
		ids = append(ids, fmt.Sprint("stored-", i))
		mustUpdate(t, s, ids[i+1], dueAt(time.Hour))
	}
	mustUpdate(t, s, "other", dueAt(time.Hour))
	for _, n := range []int{0, 1, 2, len(ids)} {
		orders, err := getter.GetMany(t.Context(), ids[:n])
		require.NoError(t, err)
		require.Len(t, orders, max(0, n-1))
		for id, o := range orders {
			want, err := s.Get(t.Context(), id)
			require.NoError(t, err)
			require.Equal(t, want, o)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := getter.GetMany(ended, ids)
	require.ErrorIs(t, err, context.Canceled)
}

package storetest

import (
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

package storetest

import (
	"testing"

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

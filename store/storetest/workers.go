package storetest

import (
	"cmp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/store"
)

// RunWorkers tests a store that several workers share.
func RunWorkers(t *testing.T, register store.WorkerRegister) {
	t.Helper()
	keep := func(w store.Worker) []store.Worker {
		all, err := register.KeepWorker(t.Context(), w)
		require.NoError(t, err)
		slices.SortFunc(all, func(a, b store.Worker) int { return cmp.Compare(a.ID, b.ID) })
		return all
	}
	a := store.Worker{ID: "a", Beat: 1, Epoch: 7, Confirmed: "view/7", Read: "view/6"}
	b := store.Worker{ID: "b", Beat: 1}
	require.Equal(t, []store.Worker{a}, keep(a))
	require.Equal(t, []store.Worker{a, b}, keep(b))
	a.Beat = 2
	a.Read = ""
	require.Equal(t, []store.Worker{a, b}, keep(a), "its state replaces the earlier one")
	require.NoError(t, register.RemoveWorker(t.Context(), "b"))
	require.NoError(t, register.RemoveWorker(t.Context(), "b"), "again")
	require.NoError(t, register.RemoveWorker(t.Context(), "unknown"))
	require.Equal(t, []store.Worker{a}, keep(a))
}

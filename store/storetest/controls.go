package storetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/store"
)

// TestControlKeeper tests the controls of a store. The function reopen closes the store and opens it again, or returns
// the same store if nothing of it survives.
func TestControlKeeper(t *testing.T, s store.ControlKeeper, reopen func() store.ControlKeeper) {
	t.Helper()
	since := time.Date(2026, 3, 4, 5, 6, 7, 8000, time.UTC)
	paused := store.Control{
		Workflow: "refunds",
		Mode:     store.ControlPause,
		By:       "ops",
		Claimed:  "ann@example.com",
		Reason:   "a, “b”",
		Since:    since,
	}
	drained := store.Control{Mode: store.ControlDrain, By: "ops", Reason: "upgrade", Since: since}
	requireControls := func(want ...store.Control) {
		t.Helper()
		got, err := s.Controls(t.Context())
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	requireControls()
	for _, workflow := range []string{"", "refunds"} {
		removed, err := s.RemoveControl(t.Context(), workflow)
		require.NoError(t, err)
		require.False(t, removed)
	}
	require.NoError(t, s.SetControl(t.Context(), paused))
	require.NoError(t, s.SetControl(t.Context(), drained))
	requireControls(drained, paused)

	paused.Mode, paused.Claimed = store.ControlDrain, ""
	require.NoError(t, s.SetControl(t.Context(), paused))
	s = reopen()
	requireControls(drained, paused)

	removed, err := s.RemoveControl(t.Context(), "")
	require.NoError(t, err)
	require.True(t, removed)
	requireControls(paused)
	removed, err = s.RemoveControl(t.Context(), "refunds")
	require.NoError(t, err)
	require.True(t, removed)
	requireControls()
}

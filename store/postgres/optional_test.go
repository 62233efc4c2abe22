package postgres

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/store/storetest"
)

func TestControls(t *testing.T) {
	t.Parallel()
	c := newConfig(t)
	storetest.TestControlKeeper(t, open(t, c), func() store.ControlKeeper { return open(t, c) })
}

func TestKeyRegister(t *testing.T) {
	t.Parallel()
	c := newConfig(t)
	storetest.TestKeyRegister(t, open(t, c), func() store.KeyRegister { return open(t, c) })
}

func TestDueLister(t *testing.T) {
	t.Parallel()
	storetest.TestDueLister(t, open(t, newConfig(t)))
}

func TestManyGetter(t *testing.T) {
	t.Parallel()
	storetest.TestManyGetter(t, open(t, newConfig(t)))
}

// TestMovedStaysMoved marks a store as moved: it keeps its controls, and is opened for reading only.
func TestMovedStaysMoved(t *testing.T) {
	t.Parallel()
	c := newConfig(t)
	s := open(t, c)
	readOnly := store.Control{Mode: store.ControlReadOnly, By: "op", Reason: "move", Since: start}
	moved := store.Control{Mode: store.ControlMoved, By: "op", Reason: "moved", Since: start}
	require.ErrorIs(t, s.MarkMoved(t.Context(), readOnly, moved), store.ErrNotReadOnly)
	require.NoError(t, s.SetControl(t.Context(), readOnly))
	require.NoError(t, s.MarkMoved(t.Context(), readOnly, moved))
	require.NoError(t, s.MarkMoved(t.Context(), readOnly, moved), "again")

	require.ErrorIs(t, s.SetControl(t.Context(), readOnly), store.ErrMoved)
	require.ErrorIs(t, s.SetControl(t.Context(), store.Control{Workflow: "w", Mode: store.ControlPause}), store.ErrMoved)
	_, err := s.RemoveControl(t.Context(), "")
	require.ErrorIs(t, err, store.ErrMoved)
	_, err = Open(t.Context(), c)
	require.ErrorIs(t, err, store.ErrMoved)
	c.Moved = true
	open(t, c)
}
